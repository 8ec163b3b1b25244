#ifndef GP_TOOLS_SETTING_H
#define GP_TOOLS_SETTING_H

#include "shared/tools/change.h"
#include "shared/tools/edits.h"
#include "shared/tools/scope.h"

/* What "set", "unset" and "undo" have in common: their options, and what is
   said and done when the new rules are compiled. */

struct setting_options {
	struct change_options change;
	struct scope scope;
	const char *until;
	const char *note;
	bool reset;
	bool json;
	bool yes;
};

enum setting_command {
	SETTING_SET,
	SETTING_UNSET,
	SETTING_UNDO
};

/* Reads the options of the command. Returns 0, or an exit code with the message
   written. --help is answered here. */
int setting_read_options(struct setting_options *options,
			 enum setting_command command, const char *help,
			 int argc, char *argv[]);

/* One edit of a change, remembered to be looked at when all is compiled. */
struct setting_edit {
	struct edit edit;
	struct edited edited;
};

/* Compiles, checks the scope and whether each edit has the effect that was asked
   for, commits, and says what was done. Returns an exit code. */
int setting_finish(struct change *change,
		   const struct setting_options *options,
		   const struct setting_edit *edits, size_t count,
		   json_t *entry);

/* What was done, as one JSON object; NULL: nothing. */
void setting_print_json(const struct change *change);

#endif
