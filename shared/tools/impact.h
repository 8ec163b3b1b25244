#ifndef GP_TOOLS_IMPACT_H
#define GP_TOOLS_IMPACT_H

#include "shared/rules/source.h"
#include "shared/tools/report.h"

/* What "gatepost impact" prints besides the report itself. */

/* One line for each mailbox that would be refused, with the attributes which
   let it in as it logs in now: "gatepost set -" reads them. Those for whom
   there is no such line are named on standard error. */
void impact_print_set(const struct report *report,
		      const struct gp_source *source, FILE *file);

/* One line for each of these mailboxes: address, what to change, and where
   help stands, separated by tabs. */
void impact_print_notice(const struct report *report, FILE *file);

#endif
