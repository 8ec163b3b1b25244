#ifndef GP_POLICYD_PROCESS_H
#define GP_POLICYD_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>
#include "shared/base/arena.h"

/* What makes a process a daemon: its user, its parent that waits until it is
   ready, its pid file, its descriptors. Errors are from the arena. */

struct gp_process_user {
	const char *name;
	uid_t uid;
	gid_t gid;
};

/* Returns 0, or -1 when there is no such user. */
int gp_process_find_user(const char *name, struct gp_process_user *user_r,
			 struct gp_arena *arena, const char **error_r);
int gp_process_find_group(const char *name, gid_t *gid_r,
			  struct gp_arena *arena, const char **error_r);
/* Gives root's rights up for good: groups, group, user. */
int gp_process_become(const struct gp_process_user *user,
		      struct gp_arena *arena, const char **error_r);

/* False when standard input or output is closed. */
bool gp_process_has_standard_files(void);
/* Opens those and standard error where they are closed, to nothing: else a
   socket would take their place, and be sent the log. */
void gp_process_fill_standard_files(void);

/* Continues in a child of its own session. The parent waits here until the
   child calls gp_process_ready() and exits 0, or until the child ends, whose
   exit status it takes over. What the child writes to standard error until
   then is seen where the daemon was started. */
int gp_process_detach(struct gp_arena *arena, const char **error_r);
/* Lets the parent go. Does nothing without one. */
void gp_process_ready(void);

/* Writes the process id to the file, which stays open and locked: a second
   daemon with the same file does not start. Returns the descriptor or -1. */
int gp_process_pid_file(const char *path, struct gp_arena *arena,
			const char **error_r);
/* Empties the file, for its folder is root's, and removes it if it can. */
void gp_process_pid_file_close(const char *path, int *fd);

/* Allows the process so many descriptors, as far as it may. Returns how many it
   has now. */
unsigned gp_process_descriptors(unsigned wanted);

#endif
