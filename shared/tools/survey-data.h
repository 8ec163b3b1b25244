#ifndef GP_TOOLS_SURVEY_DATA_H
#define GP_TOOLS_SURVEY_DATA_H

#include "shared/base/text.h"
#include "shared/tools/intern.h"
#include "shared/tools/survey.h"

/* The survey's insides, for its own files. */

/* Sessions whose client may still say what it is, or has said so before its
   login. Whoever connects may say so, so it is not kept elsewhere until there
   is a login. */
#define SURVEY_SESSIONS 16384
#define SURVEY_NAME_MAX 112

struct survey_session {
	uint64_t hash;
	/* Number plus 1; 0 for none. */
	uint32_t group;
	uint32_t name_len;
	char name[SURVEY_NAME_MAX];
};

struct survey_mailbox {
	/* Groups of addresses, to see when there are too many. */
	uint32_t addresses;
	/* The one that a door's line counted for last, plus 1; 0 for none. */
	uint32_t last;
};

struct survey {
	struct survey_options options;
	struct gp_arena *scratch;
	struct gp_text name;

	/* Names as logged, and the mailbox of each. */
	struct intern *raw;
	uint32_t *mailbox_of;
	size_t mailbox_of_size;
	struct intern *mailboxes;
	struct survey_mailbox *mailbox;
	size_t mailbox_size;
	struct intern *client_names;
	struct intern *peers;

	struct intern *verdicts;
	struct intern *finding_keys;
	struct survey_finding *finding;
	size_t finding_count;
	size_t finding_size;

	/* When lines begin or cease to count, in order. */
	int64_t *boundary;
	size_t boundaries;
	size_t boundary_size;

	struct survey_group *group;
	size_t group_count;
	size_t group_size;
	/* Number plus 1; 0 is free. */
	uint32_t *slot;
	size_t slots;
	/* Groups in the order in which they are shown. */
	uint32_t *order;

	struct survey_session session[SURVEY_SESSIONS];

	struct survey_day *day;
	/* Logins of each that are refused if Postfix logs TLS, else unknown. */
	uint64_t *unlogged;
	size_t day_count;
	size_t day_size;
	size_t day_last;

	bool postfix_logs_tls;
};

/* Finds out when the rules change by themselves. Returns 0, or -1 with the
   reason when they are damaged. */
int survey_find_boundaries(struct survey *survey, const char **error_r);
uint32_t survey_epoch(const struct survey *survey, int64_t time);

/* Judges what a group stands for at that time. address is the exact one.
   Returns 0, or -1 with the reason. */
int survey_judge(struct survey *survey, struct survey_group *group,
		 const uint8_t address[16], int64_t time,
		 const char **error_r);
/* The number of what a door logged. */
uint32_t survey_door_finding(struct survey *survey,
			     const struct log_door *door);

/* Counts so many on their day. */
void survey_count_day(struct survey *survey, const struct survey_group *group,
		      int64_t time, uint64_t count);

#endif
