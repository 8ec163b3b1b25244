/* RFC 4180, with a line of names. A cell that a spreadsheet would take for a
   formula gets an apostrophe in front: mailboxes and clients are named by
   others. */

#include "shared/tools/report.h"

#include <inttypes.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/rules/utf8.h"

static void add_cell(const char *str, FILE *file)
{
	struct gp_text shown;

	gp_text_init(&shown);
	gp_utf8_add_visible(&shown, str, strlen(str));
	fputc('"', file);
	if (*str != '\0' && strchr("=+-@", *str) != NULL)
		fputc('\'', file);
	for (const char *p = shown.data; *p != '\0'; p++) {
		if (*p == '"')
			fputc('"', file);
		fputc(*p, file);
	}
	fputs("\",", file);
	gp_text_deinit(&shown);
}

static void add_time(int64_t time, FILE *file)
{
	struct gp_text text;

	gp_text_init(&text);
	gp_time_print(time, &text);
	fprintf(file, "%s,", text.data);
	gp_text_deinit(&text);
}

static void add_list(const struct report *report, const struct report_row *row,
		     report_lister *lister, FILE *file)
{
	struct gp_text text;

	gp_text_init(&text);
	report_list(report, row, lister, " ", SIZE_MAX, &text);
	add_cell(text.data, file);
	gp_text_deinit(&text);
}

static void print_row(const struct report *report,
		      const struct report_row *row, FILE *file)
{
	const struct survey_finding *finding = &row->finding;

	add_cell(row->domain, file);
	add_cell(row->mailbox, file);
	fprintf(file, "%s,%s,%s,", gp_service_name(row->service),
		report_state_name(report, row),
		gp_cause_name(finding->cause));
	add_cell(report_missing_name(row->missing), file);
	fprintf(file, "%s,", row->proven ? "yes" : "no");
	fprintf(file, "%" PRIu64 ",", row->count);
	add_time(row->first, file);
	add_time(row->last, file);
	add_list(report, row, report_tls, file);
	add_list(report, row, report_addresses, file);
	add_list(report, row, report_clients, file);
	add_cell(report->anonymise ? "" : finding->rule, file);
	add_cell(report->anonymise ? "" : finding->file, file);
	fprintf(file, "%u\r\n", finding->line);
}

void report_print_csv(const struct report *report, FILE *file)
{
	fputs("domain,mailbox,service,state,cause,unknown,password_verified,"
	      "count,first,last,tls,addresses,clients,rule,file,line\r\n",
	      file);
	for (size_t i = 0; i < report->rows; i++)
		print_row(report, &report->row[i], file);
}
