/* What was found, for a person and for a program. Findings come in the order
   in which they were looked for: what comes first may explain the rest. */

#include "shared/tools/check.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "shared/tools/json-text.h"
#include "shared/tools/run.h"

/* doveconf starts quickly; a network file system may not. */
#define RUN_SECONDS 30
#define RUN_OUTPUT_MAX ((size_t)16 << 20)

void check_add(struct check *check, const char *id, const char *what,
	       const char *leads_to, const char *write)
{
	struct check_finding *finding =
		gp_arena_alloc(check->arena, sizeof(*finding));

	finding->id = id;
	finding->what = gp_arena_strdup(check->arena, what);
	finding->leads_to = gp_arena_strdup(check->arena, leads_to);
	finding->write = gp_arena_strdup(check->arena, write);
	*check->next = finding;
	check->next = &finding->next;
	check->count++;
}

void check_add_text(struct check *check, const char *id, struct gp_text *what,
		    const char *leads_to, const char *write)
{
	check_add(check, id, what->data, leads_to, write);
	gp_text_clear(what);
}

static void add_failed_run(struct check *check, const char *id,
			   const char *program, const char *reason)
{
	struct gp_text what;

	gp_text_init(&what);
	gp_text_addf(&what, "%s: %s", program, reason);
	check_add_text(check, id, &what, "this server's configuration was "
		       "not checked", strcmp(id, "dovecot-config") == 0 ?
		       "correct the configuration, or name it with "
		       "--dovecot-config; where there is no Dovecot: "
		       "gatepost check --no-dovecot" :
		       "correct the configuration, or name it with "
		       "--postfix-config; where there is no Postfix: "
		       "gatepost check --no-postfix");
	gp_text_deinit(&what);
}

/* The first line of what a program had to complain. */
static const char *first_line(struct check *check, const struct gp_text *text)
{
	size_t len = strcspn(text->data, "\n");

	return len > 0 ? gp_arena_strndup(check->arena, text->data, len) :
	       "it fails without a word";
}

const char *check_run(struct check *check, const char *id,
		      const char *const argv[])
{
	const char *error, *output = NULL;
	struct gp_run run;

	if (gp_run(argv, RUN_SECONDS, RUN_OUTPUT_MAX, &run, &error) < 0) {
		add_failed_run(check, id, argv[0], error);
		return NULL;
	}
	if (run.status == 0)
		output = gp_arena_strdup(check->arena, run.output.data);
	else
		add_failed_run(check, id, argv[0],
			       first_line(check, &run.errors));
	gp_run_deinit(&run);
	return output;
}

/* What was not looked at, as a list of words. */
static const char *left_out(const struct check_options *options)
{
	if (options->no_dovecot && options->no_postfix)
		return "Dovecot and Postfix were left out";
	if (options->no_dovecot)
		return "Dovecot was left out";
	return options->no_postfix ? "Postfix was left out" : NULL;
}

static void print_indented(const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		printf("      %.*s\n", (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static void print_text(const struct check *check)
{
	const struct check_finding *finding;

	for (finding = check->findings; finding != NULL;
	     finding = finding->next) {
		printf("%s: %s\n  leads to: %s\n  write:\n", finding->id,
		       finding->what, finding->leads_to);
		print_indented(finding->write);
	}
	if (check->options->quiet)
		return;
	if (check->count == 0)
		printf("nothing is wrong");
	else
		printf("%zu %s wrong", check->count,
		       check->count == 1 ? "thing is" : "things are");
	if (left_out(check->options) != NULL)
		printf("; %s", left_out(check->options));
	putchar('\n');
}

static void print_json(const struct check *check)
{
	json_t *object = json_object();
	json_t *findings = json_array();
	const struct check_finding *finding;

	for (finding = check->findings; finding != NULL;
	     finding = finding->next) {
		json_t *one = json_object();

		json_object_set_new(one, "id", gp_json_text(finding->id));
		json_object_set_new(one, "what", gp_json_text(finding->what));
		json_object_set_new(one, "leads_to",
				    gp_json_text(finding->leads_to));
		json_object_set_new(one, "write", gp_json_text(finding->write));
		json_array_append_new(findings, one);
	}
	json_object_set_new(object, "findings", findings);
	json_object_set_new(object, "dovecot",
			    json_boolean(!check->options->no_dovecot));
	json_object_set_new(object, "postfix",
			    json_boolean(!check->options->no_postfix));
	json_dumpf(object, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(object);
}

void check_print(const struct check *check)
{
	if (check->options->json)
		print_json(check);
	else
		print_text(check);
}
