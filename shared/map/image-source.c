/* An image as a source of rules: what the resolution looks up when rules were
   not written to a map ("explain -f"), and what the checks and the summary walk
   through. Bytes are decoded as those of a map are, by the same code. */

#include <string.h>
#include "shared/base/clock.h"
#include "shared/map/image-data.h"
#include "shared/map/record.h"

static const char *const damaged = "rules in memory are damaged";

size_t gp_image_lower_bound(const struct gp_image *image, const char *key,
			    size_t key_len)
{
	size_t low = 0, high = gp_image_size(image);

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		struct gp_image_entry entry;

		gp_image_entry(image, mid, &entry);
		if (gp_image_compare(entry.key, entry.key_len,
				     key, key_len) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool gp_image_next_group(const struct gp_image *image,
			 struct gp_image_group *group)
{
	const uint64_t *order = gp_image_order(image);
	size_t size = gp_image_size(image);
	struct gp_image_entry entry;

	if (group->end >= size)
		return false;
	group->first = group->end;
	gp_image_entry(image, group->first, &entry);
	group->key = entry.key;
	group->key_len = entry.key_len;
	do {
		group->end++;
		if (group->end + GP_IMAGE_AHEAD < size)
			__builtin_prefetch(image->bytes.data +
				(order[group->end + GP_IMAGE_AHEAD] &
				 ~GP_IMAGE_FLAGS));
	} while (group->end < size &&
		 (order[group->end] & GP_IMAGE_SAME) != 0);
	return true;
}

static int get_lines(const struct gp_image *image,
		     const struct gp_image_group *group,
		     struct gp_arena *scratch, struct gp_lines *lines_r,
		     const char **error_r)
{
	struct gp_codec_limits limits = {
		.nets = image->source.net_count,
		.profiles = image->source.profile_count,
		.files = image->source.file_count
	};
	struct gp_image_entry entry;
	struct gp_line *line;
	struct gp_wire wire;
	size_t i;

	lines_r->count = group->end - group->first;
	line = gp_arena_alloc(scratch, lines_r->count * sizeof(*line));
	lines_r->line = line;
	for (i = 0; i < lines_r->count; i++) {
		gp_image_entry(image, group->first + i, &entry);
		gp_wire_init(&wire, entry.line, entry.line_len);
		gp_codec_get_line(&wire, &limits, scratch, &line[i]);
		if (wire.bad || gp_wire_left(&wire) > 0) {
			*error_r = damaged;
			return -1;
		}
	}
	return 1;
}

static int image_find(void *context, const char *key, size_t key_len,
		      struct gp_arena *scratch, struct gp_lines *lines_r,
		      const char **error_r)
{
	const struct gp_image *image = context;
	struct gp_image_group group = {
		.end = gp_image_lower_bound(image, key, key_len)
	};

	if (!gp_image_next_group(image, &group) ||
	    group.key_len != key_len ||
	    memcmp(group.key, key, key_len) != 0)
		return 0;
	return get_lines(image, &group, scratch, lines_r, error_r);
}

static int image_profile(void *context, uint32_t number,
			 struct gp_arena *scratch, struct gp_lines *lines_r,
			 const char **error_r)
{
	char key[GP_RECORD_KEY_LEN];

	gp_record_key(GP_RECORD_PROFILE, number, key);
	return image_find(context, key, sizeof(key), scratch, lines_r,
			  error_r);
}

static int image_net(void *context, uint32_t number, struct gp_netset *set_r,
		     const char **error_r)
{
	const struct gp_image *image = context;

	(void)error_r;
	if (number >= image->source.net_count ||
	    !gp_image_nets(image)[number].defined)
		return 0;
	*set_r = gp_image_nets(image)[number].set;
	return 1;
}

static int image_walk(void *context, const char *from, size_t from_len,
		      gp_source_each *each, void *each_context,
		      const char **error_r)
{
	const struct gp_image *image = context;
	struct gp_arena *scratch = gp_arena_new();
	struct gp_image_group group = {
		.end = gp_image_lower_bound(image, from, from_len)
	};
	struct gp_lines lines;
	int ret = 0;

	while (ret == 0 && gp_image_next_group(image, &group)) {
		if (!gp_record_is_rule(group.key, group.key_len))
			continue;
		gp_arena_reset(scratch);
		if (get_lines(image, &group, scratch, &lines, error_r) < 0)
			ret = -1;
		else
			ret = each(each_context, group.key, group.key_len,
				   &lines);
	}
	gp_arena_free(&scratch);
	return ret;
}

static const char *image_profile_name(void *context, uint32_t number)
{
	const struct gp_image *image = context;

	return number < image->source.profile_count ?
		gp_image_profiles(image)[number] : NULL;
}

static const char *image_net_name(void *context, uint32_t number)
{
	const struct gp_image *image = context;

	return number < image->source.net_count ?
		gp_image_nets(image)[number].name : NULL;
}

static const char *image_file_name(void *context, uint32_t number)
{
	const struct gp_image *image = context;

	return number < image->files.len / sizeof(const char *) ?
		gp_image_files(image)[number] : NULL;
}

const struct gp_source *gp_image_source(struct gp_image *image)
{
	size_t files = image->files.len / sizeof(const char *);

	gp_image_finish(image);
	image->source.profile_count =
		image->profiles.len / sizeof(const char *);
	image->source.net_count =
		image->nets.len / sizeof(struct gp_image_net);
	image->source.file_count = files > image->files_used ?
		files : image->files_used;
	return &image->source;
}

void gp_image_init_source(struct gp_image *image)
{
	image->source.context = image;
	image->source.find = image_find;
	image->source.profile = image_profile;
	image->source.net = image_net;
	image->source.walk = image_walk;
	image->source.profile_name = image_profile_name;
	image->source.net_name = image_net_name;
	image->source.file_name = image_file_name;
	image->source.default_domain = "";
	image->source.recipient_delimiter = "";
	image->source.compiled = GP_TIME_FIRST;
}
