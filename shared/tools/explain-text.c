/* For a person who wants to know at a glance: the verdict in one line, which
   rule, what the client sees, and every value with its origin. */

#include "shared/tools/explain.h"

#include <stdio.h>
#include <string.h>

#include "shared/base/clock.h"

static const char *const verdict_words[] = {
	[GP_ALLOW] = "allowed",
	[GP_TRIAL] = "allowed, but a rule on trial would refuse",
	[GP_REFUSE] = "refused",
	[GP_DEFER] = "deferred",
};

static const char *cause_words(enum gp_cause cause)
{
	switch (cause) {
	case GP_CAUSE_NAME:
		return "this is no valid name";
	case GP_CAUSE_UNAUTHENTICATED:
		return "mail without a login is not accepted here";
	case GP_CAUSE_OFF:
		return "the service is off";
	case GP_CAUSE_NETWORK:
		return "not from this address";
	case GP_CAUSE_CLEARTEXT:
		return "the connection is not encrypted";
	case GP_CAUSE_IMPLICIT:
		return "TLS from the first byte is required";
	case GP_CAUSE_TLS_VERSION:
		return "the TLS version is too low";
	default:
		return NULL;
	}
}

/* What was typed may hold anything. */
static void print_escaped(const char *str)
{
	struct gp_text text;

	gp_text_init(&text);
	gp_text_add_escaped(&text, str, strlen(str), strlen(str));
	fputs(text.data, stdout);
	gp_text_deinit(&text);
}

static void print_verdict(const struct explanation *explanation)
{
	const struct gp_verdict *verdict = &explanation->verdict;
	const char *why = cause_words(verdict->finding.cause);

	print_escaped(explanation->asked->login);
	printf(" %s: %s", explanation->asked->service,
	       verdict_words[verdict->kind]);
	if (why != NULL && verdict->kind != GP_ALLOW)
		printf(": %s (%s)", why,
		       gp_cause_name(verdict->finding.cause));
	if (verdict->kind == GP_DEFER && verdict->error != NULL)
		printf(": %s", verdict->error);
	if (verdict->exempt)
		printf(" (from exempt_networks: not judged)");
	putchar('\n');
	if (verdict->local)
		printf("  The connection is local: it crosses no network.\n");
}

static void print_rule(const struct gp_finding *finding)
{
	if (finding->key[0] != '\0')
		printf("  rule       %s (%s:%u)\n", finding->key,
		       finding->file, finding->line);
	else if (finding->cause != GP_CAUSE_NAME)
		printf("  rule       none: what is built in\n");
}

static void print_told(const char *who, const char *text)
{
	if (text != NULL)
		printf("  %-10s %s\n", who, text);
}

static void print_texts(const struct explanation *explanation)
{
	const struct gp_verdict *verdict = &explanation->verdict;
	const struct explain_texts *texts = &explanation->texts;

	if (verdict->kind == GP_REFUSE)
		printf("  disclosed  %s\n", verdict->disclosed ? "yes" :
		       "no: it looks like a name that does not exist");
	print_told("IMAP", texts->imap);
	print_told("POP3", texts->pop3);
	print_told("SASL", texts->sasl);
	print_told("SMTP", texts->smtp);
}

static int column_width(size_t longest)
{
	return longest > 40 ? 40 : (int)longest;
}

/* Why it beats what stands below, and for how long. */
static void print_origin(const struct explain_attribute *attribute,
			 int key_width)
{
	struct gp_text until;

	printf("  %-*s  %s:%u%s", key_width, attribute->key, attribute->file,
	       attribute->line, attribute->locked ? "  locked" : "");
	if (attribute->until != GP_TIME_LAST) {
		gp_text_init(&until);
		gp_time_print(attribute->until, &until);
		printf("  until %s", until.data);
		gp_text_deinit(&until);
	}
	putchar('\n');
}

/* What would hold without the lines above it. */
static void print_beaten(const struct explain_attribute *attribute,
			 int value_width, int key_width)
{
	const struct explain_beaten *beaten = attribute->beaten;

	for (; beaten != NULL; beaten = beaten->next)
		printf("  %-20s %-*s  %-*s  %s:%u\n", "  beats",
		       value_width, beaten->value, key_width, beaten->key,
		       beaten->file, beaten->line);
}

static void print_attributes(const struct explanation *explanation)
{
	size_t value_len = 0, key_len = 0;

	for (size_t i = 0; i < explanation->attribute_count; i++) {
		const struct explain_attribute *attribute =
			&explanation->attribute[i];
		const char *value = attribute->value;
		const char *key = attribute->key;

		if (value != NULL && strlen(value) > value_len)
			value_len = strlen(value);
		if (key != NULL && strlen(key) > key_len)
			key_len = strlen(key);
	}
	for (size_t i = 0; i < explanation->attribute_count; i++) {
		const struct explain_attribute *attribute =
			&explanation->attribute[i];

		if (attribute->value == NULL)
			continue;
		printf("  %-20s %-*s", attribute->name,
		       column_width(value_len), attribute->value);
		if (attribute->key != NULL)
			print_origin(attribute, column_width(key_len));
		else
			printf("  (built in)\n");
		print_beaten(attribute, column_width(value_len),
			     column_width(key_len));
	}
}

void explain_print_text(const struct explanation *explanation)
{
	const struct gp_verdict *verdict = &explanation->verdict;

	print_verdict(explanation);
	if (verdict->kind == GP_REFUSE || verdict->kind == GP_TRIAL)
		print_rule(&verdict->finding);
	print_texts(explanation);
	if (explanation->attribute_count > 0) {
		printf("\n");
		print_attributes(explanation);
	}
}
