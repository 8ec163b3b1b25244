#ifndef GP_TOOLS_GATEMAP_H
#define GP_TOOLS_GATEMAP_H

#include <stdbool.h>
#include "shared/map/image.h"
#include "shared/map/reader.h"
#include "shared/settings/settings.h"
#include "shared/tools/progress.h"

/* What gatemap was asked for, and the works it can do. */

enum gatemap_work {
	GATEMAP_COMPILE,
	GATEMAP_UPDATE,
	GATEMAP_DELETE,
	GATEMAP_QUERY,
	GATEMAP_LIST
};

/* What -i does with a key that stands already. */
enum gatemap_standing {
	GATEMAP_STANDING_ERROR,
	GATEMAP_STANDING_REPLACE,
	GATEMAP_STANDING_KEEP
};

struct gatemap_options {
	enum gatemap_work work;
	enum gatemap_standing standing;
	/* The source as it was named, and the map beside it. */
	const char *file;
	const char *map;
	/* Of -q and -d; "-" for standard input. */
	const char *key;
	const char *config;
	struct gp_settings *settings;
	struct gp_progress *progress;
	bool keep_root;
	bool default_access;
	bool check_only;
	bool force;
	bool quiet;
	bool json;
	/* For the writer (map/writer.h). */
	int (*before_visible)(void *context, const char **error_r);
	void *context;
};

/* Each returns an exit code, with the message written. */
int gatemap_compile(const struct gatemap_options *options);
int gatemap_update(const struct gatemap_options *options);
int gatemap_delete(const struct gatemap_options *options);
int gatemap_query(const struct gatemap_options *options);
int gatemap_list(const struct gatemap_options *options);

/* Who besides root may own the map: the map_owner or, where none is set, who
   runs the command. */
uid_t gatemap_owner(const struct gatemap_options *options);
/* Opens the map that stands. Returns 0, or an exit code with the message
   written. */
int gatemap_open(const struct gatemap_options *options, struct gp_map **map_r,
		 const struct gp_source **source_r);
/* Whether compiling would undo what -i or -d did to the map that stands. Returns
   0, or an exit code with the message written. */
int gatemap_check_losses(const struct gatemap_options *options,
			 struct gp_image *image);
/* Writes a finished image in the map's place; the lock is held. Returns 0, or
   an exit code with the message written. */
int gatemap_write(const struct gatemap_options *options,
		  struct gp_image *image, bool changed);
/* Takes the writers' lock. Returns a descriptor for gp_map_unlock(), or -1 with
   the message written and the exit code. */
int gatemap_lock(const struct gatemap_options *options, int *status_r);

/* Calls each for every line of standard input, which returns 0 or an exit code
   with the message written; so does this. */
int gatemap_each_key(int (*each)(void *context, const char *key),
		     void *context);

#endif
