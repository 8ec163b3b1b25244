#ifndef GP_BASE_NEWFILE_H
#define GP_BASE_NEWFILE_H

#include <limits.h>
#include <stdbool.h>

/* A file that takes a path's place as a whole. Until then it has no name, so
   that nothing of it is left however the process ends. Where the file system
   cannot do that (NFS), or /proc is not there, it has a name on the way. */

/* With room for what is put behind a path. */
#define GP_NEWFILE_PATH (PATH_MAX + 32)

/* Zeroed, there is none. */
struct gp_newfile {
	bool is_open;
	/* For reading and writing. */
	int fd;
	/* The name on the way, if there must be one. */
	char temp[GP_NEWFILE_PATH];
	bool has_name;
	/* What it can be opened by, until it is in place. People are told the
	   path whose place it takes. */
	char opened_by[GP_NEWFILE_PATH];
	struct gp_newfile *next;
};

/* An empty file, for its owner alone. temp is in the folder where it will
   stand, and nobody else's name. Returns 0, or -1 with errno. */
int gp_newfile_open(struct gp_newfile *file, const char *temp);

/* Puts the file in the path's place, whatever stood there. Returns 0, or -1
   with errno: then nothing was changed. */
int gp_newfile_place(struct gp_newfile *file, const char *path);

/* Closes the file, which is gone then unless it is in place. One that is not
   open is left alone. errno is kept. */
void gp_newfile_close(struct gp_newfile *file);

/* Removes the names of all files that are not in place; for signal handlers
   that end the process (async-signal-safe). */
void gp_newfile_abandon_all(void);

#endif
