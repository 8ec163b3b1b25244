/* What every work on a map that stands has in common. */

#include "shared/tools/gatemap.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/map/writer.h"
#include "shared/tools/program.h"

/* Dovecot's default_vsz_limit is 256 MiB in 2.3 and a process needs some 64 of
   it for itself; two maps must fit into the rest. */
#define VSZ_ROOM (UINT64_C(96) << 20)

uid_t gatemap_owner(const struct gatemap_options *options)
{
	uid_t owner = options->settings->map_owner_uid;

	return owner != (uid_t)-1 ? owner : geteuid();
}

int gatemap_open(const struct gatemap_options *options, struct gp_map **map_r,
		 const struct gp_source **source_r)
{
	const char *error;
	int status;

	*map_r = gp_map_new(options->map, gatemap_owner(options));
	*source_r = gp_map_source(*map_r, &error);
	if (*source_r != NULL)
		return 0;
	status = gp_program_exit_code_of_reading(errno);
	gp_program_error("%s", error);
	gp_map_free(map_r);
	return status;
}

/* What is in the way of a map is no missing input. */
static int exit_code_of_writing(int error)
{
	int status = gp_program_exit_code(error);

	return status == EX_NOINPUT ? EX_CANTCREAT : status;
}

int gatemap_lock(const struct gatemap_options *options, int *status_r)
{
	const char *error;
	int fd = gp_map_lock(options->map, &error);

	if (fd < 0) {
		*status_r = exit_code_of_writing(errno);
		gp_program_error("%s", error);
	}
	return fd;
}

static uint64_t map_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Once, when the map outgrows what Dovecot allows unasked: what an
   administrator has set since is not known here. */
static void warn_of_vsz_limit(const char *path, uint64_t before)
{
	uint64_t now = map_size(path);

	if (now <= VSZ_ROOM || before > VSZ_ROOM)
		return;
	gp_program_warning("%s has %" PRIu64 " MiB, of which Dovecot's auth "
			   "process must be able to hold two: set \"service "
			   "auth { vsz_limit = %" PRIu64 "M }\" or more",
			   path, now >> 20, (now >> 19) + 128);
}

int gatemap_write(const struct gatemap_options *options,
		  struct gp_image *image, bool changed)
{
	struct gp_map_options write_options = {
		.owner = geteuid() == 0 ? (uid_t)-1 : geteuid(),
		.changed = changed,
		.default_access = options->default_access,
		.before_visible = options->before_visible,
		.context = options->context,
	};
	uint64_t before = map_size(options->map);
	uint64_t lines, keys;
	const char *error;
	int status;
	int result;

	gp_progress_phase(options->progress, "writing");
	result = gp_map_write(options->map, image, &write_options, &error);
	gp_progress_end(options->progress);
	if (result < 0) {
		status = exit_code_of_writing(errno);
		gp_program_error("%s%s", error, errno == EPERM ?
				 "; with -p it gets those of a new map" : "");
		return status;
	}
	warn_of_vsz_limit(options->map, before);
	gp_image_counts(image, &lines, &keys);
	gp_program_tell("%s: written, %" PRIu64 " lines of %" PRIu64 " keys",
			options->map, lines, keys);
	return 0;
}
