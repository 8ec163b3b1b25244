/* For a terminal: totals by domain first, then one line for each mailbox,
   service and cause. Whatever came from a log is escaped. */

#include "shared/tools/report.h"

#include <inttypes.h>
#include <string.h>

#define SHOWN_BYTES 100
#define SHOWN_ADDRESSES 3
#define SHOWN_CLIENTS 2
#define COLUMNS 10

struct table {
	FILE *file;
	size_t width[COLUMNS];
	const char *const *head;
	bool printing;
};

static void begin_line(struct gp_text cell[COLUMNS])
{
	for (size_t i = 0; i < COLUMNS; i++)
		gp_text_clear(&cell[i]);
}

/* Measures in the first pass, prints in the second. */
static void end_line(struct table *table, struct gp_text cell[COLUMNS])
{
	size_t last = COLUMNS;

	while (last > 0 && table->head[last - 1] == NULL)
		last--;
	for (size_t i = 0; i < last; i++) {
		size_t len = cell[i].len;

		if (!table->printing && len > table->width[i])
			table->width[i] = len;
		if (table->printing)
			fprintf(table->file, "%s%-*s", i > 0 ? "  " : "",
				i + 1 < last ? (int)table->width[i] : 0,
				cell[i].data);
	}
	if (table->printing)
		fputc('\n', table->file);
}

static void add_head(struct table *table, struct gp_text cell[COLUMNS])
{
	begin_line(cell);
	for (size_t i = 0; i < COLUMNS && table->head[i] != NULL; i++)
		gp_text_add(&cell[i], table->head[i]);
	end_line(table, cell);
}

static void add_shown(struct gp_text *text, const char *str)
{
	gp_text_add_escaped(text, str, strlen(str), SHOWN_BYTES);
}

static void domain_line(const struct report *report,
			const struct report_domain *domain,
			struct table *table, struct gp_text cell[COLUMNS])
{
	size_t column = 0;

	begin_line(cell);
	if (domain == &report->total)
		gp_text_add(&cell[column++], "total");
	else if (domain->name[0] == '\0')
		gp_text_add(&cell[column++], "(no domain)");
	else
		add_shown(&cell[column++], domain->name);
	gp_text_addf(&cell[column++], "%" PRIu64, domain->seen);
	gp_text_addf(&cell[column++], "%" PRIu64,
		     domain->mailboxes[SURVEY_REFUSED]);
	if (report->kind == REPORT_IMPACT)
		gp_text_addf(&cell[column++], "%" PRIu64,
			     domain->mailboxes[SURVEY_UNKNOWN]);
	if (report->kind == REPORT_REFUSED)
		gp_text_addf(&cell[column++], "%" PRIu64,
			     domain->mailboxes[SURVEY_TRIAL]);
	gp_text_addf(&cell[column++], "%" PRIu64,
		     domain->mailboxes[SURVEY_READY]);
	end_line(table, cell);
}

/* The same, with its blanks. */
static void add_shown_words(struct gp_text *text, const struct gp_text *words)
{
	for (size_t i = 0; i < words->len; i++) {
		if (words->data[i] == ' ')
			gp_text_add_char(text, ' ');
		else
			gp_text_add_escaped(text, words->data + i, 1, 1);
	}
}

static void add_clients(const struct report *report,
			const struct report_row *row, struct gp_text *text)
{
	struct gp_text names;

	gp_text_init(&names);
	report_list(report, row, report_clients, " ", SHOWN_CLIENTS, &names);
	if (names.len > 0)
		gp_text_add_char(text, ' ');
	add_shown_words(text, &names);
	gp_text_deinit(&names);
}

static void add_rule(const struct report *report,
		     const struct report_row *row, struct gp_text *text)
{
	struct gp_text rule;

	gp_text_init(&rule);
	report_add_rule(report, row, &rule);
	add_shown_words(text, &rule);
	gp_text_deinit(&rule);
}

static void row_line(const struct report *report, const struct report_row *row,
		     struct table *table, struct gp_text cell[COLUMNS])
{
	begin_line(cell);
	add_shown(&cell[0], row->mailbox);
	gp_text_add(&cell[1], gp_service_name(row->service));
	gp_text_add(&cell[2], report_state_name(report, row));
	if (report->kind == REPORT_EXPOSED)
		gp_text_add(&cell[3], row->proven ? "right" : "not verified");
	else if (row->state == SURVEY_UNKNOWN)
		gp_text_addf(&cell[3], "%s?",
			     gp_cause_name(row->finding.cause));
	else
		gp_text_add(&cell[3], gp_cause_name(row->finding.cause));
	gp_text_addf(&cell[4], "%" PRIu64, row->count);
	report_add_time(row->first, &cell[5]);
	report_add_time(row->last, &cell[6]);
	report_list(report, row, report_tls, ",", 8, &cell[7]);
	report_list(report, row, report_addresses, ",", SHOWN_ADDRESSES,
		    &cell[8]);
	add_clients(report, row, &cell[8]);
	add_rule(report, row, &cell[9]);
	end_line(table, cell);
}

static void print_domains(const struct report *report, FILE *file,
			  struct gp_text cell[COLUMNS])
{
	static const char *const heads[][COLUMNS] = {
		[REPORT_IMPACT] = { "DOMAIN", "MAILBOXES", "REFUSED",
				    "UNKNOWN", "READY" },
		[REPORT_REFUSED] = { "DOMAIN", "MAILBOXES", "REFUSED", "TRIAL",
				     "FINE" },
		[REPORT_EXPOSED] = { "DOMAIN", "MAILBOXES", "EXPOSED",
				     "OTHERS" },
	};
	struct table table = { .file = file, .head = heads[report->kind] };

	for (int pass = 0; pass < 2; pass++) {
		table.printing = pass == 1;
		add_head(&table, cell);
		for (size_t i = 0; i < report->domains; i++)
			domain_line(report, &report->domain[i], &table, cell);
		domain_line(report, &report->total, &table, cell);
	}
}

static void print_rows(const struct report *report, FILE *file,
		       struct gp_text cell[COLUMNS])
{
	static const char *const head[COLUMNS] = {
		"MAILBOX", "SERVICE", "STATE", "CAUSE", "COUNT", "FIRST",
		"LAST", "TLS", "FROM", "RULE"
	};
	static const char *const exposed_head[COLUMNS] = {
		"MAILBOX", "SERVICE", "STATE", "PASSWORD", "COUNT", "FIRST",
		"LAST", "TLS", "FROM", "RULE"
	};
	struct table table = {
		.file = file,
		.head = report->kind == REPORT_EXPOSED ? exposed_head : head
	};

	if (report->rows == 0)
		return;
	fputc('\n', file);
	for (int pass = 0; pass < 2; pass++) {
		table.printing = pass == 1;
		add_head(&table, cell);
		for (size_t i = 0; i < report->rows; i++)
			row_line(report, &report->row[i], &table, cell);
	}
}

static void print_title(const struct report *report, FILE *file)
{
	static const char *const titles[] = {
		[REPORT_IMPACT] = "Who would be refused",
		[REPORT_REFUSED] = "Who was refused, or would be",
		[REPORT_EXPOSED] = "Whose password went over the wire in "
				   "cleartext",
	};
	struct gp_text text;

	gp_text_init(&text);
	gp_text_add(&text, titles[report->kind]);
	if (report->rules != NULL)
		gp_text_addf(&text, " by %s", report->rules);
	if (report->last >= report->first) {
		gp_text_add(&text, ", ");
		report_add_time(report->first, &text);
		gp_text_add(&text, " to ");
		report_add_time(report->last, &text);
	}
	fprintf(file, "%s: %" PRIu64 " logins\n\n", text.data,
		report->logins);
	gp_text_deinit(&text);
}

void report_print_text(const struct report *report, FILE *file)
{
	struct gp_text cell[COLUMNS], hints;

	for (size_t i = 0; i < COLUMNS; i++)
		gp_text_init(&cell[i]);
	gp_text_init(&hints);
	print_title(report, file);
	print_domains(report, file, cell);
	print_rows(report, file, cell);
	report_add_hints(report, &hints);
	if (hints.len > 0)
		fprintf(file, "\n%s", hints.data);
	gp_text_deinit(&hints);
	for (size_t i = 0; i < COLUMNS; i++)
		gp_text_deinit(&cell[i]);
}
