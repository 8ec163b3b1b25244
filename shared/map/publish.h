#ifndef GP_MAP_PUBLISH_H
#define GP_MAP_PUBLISH_H

#include "shared/base/newfile.h"
#include "shared/map/writer.h"

/* A new file beside an old one, and the moment at which it takes its place. */

/* With room for what is put behind a path. */
#define GP_PUBLISH_PATH GP_NEWFILE_PATH

struct gp_publish {
	char path[PATH_MAX];
	struct gp_newfile file;
	/* PATH with .summary instead of .lmdb. */
	char summary[GP_PUBLISH_PATH];
	/* Where there is none yet. */
	struct gp_newfile new_summary;
	/* An old file stands. */
	bool replaces;
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* Looks at what stands at the path, and creates nothing. Returns 0, or -1 with
   the reason and errno; gp_publish_end() comes after both. */
int gp_publish_name(struct gp_publish *publish, const char *path,
		    const struct gp_map_options *options,
		    const char **error_r);

/* Creates the new file, empty and for its owner alone. Returns 0, or -1 with
   the reason and errno. */
int gp_publish_begin(struct gp_publish *publish, const char *path,
		     const struct gp_map_options *options,
		     const char **error_r);

/* Gives a file the owner, group and mode of the map; what is there already is
   left alone. Returns 0, or -1 with errno. */
int gp_publish_set_access(const struct gp_publish *publish, int fd);

/* The summary that stands, or a new one that appears together with the map.
   Returns a descriptor to write to and to close, or -1 with errno. */
int gp_publish_open_summary(struct gp_publish *publish);

/* Keeps the old file as PATH.prev and puts the new one in place. Returns 0, or
   -1 with the reason and errno. */
int gp_publish_commit(struct gp_publish *publish, const char **error_r);

/* Has the map and PATH.prev change places; where there is no map, PATH.prev
   takes its place. Returns 0, or -1 with the reason and errno. */
int gp_publish_exchange(struct gp_publish *publish, const char **error_r);

/* Closes the new files, and removes them unless they are in place. errno is
   kept. */
void gp_publish_end(struct gp_publish *publish);

#endif
