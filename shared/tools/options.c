/* getopt_long(3)'s two lists, of letters and of names, are made from one. */

#include "shared/tools/options.h"

#include <assert.h>
#include <getopt.h>
#include <stdlib.h>

#include "shared/tools/program.h"

/* Behind all letters. */
#define FIRST_NUMBER 256

static void make_lists(const struct gp_option *options, size_t count,
		       struct option *names, char *letters)
{
	*letters++ = ':';
	for (size_t i = 0; i < count; i++) {
		const struct gp_option *option = &options[i];
		bool has_value = option->has_value;

		names[i] = (struct option) {
			.name = option->name,
			.has_arg = has_value ? required_argument : no_argument,
			.val = FIRST_NUMBER + (int)i
		};
		if (option->letter == 0)
			continue;
		*letters++ = option->letter;
		if (has_value)
			*letters++ = ':';
	}
	*letters = '\0';
	names[count] = (struct option) {
		.name = "help", .val = FIRST_NUMBER + (int)count
	};
	names[count + 1] = (struct option) { .name = NULL };
}

static int take(const struct gp_option *option, void *context)
{
	if (option->take != NULL)
		return option->take(context, option->has_value ? optarg :
				    NULL);
	if (option->text != NULL)
		*option->text = optarg;
	else
		*option->flag = true;
	return 0;
}

/* Which of them getopt_long() has found; --help stands behind the last. */
static size_t find(const struct gp_option *options, int found)
{
	size_t i = 0;

	if (found >= FIRST_NUMBER)
		return (size_t)(found - FIRST_NUMBER);
	while (options[i].letter != found)
		i++;
	return i;
}

int gp_options_read(const struct gp_option *options, size_t count,
		    void *context, const char *help, int argc, char *argv[])
{
	struct option names[GP_OPTIONS_MAX + 2];
	char letters[2 * GP_OPTIONS_MAX + 2];
	int found, status = 0;

	assert(count <= GP_OPTIONS_MAX);
	make_lists(options, count, names, letters);
	opterr = 0;
	while (status == 0 && (found = getopt_long(argc, argv, letters, names,
						   NULL)) != -1) {
		size_t i;

		if (found == '?' || found == ':')
			return gp_program_bad_option(argv, found);
		i = find(options, found);
		if (i == count)
			exit(gp_program_help(help));
		status = take(&options[i], context);
	}
	return status;
}
