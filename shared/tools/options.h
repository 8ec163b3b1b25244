#ifndef GP_TOOLS_OPTIONS_H
#define GP_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* A subcommand's options, as a table: one way of reading them, so that all
   subcommands answer alike to what they do not know. */

struct gp_option {
	const char *name;
	/* 0: none. */
	char letter;
	/* One of these: where its value goes, where it is noted, or who takes
	   it. */
	const char **text;
	bool *flag;
	/* value is NULL where none is wanted. Returns 0, or an exit code with
	   the message written. */
	int (*take)(void *context, const char *value);
	bool has_value;
};

#define GP_OPTION_TEXT(name, letter, text) \
	{ name, letter, text, NULL, NULL, true }
#define GP_OPTION_FLAG(name, letter, flag) \
	{ name, letter, NULL, flag, NULL, false }
/* With a value, and without one. */
#define GP_OPTION_VALUE(name, letter, take) \
	{ name, letter, NULL, NULL, take, true }
#define GP_OPTION_CALL(name, letter, take) \
	{ name, letter, NULL, NULL, take, false }

#define GP_OPTIONS_MAX 32

/* Reads them all; operands stand at optind behind it. --help, which every
   subcommand has, prints that text and ends the program. Returns 0, or an exit
   code with the message written. */
int gp_options_read(const struct gp_option *options, size_t count,
		    void *context, const char *help, int argc, char *argv[]);

#define GP_OPTIONS_READ(options, context, help, argc, argv) \
	gp_options_read(options, sizeof(options) / sizeof((options)[0]), \
			context, help, argc, argv)

#endif
