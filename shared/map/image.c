/* Lines are turned into the bytes of a map as they come from the parser, since
   the model of a line takes twenty times as much room. What is added stays
   where it is until the image is freed: replaced networks and removed lines
   too, for an image lives as long as one command. */

#include <string.h>
#include "shared/base/clock.h"
#include "shared/map/image-data.h"
#include "shared/map/record.h"
#include "shared/rules/key.h"

/* Puts the line behind its length: one byte as a rule, so that the line need
   not be moved. */
static void put_line(struct gp_text *bytes, const struct gp_line *line)
{
	size_t start = bytes->len, len, extra;
	unsigned char length[GP_WIRE_NUMBER_MAX];

	gp_wire_put_byte(bytes, 0);
	gp_codec_put_line(bytes, line);
	len = bytes->len - start - 1;
	extra = gp_wire_write_number(length, len) - length - 1;
	if (extra > 0) {
		gp_text_add_mem(bytes, length, extra);
		memmove(bytes->data + start + 1 + extra,
			bytes->data + start + 1, len);
	}
	memcpy(bytes->data + start, length, extra + 1);
}

static void count_key(struct gp_image *image, const char *key, size_t key_len,
		      size_t lines)
{
	if (!gp_record_is_rule(key, key_len))
		return;
	image->keys++;
	image->lines += lines;
	if (gp_key_is_parent(key, key_len))
		image->source.parent_depths |= gp_key_depth_bit(
			gp_key_labels(key + 1, key_len - 1));
}

/* As long as lines come in the order of their keys, they are counted on the
   way. Returns the flag for the entry. */
static uint64_t count_line(struct gp_image *image, const char *key,
			   size_t key_len)
{
	int order = gp_image_compare(image->bytes.data + image->last_key,
				     image->last_key_len, key, key_len);

	if (order > 0)
		image->sorted = image->counted = false;
	else if (order < 0)
		count_key(image, key, key_len, 1);
	else if (gp_record_is_rule(key, key_len))
		image->lines++;
	return order == 0 ? GP_IMAGE_SAME : 0;
}

static void put_key(struct gp_image *image, const char *key, size_t key_len)
{
	struct gp_text *bytes = &image->bytes;
	char *start = gp_text_room(bytes, GP_WIRE_NUMBER_MAX + key_len);
	char *pos = (char *)gp_wire_write_number((unsigned char *)start,
						 key_len);

	memcpy(pos, key, key_len);
	image->last_key = pos - bytes->data;
	image->last_key_len = key_len;
	gp_text_grew(bytes, pos + key_len - start);
}

static void sink_line(void *context, const char *key, size_t key_len,
		      const struct gp_line *line)
{
	struct gp_image *image = context;
	uint64_t offset = image->bytes.len;

	if (image->sorted)
		offset |= count_line(image, key, key_len);
	put_key(image, key, key_len);
	put_line(&image->bytes, line);
	gp_text_add_mem(&image->order, &offset, sizeof(offset));
	if (line->file >= image->files_used)
		image->files_used = line->file + 1;
	image->finished = false;
}

static void sink_profile_line(void *context, uint32_t number,
			      const struct gp_line *line)
{
	char key[GP_RECORD_KEY_LEN];

	gp_record_key(GP_RECORD_PROFILE, number, key);
	sink_line(context, key, sizeof(key), line);
}

/* Makes room up to that element; new ones are zero. */
static void grow(struct gp_text *array, size_t size, uint32_t number)
{
	static const char zeros[sizeof(struct gp_image_net)];

	while (array->len / size <= number)
		gp_text_add_mem(array, zeros, size);
}

static void sink_net_name(void *context, uint32_t number, const char *name)
{
	struct gp_image *image = context;

	grow(&image->nets, sizeof(struct gp_image_net), number);
	gp_image_nets(image)[number].name =
		gp_arena_strdup(image->arena, name);
	image->finished = false;
}

static void sink_net(void *context, uint32_t number,
		     const struct gp_netset *set)
{
	struct gp_image *image = context;
	size_t size = set->count * sizeof(struct gp_range);
	struct gp_range *ranges = gp_arena_bytes(image->arena, size);
	struct gp_image_net *net;

	if (size > 0)
		memcpy(ranges, set->ranges, size);
	grow(&image->nets, sizeof(struct gp_image_net), number);
	net = &gp_image_nets(image)[number];
	net->set.ranges = ranges;
	net->set.count = set->count;
	net->defined = true;
	image->finished = false;
}

static void sink_profile_name(void *context, uint32_t number,
			      const char *name)
{
	struct gp_image *image = context;

	grow(&image->profiles, sizeof(const char *), number);
	gp_image_profiles(image)[number] = gp_arena_strdup(image->arena, name);
	image->finished = false;
}

struct gp_image *gp_image_new(void)
{
	struct gp_arena *arena = gp_arena_new();
	struct gp_image *image = gp_arena_alloc(arena, sizeof(*image));

	image->arena = arena;
	image->sorted = image->counted = true;
	gp_text_init(&image->bytes);
	gp_text_init(&image->order);
	gp_text_init(&image->nets);
	gp_text_init(&image->profiles);
	gp_text_init(&image->files);
	image->sink.context = image;
	image->sink.line = sink_line;
	image->sink.profile_line = sink_profile_line;
	image->sink.net = sink_net;
	image->sink.net_name = sink_net_name;
	image->sink.profile_name = sink_profile_name;
	gp_image_init_source(image);
	return image;
}

void gp_image_free(struct gp_image **image)
{
	struct gp_arena *arena;

	if (*image == NULL)
		return;
	gp_text_deinit(&(*image)->bytes);
	gp_text_deinit(&(*image)->order);
	gp_text_deinit(&(*image)->nets);
	gp_text_deinit(&(*image)->profiles);
	gp_text_deinit(&(*image)->files);
	arena = (*image)->arena;
	*image = NULL;
	gp_arena_free(&arena);
}

const struct gp_parse_sink *gp_image_sink(struct gp_image *image)
{
	return &image->sink;
}

/* The line that follows is counted as if none stood before it. */
void gp_image_mark(struct gp_image *image, struct gp_image_mark *mark_r)
{
	mark_r->entries = gp_image_size(image);
	mark_r->bytes = image->bytes.len;
	mark_r->lines = image->lines;
	mark_r->keys = image->keys;
	image->last_key_len = 0;
}

/* Returns the flag for its first entry. */
static uint64_t count_stretch(struct gp_image *image,
			      const struct gp_image *piece,
			      const struct gp_image_mark *from,
			      const struct gp_image_mark *to)
{
	struct gp_image_entry first;
	int order;

	gp_image_entry(piece, from->entries, &first);
	order = gp_image_compare(image->bytes.data + image->last_key,
				 image->last_key_len, first.key,
				 first.key_len);
	if (order > 0 || !piece->sorted)
		image->sorted = image->counted = false;
	image->lines += to->lines - from->lines;
	image->keys += to->keys - from->keys -
		       (order == 0 && gp_record_is_rule(first.key,
							first.key_len));
	image->source.parent_depths |= piece->source.parent_depths;
	return order == 0 ? GP_IMAGE_SAME : 0;
}

void gp_image_add_stretch(struct gp_image *image, const struct gp_image *piece,
			  const struct gp_image_mark *from,
			  const struct gp_image_mark *to)
{
	size_t i, count = to->entries - from->entries;
	uint64_t moved = image->bytes.len - from->bytes, flag = 0, *order;
	struct gp_image_entry last;

	if (count == 0)
		return;
	if (image->sorted)
		flag = count_stretch(image, piece, from, to);
	gp_text_add_mem(&image->bytes, piece->bytes.data + from->bytes,
			to->bytes - from->bytes);
	order = (void *)gp_text_room(&image->order, count * sizeof(*order));
	for (i = 0; i < count; i++)
		order[i] = gp_image_order(piece)[from->entries + i] + moved;
	order[0] |= flag;
	gp_text_grew(&image->order, count * sizeof(*order));
	gp_image_entry(piece, to->entries - 1, &last);
	image->last_key = last.key - piece->bytes.data + moved;
	image->last_key_len = last.key_len;
	if (piece->files_used > image->files_used)
		image->files_used = piece->files_used;
	image->finished = false;
}

void gp_image_clear(struct gp_image *piece)
{
	gp_text_clear(&piece->bytes);
	gp_text_clear(&piece->order);
	piece->lines = piece->keys = 0;
	piece->source.parent_depths = 0;
	piece->last_key_len = 0;
	piece->files_used = 0;
	piece->sorted = piece->counted = true;
}

void gp_image_add_file(struct gp_image *image, const char *name)
{
	const char *copy = gp_arena_strdup(image->arena, name);

	gp_text_add_mem(&image->files, &copy, sizeof(copy));
	image->finished = false;
}

void gp_image_set_names(struct gp_image *image, const char *default_domain,
			const char *recipient_delimiter)
{
	image->source.default_domain =
		gp_arena_strdup(image->arena, default_domain);
	image->source.recipient_delimiter =
		gp_arena_strdup(image->arena, recipient_delimiter);
}

void gp_image_set_origin(struct gp_image *image, const uint8_t sha256[32],
			 int64_t compiled)
{
	memcpy(image->source_sha256, sha256, sizeof(image->source_sha256));
	image->source.compiled = compiled;
}

static int add_source_key(void *context, const char *key, size_t key_len,
			  const struct gp_lines *lines)
{
	size_t i;

	for (i = 0; i < lines->count; i++)
		sink_line(context, key, key_len, &lines->line[i]);
	return 0;
}

static int add_source_profile(struct gp_image *image,
			      const struct gp_source *source, uint32_t number,
			      struct gp_arena *scratch, const char **error_r)
{
	const char *name = source->profile_name(source->context, number);
	struct gp_lines lines;
	int found;
	size_t i;

	sink_profile_name(image, number, name == NULL ? "" : name);
	gp_arena_reset(scratch);
	found = source->profile(source->context, number, scratch, &lines,
				error_r);
	for (i = 0; found > 0 && i < lines.count; i++)
		sink_profile_line(image, number, &lines.line[i]);
	return found < 0 ? -1 : 0;
}

static int add_source_net(struct gp_image *image,
			  const struct gp_source *source, uint32_t number,
			  const char **error_r)
{
	const char *name = source->net_name(source->context, number);
	struct gp_netset set;
	int found;

	sink_net_name(image, number, name == NULL ? "" : name);
	found = source->net(source->context, number, &set, error_r);
	if (found > 0)
		sink_net(image, number, &set);
	return found < 0 ? -1 : 0;
}

static int add_source_named(struct gp_image *image,
			    const struct gp_source *source,
			    const char **error_r)
{
	struct gp_arena *scratch = gp_arena_new();
	int ret = 0;
	uint32_t i;

	for (i = 0; ret == 0 && i < source->net_count; i++)
		ret = add_source_net(image, source, i, error_r);
	for (i = 0; ret == 0 && i < source->profile_count; i++)
		ret = add_source_profile(image, source, i, scratch, error_r);
	gp_arena_free(&scratch);
	return ret;
}

int gp_image_add_source(struct gp_image *image, const struct gp_source *source,
			const char **error_r)
{
	uint32_t i;

	for (i = 0; i < source->file_count; i++) {
		const char *name = source->file_name(source->context, i);

		gp_image_add_file(image, name == NULL ? "" : name);
	}
	gp_image_set_names(image, source->default_domain,
			   source->recipient_delimiter);
	image->source.compiled = source->compiled;
	if (add_source_named(image, source, error_r) < 0)
		return -1;
	return source->walk(source->context, "", 0, add_source_key, image,
			    error_r);
}

/* Removed entries are in the way of readers. */
static void drop_removed(struct gp_image *image)
{
	uint64_t *order = gp_image_order(image);
	size_t i, kept = 0, size = gp_image_size(image);

	for (i = 0; i < size; i++) {
		if ((order[i] & GP_IMAGE_REMOVED) == 0)
			order[kept++] = order[i];
	}
	image->order.len = kept * sizeof(*order);
}

static void restore_order(struct gp_image *image)
{
	struct gp_image_entry last = { .key = image->bytes.data };
	size_t size;

	if (image->sorted)
		return;
	drop_removed(image);
	size = gp_image_size(image);
	gp_image_sort(image->bytes.data, gp_image_order(image), size);
	image->sorted = true;
	if (size > 0)
		gp_image_entry(image, size - 1, &last);
	image->last_key = last.key - image->bytes.data;
	image->last_key_len = last.key_len;
}

size_t gp_image_remove(struct gp_image *image, const char *key,
		       size_t key_len)
{
	struct gp_image_entry entry;
	size_t i, removed = 0;

	restore_order(image);
	for (i = gp_image_lower_bound(image, key, key_len);
	     i < gp_image_size(image); i++) {
		gp_image_entry(image, i, &entry);
		if (gp_image_compare(entry.key, entry.key_len,
				     key, key_len) != 0)
			break;
		if ((gp_image_order(image)[i] & GP_IMAGE_REMOVED) == 0)
			removed++;
		gp_image_order(image)[i] |= GP_IMAGE_REMOVED;
	}
	if (removed > 0)
		image->finished = image->counted = false;
	return removed;
}

size_t gp_image_remove_profile(struct gp_image *image, uint32_t number)
{
	char key[GP_RECORD_KEY_LEN];

	gp_record_key(GP_RECORD_PROFILE, number, key);
	return gp_image_remove(image, key, sizeof(key));
}

bool gp_image_remove_net(struct gp_image *image, uint32_t number)
{
	struct gp_image_net *net = &gp_image_nets(image)[number];
	bool defined = net->defined;

	net->defined = false;
	return defined;
}

/* Goes through the entries as if they came now. */
static void count_all(struct gp_image *image)
{
	uint64_t *order = gp_image_order(image);
	size_t i, size = gp_image_size(image);
	struct gp_image_entry entry;

	image->lines = image->keys = 0;
	image->source.parent_depths = 0;
	image->last_key_len = 0;
	for (i = 0; i < size; i++) {
		if (i + GP_IMAGE_AHEAD < size)
			__builtin_prefetch(image->bytes.data +
					   (order[i + GP_IMAGE_AHEAD] &
					    ~GP_IMAGE_FLAGS));
		gp_image_entry(image, i, &entry);
		order[i] &= ~GP_IMAGE_FLAGS;
		order[i] |= count_line(image, entry.key, entry.key_len);
		image->last_key = entry.key - image->bytes.data;
		image->last_key_len = entry.key_len;
	}
	image->counted = true;
}

void gp_image_finish(struct gp_image *image)
{
	if (image->finished)
		return;
	if (!image->counted) {
		restore_order(image);
		drop_removed(image);
		count_all(image);
	}
	image->finished = true;
}

void gp_image_counts(const struct gp_image *image, uint64_t *lines_r,
		     uint64_t *keys_r)
{
	*lines_r = image->lines;
	*keys_r = image->keys;
}
