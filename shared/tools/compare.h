#ifndef GP_TOOLS_COMPARE_H
#define GP_TOOLS_COMPARE_H

#include "shared/rules/source.h"

/* Two sets of rules, compared in what they come to: which mailboxes and domains
   gain or lose what. A mailbox that changes as its domain does, and a domain
   that changes as those around it do, is not named again. */

struct compare_options {
	int64_t now;
	bool json;
	/* Differences that are printed; the others are only counted. 0: all. */
	size_t max;
};

struct compare_result {
	size_t mailboxes;
	size_t domains;
	size_t lines;
};

/* Prints to standard output. Returns 0, or -1 with the reason. */
int compare_rules(const struct gp_source *before,
		  const struct gp_source *after,
		  const struct compare_options *options,
		  struct compare_result *result_r, const char **error_r);

/* "3 mailboxes and 1 domain differ" */
void compare_print_result(const struct compare_result *result);

#endif
