#ifndef GP_TOOLS_SCOPE_H
#define GP_TOOLS_SCOPE_H

#include "shared/tools/change.h"

/* --only DOMAIN: whose business a change may be. Inside are the domain and its
   mailboxes, nothing else: not the domains below it, which may be another
   customer's, no parent, no "*", no net, no profile. What stands outside may be
   used (a net, a profile) but not be judged by (same_as). Given several times,
   each of them must allow: what is added to a command line can only narrow. */

#define SCOPE_MAX 8

struct scope {
	struct {
		char key[GP_RULETEXT_KEY_MAX];
		size_t len;
	} domain[SCOPE_MAX];
	size_t count;
};

/* Returns 0, or -1 with the reason, a constant. */
int scope_add(struct scope *scope, const char *domain, const char **error_r);
/* Whether a key, as typed, lies inside. */
bool scope_has(const struct scope *scope, const char *written);
/* After change_compile(): compares the texts before and after, whatever led
   from one to the other. Outside every rule must be the same, byte for byte
   and in the same order. Returns 0, or an exit code with the message
   written. */
int scope_check(const struct scope *scope, const struct change *change);

#endif
