#ifndef GP_POLICYD_LISTENER_H
#define GP_POLICYD_LISTENER_H

#include <stddef.h>
#include <sys/types.h>
#include "shared/base/arena.h"

/* The sockets that Postfix connects to. */

#define GP_LISTENERS_MAX 16

struct gp_listener {
	/* -1 when it was handed over. */
	int fd;
	/* As it can be written in main.cf: "unix:PATH" or "inet:HOST:PORT",
	   the port being the real one where 0 was asked for. */
	const char *name;
	/* Of a unix socket; NULL for others. */
	const char *path;
	dev_t dev;
	ino_t ino;
};

struct gp_listeners {
	struct gp_listener listener[GP_LISTENERS_MAX];
	size_t count;
};

/* Who may connect to unix sockets, and who may remove them. */
struct gp_listener_access {
	/* The user the daemon will be, who gets folder and socket;
	   (uid_t)-1 leaves them as they are. */
	uid_t user;
	/* Whose members may connect; (gid_t)-1: everybody whom the folder lets
	   through. */
	gid_t group;
};

/* Opens each of the sockets of the setting policy_socket. The last folder of a
   unix socket's path is made where it is missing. A socket that nobody listens
   on is replaced; anything else that stands there is an error. Returns 0, or
   -1 with the reason (from arena) and nothing open. */
int gp_listeners_open(struct gp_listeners *listeners, const char *setting,
		      const struct gp_listener_access *access,
		      struct gp_arena *arena, const char **error_r);

/* Takes the sockets over that a service manager has opened (sd_listen_fds(3)),
   and takes them out of the environment. Returns 1, 0 when there are none, or
   -1 when one of them is no listening stream socket. */
int gp_listeners_inherit(struct gp_listeners *listeners,
			 struct gp_arena *arena, const char **error_r);

/* Removes the unix sockets from the file system, where they are still those
   that were opened. */
void gp_listeners_unlink(struct gp_listeners *listeners);
/* Closes those that were not handed over. */
void gp_listeners_close(struct gp_listeners *listeners);

#endif
