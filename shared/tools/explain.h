#ifndef GP_TOOLS_EXPLAIN_H
#define GP_TOOLS_EXPLAIN_H

#include <stdbool.h>
#include "shared/rules/decide.h"
#include "shared/rules/resolve.h"
#include "shared/settings/settings.h"

/* "gatepost explain": a request from words, the doors' own decision, and that
   as text or as JSON. */

/* The request as it was asked for. */
struct explain_request {
	struct gp_request request;
	/* As typed. */
	const char *login;
	const char *service;
	bool at_given;
	int64_t at;
};

/* Reads LOGIN SERVICE [NAME=VALUE ...]. Returns 0, or an exit code with the
   message written. */
int explain_request_read(int argc, char *const argv[],
			 struct explain_request *request_r);

/* What each client would be sent; NULL for nothing. */
struct explain_texts {
	const char *imap;
	const char *pop3;
	const char *sasl;
	const char *smtp;
};

/* A value that a line sets, and that another one comes before. */
struct explain_beaten {
	const char *value;
	const char *key;
	const char *file;
	uint32_t line;
	const struct explain_beaten *next;
};

/* An attribute as it holds for the name. */
struct explain_attribute {
	const char *name;
	/* In the order in which they would hold. */
	const struct explain_beaten *beaten;
	/* NULL where a text is not set. */
	const char *value;
	/* NULL, NULL and 0 for the built-in rule; file is not NULL where key
	   is not. */
	const char *key;
	const char *file;
	uint32_t line;
	/* It wins by a lock. */
	bool locked;
	/* When its line ends; GP_TIME_LAST. */
	int64_t until;
};

#define EXPLAIN_ATTRIBUTES GP_ATTR_PROFILE

/* All that is shown. */
struct explanation {
	const struct explain_request *asked;
	struct gp_verdict verdict;
	struct explain_texts texts;
	/* None where the name is invalid or the map is damaged. */
	struct explain_attribute attribute[EXPLAIN_ATTRIBUTES];
	size_t attribute_count;
};

/* Decides, and gathers what is shown; it lies in arena. */
void explain_decide(const struct explain_request *asked,
		    const struct gp_source *source,
		    const struct gp_settings *settings,
		    struct gp_arena *arena,
		    struct explanation *explanation_r);

void explain_print_text(const struct explanation *explanation);
void explain_print_json(const struct explanation *explanation);

#endif
