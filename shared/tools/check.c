/* gatepost check. It looks at files and at what doveconf and postconf print; it
   changes nothing and logs in nowhere, so that a timer may run it. */

#include "shared/tools/check.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "shared/tools/gatepost.h"
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

enum {
	OPTION_HELP = 256,
	OPTION_DOVECOT_CONFIG,
	OPTION_POSTFIX_CONFIG,
	OPTION_NO_DOVECOT,
	OPTION_NO_POSTFIX,
	OPTION_MODULE_DIR,
	OPTION_POLICYD_USER
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "dovecot-config", required_argument, NULL, OPTION_DOVECOT_CONFIG },
	{ "postfix-config", required_argument, NULL, OPTION_POSTFIX_CONFIG },
	{ "no-dovecot", no_argument, NULL, OPTION_NO_DOVECOT },
	{ "no-postfix", no_argument, NULL, OPTION_NO_POSTFIX },
	{ "module-dir", required_argument, NULL, OPTION_MODULE_DIR },
	{ "policyd-user", required_argument, NULL, OPTION_POLICYD_USER },
	{ "quiet", no_argument, NULL, 'q' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 }
};

/* Returns false for what is none of the options with a value. */
static bool read_value(struct check_options *options, int option)
{
	switch (option) {
	case 'c':
		options->config = optarg;
		return true;
	case OPTION_DOVECOT_CONFIG:
		options->dovecot_config = optarg;
		return true;
	case OPTION_POSTFIX_CONFIG:
		options->postfix_config = optarg;
		return true;
	case OPTION_MODULE_DIR:
		options->module_dir = optarg;
		return true;
	case OPTION_POLICYD_USER:
		options->policyd_user = optarg;
		return true;
	default:
		return false;
	}
}

static int read_options(struct check_options *options, int argc, char *argv[])
{
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":c:qj", long_options,
				     NULL)) != -1) {
		switch (option) {
		case OPTION_NO_DOVECOT:
			options->no_dovecot = true;
			break;
		case OPTION_NO_POSTFIX:
			options->no_postfix = true;
			break;
		case 'q':
			options->quiet = true;
			break;
		case 'j':
			options->json = true;
			break;
		case OPTION_HELP:
			return -1;
		default:
			if (!read_value(options, option))
				return gp_program_bad_option(argv, option);
		}
	}
	if (optind < argc)
		return gp_program_usage("check takes no arguments");
	return 0;
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

	if (status < 0)
		return gp_program_help(help);
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
