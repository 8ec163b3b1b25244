/* gatepost: the administrator's command. Here is only who is called; each
   subcommand has a file of its own. */

#include "shared/tools/gatepost.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "shared/tools/program.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char *argv[]);
	const char *summary;
	/* Others end only when all is done that they do besides. */
	bool only_prints;
} commands[] = {
	{ "explain", gatepost_explain,
	  "say what the doors would answer to a login, and why", true },
	{ "impact", gatepost_impact,
	  "say from mail logs who would be refused", true },
	{ "refused", gatepost_refused,
	  "say from mail logs who was refused", true },
	{ "list", gatepost_list,
	  "list what is set, and what it comes to", true },
	{ "set", gatepost_set,
	  "set attributes of a key, in the rules", false },
	{ "unset", gatepost_unset,
	  "take attributes or a key out of them", false },
	{ "edit", gatepost_edit, "edit the rules by hand", false },
	{ "history", gatepost_history,
	  "say who changed what, and when", true },
	{ "undo", gatepost_undo, "take a change back", false },
	{ "back", gatepost_back,
	  "put the map before this one in force", false },
	{ "kick", gatepost_kick,
	  "end sessions that would be refused now", false },
	{ "check", gatepost_check,
	  "say what keeps the rules from being obeyed on this host", true },
	{ "metrics", gatepost_metrics,
	  "write what gatepost-policyd has counted, for Prometheus", true },
	{ "diff", gatepost_diff,
	  "say who gains or loses what by new rules", true },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int print_help(void)
{
	gp_program_end_with_pipe();
	printf("Usage: gatepost COMMAND [ARGUMENT]...\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	printf("\nCommands print their own help with --help. --version prints "
	       "the version.\nSee gatepost(1).\n");
	return gp_program_finish(EX_OK);
}

int main(int argc, char *argv[])
{
	const char *name = argc > 1 ? argv[1] : "";

	gp_program_init("gatepost");
	if (argc < 2)
		return gp_program_usage("which command?");
	if (strcmp(name, "--help") == 0 || strcmp(name, "help") == 0)
		return print_help();
	if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
		return gp_program_version();
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(name, commands[i].name) != 0)
			continue;
		if (commands[i].only_prints)
			gp_program_end_with_pipe();
		return commands[i].run(argc - 1, argv + 1);
	}
	return gp_program_usage("there is no command %s", name);
}
