#ifndef GP_TOOLS_LOG_CLOCK_H
#define GP_TOOLS_LOG_CLOCK_H

#include <stdint.h>
#include "shared/tools/log-line.h"

/* Times as logs write them. The old form has neither year nor zone: the zone
   is this host's, and the year the latest in which the line is not from the
   future, as seen from the time at which its file was last written. */

struct log_clock {
	int64_t reference;
	/* The hour that was read last, which most lines share. */
	char hour[13];
	size_t hour_len;
	bool hour_is_utc;
	int64_t hour_begins;
};

void log_clock_init(struct log_clock *clock, int64_t reference);

/* Returns 0, or -1 for what is no time. Fractions are dropped. */
int log_clock_read(struct log_clock *clock, const struct log_piece *stamp,
		   int64_t *seconds_r);

#endif
