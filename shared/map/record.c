/* The check is XXH3: it is there against failing disks and cut files, not
   against people, for whoever may write the map may write any rule anyway. The
   number of the format is its seed, so that bytes of one format are never taken
   for another's. */

#include <string.h>
#include <xxhash.h>
#include "shared/map/record.h"

#define CHECK_LEN 8

/* The least that a line takes. */
#define LINE_LEN_MIN 3

void gp_record_key(char kind, uint32_t number, char key[GP_RECORD_KEY_LEN])
{
	key[0] = '\1';
	key[1] = kind;
	key[2] = number >> 24;
	key[3] = number >> 16;
	key[4] = number >> 8;
	key[5] = number;
}

static void compute_check(const char *key, size_t key_len, const void *rest,
			  size_t rest_len, unsigned char check[CHECK_LEN])
{
	XXH64_hash_t hash = XXH3_64bits_withSeed(key, key_len,
						 GP_RECORD_FORMAT);
	XXH64_canonical_t canonical;

	hash = XXH3_64bits_withSeed(rest, rest_len, hash);
	XXH64_canonicalFromHash(&canonical, hash);
	memcpy(check, canonical.digest, CHECK_LEN);
}

void gp_record_begin(struct gp_text *value)
{
	gp_text_clear(value);
	gp_text_add_mem(value, "\0\0\0\0\0\0\0", CHECK_LEN);
}

void gp_record_end(struct gp_text *value, const char *key, size_t key_len)
{
	compute_check(key, key_len, value->data + CHECK_LEN,
		      value->len - CHECK_LEN, (unsigned char *)value->data);
}

bool gp_record_open(const char *key, size_t key_len, const void *value,
		    size_t value_len, struct gp_wire *wire_r)
{
	unsigned char check[CHECK_LEN];

	gp_wire_init(wire_r, value, value_len);
	if (gp_wire_bytes(wire_r, CHECK_LEN) == NULL)
		return false;
	compute_check(key, key_len, wire_r->pos, gp_wire_left(wire_r), check);
	return memcmp(check, value, CHECK_LEN) == 0;
}

bool gp_record_get_lines(struct gp_wire *wire,
			 const struct gp_codec_limits *limits,
			 struct gp_arena *scratch, struct gp_lines *lines_r)
{
	size_t max = gp_wire_left(wire) / LINE_LEN_MIN;
	size_t count = gp_wire_below(wire, max);
	struct gp_line *line = gp_arena_alloc(scratch, count * sizeof(*line));
	size_t i;

	for (i = 0; i < count && !wire->bad; i++)
		gp_codec_get_line(wire, limits, scratch, &line[i]);
	lines_r->line = line;
	lines_r->count = count;
	return !wire->bad && gp_wire_left(wire) == 0;
}

void gp_record_put_meta(struct gp_text *value,
			const struct gp_record_meta *meta)
{
	gp_wire_put_number(value, meta->meta.format);
	gp_wire_put_signed(value, meta->meta.compiled);
	gp_text_add_mem(value, meta->meta.source_sha256,
			sizeof(meta->meta.source_sha256));
	gp_wire_put_number(value, meta->meta.lines);
	gp_wire_put_number(value, meta->meta.keys);
	gp_wire_put_byte(value, meta->meta.changed);
	gp_wire_put_number(value, meta->counts.nets);
	gp_wire_put_number(value, meta->counts.profiles);
	gp_wire_put_number(value, meta->counts.files);
	gp_wire_put_number(value, meta->parent_depths);
	gp_wire_put_string(value, meta->default_domain);
	gp_wire_put_string(value, meta->recipient_delimiter);
}

bool gp_record_get_meta(struct gp_wire *wire, struct gp_record_meta *meta_r)
{
	const unsigned char *sha256;

	meta_r->meta.format = gp_wire_below(wire, UINT32_MAX);
	meta_r->meta.compiled = gp_wire_signed(wire);
	sha256 = gp_wire_bytes(wire, sizeof(meta_r->meta.source_sha256));
	if (sha256 != NULL)
		memcpy(meta_r->meta.source_sha256, sha256,
		       sizeof(meta_r->meta.source_sha256));
	meta_r->meta.lines = gp_wire_number(wire);
	meta_r->meta.keys = gp_wire_number(wire);
	meta_r->meta.changed = gp_wire_below(wire, 1) != 0;
	meta_r->counts.nets = gp_wire_below(wire, UINT32_MAX);
	meta_r->counts.profiles = gp_wire_below(wire, UINT32_MAX);
	meta_r->counts.files = gp_wire_below(wire, UINT32_MAX);
	meta_r->parent_depths = gp_wire_number(wire);
	meta_r->default_domain = gp_wire_string(wire);
	meta_r->recipient_delimiter = gp_wire_string(wire);
	return !wire->bad && gp_wire_left(wire) == 0;
}
