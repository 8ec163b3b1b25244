/* Columns have a fixed width: the first row is printed before the second is
   known. */

#include "shared/tools/list.h"

#include <jansson.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/tools/json-text.h"

void list_print_head(enum list_format format)
{
	if (format == LIST_TABLE)
		printf("%-32s %-9s %-9s %-10s %-9s %-9s %-3s  %s\n", "KEY",
		       "IMAP", "POP3", "SUBMISSION", "SIEVE", "WEBMAIL",
		       "TLS", "WHY");
	else if (format == LIST_CSV)
		printf("key,imap,pop3,submission,sieve,webmail,tls_min,"
		       "restricted,exception,trial,locked_by,until,where,"
		       "note,same_as\n");
}

static void print_time(int64_t seconds, struct gp_text *text)
{
	gp_text_clear(text);
	if (seconds != GP_TIME_LAST)
		gp_time_print(seconds, text);
}

static void add_names(struct gp_text *text, uint32_t attrs)
{
	const char *separator = "";

	for (unsigned attr = 0; attr < EFFECT_ATTRS; attr++) {
		if ((attrs & GP_ATTR_BIT(attr)) == 0)
			continue;
		gp_text_addf(text, "%s%s", separator,
			     gp_attribute_name(attr));
		separator = ",";
	}
}

static void add_mark(struct gp_text *text, const char *what, uint32_t attrs)
{
	if (attrs == 0)
		return;
	gp_text_addf(text, "%s%s(", text->len > 0 ? " " : "", what);
	add_names(text, attrs);
	gp_text_add_char(text, ')');
}

static void add_why(const struct list_row *row, struct gp_text *text)
{
	add_mark(text, "restricted", row->restricted);
	add_mark(text, "exception", row->exceptions);
	add_mark(text, "trial", row->trials);
	if (row->locked_by[0] != '\0')
		gp_text_addf(text, "%slocked by %s", text->len > 0 ? " " : "",
			     row->locked_by);
	if (row->same_as.len > 0)
		gp_text_addf(text, "%sas %s", text->len > 0 ? " " : "",
			     row->same_as.data);
	if (row->until != GP_TIME_LAST) {
		gp_text_add(text, text->len > 0 ? " until " : "until ");
		gp_time_print(row->until, text);
	}
}

static void print_table(const struct list_row *row)
{
	const struct effect *effect = &row->effect;
	struct gp_text why;

	gp_text_init(&why);
	add_why(row, &why);
	printf("%-32s %-9s %-9s %-10s %-9s %-9s %-3s%s%s\n", row->key,
	       gp_value_name(effect->service[GP_IMAP]),
	       gp_value_name(effect->service[GP_POP3]),
	       gp_value_name(effect->service[GP_SUBMISSION]),
	       gp_value_name(effect->service[GP_SIEVE]),
	       gp_value_name(effect->service[GP_WEBMAIL]),
	       gp_tls_version_name(effect->tls_min),
	       why.len > 0 ? "  " : "", why.data);
	gp_text_deinit(&why);
}

/* A reseller's note or mailbox is no formula in his provider's spreadsheet:
   as in report-csv.c, it gets an apostrophe in front. */
static void print_field(const char *text, char end)
{
	bool formula = *text != '\0' && strchr("=+-@", *text) != NULL &&
		       text[1] != '\0';

	if (strpbrk(text, ",\"\n\r") == NULL) {
		printf("%s%s%c", formula ? "'" : "", text, end);
		return;
	}
	fputs(formula ? "\"'" : "\"", stdout);
	for (; *text != '\0'; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	printf("\"%c", end);
}

static void print_names(uint32_t attrs, struct gp_text *text)
{
	gp_text_clear(text);
	add_names(text, attrs);
	print_field(text->data, ',');
}

static void print_csv(const struct list_row *row)
{
	struct gp_text text;

	gp_text_init(&text);
	print_field(row->key, ',');
	for (unsigned i = 0; i < GP_SERVICES; i++)
		print_field(gp_value_name(row->effect.service[i]), ',');
	print_field(gp_tls_version_name(row->effect.tls_min), ',');
	print_names(row->restricted, &text);
	print_names(row->exceptions, &text);
	print_names(row->trials, &text);
	print_field(row->locked_by, ',');
	print_time(row->until, &text);
	print_field(text.data, ',');
	print_field(row->where.data, ',');
	print_field(row->notes.data, ',');
	print_field(row->same_as.data, '\n');
	gp_text_deinit(&text);
}

static json_t *names_json(uint32_t attrs)
{
	json_t *array = json_array();

	for (unsigned attr = 0; attr < EFFECT_ATTRS; attr++) {
		if ((attrs & GP_ATTR_BIT(attr)) != 0)
			json_array_append_new(array, json_string(
					      gp_attribute_name(attr)));
	}
	return array;
}

static json_t *values_json(const struct effect *effect)
{
	json_t *object = json_object();
	struct gp_text text;

	gp_text_init(&text);
	for (unsigned attr = 0; attr < EFFECT_ATTRS; attr++) {
		gp_text_clear(&text);
		effect_print(effect, attr, &text);
		json_object_set_new(object, gp_attribute_name(attr),
				    text.len > 0 ? gp_json_text(text.data) :
				    json_null());
	}
	gp_text_deinit(&text);
	return object;
}

static void print_json(const struct list_row *row)
{
	json_t *object = json_object();
	struct gp_text text;

	gp_text_init(&text);
	print_time(row->until, &text);
	json_object_set_new(object, "key", gp_json_text(row->key));
	json_object_set_new(object, "values", values_json(&row->effect));
	json_object_set_new(object, "restricted", names_json(row->restricted));
	json_object_set_new(object, "exceptions", names_json(row->exceptions));
	json_object_set_new(object, "trials", names_json(row->trials));
	json_object_set_new(object, "locked", names_json(row->locked));
	json_object_set_new(object, "locked_by", row->locked_by[0] != '\0' ?
			    gp_json_text(row->locked_by) : json_null());
	json_object_set_new(object, "same_as", row->same_as.len > 0 ?
			    gp_json_text(row->same_as.data) : json_null());
	json_object_set_new(object, "until", text.len > 0 ?
			    json_string(text.data) : json_null());
	json_object_set_new(object, "where", gp_json_text(row->where.data));
	json_object_set_new(object, "note", gp_json_text(row->notes.data));
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
	gp_text_deinit(&text);
}

void list_print_row(const struct list_row *row, enum list_format format)
{
	if (format == LIST_CSV)
		print_csv(row);
	else if (format == LIST_JSON)
		print_json(row);
	else
		print_table(row);
}
