#ifndef GP_RULES_DECIDE_H
#define GP_RULES_DECIDE_H

#include "shared/base/arena.h"
#include "shared/rules/request.h"
#include "shared/rules/source.h"

/* The decision. Pure: the same rules, request and time give the same verdict.
   No file, no socket, no clock. */

enum gp_verdict_kind {
	GP_ALLOW,
	/* Let in; lines on trial would have refused. */
	GP_TRIAL,
	GP_REFUSE,
	/* No rules could be read, or they are damaged. */
	GP_DEFER
};

/* In the order in which they are checked. */
enum gp_cause {
	GP_CAUSE_NONE,
	GP_CAUSE_NAME,
	GP_CAUSE_UNAUTHENTICATED,
	GP_CAUSE_OFF,
	GP_CAUSE_NETWORK,
	GP_CAUSE_CLEARTEXT,
	GP_CAUSE_IMPLICIT,
	GP_CAUSE_TLS_VERSION
};

/* A cause and the line that decided it. */
struct gp_finding {
	enum gp_cause cause;
	/* The rule's key as it is written in rules ("*", "example.com",
	   "profile:sales"), NUL-terminated; empty for the built-in rule and
	   where no rule decided. file is empty then and line 0. */
	char key[GP_KEY_MAX + 16];
	char file[128];
	uint32_t line;
	/* What the deciding line says instead of the text; else empty. */
	char message[GP_MESSAGE_MAX_LEN + 1];
	/* The help that holds for the name; else empty. */
	char help[GP_MESSAGE_MAX_LEN + 1];
};

struct gp_verdict {
	enum gp_verdict_kind kind;
	/* The service that was judged: webmail where the connection speaks
	   for it. */
	enum gp_service service;
	/* Not judged: the connection comes from exempt_networks. */
	bool exempt;
	/* "local": cleartext that crosses no network. */
	bool local;
	/* For refuse and trial: the true cause, for the log. */
	struct gp_finding finding;
	/* For refuse: what a client that has not proven its password may be
	   told. When disclosed is false it must look like a name that does
	   not exist, and told holds nothing. */
	bool disclosed;
	struct gp_finding told;
	/* For defer: what is wrong, for the log. A constant, or in scratch. */
	const char *error;
};

/* Judges the request at that time by those rules. scratch is used for what is
   looked up and is not reset. */
void gp_decide(const struct gp_source *source, const struct gp_policy *policy,
	       const struct gp_request *request, int64_t now,
	       struct gp_arena *scratch, struct gp_verdict *verdict_r);

/* The same with all lines on trial in force; never GP_TRIAL. */
void gp_decide_enforced(const struct gp_source *source,
			const struct gp_policy *policy,
			const struct gp_request *request, int64_t now,
			struct gp_arena *scratch,
			struct gp_verdict *verdict_r);

/* The verdict when there are no rules to read: defer with that reason, or the
   built-in rule's where the policy says so. */
void gp_decide_without_rules(const struct gp_policy *policy,
			     const struct gp_request *request,
			     const char *reason, struct gp_arena *scratch,
			     struct gp_verdict *verdict_r);

/* "allow", "trial", "refuse", "defer". */
const char *gp_verdict_name(enum gp_verdict_kind kind);
/* "name", "unauthenticated", ...; "none". */
const char *gp_cause_name(enum gp_cause cause);

#endif
