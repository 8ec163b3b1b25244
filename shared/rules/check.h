#ifndef GP_RULES_CHECK_H
#define GP_RULES_CHECK_H

#include "shared/rules/diagnostics.h"
#include "shared/rules/request.h"
#include "shared/rules/source.h"

/* What takes more than one line to see. Errors: the same key, mode and times
   twice in one file; same_as that loops, crosses from mailboxes to domains or
   stands beside other lines; a mailbox below a domain with same_as. Warnings:
   rules that nothing can reach because of a lock; webmail that differs from
   imap while webmail_networks is empty; rules that leave no way into any
   mailbox. Everything found is added to diagnostics. Returns 0, or -1 when the
   source itself is damaged. */
int gp_check_rules(const struct gp_source *source,
		   const struct gp_policy *policy,
		   struct gp_diagnostics *diagnostics, const char **error_r);

#endif
