#ifndef GP_TOOLS_REPORT_OPTIONS_H
#define GP_TOOLS_REPORT_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
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

/* Numbers of long options without a letter. */
enum {
	REPORT_OPTION_HELP = 256,
	REPORT_OPTION_SINCE,
	REPORT_OPTION_UNTIL,
	REPORT_OPTION_CSV,
	REPORT_OPTION_HTML,
	REPORT_OPTION_ANONYMISE,
	REPORT_OPTION_OWN
};

#define REPORT_LONG_OPTIONS \
	{ "config", required_argument, NULL, 'c' }, \
	{ "json", no_argument, NULL, 'j' }, \
	{ "verbose", no_argument, NULL, 'v' }, \
	{ "help", no_argument, NULL, REPORT_OPTION_HELP }, \
	{ "since", required_argument, NULL, REPORT_OPTION_SINCE }, \
	{ "until", required_argument, NULL, REPORT_OPTION_UNTIL }, \
	{ "csv", no_argument, NULL, REPORT_OPTION_CSV }, \
	{ "html", required_argument, NULL, REPORT_OPTION_HTML }, \
	{ "anonymise", no_argument, NULL, REPORT_OPTION_ANONYMISE }

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
/* Takes an option that was found. Returns 1 for one of these, 0 for another,
   or -1 with *status_r set to an exit code and the message written. */
int report_options_take(struct report_options *options, int option,
			const char *value, int *status_r);
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
