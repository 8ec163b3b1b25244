#ifndef GP_TOOLS_REPORT_H
#define GP_TOOLS_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "shared/base/text.h"
#include "shared/tools/survey-read.h"
#include "shared/tools/survey.h"

/* What "gatepost impact" and "gatepost refused" tell: a survey's groups as
   rows by mailbox, service and cause, with totals by domain. */

enum report_kind {
	REPORT_IMPACT,
	REPORT_REFUSED,
	REPORT_EXPOSED
};

/* What the log would have to tell for an answer. */
enum report_missing {
	REPORT_NOTHING,
	REPORT_ENCRYPTION,
	REPORT_PORT,
	REPORT_VERSION,
	REPORT_MISSING_KINDS
};

struct report_row {
	/* As shown. */
	const char *mailbox;
	const char *domain;
	enum gp_service service;
	enum survey_state state;
	/* Meaningful for what is refused, on trial or unknown. */
	struct survey_finding finding;
	enum report_missing missing;
	/* For what is exposed: whether the password was right. */
	bool proven;
	uint64_t count;
	int64_t first;
	int64_t last;
	/* Bit n for enum log_tls's n, and for a local one. */
	unsigned tls;
	/* Its groups: from begin to before end. */
	size_t begin;
	size_t end;
};

#define REPORT_TLS_LOCAL LOG_TLS_KINDS

struct report_domain {
	const char *name;
	/* By the worst that happens to them. */
	uint64_t mailboxes[SURVEY_STATES];
	uint64_t seen;
};

struct report {
	enum report_kind kind;
	const struct survey *survey;
	struct survey_read read;
	/* Only what is on trial. */
	bool trial_only;
	/* Also those with whom all is well. */
	bool everybody;
	bool anonymise;
	/* Whose rules; for the head of the page. NULL where none are
	   judged. */
	const char *rules;
	struct gp_arena *arena;
	struct report_row *row;
	size_t rows;
	struct report_domain *domain;
	size_t domains;
	struct report_domain total;
	uint64_t logins;
	int64_t first;
	int64_t last;
};

/* Fills in what is behind arena from what is in front of it. */
void report_build(struct report *report);
void report_deinit(struct report *report);

/* Each writes the whole report; only the page shows everybody. */
void report_print_text(const struct report *report, FILE *file);
void report_print_csv(const struct report *report, FILE *file);
void report_print_json(const struct report *report, FILE *file);
/* Whether a page may be written there. Both return 0, or an exit code with the
   message written. */
int report_check_html(const char *path);
int report_write_html(const struct report *report, const char *path);

/* Calls each for the row's distinct addresses or networks, in order. */
typedef void report_each(void *context, const char *value);
void report_addresses(const struct report *report,
		      const struct report_row *row, report_each *each,
		      void *context);
/* The same for TLS ("none", "local", "1.2", "unknown" for its version, "?")
   and for what clients call themselves. */
void report_tls(const struct report *report, const struct report_row *row,
		report_each *each, void *context);
void report_clients(const struct report *report, const struct report_row *row,
		    report_each *each, void *context);
/* Adds all of them, separated by that. */
typedef void report_lister(const struct report *report,
			   const struct report_row *row, report_each *each,
			   void *context);
void report_list(const struct report *report, const struct report_row *row,
		 report_lister *list, const char *separator, size_t max,
		 struct gp_text *text);

/* "refused", "unknown", "trial", ... */
const char *report_state_name(const struct report *report,
			      const struct report_row *row);
/* What is not known, in words; "" for nothing. */
const char *report_missing_name(enum report_missing missing);
/* How it could be known the next time; ends in a newline. */
void report_add_hints(const struct report *report, struct gp_text *text);
/* The rule as it is shown: "example.com (/etc/gatepost/rules:7)", "built-in
   rule", and "" where none decided. */
void report_add_rule(const struct report *report,
		     const struct report_row *row, struct gp_text *text);
/* "2026-11-01 09:00", in this host's zone. */
void report_add_time(int64_t time, struct gp_text *text);
void report_add_day(int64_t time, struct gp_text *text);

#endif
