#ifndef GP_MAP_WRITER_H
#define GP_MAP_WRITER_H

#include <stdbool.h>
#include <sys/types.h>
#include "shared/map/image.h"
#include "shared/map/reader.h"

/* Publishes compiled rules: a new file without a name (sorted, appended, one
   transaction), synced, verified, given owner and mode, the old one kept as
   PATH.prev, put in its place, the folder synced; PATH's summary (summary.h)
   before it. Whatever happens, a reader finds the old map or the new one, and a
   process that is killed leaves nothing. */

/* Keeps two writers of one map apart: takes an exclusive lock on a file that
   only writers open (PATH.lock), and waits for it. Removes what a writer that
   was killed left behind. A process holds one lock at a time. Returns a
   descriptor to close, or -1. */
int gp_map_lock(const char *path, const char **error_r);
/* Removes the file, closes the descriptor and sets it to -1. When it is closed
   without, as when a writer is killed, the file stays and does no harm. */
void gp_map_unlock(int *fd);

struct gp_map_options {
	/* Owner of a new map; (uid_t)-1: root. The group is "gatepost" where
	   that exists. Where an old map stands, its owner, group and mode are
	   kept. */
	uid_t owner;
	/* The map is changed by -i or -d and no longer what the source
	   says. */
	bool changed;
	/* Owner, group and mode of a new map even where an old one stands
	   (gatemap -p). */
	bool default_access;
	/* Called, unless it is NULL, when the new file is whole and checked, as
	   the last thing before it takes the old one's place. Returns 0, or -1
	   with the reason and errno: then the old map stays. */
	int (*before_visible)(void *context, const char **error_r);
	void *context;
};

/* The lock must be held. Returns 0, or -1 with the reason (errno is set): the
   old map is as it was then, and nothing is left beside it. */
int gp_map_write(const char *path, struct gp_image *image,
		 const struct gp_map_options *options, const char **error_r);

/* Exchanges the map and the one before it (PATH.prev), with the summary of what
   comes into force published first. The lock must be held. owner is who
   besides root may own maps. Returns 0, or -1 with the reason and errno. */
int gp_map_go_back(const char *path, uid_t owner, const char **error_r);

/* Removes the lock, and what an interrupted gp_map_write() was writing; for
   signal handlers that end the process (async-signal-safe). Returns true when
   the new map is visible already. */
bool gp_map_abandon(void);

#endif
