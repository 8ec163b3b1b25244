/* gatepost impact: who would be refused. Rules come from where "explain" takes
   them; lines on trial count as if they were in force. */

#include "shared/tools/impact.h"

#include <getopt.h>
#include <string.h>

#include "shared/tools/configuration.h"
#include "shared/tools/gatepost.h"
#include "shared/tools/program.h"
#include "shared/tools/report-options.h"
#include "shared/tools/rulebook.h"

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

static int read_at(void *context, const char *value)
{
	struct options *options = context;

	options->at_given = true;
	return report_options_time("--at", value, false, &options->at);
}

static int read_domain(void *context, const char *value)
{
	struct options *options = context;
	const char *error;

	if (gp_name_parse_domain(value, strlen(value), &options->domain_name,
				 &error) < 0)
		return gp_program_usage("--domain %s: %s", value, error);
	options->domain = options->domain_name.key;
	return 0;
}

static int read_set(void *context, const char *value)
{
	(void)value;
	return report_options_format(context, REPORT_SET);
}

static int read_notice(void *context, const char *value)
{
	(void)value;
	return report_options_format(context, REPORT_NOTICE);
}

static int check_options(const struct options *options)
{
	enum report_format format = options->report.format;

	if (options->report.anonymise &&
	    (format == REPORT_SET || format == REPORT_NOTICE))
		return gp_program_usage("--set and --notice name mailboxes; "
					"--anonymise cannot");
	return report_options_check(&options->report);
}

static int read_options(struct options *options, int argc, char *argv[])
{
	const struct gp_option known[] = {
		REPORT_OPTIONS(&options->report),
		RULEBOOK_OPTIONS(options),
		GP_OPTION_VALUE("at", 0, read_at),
		GP_OPTION_VALUE("domain", 0, read_domain),
		GP_OPTION_CALL("set", 0, read_set),
		GP_OPTION_CALL("notice", 0, read_notice),
	};
	int status;

	report_options_init(&options->report);
	status = GP_OPTIONS_READ(known, options, help, argc, argv);
	if (status == 0)
		status = rulebook_check_options(options->map, options->file);
	options->logs = argv + optind;
	options->log_count = (size_t)(argc - optind);
	return status != 0 ? status : check_options(options);
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

int gatepost_impact(int argc, char *argv[])
{
	struct options options = { .settings = NULL };
	struct rulebook book;
	const char *rules;
	int status = read_options(&options, argc, argv);

	if (status == 0)
		status = gp_configuration_load(options.report.config,
					       &options.settings);
	if (status != 0)
		return status;
	rules = options.file != NULL ? options.file :
		options.map != NULL ? options.map : options.settings->map;
	status = rulebook_open_named(&book, options.map, options.file,
				     options.settings);
	if (status == 0)
		status = judge(&options, rules, book.source);
	rulebook_close(&book);
	gp_settings_free(&options.settings);
	return status;
}
