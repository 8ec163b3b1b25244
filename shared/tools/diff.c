/* gatepost diff: what a new rules file or map would change for whom. */

#include "shared/tools/gatepost.h"

#include <getopt.h>

#include "shared/tools/compare.h"
#include "shared/tools/configuration.h"
#include "shared/tools/options.h"
#include "shared/tools/program.h"
#include "shared/tools/report-options.h"
#include "shared/tools/rulebook.h"

static const char help[] =
"Usage: gatepost diff [OPTION]... OLD NEW\n"
"Says which mailboxes and domains gain (+) or lose (-) what between OLD and\n"
"NEW, which are maps, rules files or folders of them.\n"
"\n"
"      --at TIME       as in 2027-03-01T00:00:00Z, 2027-03-01 or 7d [now]\n"
"  -j, --json          one JSON object a line\n"
"  -c, --config FILE   gatepost.conf, or a folder with one\n"
"      --help          print this\n"
"\n"
"A mailbox that changes as its domain does is not named again.\n"
"Exit status: 0 no difference, 1 some, else as in sysexits.h.\n"
"See gatepost(1).\n";

struct options {
	struct compare_options compare;
	const char *config;
};

static int set_at(void *context, const char *value)
{
	struct options *options = context;

	return report_options_time("--at", value, false,
				   &options->compare.now);
}

static int read_options(struct options *options, int argc, char *argv[])
{
	const struct gp_option known[] = {
		GP_OPTION_TEXT("config", 'c', &options->config),
		GP_OPTION_FLAG("json", 'j', &options->compare.json),
		GP_OPTION_VALUE("at", 0, set_at),
	};
	int status = GP_OPTIONS_READ(known, options, help, argc, argv);

	if (status != 0 || argc - optind == 2)
		return status;
	return gp_program_usage("OLD and NEW, please");
}

static int compare(const struct options *options, const struct rulebook *old,
		   const struct rulebook *new)
{
	struct compare_options how = options->compare;
	struct compare_result result;
	const char *error;

	if (how.now == 0)
		how.now = rulebook_now(new);
	if (compare_rules(old->source, new->source, &how, &result,
			  &error) < 0) {
		gp_program_error("%s", error);
		return EX_CONFIG;
	}
	if (!how.json)
		compare_print_result(&result);
	return gp_program_finish(result.lines > 0 ? 1 : EX_OK);
}

int gatepost_diff(int argc, char *argv[])
{
	struct options options = { .config = NULL };
	struct gp_settings *settings = NULL;
	struct rulebook old = { .map = NULL }, new = { .map = NULL };
	int status = read_options(&options, argc, argv);

	if (status == 0)
		status = gp_configuration_load(options.config, &settings);
	if (status == 0)
		status = rulebook_open(&old, argv[optind], settings);
	if (status == 0)
		status = rulebook_open(&new, argv[optind + 1], settings);
	if (status == 0)
		status = compare(&options, &old, &new);
	rulebook_close(&old);
	rulebook_close(&new);
	gp_settings_free(&settings);
	return status;
}
