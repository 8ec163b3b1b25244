#ifndef GP_TOOLS_WHO_H
#define GP_TOOLS_WHO_H

#include <stddef.h>
#include "shared/base/arena.h"

/* What "doveadm -f tab who -1" prints, of 2.3 and of 2.4: the open sessions,
   one on each line, under a line with the names of the columns. Pure. */

struct gp_session {
	const char *user;
	const char *service;
	const char *pid;
	/* Empty where Dovecot knows none. */
	const char *ip;
};

/* Everything lies in arena. Returns 0, or -1 with the reason, a constant. */
int gp_who_parse(const char *data, size_t len, struct gp_arena *arena,
		 struct gp_session **sessions_r, size_t *count_r,
		 const char **error_r);

#endif
