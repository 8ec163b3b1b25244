/* gatepost impact: who would be refused. Rules come from where "explain" takes
   them; lines on trial count as if they were in force. */

#include "shared/tools/impact.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "shared/map/image.h"
#include "shared/map/reader.h"
#include "shared/tools/compile.h"
#include "shared/tools/configuration.h"
#include "shared/tools/gatepost.h"
#include "shared/tools/program.h"
#include "shared/tools/report-options.h"

static const char help[] =
"Usage: gatepost impact [-m MAP | -f RULES] [OPTION]... [LOG]...\n"
"Says who would be refused by the rules, from the logins in mail logs. Lines\n"
"on trial count as if they were in force.\n"
"\n"
"  -f, --file RULES    a rules file, or a folder of them [the map]\n"
"  -m, --map MAP       the compiled map [the one of gatepost.conf]\n"
"      --at TIME       judge as at that time [at the time of each login]\n"
"      --domain D      only this domain\n"
"      --set           print the lines that let them in, for gatepost set -\n"
"      --notice        print what to tell whom, for a mail merge\n"
REPORT_OPTIONS_HELP
"\n"
"Exit status: 0 nobody would be refused, 1 somebody, else as in sysexits.h.\n"
"See gatepost(1).\n";

enum {
	OPTION_AT = REPORT_OPTION_OWN,
	OPTION_DOMAIN,
	OPTION_SET,
	OPTION_NOTICE
};

static const struct option long_options[] = {
	REPORT_LONG_OPTIONS,
	{ "file", required_argument, NULL, 'f' },
	{ "map", required_argument, NULL, 'm' },
	{ "at", required_argument, NULL, OPTION_AT },
	{ "domain", required_argument, NULL, OPTION_DOMAIN },
	{ "set", no_argument, NULL, OPTION_SET },
	{ "notice", no_argument, NULL, OPTION_NOTICE },
	{ NULL, 0, NULL, 0 }
};

struct options {
	struct report_options report;
	const char *map;
	const char *file;
	bool at_given;
	int64_t at;
	const char *domain;
	struct gp_name domain_name;
	struct gp_settings *settings;
	char *const *logs;
	size_t log_count;
};

static int read_domain(struct options *options, const char *value)
{
	const char *error;

	if (gp_name_parse_domain(value, strlen(value), &options->domain_name,
				 &error) < 0)
		return gp_program_usage("--domain %s: %s", value, error);
	options->domain = options->domain_name.key;
	return 0;
}

static int read_option(struct options *options, int option)
{
	int status = 0;

	if (report_options_take(&options->report, option, optarg,
				&status) != 0)
		return status;
	switch (option) {
	case 'f':
		options->file = optarg;
		return 0;
	case 'm':
		options->map = optarg;
		return 0;
	case OPTION_AT:
		options->at_given = true;
		return report_options_time("--at", optarg, false,
					   &options->at);
	case OPTION_DOMAIN:
		return read_domain(options, optarg);
	case OPTION_SET:
		return report_options_format(&options->report, REPORT_SET);
	default:
		return report_options_format(&options->report, REPORT_NOTICE);
	}
}

static int read_options(struct options *options, int argc, char *argv[])
{
	enum report_format format;
	int option, status = 0;

	opterr = 0;
	report_options_init(&options->report);
	while (status == 0 &&
	       (option = getopt_long(argc, argv, ":c:f:jm:v", long_options,
				     NULL)) != -1) {
		if (option == REPORT_OPTION_HELP)
			exit(gp_program_help(help));
		if (option == '?' || option == ':')
			return gp_program_bad_option(argv, option);
		status = read_option(options, option);
	}
	if (status != 0)
		return status;
	format = options->report.format;
	if (options->map != NULL && options->file != NULL)
		return gp_program_usage("specify only one of -m and -f");
	if (options->report.anonymise &&
	    (format == REPORT_SET || format == REPORT_NOTICE))
		return gp_program_usage("--set and --notice name mailboxes; "
					"--anonymise cannot");
	options->logs = argv + optind;
	options->log_count = (size_t)(argc - optind);
	return report_options_check(&options->report);
}

static int print(const struct options *options, struct report *report,
		 const struct gp_source *source)
{
	if (options->report.format == REPORT_SET)
		impact_print_set(report, source, stdout);
	else if (options->report.format == REPORT_NOTICE)
		impact_print_notice(report, stdout);
	return report->total.mailboxes[SURVEY_REFUSED] > 0 ? 1 : 0;
}

static int judge(const struct options *options, const char *rules,
		 const struct gp_source *source)
{
	const struct survey_options survey_options = {
		.settings = options->settings,
		.source = source,
		.at_given = options->at_given,
		.at = options->at,
		.since = options->report.since,
		.until = options->report.until,
		.domain = options->domain,
		.cut_addresses = options->report.anonymise,
	};
	struct survey *survey = survey_new(&survey_options);
	struct report report = { .kind = REPORT_IMPACT, .rules = rules };
	int status = report_run(&report, survey, &options->report,
				options->logs, options->log_count);

	if (status == 0)
		status = print(options, &report, source);
	report_deinit(&report);
	survey_free(&survey);
	return gp_program_finish(status);
}

static int judge_file(const struct options *options)
{
	struct gp_progress progress;
	struct gp_compile_options compile_options = {
		.settings = options->settings,
		.progress = &progress,
		.quiet = true,
	};
	struct gp_input *input;
	struct gp_image *image;
	uint8_t sha256[32];
	int status = gp_input_open(options->file, &input);

	if (status != 0)
		return status;
	gp_progress_init(&progress);
	status = gp_compile(input, &compile_options, &image, sha256);
	gp_input_free(&input);
	if (status != 0)
		return status;
	status = judge(options, options->file, gp_image_source(image));
	gp_image_free(&image);
	return status;
}

static int judge_map(const struct options *options)
{
	const struct gp_settings *settings = options->settings;
	const char *path = options->map != NULL ? options->map : settings->map;
	struct gp_map *map = gp_map_new(path, settings->map_owner_uid);
	const char *error;
	const struct gp_source *source = gp_map_source(map, &error);
	int status;

	if (source != NULL) {
		status = judge(options, path, source);
	} else {
		status = gp_program_exit_code(errno);
		gp_program_error("%s", error);
	}
	gp_map_free(&map);
	return status;
}

int gatepost_impact(int argc, char *argv[])
{
	struct options options = { .settings = NULL };
	int status = read_options(&options, argc, argv);

	if (status == 0)
		status = gp_configuration_load(options.report.config,
					       &options.settings);
	if (status != 0)
		return status;
	status = options.file != NULL ? judge_file(&options) :
		 judge_map(&options);
	gp_settings_free(&options.settings);
	return status;
}
