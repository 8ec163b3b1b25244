#ifndef GP_POLICYD_LIMIT_H
#define GP_POLICYD_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

/* Keeps one mailbox from filling the log: of lines that are alike so many a
   minute pass, and the others are counted. Memory is fixed; where there are
   too many to remember, lines pass. Pure: the time is the caller's. */

struct gp_limit;

/* What makes lines alike, as it is shown with a count; longer ones are
   cut. */
#define GP_LIMIT_LABEL_MAX 200

/* Told how many lines with that label were left out. */
typedef void gp_limit_tell(const char *label, unsigned left_out);

struct gp_limit *gp_limit_new(gp_limit_tell *tell);
void gp_limit_free(struct gp_limit **limit);

/* True when the line may be logged. now is in seconds. */
bool gp_limit_pass(struct gp_limit *limit, const char *label, int64_t now);
/* Tells of what was left out in minutes that are over; to be called now and
   then. With everything set, of all. */
void gp_limit_sweep(struct gp_limit *limit, int64_t now, bool everything);

#endif
