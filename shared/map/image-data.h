#ifndef GP_MAP_IMAGE_DATA_H
#define GP_MAP_IMAGE_DATA_H

#include "shared/map/codec.h"
#include "shared/map/image.h"

/* What an image is made of; for the files of shared/map/ only.

   Each line is an entry in bytes: the length of its key, the key, the length
   of the line, the line. Entries stand there in the order in which they came;
   order has their offsets, sorted by key, then by offset. A profile's lines are
   entries as well, under the key that they have in a map. */

struct gp_image_net {
	const char *name;
	bool defined;
	struct gp_netset set;
};

/* Growing arrays are texts: elements lie in data, one behind the other. */
struct gp_image {
	struct gp_parse_sink sink;
	struct gp_source source;
	struct gp_arena *arena;

	struct gp_text bytes;
	/* uint64_t: offsets, with the flags below. */
	struct gp_text order;
	/* The order holds, except that entries may be marked as removed. */
	bool sorted;
	/* lines, keys and the source's depths are those of all entries. */
	bool counted;
	bool finished;
	/* The last key in the order, while it is sorted. */
	uint64_t last_key;
	size_t last_key_len;

	struct gp_text nets;
	struct gp_text profiles;
	struct gp_text files;
	/* One more than the highest file number on any line. */
	uint32_t files_used;

	uint8_t source_sha256[32];
	uint64_t lines;
	uint64_t keys;
};

/* The entry was taken out. */
#define GP_IMAGE_REMOVED (UINT64_C(1) << 63)
/* Its key is that of the entry before it; right as long as all are counted. */
#define GP_IMAGE_SAME (UINT64_C(1) << 62)
#define GP_IMAGE_FLAGS (GP_IMAGE_REMOVED | GP_IMAGE_SAME)

/* How far ahead of a walk entries are fetched: they lie in the order in which
   they came, not in that of the walk. */
#define GP_IMAGE_AHEAD 16

struct gp_image_entry {
	const char *key;
	size_t key_len;
	const unsigned char *line;
	size_t line_len;
};

static inline size_t gp_image_size(const struct gp_image *image)
{
	return image->order.len / sizeof(uint64_t);
}

static inline uint64_t *gp_image_order(const struct gp_image *image)
{
	return (uint64_t *)(void *)image->order.data;
}

static inline struct gp_image_net *
gp_image_nets(const struct gp_image *image)
{
	return (struct gp_image_net *)(void *)image->nets.data;
}

static inline const char **gp_image_profiles(const struct gp_image *image)
{
	return (const char **)(void *)image->profiles.data;
}

static inline const char **gp_image_files(const struct gp_image *image)
{
	return (const char **)(void *)image->files.data;
}

/* A length in an entry, which was written here and needs no check. */
static inline const unsigned char *
gp_image_length(const unsigned char *pos, size_t *len_r)
{
	unsigned shift = 0;
	size_t len = 0;

	while (*pos >= 0x80) {
		len |= (size_t)(*pos++ & 0x7f) << shift;
		shift += 7;
	}
	*len_r = len | (size_t)*pos++ << shift;
	return pos;
}

static inline void gp_image_entry(const struct gp_image *image, size_t index,
				  struct gp_image_entry *entry_r)
{
	uint64_t offset = gp_image_order(image)[index] & ~GP_IMAGE_FLAGS;
	const unsigned char *pos = (const unsigned char *)image->bytes.data;

	pos = gp_image_length(pos + offset, &entry_r->key_len);
	entry_r->key = (const char *)pos;
	entry_r->line = gp_image_length(pos + entry_r->key_len,
					&entry_r->line_len);
}

/* The lines of one key: entries first to end. */
struct gp_image_group {
	const char *key;
	size_t key_len;
	size_t first;
	size_t end;
};

/* The group that begins at group->end, of a finished image; false behind the
   last. */
bool gp_image_next_group(const struct gp_image *image,
			 struct gp_image_group *group);

/* The first entry whose key is not before the given one. */
size_t gp_image_lower_bound(const struct gp_image *image, const char *key,
			    size_t key_len);

/* -1, 0, 1, as LMDB orders keys. */
static inline int gp_image_compare(const char *a, size_t a_len,
				   const char *b, size_t b_len)
{
	size_t len = a_len < b_len ? a_len : b_len;
	int diff = __builtin_memcmp(a, b, len);

	if (diff != 0)
		return diff < 0 ? -1 : 1;
	return (a_len > b_len) - (a_len < b_len);
}

/* Sets the functions of image->source. */
void gp_image_init_source(struct gp_image *image);

/* Sorts offsets of entries by key, equal keys by offset. */
void gp_image_sort(const char *bytes, uint64_t *order, size_t count);

#endif
