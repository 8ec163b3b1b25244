#ifndef GP_TOOLS_COUNTERS_H
#define GP_TOOLS_COUNTERS_H

#include "shared/base/arena.h"
#include "shared/base/text.h"

/* The name of the policy request, in place of "smtpd_access_policy", that asks
   the daemon for its counters. Postfix never sends it. */
#define GP_COUNTERS_REQUEST "gatepost_stats"

/* Asks the daemon that listens on the first socket of the setting policy_socket
   for its counters: OpenMetrics text, up to "# EOF". Returns 0, or -1 with the
   reason (from arena). */
int gp_counters_ask(const char *setting, struct gp_text *page,
		    struct gp_arena *arena, const char **error_r);

#endif
