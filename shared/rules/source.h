#ifndef GP_RULES_SOURCE_H
#define GP_RULES_SOURCE_H

#include "shared/base/arena.h"
#include "shared/rules/line.h"
#include "shared/rules/name.h"

/* Where rules come from, as seen from below: a map that is open, or the rules
   of a file in memory. The resolution looks rules up through this and knows
   neither.

   Keys: a name's key (name.h) for mailboxes ("example.com\0alice"), domains
   ("example.com\0"), logins without a domain ("\0alice" and "\0"); the domain
   with its dot in front for the domains below one (".example.com\0"); and
   GP_KEY_EVERY for "*". Keys that begin with the byte 1 are reserved for
   these, since no name can hold that byte. */

#define GP_KEY_EVERY "\1*"
#define GP_KEY_EVERY_LEN 2
/* The longest key there is. */
#define GP_KEY_MAX (GP_NAME_MAX + 2)

typedef int gp_source_each(void *each_context, const char *key,
			   size_t key_len, const struct gp_lines *lines);

struct gp_source {
	void *context;

	/* Each returns 1 with what was found, 0 when there is nothing, or -1
	   with the reason when what is there is damaged: then no decision can
	   be made. What is returned may lie in scratch and holds until that is
	   reset or the source is closed. */
	int (*find)(void *context, const char *key, size_t key_len,
		    struct gp_arena *scratch, struct gp_lines *lines_r,
		    const char **error_r);
	int (*profile)(void *context, uint32_t number,
		       struct gp_arena *scratch, struct gp_lines *lines_r,
		       const char **error_r);
	int (*net)(void *context, uint32_t number,
		   struct gp_netset *set_r, const char **error_r);
	/* Calls each for every key of mailboxes and domains at or after the
	   given one, in the order of their bytes, until it returns other than
	   0; GP_KEY_EVERY is among them. What each is handed holds until it
	   returns. Returns 0, what each returned, or -1 with the reason. */
	int (*walk)(void *context, const char *from, size_t from_len,
		    gp_source_each *each, void *each_context,
		    const char **error_r);
	/* The names of numbered things; NULL where there is none. */
	const char *(*profile_name)(void *context, uint32_t number);
	const char *(*net_name)(void *context, uint32_t number);
	const char *(*file_name)(void *context, uint32_t number);

	/* Bit n is set when some key for the domains below one (".a.b") has n
	   labels; bit 63 stands for 63 and more. It saves look-ups. */
	uint64_t parent_depths;

	/* Numbers run from 0 to below these. */
	uint32_t profile_count;
	uint32_t net_count;
	uint32_t file_count;

	/* As stored in the map (main.cf's meaning). Never NULL, may be
	   empty. */
	const char *default_domain;
	const char *recipient_delimiter;

	/* When the rules were compiled; GP_TIME_FIRST when they were not. */
	int64_t compiled;
};

#endif
