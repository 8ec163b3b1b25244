#ifndef GP_TOOLS_KICK_REPORT_H
#define GP_TOOLS_KICK_REPORT_H

#include "shared/tools/kick.h"

/* What "gatepost kick" has found and done, and how it says so. */

struct kick_row {
	const struct gp_session *session;
	enum kick_answer answer;
	/* Why it would be refused; key is NULL for the built-in rule. */
	const char *cause;
	const char *key;
	const char *file;
	uint32_t line;
	/* To be ended, or ended with one that is. */
	bool chosen;
	bool tried;
	bool ended;
	/* Why it was not ended. */
	const char *failure;
};

struct kick {
	const char *config;
	const char *dovecot_config;
	bool dry_run;
	bool unsure;
	bool json;
	struct kick_filter filter;
	struct gp_settings *settings;
	struct gp_arena *arena;
	struct kick_row *rows;
	size_t count;
};

void kick_row_fill(const struct kick *kick, struct kick_row *row,
		   const struct gp_finding *finding);
void kick_print(const struct kick *kick);

#endif
