/* The fields that scripts rely on, and no others. What is not there is null. */

#include "shared/tools/explain.h"

#include <jansson.h>
#include <stdio.h>

#include "shared/tools/json-text.h"

static json_t *line_or_null(const char *key, uint32_t line)
{
	return key != NULL ? json_integer(line) : json_null();
}

static void add_verdict(json_t *object, const struct gp_verdict *verdict)
{
	bool found = verdict->kind == GP_REFUSE || verdict->kind == GP_TRIAL;
	const struct gp_finding *finding = &verdict->finding;
	const char *key = found && finding->key[0] != '\0' ? finding->key :
			  NULL;

	json_object_set_new(object, "verdict",
			    json_string(gp_verdict_name(verdict->kind)));
	json_object_set_new(object, "cause", found ?
			    json_string(gp_cause_name(finding->cause)) :
			    json_null());
	json_object_set_new(object, "key", gp_json_text(key));
	json_object_set_new(object, "line", line_or_null(key, finding->line));
	json_object_set_new(object, "disclosed",
			    verdict->kind == GP_REFUSE ?
			    json_boolean(verdict->disclosed) : json_null());
}

static json_t *texts_object(const struct explain_texts *texts)
{
	json_t *object = json_object();

	json_object_set_new(object, "imap", gp_json_text(texts->imap));
	json_object_set_new(object, "pop3", gp_json_text(texts->pop3));
	json_object_set_new(object, "sasl", gp_json_text(texts->sasl));
	json_object_set_new(object, "smtp", gp_json_text(texts->smtp));
	return object;
}

static json_t *attribute_object(const struct explain_attribute *attribute)
{
	json_t *object = json_object();

	json_object_set_new(object, "value",
			    gp_json_text(attribute->value));
	json_object_set_new(object, "key", gp_json_text(attribute->key));
	json_object_set_new(object, "line",
			    line_or_null(attribute->key, attribute->line));
	return object;
}

void explain_print_json(const struct explanation *explanation)
{
	json_t *object = json_object();
	json_t *attributes = json_object();

	add_verdict(object, &explanation->verdict);
	json_object_set_new(object, "text",
			    texts_object(&explanation->texts));
	for (size_t i = 0; i < explanation->attribute_count; i++)
		json_object_set_new(attributes,
			explanation->attribute[i].name,
			attribute_object(&explanation->attribute[i]));
	json_object_set_new(object, "attributes", attributes);
	json_dumpf(object, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(object);
}
