#ifndef GP_TOOLS_PROGRESS_H
#define GP_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* How far a long work is, on standard error when that is a terminal; nothing
   is shown of work that takes less than a second. */

struct gp_progress {
	bool shown;
	bool wanted;
	int64_t started;
	int64_t last;
	uint64_t done;
	uint64_t total;
};

void gp_progress_init(struct gp_progress *progress);
/* How many bytes are to be read; 0 when that is not known. */
void gp_progress_set_total(struct gp_progress *progress, uint64_t total);
/* So many bytes more were read. */
void gp_progress_add(struct gp_progress *progress, uint64_t done);
/* What is being done now, without a number; shown when the work was long up to
   here. */
void gp_progress_phase(struct gp_progress *progress, const char *what);
/* Takes the line off the terminal, before anything else is written. Leaves
   errno alone. */
void gp_progress_end(struct gp_progress *progress);

#endif
