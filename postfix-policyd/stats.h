#ifndef GP_POLICYD_STATS_H
#define GP_POLICYD_STATS_H

#include <stdint.h>
#include "shared/base/text.h"
#include "shared/rules/decide.h"

/* What the daemon counts, and OpenMetrics text of it. No user, domain or
   address is in it. Plain values, each written by one worker alone; in memory
   that the workers share, everybody reads all. */

enum gp_stats_error {
	/* What came was no request. */
	GP_STATS_MALFORMED,
	/* A request did not end, or a reply was not taken. */
	GP_STATS_TIMEOUT,
	GP_STATS_ACCEPT,
	GP_STATS_MEMORY,
	GP_STATS_ERRORS
};

#define GP_STATS_BUCKETS 12

struct gp_stats {
	uint64_t requests;
	uint64_t verdicts[GP_DEFER + 1][GP_SERVICES][GP_CAUSE_TLS_VERSION + 1];
	uint64_t exempt;
	uint64_t errors[GP_STATS_ERRORS];
	uint64_t accepted;
	uint64_t connections;
	/* From when a request was read until its reply was sent; the last
	   bucket takes what is slower than all. */
	uint64_t latency[GP_STATS_BUCKETS + 1];
	uint64_t nanoseconds;
};

void gp_stats_add_verdict(struct gp_stats *stats,
			  const struct gp_verdict *verdict);
/* So many requests took so long. */
void gp_stats_add_latency(struct gp_stats *stats, uint64_t nanoseconds,
			  unsigned requests);

/* Adds the sum of all. compiled is the time of the map in force, 0 for none. */
void gp_stats_print(const struct gp_stats *stats, unsigned count,
		    int64_t compiled, int64_t now, struct gp_text *text);

#endif
