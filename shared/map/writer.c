/* Writing is done in the order that leaves a reader with whole rules at every
   moment: the new file is complete, synced and read again as a reader would
   before anything else is touched; then the summary is widened to cover old
   and new rules, or made; then the name changes hands; then the summary says
   what the new rules say. A failure in front of that leaves no more than a
   wider summary, which only hands decisions to the auth module. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "shared/base/log.h"
#include "shared/map/error.h"
#include "shared/map/image-data.h"
#include "shared/map/publish.h"
#include "shared/map/record.h"
#include "shared/map/seal.h"
#include "shared/map/store.h"
#include "shared/map/summary.h"

/* What may grow to that size is written the quicker way. */
#define LARGE ((uint64_t)64 << 20)

struct write {
	struct gp_image *image;
	const struct gp_source *source;
	struct gp_store_writer *store;
	/* The record at hand. */
	struct gp_text value;
	const char **error_r;
};

static int append(struct write *write, const char *key, size_t key_len)
{
	gp_record_end(&write->value, key, key_len);
	return gp_store_append(write->store, key, key_len, write->value.data,
			       write->value.len, write->error_r);
}

/* A count and the bytes of the lines as they are. */
static void add_lines(struct write *write, const struct gp_image_group *group)
{
	struct gp_image_entry entry;
	size_t i;

	gp_wire_put_number(&write->value, group->end - group->first);
	for (i = group->first; i < group->end; i++) {
		gp_image_entry(write->image, i, &entry);
		gp_text_add_mem(&write->value, entry.line, entry.line_len);
	}
}

static int write_rules(struct write *write, size_t from, size_t to)
{
	struct gp_image_group group = { .end = from };

	while (group.end < to && gp_image_next_group(write->image, &group)) {
		gp_record_begin(&write->value);
		add_lines(write, &group);
		if (append(write, group.key, group.key_len) < 0)
			return -1;
	}
	return 0;
}

static void begin_named(struct write *write, char kind, uint32_t number,
			const char *name, char key[GP_RECORD_KEY_LEN])
{
	gp_record_key(kind, number, key);
	gp_record_begin(&write->value);
	gp_wire_put_string(&write->value, name == NULL ? "" : name);
}

static int write_files(struct write *write)
{
	char key[GP_RECORD_KEY_LEN];
	uint32_t i;

	for (i = 0; i < write->source->file_count; i++) {
		begin_named(write, GP_RECORD_FILE, i,
			    write->source->file_name(write->image, i), key);
		if (append(write, key, sizeof(key)) < 0)
			return -1;
	}
	return 0;
}

static int write_meta(struct write *write, bool changed)
{
	const struct gp_source *source = write->source;
	struct gp_record_meta meta = {
		.meta = {
			.format = GP_RECORD_FORMAT,
			.compiled = source->compiled,
			.lines = write->image->lines,
			.keys = write->image->keys,
			.changed = changed
		},
		.counts = {
			.nets = source->net_count,
			.profiles = source->profile_count,
			.files = source->file_count
		},
		.parent_depths = source->parent_depths,
		.default_domain = source->default_domain,
		.recipient_delimiter = source->recipient_delimiter
	};

	memcpy(meta.meta.source_sha256, write->image->source_sha256,
	       sizeof(meta.meta.source_sha256));
	gp_record_begin(&write->value);
	gp_record_put_meta(&write->value, &meta);
	return append(write, GP_RECORD_META_KEY, GP_RECORD_META_KEY_LEN);
}

static int write_nets(struct write *write)
{
	const struct gp_image_net *net = gp_image_nets(write->image);
	char key[GP_RECORD_KEY_LEN];
	uint32_t i;

	for (i = 0; i < write->source->net_count; i++, net++) {
		begin_named(write, GP_RECORD_NET, i, net->name, key);
		gp_wire_put_byte(&write->value, net->defined);
		if (net->defined)
			gp_codec_put_netset(&write->value, &net->set);
		if (append(write, key, sizeof(key)) < 0)
			return -1;
	}
	return 0;
}

/* from is where profiles' lines begin, in the order of numbers. */
static int write_profiles(struct write *write, size_t from)
{
	struct gp_image_group group = { .end = from };
	bool more = gp_image_next_group(write->image, &group);
	char key[GP_RECORD_KEY_LEN];
	uint32_t i;

	for (i = 0; i < write->source->profile_count; i++) {
		begin_named(write, GP_RECORD_PROFILE, i,
			    gp_image_profiles(write->image)[i], key);
		if (more && group.key_len == sizeof(key) &&
		    memcmp(group.key, key, sizeof(key)) == 0) {
			add_lines(write, &group);
			more = gp_image_next_group(write->image, &group);
		} else {
			gp_wire_put_number(&write->value, 0);
		}
		if (append(write, key, sizeof(key)) < 0)
			return -1;
	}
	return 0;
}

/* All records in the order of their keys: those that come before "\1f", the
   reserved ones, those behind them. */
static int write_records(struct write *write, bool changed)
{
	size_t size = gp_image_size(write->image);
	size_t reserved = gp_image_lower_bound(write->image, "\1f", 2);
	size_t behind = gp_image_lower_bound(write->image, "\2", 1);

	if (write_rules(write, 0, reserved) < 0 || write_files(write) < 0 ||
	    write_meta(write, changed) < 0 || write_nets(write) < 0 ||
	    write_profiles(write, reserved) < 0)
		return -1;
	return write_rules(write, behind, size);
}

/* More than LMDB can need, were each page only half full. */
static uint64_t size_bound(const struct gp_image *image)
{
	uint64_t size = image->bytes.len + 64 * gp_image_size(image);
	size_t i, nets = image->nets.len / sizeof(struct gp_image_net);
	size_t others = nets + image->profiles.len / sizeof(const char *) +
		image->files.len / sizeof(const char *);

	for (i = 0; i < nets; i++)
		size += gp_image_nets(image)[i].set.count *
			sizeof(struct gp_range);
	return 2 * size + others * 4 * 4096 + (16 << 20);
}

typedef int create_store(const char *path, uint64_t size_max,
			 struct gp_store_writer **writer_r,
			 const char **error_r);

static int write_store_by(create_store *create, struct gp_publish *publish,
			  struct gp_image *image, bool changed,
			  uint64_t *size_r, const char **error_r)
{
	struct write write = {
		.image = image,
		.source = gp_image_source(image),
		.error_r = error_r
	};
	int ret;

	if (create(publish->file.opened_by, size_bound(image), &write.store,
		   error_r) < 0)
		return -1;
	gp_text_init(&write.value);
	ret = write_records(&write, changed);
	if (ret == 0)
		ret = gp_store_commit(write.store, size_r, error_r);
	gp_text_deinit(&write.value);
	gp_store_writer_free(&write.store);
	return ret;
}

/* The quick way wants more than what is needed in the end. */
static int write_store(struct gp_publish *publish, struct gp_image *image,
		       const struct gp_map_options *options, uint64_t *size_r,
		       const char **error_r)
{
	if (size_bound(image) >= LARGE) {
		if (write_store_by(gp_store_create_large, publish, image,
				   options->changed, size_r, error_r) == 0)
			return 0;
		if (ftruncate(publish->file.fd, 0) < 0)
			return gp_map_error(error_r, "%s", strerror(errno));
	}
	return write_store_by(gp_store_create, publish, image,
			      options->changed, size_r, error_r);
}

static int set_summary(struct gp_publish *publish,
		       const struct gp_summary *summary,
		       const char **error_r)
{
	int fd = gp_publish_open_summary(publish);
	int ret, saved_errno;

	if (fd < 0)
		return gp_map_error(error_r, "cannot open summary %s: %s",
				    publish->summary, strerror(errno));
	ret = gp_summary_write(fd, publish->summary, summary, error_r);
	if (ret == 0 && gp_publish_set_access(publish, fd) < 0)
		ret = gp_map_error(error_r, "cannot set owner and mode of "
				   "%s: %s", publish->summary,
				   strerror(errno));
	saved_errno = errno;
	close(fd);
	errno = saved_errno;
	return ret;
}

/* What covers the rules that are in force and those that will be. */
static int widen_summary(struct gp_publish *publish,
			 const struct gp_summary *summary,
			 struct gp_arena *arena, const char **error_r)
{
	unsigned char bytes[GP_SUMMARY_MAX];
	struct gp_summary both = *summary, old;
	struct gp_netset_builder builder;

	if (!publish->replaces)
		return set_summary(publish, summary, error_r);
	if (gp_summary_read(publish->summary, bytes, &old) < 0) {
		both.anywhere = true;
		return set_summary(publish, &both, error_r);
	}
	both.anywhere = summary->anywhere || old.anywhere;
	gp_netset_builder_init(&builder);
	gp_netset_builder_add_set(&builder, &summary->networks);
	gp_netset_builder_add_set(&builder, &old.networks);
	gp_netset_builder_finish(&builder, arena, &both.networks);
	gp_netset_builder_deinit(&builder);
	return set_summary(publish, &both, error_r);
}

static int tell_before_visible(const struct gp_map_options *options,
			       const char **error_r)
{
	return options->before_visible == NULL ? 0 :
	       options->before_visible(options->context, error_r);
}

static int replace(struct gp_publish *publish, struct gp_image *image,
		   const struct gp_map_options *options,
		   struct gp_arena *arena, const char **error_r)
{
	struct gp_summary summary;
	const char *error;

	/* Memory that is damaged; every call below says for itself. */
	errno = EFAULT;
	if (gp_summary_make(gp_image_source(image), arena, &summary,
			    error_r) < 0 ||
	    widen_summary(publish, &summary, arena, error_r) < 0 ||
	    tell_before_visible(options, error_r) < 0 ||
	    gp_publish_commit(publish, error_r) < 0)
		return -1;
	if (set_summary(publish, &summary, &error) < 0)
		gp_log(GP_LOG_WARNING, "%s; what stands there covers the old "
		       "rules as well", error);
	return 0;
}

static int write_map(struct gp_publish *publish, struct gp_image *image,
		     const struct gp_map_options *options,
		     const char **error_r)
{
	struct gp_arena *arena;
	const char *error;
	uint64_t size;
	int ret;

	if (write_store(publish, image, options, &size, &error) < 0)
		return gp_map_error(error_r, "cannot write map %s: %s",
				    publish->path, error);
	if (gp_publish_set_access(publish, publish->file.fd) < 0)
		return gp_map_error(error_r, "cannot set owner and mode of "
				    "the new map %s: %s", publish->path,
				    strerror(errno));
	if (gp_seal(publish, image, size, error_r) < 0)
		return -1;
	if (fsync(publish->file.fd) < 0)
		return gp_map_error(error_r, "cannot sync map %s: %s",
				    publish->path, strerror(errno));
	arena = gp_arena_new();
	ret = replace(publish, image, options, arena, error_r);
	gp_arena_free(&arena);
	return ret;
}

int gp_map_write(const char *path, struct gp_image *image,
		 const struct gp_map_options *options, const char **error_r)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	struct gp_publish publish;
	int ret;

	/* A limit on files' sizes is an error like a full disk. */
	sigaction(SIGXFSZ, &ignore, &before);
	ret = gp_publish_begin(&publish, path, options, error_r);
	if (ret == 0)
		ret = write_map(&publish, image, options, error_r);
	gp_publish_end(&publish);
	sigaction(SIGXFSZ, &before, NULL);
	return ret;
}

static int make_previous_summary(const char *previous, uid_t owner,
				 struct gp_arena *arena,
				 struct gp_summary *summary_r,
				 const char **error_r)
{
	struct gp_map *map = gp_map_new(previous, owner);
	const struct gp_source *source = gp_map_source(map, error_r);
	struct gp_summary summary;
	struct gp_netset_builder builder;
	int ret = -1;

	if (source != NULL && gp_map_verify(map, error_r) == 0)
		ret = gp_summary_make(source, arena, &summary, error_r);
	if (ret == 0) {
		/* Networks of the map do not outlive it. */
		gp_netset_builder_init(&builder);
		gp_netset_builder_add_set(&builder, &summary.networks);
		gp_netset_builder_finish(&builder, arena,
					 &summary_r->networks);
		gp_netset_builder_deinit(&builder);
		summary_r->anywhere = summary.anywhere;
	} else {
		/* The reason may be the map's own. */
		(void)gp_map_error(error_r, "%s", *error_r);
	}
	gp_map_free(&map);
	return ret;
}

int gp_map_go_back(const char *path, uid_t owner, const char **error_r)
{
	const struct gp_map_options options = { .owner = (uid_t)-1 };
	struct gp_arena *arena = gp_arena_new();
	struct gp_summary summary;
	struct gp_publish publish;
	char previous[GP_PUBLISH_PATH];
	const char *error;
	int ret;

	snprintf(previous, sizeof(previous), "%s.prev", path);
	ret = gp_publish_name(&publish, path, &options, error_r);
	if (ret == 0)
		ret = make_previous_summary(previous, owner, arena, &summary,
					    error_r);
	if (ret == 0)
		ret = widen_summary(&publish, &summary, arena, error_r);
	if (ret == 0)
		ret = gp_publish_exchange(&publish, error_r);
	if (ret == 0 && set_summary(&publish, &summary, &error) < 0)
		gp_log(GP_LOG_WARNING, "%s; what stands there covers the "
		       "other rules as well", error);
	gp_publish_end(&publish);
	gp_arena_free(&arena);
	return ret;
}
