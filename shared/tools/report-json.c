/* One object. Names that are no UTF-8 are escaped as in the doors' logs. */

#include "shared/tools/report.h"

#include <jansson.h>

#include "shared/base/clock.h"
#include "shared/tools/json-text.h"

static json_t *string_or_null(const char *str)
{
	return gp_json_text(*str != '\0' ? str : NULL);
}

static json_t *moment(int64_t time)
{
	struct gp_text text;
	json_t *value;

	gp_text_init(&text);
	gp_time_print(time, &text);
	value = json_string(text.data);
	gp_text_deinit(&text);
	return value;
}

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static void append(void *context, const char *value)
{
	json_array_append_new(context, gp_json_text(value));
}

static json_t *list(const struct report *report, const struct report_row *row,
		    report_lister *lister)
{
	json_t *array = json_array();

	lister(report, row, append, array);
	return array;
}

static void add_rule(const struct report *report, const struct report_row *row,
		     json_t *object)
{
	const struct survey_finding *finding = &row->finding;
	bool shown = !report->anonymise;

	json_object_set_new(object, "rule", shown ?
			    string_or_null(finding->rule) : json_null());
	json_object_set_new(object, "file", shown ?
			    string_or_null(finding->file) : json_null());
	json_object_set_new(object, "line", finding->line > 0 ?
			    number(finding->line) : json_null());
}

static json_t *row_object(const struct report *report,
			  const struct report_row *row)
{
	json_t *object = json_object();

	json_object_set_new(object, "mailbox", gp_json_text(row->mailbox));
	json_object_set_new(object, "domain", gp_json_text(row->domain));
	json_object_set_new(object, "service",
			    gp_json_text(gp_service_name(row->service)));
	json_object_set_new(object, "state",
			    gp_json_text(report_state_name(report, row)));
	json_object_set_new(object, "cause",
			    row->finding.cause == GP_CAUSE_NONE ? json_null() :
			    gp_json_text(gp_cause_name(row->finding.cause)));
	json_object_set_new(object, "unknown", string_or_null(
			    report_missing_name(row->missing)));
	json_object_set_new(object, "password_verified",
			    json_boolean(row->proven));
	json_object_set_new(object, "count", number(row->count));
	json_object_set_new(object, "first", moment(row->first));
	json_object_set_new(object, "last", moment(row->last));
	json_object_set_new(object, "tls",
			    list(report, row, report_tls));
	json_object_set_new(object, "addresses",
			    list(report, row, report_addresses));
	json_object_set_new(object, "clients",
			    list(report, row, report_clients));
	add_rule(report, row, object);
	return object;
}

static json_t *domain_object(const struct report_domain *domain)
{
	json_t *object = json_object();

	if (domain->name != NULL)
		json_object_set_new(object, "domain",
				    gp_json_text(domain->name));
	json_object_set_new(object, "mailboxes", number(domain->seen));
	json_object_set_new(object, "refused",
			    number(domain->mailboxes[SURVEY_REFUSED]));
	json_object_set_new(object, "unknown",
			    number(domain->mailboxes[SURVEY_UNKNOWN]));
	json_object_set_new(object, "trial",
			    number(domain->mailboxes[SURVEY_TRIAL]));
	json_object_set_new(object, "ready",
			    number(domain->mailboxes[SURVEY_READY]));
	return object;
}

void report_print_json(const struct report *report, FILE *file)
{
	json_t *object = json_object(), *domains = json_array();
	json_t *rows = json_array();
	bool any = report->last >= report->first;

	json_object_set_new(object, "logins", number(report->logins));
	json_object_set_new(object, "first", any ? moment(report->first) :
			    json_null());
	json_object_set_new(object, "last", any ? moment(report->last) :
			    json_null());
	json_object_set_new(object, "lines", number(report->read.lines));
	json_object_set_new(object, "unreadable",
			    number(report->read.unreadable));
	json_object_set_new(object, "total", domain_object(&report->total));
	for (size_t i = 0; i < report->domains; i++)
		json_array_append_new(domains,
				      domain_object(&report->domain[i]));
	json_object_set_new(object, "domains", domains);
	for (size_t i = 0; i < report->rows; i++)
		json_array_append_new(rows, row_object(report,
						       &report->row[i]));
	json_object_set_new(object, "rows", rows);
	json_dumpf(object, file, JSON_INDENT(1) | JSON_ENSURE_ASCII);
	fputc('\n', file);
	json_decref(object);
}
