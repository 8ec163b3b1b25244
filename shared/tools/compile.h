#ifndef GP_TOOLS_COMPILE_H
#define GP_TOOLS_COMPILE_H

#include <stdbool.h>
#include "shared/map/image.h"
#include "shared/settings/settings.h"
#include "shared/tools/input.h"

/* Rules on disk to rules in memory, as "gatemap FILE" and "gatepost explain -f
   FILE" need them: read, parsed, checked as a whole, sorted. Errors and
   warnings are written to standard error, all of them. */

struct gp_compile_options {
	const struct gp_settings *settings;
	struct gp_progress *progress;
	/* Errors only. */
	bool quiet;
	/* Warnings about this file alone; NULL: about all. An update need not
	   repeat what was said of the lines that stand. */
	const char *warn_of;
};

/* Returns 0, or an exit code with the messages written. */
int gp_compile(struct gp_input *input,
	       const struct gp_compile_options *options,
	       struct gp_image **image_r, uint8_t sha256_r[32]);

/* What is left to do when all lines are in the image: checks it as a whole and
   prints what was found. Returns 0, or an exit code. */
int gp_compile_check(struct gp_image *image,
		     struct gp_diagnostics *diagnostics,
		     const struct gp_compile_options *options);

#endif
