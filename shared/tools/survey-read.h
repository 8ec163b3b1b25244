#ifndef GP_TOOLS_SURVEY_READ_H
#define GP_TOOLS_SURVEY_READ_H

#include <stdbool.h>
#include "shared/tools/survey.h"

/* Reads logs into a survey: files in the order in which they were written,
   standard input ("-"), journals. */

struct survey_logs {
	/* None: the host's journal. */
	char *const *path;
	size_t count;
	/* Show lines that could not be read. */
	bool verbose;
};

/* What was seen on the way. */
struct survey_read {
	uint64_t lines;
	uint64_t unreadable;
	/* Those of them that are no lines of a log at all. */
	uint64_t strange;
	/* What to do about that, or NULL. */
	const char *hint;
	/* Logins of Dovecot's, and those of them that say "TLS". */
	uint64_t dovecot;
	uint64_t dovecot_tls;
};

/* Returns 0, or an exit code with the message written. */
int survey_read(struct survey *survey, const struct survey_logs *logs,
		struct survey_read *read_r);

#endif
