/* A new file is read again before anybody sees it: all its bytes as a reader
   checks them before he opens it, and every record through LMDB, against what
   was to be written. In a large one, a second processor does the first, and
   what comes before it, meanwhile: the digest, and sending the file to the
   disk. That LMDB reads pages here which were not checked before is no danger:
   they were written a moment ago, and the file has no other writer. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include "shared/base/thread.h"
#include "shared/map/error.h"
#include "shared/map/image-data.h"
#include "shared/map/loaded.h"
#include "shared/map/mapfile.h"
#include "shared/map/record.h"
#include "shared/map/seal.h"

/* From here on a thread is worth its while. */
#define LARGE ((uint64_t)4 << 20)

struct compare {
	const struct gp_image *image;
	struct gp_image_group group;
	uint64_t lines;
	uint64_t keys;
};

/* The lines of a group, whose bytes the checks of the rules have decoded, as
   add_lines() puts them. */
static bool are_lines(const struct gp_image *image,
		      const struct gp_image_group *group, struct gp_wire *wire)
{
	struct gp_image_entry entry;
	const unsigned char *bytes;
	size_t i;

	if (gp_wire_number(wire) != group->end - group->first)
		return false;
	for (i = group->first; i < group->end; i++) {
		gp_image_entry(image, i, &entry);
		bytes = gp_wire_bytes(wire, entry.line_len);
		if (bytes == NULL ||
		    memcmp(bytes, entry.line, entry.line_len) != 0)
			return false;
	}
	return gp_wire_left(wire) == 0;
}

static bool compare_rule(void *context, const char *key, size_t key_len,
			 struct gp_wire *wire)
{
	struct compare *compare = context;
	struct gp_image_group *group = &compare->group;

	do {
		if (!gp_image_next_group(compare->image, group))
			return false;
	} while (!gp_record_is_rule(group->key, group->key_len));
	compare->keys++;
	compare->lines += group->end - group->first;
	return gp_image_compare(key, key_len, group->key,
				group->key_len) == 0 &&
	       are_lines(compare->image, group, wire);
}

/* Reads the new file as a reader will, and holds every rule of it against what
   was to be written. */
static int verify_rules(const struct gp_publish *publish,
			const struct gp_image *image, const struct stat *stat,
			const char **error_r)
{
	struct compare compare = { .image = image };
	struct gp_loaded *loaded;
	int ret = -1;

	if (gp_mapfile_check_access(publish->path, stat, publish->uid,
				    error_r) < 0)
		return -1;
	*error_r = "another file stands in its place";
	if (gp_loaded_open(publish->file.opened_by, publish->path, stat,
			   &loaded, error_r) > 0)
		ret = gp_loaded_verify_rules(loaded, compare_rule, &compare,
					     error_r);
	if (ret == 0 && (compare.lines != image->lines ||
			 compare.keys != image->keys)) {
		*error_r = "other rules are read from it than were written";
		errno = EIO;
		ret = -1;
	}
	if (ret < 0)
		ret = gp_map_error(error_r, "the new map %s is not what was "
				   "written: %s", publish->path, *error_r);
	gp_loaded_free(&loaded);
	return ret;
}

/* What can be done while the rules are read. */
struct work {
	const struct gp_publish *publish;
	const struct stat *stat;
	uint64_t size;
	int ret;
	int error_errno;
	char error[3 * PATH_MAX];
};

static int seal(const struct work *work, const char **error_r)
{
	const struct gp_publish *publish = work->publish;
	int fd = publish->file.fd;

	/* The disk writes while the file is read again; fsync(2) waits for it
	   and says what went wrong. */
	(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	if (gp_mapfile_seal(fd, work->size, error_r) < 0)
		return gp_map_error(error_r, "cannot write map %s: %s",
				    publish->path, *error_r);
	if (gp_mapfile_check_bytes(fd, publish->path, work->stat,
				   error_r) < 0)
		return gp_map_error(error_r, "the new map %s is not what was "
				    "written: %s", publish->path, *error_r);
	return 0;
}

static void *run(void *context)
{
	struct work *work = context;
	const char *error;

	work->ret = seal(work, &error);
	work->error_errno = errno;
	if (work->ret < 0)
		snprintf(work->error, sizeof(work->error), "%s", error);
	return NULL;
}

static int seal_and_verify(struct work *work, const struct gp_image *image,
			   const char **error_r)
{
	pthread_t thread;
	int ret;

	if (work->size < LARGE || gp_thread_processors() == 1 ||
	    gp_thread_start(&thread, run, work) < 0) {
		if (seal(work, error_r) < 0)
			return -1;
		return verify_rules(work->publish, image, work->stat, error_r);
	}
	ret = verify_rules(work->publish, image, work->stat, error_r);
	pthread_join(thread, NULL);
	if (work->ret == 0)
		return ret;
	errno = work->error_errno;
	return gp_map_error(error_r, "%s", work->error);
}

int gp_seal(const struct gp_publish *publish, const struct gp_image *image,
	    uint64_t size, const char **error_r)
{
	struct stat stat;
	struct work work = {
		.publish = publish, .stat = &stat, .size = size
	};

	if (gp_mapfile_cut(publish->file.fd, size) < 0 ||
	    fstat(publish->file.fd, &stat) < 0)
		return gp_map_error(error_r, "cannot write map %s: %s",
				    publish->path, strerror(errno));
	return seal_and_verify(&work, image, error_r);
}
