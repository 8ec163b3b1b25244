/* gatepost: the administrator's command. Here is only who is called; each
   subcommand has a file of its own. */

#include "shared/tools/gatepost.h"

#include <stdio.h>
#include <string.h>

#include "shared/tools/program.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char *argv[]);
	const char *summary;
} commands[] = {
	{ "explain", gatepost_explain,
	  "say what the doors would answer to a login, and why" },
	{ "impact", gatepost_impact,
	  "say from mail logs who would be refused" },
	{ "refused", gatepost_refused,
	  "say from mail logs who was refused" },
	{ "list", gatepost_list, "list what is set, and what it comes to" },
	{ "set", gatepost_set, "set attributes of a key, in the rules" },
	{ "unset", gatepost_unset, "take attributes or a key out of them" },
	{ "edit", gatepost_edit, "edit the rules by hand" },
	{ "history", gatepost_history, "say who changed what, and when" },
	{ "undo", gatepost_undo, "take a change back" },
	{ "back", gatepost_back, "put the map before this one in force" },
	{ "kick", gatepost_kick, "end sessions that would be refused now" },
	{ "check", gatepost_check,
	  "say what keeps the rules from being obeyed on this host" },
	{ "metrics", gatepost_metrics,
	  "write what gatepost-policyd has counted, for Prometheus" },
	{ "diff", gatepost_diff, "say who gains or loses what by new rules" },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int print_help(void)
{
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
		if (strcmp(name, commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	}
	return gp_program_usage("there is no command %s", name);
}
