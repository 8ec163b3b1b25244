/* Asks the evaluator itself, many times in one process: the random rules of
   random-rules.py would otherwise cost a process for each request.

   Standard input holds records of fields separated by tabs, one a line:
   "policy NAME=VALUE...", "rules LENGTH..." followed by that many bytes of
   each rules file, and "ask NAME=VALUE...". Each of the last two is answered
   by one line: "accepted" or "refused", and the verdict's fields. Input that
   this does not understand ends it with status 1: its only writer is the
   test. So does a cleartext login that is let in from where the rules' summary
   says that none is. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shared/base/arena.h"
#include "shared/base/text.h"
#include "shared/map/image.h"
#include "shared/map/summary.h"
#include "shared/net/address.h"
#include "shared/rules/check.h"
#include "shared/rules/decide.h"
#include "shared/rules/parse.h"

struct ask {
	struct gp_policy policy;
	struct gp_arena *policy_arena;
	char default_domain[256];
	char recipient_delimiter[16];
	struct gp_image *image;
	struct gp_arena *summary_arena;
	struct gp_summary summary;
	struct gp_arena *scratch;
};

static void fail(const char *what, const char *value)
{
	fprintf(stderr, "ask: %s: %s\n", what, value);
	exit(1);
}

/* The next field of a record, its value separated from its name. NULL after
   the last. */
static const char *next_field(char **record, const char **value_r)
{
	char *name = strsep(record, "\t");
	char *value;

	if (name == NULL || *name == '\0')
		return NULL;
	value = strchr(name, '=');
	if (value == NULL)
		fail("a field without =", name);
	*value = '\0';
	*value_r = value + 1;
	return name;
}

static void read_networks(struct ask *ask, const char *value,
			  struct gp_netset *set_r)
{
	struct gp_netset_builder builder;
	char *list = gp_arena_strdup(ask->policy_arena, value);
	const char *error, *word;

	gp_netset_builder_init(&builder);
	while ((word = strsep(&list, " ")) != NULL) {
		if (*word != '\0' &&
		    gp_netset_builder_add(&builder, word, ask->policy_arena,
					  &error) < 0)
			fail("a network", error);
	}
	gp_netset_builder_finish(&builder, ask->policy_arena, set_r);
	gp_netset_builder_deinit(&builder);
}

static enum gp_disclose read_disclose(const char *value)
{
	if (strcmp(value, "mailbox") == 0)
		return GP_DISCLOSE_MAILBOX;
	if (strcmp(value, "none") == 0)
		return GP_DISCLOSE_NONE;
	return GP_DISCLOSE_DOMAIN;
}

/* "none", "unknown" or a version. */
static enum gp_tls_version read_version(const char *value)
{
	if (strcmp(value, "none") == 0)
		return GP_TLS_NONE;
	if (strcmp(value, "unknown") == 0)
		return GP_TLS_UNKNOWN;
	return gp_tls_version_from_name(value, strlen(value));
}

static void read_setting(struct ask *ask, const char *name, const char *value)
{
	struct gp_policy *policy = &ask->policy;

	if (strcmp(name, "default_domain") == 0)
		snprintf(ask->default_domain, sizeof(ask->default_domain),
			 "%s", value);
	else if (strcmp(name, "recipient_delimiter") == 0)
		snprintf(ask->recipient_delimiter,
			 sizeof(ask->recipient_delimiter), "%s", value);
	else if (strcmp(name, "webmail_networks") == 0)
		read_networks(ask, value, &policy->webmail_networks);
	else if (strcmp(name, "exempt_networks") == 0)
		read_networks(ask, value, &policy->exempt_networks);
	else if (strcmp(name, "local_is_encrypted") == 0)
		policy->local_is_encrypted = strcmp(value, "yes") == 0;
	else if (strcmp(name, "unknown_tls_version") == 0)
		policy->unknown_tls_version = read_version(value);
	else if (strcmp(name, "disclose") == 0)
		policy->disclose = read_disclose(value);
	else
		fail("unknown setting", name);
}

static void read_policy(struct ask *ask, char *record)
{
	const char *name, *value;

	gp_arena_reset(ask->policy_arena);
	memset(&ask->policy, 0, sizeof(ask->policy));
	while ((name = next_field(&record, &value)) != NULL)
		read_setting(ask, name, value);
}

/* Reads a file's text from standard input. */
static void read_file(struct ask *ask, struct gp_parser *parser,
		      uint32_t number, const char *length)
{
	size_t len = strtoul(length, NULL, 10);
	char *text = malloc(len + 1), name[16];

	if (text == NULL || fread(text, 1, len, stdin) != len)
		fail("rules end early", length);
	snprintf(name, sizeof(name), "%u", number);
	gp_image_add_file(ask->image, name);
	gp_parser_begin_file(parser, number);
	gp_parser_feed(parser, text, len);
	gp_parser_end_file(parser);
	free(text);
}

/* Parses and checks as gatemap does. */
static bool compile(struct ask *ask, char *record)
{
	struct gp_diagnostics *diagnostics = gp_diagnostics_new();
	struct gp_parser *parser;
	const char *error, *length;
	uint32_t number = 0;
	bool good;

	gp_image_set_names(ask->image, ask->default_domain,
			   ask->recipient_delimiter);
	parser = gp_parser_new(gp_image_sink(ask->image), diagnostics);
	while ((length = strsep(&record, "\t")) != NULL)
		read_file(ask, parser, number++, length);
	gp_parser_finish(parser);
	gp_image_finish(ask->image);
	good = gp_diagnostics_errors(diagnostics) == 0;
	if (good && gp_check_rules(gp_image_source(ask->image), &ask->policy,
				   diagnostics, &error) < 0)
		fail("damaged rules", error);
	good = gp_diagnostics_errors(diagnostics) == 0;
	gp_parser_free(&parser);
	gp_diagnostics_free(&diagnostics);
	return good;
}

static void read_rules(struct ask *ask, char *record)
{
	const char *error;
	bool good;

	gp_image_free(&ask->image);
	ask->image = gp_image_new();
	good = compile(ask, record);
	puts(good ? "accepted" : "refused");
	gp_arena_reset(ask->summary_arena);
	if (good && gp_summary_make(gp_image_source(ask->image),
				    ask->summary_arena, &ask->summary,
				    &error) < 0)
		fail("no summary", error);
}

/* Dovecot's login processes ask for no password where no rule, at whatever
   time, lets cleartext in. */
static void check_summary(const struct ask *ask,
			  const struct gp_request *request,
			  const struct gp_verdict *verdict)
{
	if (verdict->kind != GP_ALLOW && verdict->kind != GP_TRIAL)
		return;
	if (request->tls != GP_TLS_NONE || request->encryption_was_judged ||
	    verdict->local || verdict->exempt || ask->summary.anywhere ||
	    gp_netset_contains(&ask->summary.networks, &request->connection))
		return;
	fail("the summary lacks the network of", request->login);
}

static void read_address(const char *value, struct gp_address *address_r)
{
	if (gp_address_parse(value, address_r) < 0)
		fail("an address", value);
}

static enum gp_fact read_fact(const char *value)
{
	if (strcmp(value, "elsewhere") == 0)
		return GP_ELSEWHERE;
	return strcmp(value, "yes") == 0 ? GP_YES : GP_NO;
}

static void read_place(struct gp_request *request, const char *name,
		       const char *value)
{
	if (strcmp(name, "client") == 0) {
		read_address(value, &request->client);
		request->client_was_forwarded = true;
		if (!request->connection.known)
			request->connection = request->client;
	} else if (strcmp(name, "peer") == 0) {
		read_address(value, &request->connection);
	} else if (strcmp(name, "server") == 0) {
		read_address(value, &request->server);
	} else {
		fail("unknown fact", name);
	}
}

static void read_service(struct gp_request *request, const char *value)
{
	int service = gp_service_from_name(value, strlen(value));

	if (service < 0)
		fail("a service", value);
	/* As "gatepost explain" asks. */
	request->webmail_by_context = service == GP_WEBMAIL;
	request->service = service == GP_WEBMAIL ? GP_IMAP : service;
}

static void read_fact_of(struct gp_request *request, const char *name,
			 const char *value)
{
	if (strcmp(name, "login") == 0) {
		request->login = value;
		request->login_len = strlen(value);
	} else if (strcmp(name, "sender") == 0) {
		/* As "gatepost explain" reads it. */
		request->sender = value;
		request->sender_len = strcmp(value, "<>") == 0 ?
			0 : strlen(value);
	} else if (strcmp(name, "service") == 0) {
		read_service(request, value);
	} else if (strcmp(name, "context") == 0) {
		request->webmail_by_context |= strcmp(value, "webmail") == 0;
	} else if (strcmp(name, "tls") == 0) {
		request->tls = read_version(value);
	} else if (strcmp(name, "version") == 0) {
		request->tls_version_elsewhere =
			strcmp(value, "elsewhere") == 0;
	} else if (strcmp(name, "implicit") == 0) {
		request->implicit = read_fact(value);
	} else if (strcmp(name, "judged") == 0) {
		request->encryption_was_judged = strcmp(value, "yes") == 0;
	} else if (strcmp(name, "auth") == 0) {
		request->authenticated = strcmp(value, "yes") == 0;
	} else {
		read_place(request, name, value);
	}
}

static void print_finding(const struct gp_finding *finding)
{
	printf("%s\t%s\t%s\t%u\t%s\t%s", gp_cause_name(finding->cause),
	       finding->key, finding->file, finding->line, finding->message,
	       finding->help);
}

static void answer(struct ask *ask, char *record)
{
	struct gp_request request;
	struct gp_verdict verdict;
	const char *name, *value;
	long long now = 0;

	memset(&request, 0, sizeof(request));
	while ((name = next_field(&record, &value)) != NULL) {
		if (strcmp(name, "at") == 0)
			now = atoll(value);
		else
			read_fact_of(&request, name, value);
	}
	if (!request.client_was_forwarded)
		request.client = request.connection;
	gp_arena_reset(ask->scratch);
	gp_decide(gp_image_source(ask->image), &ask->policy, &request, now,
		  ask->scratch, &verdict);
	check_summary(ask, &request, &verdict);
	printf("%s\t", gp_verdict_name(verdict.kind));
	print_finding(&verdict.finding);
	printf("\t%s\t", verdict.disclosed ? "yes" : "no");
	print_finding(&verdict.told);
	putchar('\n');
}

int main(void)
{
	struct ask ask = {
		.policy_arena = gp_arena_new(),
		.summary_arena = gp_arena_new(),
		.scratch = gp_arena_new(),
	};
	char *line = NULL, *record;
	const char *kind;
	size_t size = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (getline(&line, &size, stdin) > 0) {
		line[strcspn(line, "\n")] = '\0';
		record = line;
		kind = strsep(&record, "\t");
		if (strcmp(kind, "policy") == 0)
			read_policy(&ask, record);
		else if (strcmp(kind, "rules") == 0)
			read_rules(&ask, record);
		else if (strcmp(kind, "ask") == 0)
			answer(&ask, record);
		else
			fail("unknown record", kind);
	}
	free(line);
	gp_image_free(&ask.image);
	gp_arena_free(&ask.scratch);
	gp_arena_free(&ask.summary_arena);
	gp_arena_free(&ask.policy_arena);
	return 0;
}
