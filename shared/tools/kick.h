#ifndef GP_TOOLS_KICK_H
#define GP_TOOLS_KICK_H

#include <stdbool.h>
#include "shared/rules/decide.h"
#include "shared/settings/settings.h"
#include "shared/tools/who.h"

/* "gatepost kick": which of the sessions that are open would be refused
   now. */

/* Whose sessions are looked at. */
struct kick_filter {
	enum {
		KICK_ALL,
		KICK_BELOW,
		KICK_DOMAIN,
		KICK_MAILBOX
	} kind;
	struct gp_name name;
};

/* Reads a key as it is written in rules: "*", ".example.com", "example.com",
   "alice@example.com", "alice@", "@". Returns 0, or -1 with the reason, a
   constant. */
int kick_filter_read(const char *key, struct kick_filter *filter_r,
		     const char **error_r);
bool kick_filter_has(const struct kick_filter *filter,
		     const struct gp_name *name);

enum kick_answer {
	KICK_ALLOWED,
	/* Refused if the connection is of a kind that nobody can tell any
	   more: not encrypted, or forwarded. */
	KICK_PERHAPS,
	/* Refused whatever the connection is. */
	KICK_REFUSED,
	/* The rules cannot be read. */
	KICK_UNKNOWN
};

struct kick_judge {
	const struct gp_settings *settings;
	const struct gp_source *source;
	/* Dovecot lets some hosts name other addresses than their own. */
	bool may_be_forwarded;
	struct gp_arena *scratch;
	int64_t now;
};

/* verdict_r is the refusal, or what is wrong with the rules. */
enum kick_answer kick_judge_session(const struct kick_judge *judge,
				    const struct gp_session *session,
				    struct gp_verdict *verdict_r);

#endif
