/* gatepost check. It looks at files and at what doveconf and postconf print; it
   changes nothing and logs in nowhere, so that a timer may run it. */

#include "shared/tools/check.h"

#include <getopt.h>

#include "shared/tools/gatepost.h"
#include "shared/tools/options.h"
#include "shared/tools/program.h"
#include "shared/tools/run.h"

#define EXIT_FOUND 1

static const char help[] =
"Usage: gatepost check [OPTION]...\n"
"Says what on this host keeps the rules from being obeyed: settings,\n"
"permissions, the map, Dovecot's and Postfix's configuration.\n"
"\n"
"  -c, --config FILE          gatepost.conf, or a folder with one\n"
"      --dovecot-config FILE  dovecot.conf [as doveconf finds it]\n"
"      --postfix-config DIR   folder of main.cf [as postconf finds it]\n"
"      --no-dovecot           this host has no Dovecot, or not the clients'\n"
"      --no-postfix           this host has no Postfix that takes submissions\n"
"      --module-dir DIR       folder of Dovecot's modules\n"
"      --policyd-user USER    whom gatepost-policyd runs as [gatepost]\n"
"  -q, --quiet                say nothing when nothing is wrong\n"
"  -j, --json                 one JSON object\n"
"      --help                 print this\n"
"\n"
"Exit status: 0 nothing is wrong, 1 something is, else as in sysexits.h.\n"
"See gatepost(1).\n";

static int read_options(struct check_options *options, int argc, char *argv[])
{
	const struct gp_option known[] = {
		GP_OPTION_TEXT("config", 'c', &options->config),
		GP_OPTION_TEXT("dovecot-config", 0, &options->dovecot_config),
		GP_OPTION_TEXT("postfix-config", 0, &options->postfix_config),
		GP_OPTION_FLAG("no-dovecot", 0, &options->no_dovecot),
		GP_OPTION_FLAG("no-postfix", 0, &options->no_postfix),
		GP_OPTION_TEXT("module-dir", 0, &options->module_dir),
		GP_OPTION_TEXT("policyd-user", 0, &options->policyd_user),
		GP_OPTION_FLAG("quiet", 'q', &options->quiet),
		GP_OPTION_FLAG("json", 'j', &options->json),
	};
	int status = GP_OPTIONS_READ(known, options, help, argc, argv);

	if (status != 0 || optind == argc)
		return status;
	return gp_program_usage("check takes no arguments");
}

static void check_everything(struct check *check)
{
	if (!check_settings(check))
		return;
	check_map(check);
	if (check->source != NULL)
		check_read_rules(check);
	if (!check->options->no_dovecot)
		check_dovecot(check);
	if (!check->options->no_postfix)
		check_postfix(check);
}

int gatepost_check(int argc, char *argv[])
{
	struct check_options options = { .policyd_user = "gatepost" };
	struct check check = { .options = &options };
	int status = read_options(&options, argc, argv);

	if (status != 0)
		return status;
	gp_run_prepare();
	check.arena = gp_arena_new();
	check.next = &check.findings;
	check_everything(&check);
	check_print(&check);
	status = gp_program_finish(check.count > 0 ? EXIT_FOUND : EX_OK);
	gp_map_free(&check.map);
	gp_settings_free(&check.settings);
	gp_arena_free(&check.arena);
	return status;
}
