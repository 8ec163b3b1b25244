/* The clock is asked once a piece of input, not once a line: it costs more
   than a rule does. */

#include "shared/tools/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/tools/program.h"

#define FIRST_MS 1000
#define EVERY_MS 250

void gp_progress_init(struct gp_progress *progress)
{
	*progress = (struct gp_progress) { .total = 0 };
	progress->wanted = isatty(STDERR_FILENO) == 1;
	if (progress->wanted)
		progress->started = progress->last = gp_time_milliseconds();
}

void gp_progress_set_total(struct gp_progress *progress, uint64_t total)
{
	progress->total = total;
}

static bool is_long(const struct gp_progress *progress, int64_t now)
{
	return progress->wanted && now - progress->started >= FIRST_MS;
}

void gp_progress_add(struct gp_progress *progress, uint64_t done)
{
	int64_t now;

	progress->done += done;
	if (!progress->wanted)
		return;
	now = gp_time_milliseconds();
	if (!is_long(progress, now) || now - progress->last < EVERY_MS)
		return;
	progress->last = now;
	progress->shown = true;
	fprintf(stderr, "\r%s: %" PRIu64 " MiB read", gp_program_name(),
		progress->done >> 20);
	if (progress->total >= progress->done)
		fprintf(stderr, " (%d %%)", (int)(100.0 *
			(double)progress->done / (double)progress->total));
	fputs("\033[K", stderr);
	fflush(stderr);
}

void gp_progress_phase(struct gp_progress *progress, const char *what)
{
	if (!is_long(progress, gp_time_milliseconds()))
		return;
	progress->shown = true;
	fprintf(stderr, "\r%s: %s\033[K", gp_program_name(), what);
	fflush(stderr);
}

void gp_progress_end(struct gp_progress *progress)
{
	int saved_errno = errno;

	if (progress->shown)
		fputs("\r\033[K", stderr);
	progress->shown = false;
	errno = saved_errno;
}
