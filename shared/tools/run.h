#ifndef GP_TOOLS_RUN_H
#define GP_TOOLS_RUN_H

#include <stddef.h>
#include "shared/base/text.h"

/* Another program's output: doveconf, postconf, doveadm. No shell reads the
   arguments, a program that hangs is ended, and one that prints without end is
   cut off. */

struct gp_run {
	/* What the program wrote, to be freed by gp_run_deinit(). */
	struct gp_text output;
	struct gp_text errors;
	/* The exit status; 128 and more for a signal. */
	int status;
};

/* Fills PATH up with the folders where such programs are, which a timer's
   environment may lack, and keeps their output in English. */
void gp_run_prepare(void);

/* Runs argv[0] with those arguments, and nothing on its standard input. Returns
   0 when it has ended by itself, or -1 with the reason, a constant or one that
   holds until the next call; errno is ENOENT when there is no such program. */
int gp_run(const char *const argv[], unsigned timeout_seconds,
	   size_t output_max, struct gp_run *run_r, const char **error_r);
void gp_run_deinit(struct gp_run *run);

#endif
