#ifndef GP_TOOLS_REPORT_OPTIONS_H
#define GP_TOOLS_REPORT_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include "shared/tools/options.h"
#include "shared/tools/report.h"

/* The options that "gatepost impact" and "gatepost refused" share. */

enum report_format {
	REPORT_TEXT,
	REPORT_CSV,
	REPORT_JSON,
	REPORT_SET,
	REPORT_NOTICE
};

struct report_options {
	const char *config;
	enum report_format format;
	bool format_given;
	const char *html;
	bool anonymise;
	bool verbose;
	int64_t since;
	int64_t until;
};

/* For a table of options whose context is a struct report_options, or a struct
   that begins with one. */
#define REPORT_OPTIONS(report) \
	GP_OPTION_TEXT("config", 'c', &(report)->config), \
	GP_OPTION_FLAG("verbose", 'v', &(report)->verbose), \
	GP_OPTION_VALUE("since", 0, report_options_since), \
	GP_OPTION_VALUE("until", 0, report_options_until), \
	GP_OPTION_CALL("json", 'j', report_options_json), \
	GP_OPTION_CALL("csv", 0, report_options_csv), \
	GP_OPTION_TEXT("html", 0, &(report)->html), \
	GP_OPTION_FLAG("anonymise", 0, &(report)->anonymise)

int report_options_since(void *context, const char *value);
int report_options_until(void *context, const char *value);
int report_options_json(void *context, const char *value);
int report_options_csv(void *context, const char *value);

#define REPORT_OPTIONS_HELP \
"      --since TIME    only what was logged from then on\n" \
"      --until TIME    ... and before\n" \
"      --csv           as a table for a spreadsheet\n" \
"  -j, --json          as one JSON object\n" \
"      --html FILE     as a page for a browser, into FILE\n" \
"      --anonymise     numbers for mailboxes, networks for addresses\n" \
"  -c, --config FILE   gatepost.conf, or a folder with one\n" \
"  -v, --verbose       show lines that cannot be read\n" \
"      --help          print this\n" \
"\n" \
"TIME is as in 2027-03-01T00:00:00Z, 2027-03-01 or 7d (that long ago). LOG\n" \
"is a file (as it is, or compressed by gzip, xz or zstd), \"-\" for standard\n" \
"input, or a journal (a file or a folder); without one, this host's journal.\n"

void report_options_init(struct report_options *options);
/* What cannot be asked for together. Returns 0, or EX_USAGE with the
   message. */
int report_options_check(const struct report_options *options);
/* One form of output only. Returns 0, or EX_USAGE with the message. */
int report_options_format(struct report_options *options,
			  enum report_format format);
/* RFC 3339, a date, which begins at midnight here, or a span from now ("7d").
   Returns 0, or EX_USAGE with the message written. */
int report_options_time(const char *name, const char *value,
			bool spans_go_back, int64_t *time_r);

/* Reads the logs, and writes the page and, but for REPORT_SET and
   REPORT_NOTICE, the report. Returns 0, or an exit code. report has kind,
   survey and what depends on the command. */
int report_run(struct report *report, struct survey *survey,
	       const struct report_options *options,
	       char *const logs[], size_t log_count);

#endif
