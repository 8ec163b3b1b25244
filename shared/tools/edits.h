#ifndef GP_TOOLS_EDITS_H
#define GP_TOOLS_EDITS_H

#include <stdbool.h>
#include "shared/tools/change.h"

/* "set" and "unset" on the texts of rules files: which line, which words. Pure
   but for the clock that is handed in. What comes out is compiled afterwards:
   here is only refused what could not be written down. */

struct edit {
	/* As typed. */
	const char *key;
	/* ATTR=VALUE or, for unset, ATTR; for "net:NAME" networks. */
	const char *const *word;
	size_t words;
	/* Unset. */
	bool remove;
	/* Also remove these attributes from the mailboxes of the domain. */
	bool reset;
	int64_t now;
};

/* Where it was done. */
struct edited {
	size_t file;
	size_t line;
	/* The line is new. */
	bool added;
	/* How many lines of mailboxes a reset has changed. */
	size_t reset;
};

/* Returns 1 when something was changed, 0 when not (an unset that finds
   nothing), or -1 with the reason, which lies in change->arena. */
int edit_apply(struct change *change, const struct edit *edit,
	       struct edited *edited_r, const char **error_r);

/* The time that "30d", "12h", "2w", "45m", a date ("2027-03-01": the start of
   that day here) or an RFC 3339 time means, as the latter. Returns NULL with
   the reason. */
const char *edit_time(const char *written, int64_t now,
		      struct gp_arena *arena, const char **error_r);

/* The attribute's name at the start of ATTR=VALUE, or NULL with the reason when
   there is no such attribute. */
const char *edit_attribute(const char *word, struct gp_arena *arena,
			   const char **error_r);
/* The services that an attribute of that name sets; 0 for others. */
uint32_t edit_services(const char *name);

#endif
