/* What is the same for both commands, so that both mean the same by it. */

#include "shared/tools/report-options.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/arena.h"
#include "shared/base/clock.h"
#include "shared/tools/edits.h"
#include "shared/tools/program.h"

void report_options_init(struct report_options *options)
{
	memset(options, 0, sizeof(*options));
	options->since = GP_TIME_FIRST;
	options->until = GP_TIME_LAST;
}

/* What is written for a time means the same as with "gatepost set --until"; a
   span is one into the past where logs are meant. */
int report_options_time(const char *name, const char *value,
			bool spans_go_back, int64_t *time_r)
{
	struct gp_arena *arena = gp_arena_new();
	int64_t now = gp_time_now();
	const char *error, *text = edit_time(value, now, arena, &error);
	int status = 0;

	if (text == NULL || gp_time_parse(text, time_r, &error) < 0)
		status = gp_program_usage("%s %s: %s", name, value, error);
	else if (spans_go_back && strchr(value, '-') == NULL)
		*time_r = now - (*time_r - now);
	gp_arena_free(&arena);
	return status;
}

int report_options_format(struct report_options *options,
			  enum report_format format)
{
	if (options->format_given && options->format != format)
		return gp_program_usage("specify one form of output only");
	options->format = format;
	options->format_given = true;
	return 0;
}

int report_options_check(const struct report_options *options)
{
	if (options->anonymise && options->verbose)
		return gp_program_usage("--verbose shows lines as they are; "
					"--anonymise cannot");
	if (options->since >= options->until)
		return gp_program_usage("--since must be before --until");
	return 0;
}

int report_options_since(void *context, const char *value)
{
	struct report_options *options = context;

	return report_options_time("--since", value, true, &options->since);
}

int report_options_until(void *context, const char *value)
{
	struct report_options *options = context;

	return report_options_time("--until", value, true, &options->until);
}

int report_options_json(void *context, const char *value)
{
	(void)value;
	return report_options_format(context, REPORT_JSON);
}

int report_options_csv(void *context, const char *value)
{
	(void)value;
	return report_options_format(context, REPORT_CSV);
}

static void print(const struct report *report,
		  const struct report_options *options)
{
	/* The page is enough, if that is what was asked for. */
	if (options->html != NULL && !options->format_given)
		return;
	switch (options->format) {
	case REPORT_TEXT:
		report_print_text(report, stdout);
		break;
	case REPORT_CSV:
		report_print_csv(report, stdout);
		break;
	case REPORT_JSON:
		report_print_json(report, stdout);
		break;
	case REPORT_SET:
	case REPORT_NOTICE:
		break;
	}
}

/* Nobody is not the same as nothing to see, as for one who may not read the
   journal. */
static void tell_what_is_missing(const struct report *report,
				 const struct report_options *options)
{
	const struct survey_read *read = &report->read;

	if (read->lines == 0)
		gp_program_warning("there is nothing in these logs");
	else if (report->kind == REPORT_IMPACT && report->logins == 0)
		gp_program_warning("there is no login of Dovecot's or "
				   "Postfix's in these logs");
	if (read->unreadable == 0)
		return;
	gp_program_warning("%" PRIu64 " of %" PRIu64 " lines could not be "
			   "read%s%s%s", read->unreadable, read->lines,
			   read->hint != NULL ? ": " : "",
			   read->hint != NULL ? read->hint : "",
			   options->verbose ? "" : "; -v shows some of them");
}

/* Nobody would be refused, it would seem. */
static int refuse_unreadable(const struct survey_read *read)
{
	if (read->lines == 0 || read->unreadable < read->lines ||
	    (read->strange < read->lines && read->hint == NULL))
		return 0;
	gp_program_error("none of the %" PRIu64 " lines could be read: %s",
			 read->lines, read->hint != NULL ? read->hint :
			 "this is no log of Dovecot's or Postfix's");
	return EX_DATAERR;
}

/* On the page one looks for a mailbox, whatever is to be said of it. */
static int write_page(const struct report *report, const char *path)
{
	struct report page = {
		.kind = report->kind, .survey = report->survey,
		.read = report->read, .trial_only = report->trial_only,
		.everybody = true, .anonymise = report->anonymise,
		.rules = report->rules
	};
	int status;

	report_build(&page);
	status = report_write_html(&page, path);
	report_deinit(&page);
	return status;
}

int report_run(struct report *report, struct survey *survey,
	       const struct report_options *options,
	       char *const logs[], size_t log_count)
{
	const struct survey_logs named = {
		.path = logs, .count = log_count, .verbose = options->verbose
	};
	int status = options->html == NULL ? 0 :
		     report_check_html(options->html);

	if (status == 0)
		status = survey_read(survey, &named, &report->read);
	if (status == 0)
		status = refuse_unreadable(&report->read);
	if (status != 0)
		return status;
	report->survey = survey;
	report->anonymise = options->anonymise;
	report_build(report);
	tell_what_is_missing(report, options);
	if (options->html != NULL)
		status = write_page(report, options->html);
	if (status == 0)
		print(report, options);
	return status;
}
