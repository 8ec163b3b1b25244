#ifndef GP_BASE_CLOCK_H
#define GP_BASE_CLOCK_H

#include <stdint.h>
#include "shared/base/text.h"

/* Points in time are seconds since 1970-01-01T00:00:00Z, as time(2) counts
   them. */

/* Before every and after every time that can be written. */
#define GP_TIME_FIRST INT64_MIN
#define GP_TIME_LAST INT64_MAX

/* Reads an RFC 3339 date-time with its zone ("2027-03-01T00:00:00Z",
   "2026-12-01T08:00:00+01:00"; "t" and "z" are accepted, a blank instead of
   the T is not). A fraction of a second is rounded up, so that "from" and
   "until" still begin and end at the right second of a clock that counts
   whole ones; a leap second is the second that follows it. Returns 0, or -1
   and what is wrong with the text, with an example of a right one. The error
   is a constant. */
int gp_time_parse(const char *str, int64_t *seconds_r, const char **error_r);

/* Adds the time as RFC 3339 in UTC. */
void gp_time_print(int64_t seconds, struct gp_text *text);

int64_t gp_time_now(void);

/* Milliseconds on a clock that nobody sets, for waiting: only differences mean
   anything. */
int64_t gp_time_milliseconds(void);

#endif
