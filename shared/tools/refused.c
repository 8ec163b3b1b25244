/* gatepost refused: what the doors refused, or would have, from their own
   lines; and whose password went over the wire as it is. No rules are read:
   what is told is what was. */

#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "shared/tools/configuration.h"
#include "shared/tools/gatepost.h"
#include "shared/tools/program.h"
#include "shared/tools/report-options.h"

static const char help[] =
"Usage: gatepost refused [OPTION]... [LOGIN|DOMAIN] [LOG]...\n"
"Says who was refused by Gatepost, or would have been by lines on trial, from\n"
"mail logs: for one mailbox (alice@example.com; alice@ without a domain), one\n"
"domain, or all. Where no LOGIN or DOMAIN stands first, LOG begins with \"/\"\n"
"or \".\", or is \"-\".\n"
"\n"
"      --trial         only what lines on trial would have refused\n"
"      --exposed       whose password went over the wire in cleartext\n"
REPORT_OPTIONS_HELP
"\n"
"Exit status: 0 nobody, 1 somebody, else as in sysexits.h. See gatepost(1).\n";

struct options {
	struct report_options report;
	bool trial;
	bool exposed;
	/* LOGIN or DOMAIN, or NULL. */
	const char *name;
	char *const *logs;
	size_t log_count;
};

static bool is_log(const char *word)
{
	return word[0] == '/' || word[0] == '.' || strcmp(word, "-") == 0;
}

static int read_words(struct options *options, int argc, char *argv[])
{
	if (argc > 0 && !is_log(argv[0])) {
		if (access(argv[0], F_OK) == 0)
			return gp_program_usage("%s is a file here: for a log, "
						"write ./%s", argv[0], argv[0]);
		options->name = argv[0];
		argc--;
		argv++;
	}
	options->logs = argv;
	options->log_count = (size_t)argc;
	return 0;
}

static int read_options(struct options *options, int argc, char *argv[])
{
	const struct gp_option known[] = {
		REPORT_OPTIONS(&options->report),
		GP_OPTION_FLAG("trial", 0, &options->trial),
		GP_OPTION_FLAG("exposed", 0, &options->exposed),
	};
	int status;

	report_options_init(&options->report);
	status = GP_OPTIONS_READ(known, options, help, argc, argv);
	if (status == 0 && options->trial && options->exposed)
		status = gp_program_usage("specify only one of --trial and "
					  "--exposed");
	if (status == 0)
		status = report_options_check(&options->report);
	return status != 0 ? status :
	       read_words(options, argc - optind, argv + optind);
}

/* The name in normal form, as the survey compares it. Returns 0, or EX_USAGE
   with the message written. */
static int read_name(const char *word, const char *default_domain,
		     struct survey_options *survey, struct gp_text *storage)
{
	size_t len = strlen(word);
	const char *error;
	struct gp_name name;

	if (strchr(word, '@') == NULL) {
		if (gp_name_parse_domain(word, len, &name, &error) < 0)
			return gp_program_usage("%s: %s", word, error);
		gp_text_add(storage, name.key);
		survey->domain = storage->data;
		return 0;
	}
	if (word[len - 1] == '@') {
		len--;
		default_domain = NULL;
	}
	if (gp_name_parse(word, len, default_domain, &name, &error) < 0)
		return gp_program_usage("%s: %s", word, error);
	gp_text_add_mem(storage, gp_name_local(&name), name.local_len);
	if (name.domain_len > 0)
		gp_text_addf(storage, "@%s", name.key);
	survey->mailbox = storage->data;
	return 0;
}

static int run(const struct options *options, struct survey_options *asked)
{
	struct survey *survey = survey_new(asked);
	struct report report = {
		.kind = options->exposed ? REPORT_EXPOSED : REPORT_REFUSED,
		.trial_only = options->trial,
	};
	int status = report_run(&report, survey, &options->report,
				options->logs, options->log_count);

	if (status == 0)
		status = report.rows > 0 ? 1 : 0;
	report_deinit(&report);
	survey_free(&survey);
	return gp_program_finish(status);
}

int gatepost_refused(int argc, char *argv[])
{
	struct options options = { .trial = false };
	struct survey_options asked = { .source = NULL };
	struct gp_settings *settings;
	struct gp_text name;
	int status = read_options(&options, argc, argv);

	if (status == 0)
		status = gp_configuration_load(options.report.config,
					       &settings);
	if (status != 0)
		return status;
	gp_text_init(&name);
	asked.settings = settings;
	asked.since = options.report.since;
	asked.until = options.report.until;
	asked.cut_addresses = options.report.anonymise;
	if (options.name != NULL)
		status = read_name(options.name, settings->default_domain,
				   &asked, &name);
	if (status == 0)
		status = run(&options, &asked);
	gp_text_deinit(&name);
	gp_settings_free(&settings);
	return status;
}
