#ifndef GP_TOOLS_SURVEY_H
#define GP_TOOLS_SURVEY_H

#include <stdbool.h>
#include <stdint.h>
#include "shared/rules/decide.h"
#include "shared/settings/settings.h"
#include "shared/tools/log-login.h"

/* What the logs say, counted: logins that are alike make one group, so that
   memory is bounded by how many ways into how many mailboxes there are, not by
   the logs. With rules, each is judged by the doors' own decision; a fact that
   the log does not hold is taken both ways. */

struct survey;

/* What is counted, and how it is judged. */
struct survey_options {
	const struct gp_settings *settings;
	/* NULL: nothing is judged. */
	const struct gp_source *source;
	/* Judge at this time instead of the login's own. */
	bool at_given;
	int64_t at;
	int64_t since;
	int64_t until;
	/* Only this domain, or this mailbox, in normal form; NULL for all. */
	const char *domain;
	const char *mailbox;
	/* Networks instead of addresses. */
	bool cut_addresses;
};

/* Why a login fails, or would. */
struct survey_finding {
	enum gp_cause cause;
	/* As written in rules; empty for the built-in rule. */
	const char *rule;
	const char *file;
	uint32_t line;
	/* Where help stands; may be empty. */
	const char *help;
};

/* Numbers of findings; nothing is wrong. */
#define SURVEY_FINE 0

enum survey_state {
	SURVEY_READY,
	SURVEY_REFUSED,
	/* Refused or not, depending on what the log does not tell. */
	SURVEY_UNKNOWN,
	SURVEY_TRIAL,
	SURVEY_DEFERRED,
	SURVEY_STATES
};

/* So many names of clients are kept of logins that are alike. */
#define SURVEY_CLIENT_NAMES 3

/* Above this many addresses of one mailbox, networks are counted: /24 and
   /48. */
#define SURVEY_ADDRESSES_MAX 64

/* Logins that are alike. What stands in front of worst tells groups apart. */
struct survey_group {
	uint32_t mailbox;
	/* The other end of the connection where the client was forwarded. */
	uint32_t peer;
	uint8_t address[16];
	/* 128 for an address; 0 for the unknown one. */
	uint8_t prefix;
	uint8_t kind;
	uint8_t service;
	uint8_t tls;
	uint8_t implicit;
	bool local;
	bool sends_password;
	/* The password was right. (Groups are compared byte by byte: there
	   is no padding in front of epoch.) */
	bool proven;
	/* Between which of the rules' from and until it lies. Networks are
	   told apart by how they were judged instead, and what a door logged
	   by what it found. */
	uint32_t epoch;
	/* What is wrong if all unknown facts are bad, and if they are good. */
	uint32_t worst;
	uint32_t best;
	/* Names, or NONE; the first that were seen. */
	uint32_t client_name[SURVEY_CLIENT_NAMES];
	uint64_t count;
	int64_t first;
	int64_t last;
};

#define SURVEY_NONE UINT32_MAX

/* A day of the logs (UTC), in days since 1970. */
struct survey_day {
	int64_t day;
	uint64_t count[SURVEY_STATES];
};

struct survey *survey_new(const struct survey_options *options);
void survey_free(struct survey **survey);

/* Counts a login, or so many as were left out. Returns 0, -1 with the reason
   when the rules are damaged, or 1 for lines left out that are like none that
   was counted. */
int survey_add(struct survey *survey, const struct log_login *login,
	       int64_t time, const char **error_r);
/* What a client in that session says it is; it may come before or behind its
   login. */
void survey_name_client(struct survey *survey, const struct log_piece *session,
			const struct log_piece *name);
/* No more logins. Whether Postfix logs TLS at all is known by now. */
void survey_finish(struct survey *survey, bool postfix_logs_tls);

/* How many groups there are, in an order of their own: by domain, mailbox,
   service, state, finding, whether the password was right, address. */
size_t survey_count(const struct survey *survey);
const struct survey_group *survey_group(const struct survey *survey,
					size_t i);
enum survey_state survey_state(const struct survey *survey,
			       const struct survey_group *group);
/* The number of what is to be told: SURVEY_FINE when all is well. */
uint32_t survey_finding_of(const struct survey *survey,
			   const struct survey_group *group);
const struct survey_finding *survey_finding(const struct survey *survey,
					    uint32_t number);
/* In normal form, "local@domain" or "local"; invalid ones as they were
   logged. The domain begins behind the "@", or is empty. */
const char *survey_mailbox(const struct survey *survey, uint32_t mailbox,
			   const char **domain_r);
/* With what the logs as a whole tell: never LOG_TLS_UNLOGGED. */
enum log_tls survey_tls(const struct survey *survey,
			const struct survey_group *group);
const char *survey_client_name(const struct survey *survey, uint32_t name);
/* The request that stands for a group, with the unknown facts bad or good; for
   a network it comes from the first of its addresses. */
void survey_request(const struct survey *survey,
		    const struct survey_group *group, bool worst,
		    struct gp_request *request_r);
const struct survey_options *survey_options(const struct survey *survey);
/* Ordered; days without a login are left out. */
size_t survey_days(const struct survey *survey, const struct survey_day **r);

#endif
