/* What policy requests mean: which are judged at all, with which facts, and
   what becomes of a verdict. The map is a stand-in that gives the verdict the
   test wants and keeps the request it was asked about. */

#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "postfix-policyd/policy.h"
#include "shared/base/log.h"
#include "shared/map/reader.h"

static const char *const submission_contexts[] = {
	"submission", "submissions", NULL
};
static const char *const implicit_contexts[] = { "submissions", NULL };
static const unsigned short submission_ports[] = { 465, 587, 0 };
static const unsigned short implicit_ports[] = { 465, 0 };

static struct gp_settings settings = {
	.map = "/map",
	.submission_contexts = submission_contexts,
	.implicit_tls_contexts = implicit_contexts,
	.submission_ports = submission_ports,
	.implicit_tls_ports = implicit_ports,
};

static struct gp_verdict verdict;
static struct gp_request judged;
static unsigned judgements, maps_opened, settings_freed;
static char logged[4096];

/* The linker puts these in the place of the real ones. */
struct gp_map *__wrap_gp_map_new(const char *path, uid_t owner);
void __wrap_gp_map_free(struct gp_map **map);
const struct gp_source *__wrap_gp_map_source(struct gp_map *map,
					     const char **error_r);
void __wrap_gp_map_judge(struct gp_map *map, const struct gp_policy *policy,
			 const struct gp_request *request,
			 struct gp_arena *scratch,
			 struct gp_verdict *verdict_r);
void __wrap_gp_settings_free(struct gp_settings **freed);

struct gp_map *__wrap_gp_map_new(const char *path, uid_t owner)
{
	assert_non_null(path);
	(void)owner;
	maps_opened++;
	return (struct gp_map *)&judged;
}

void __wrap_gp_map_free(struct gp_map **map)
{
	*map = NULL;
}

const struct gp_source *__wrap_gp_map_source(struct gp_map *map,
					     const char **error_r)
{
	assert_ptr_equal(map, &judged);
	*error_r = "there is no map";
	return NULL;
}

void __wrap_gp_map_judge(struct gp_map *map, const struct gp_policy *policy,
			 const struct gp_request *request,
			 struct gp_arena *scratch,
			 struct gp_verdict *verdict_r)
{
	assert_ptr_equal(map, &judged);
	assert_non_null(policy);
	assert_non_null(scratch);
	judgements++;
	judged = *request;
	*verdict_r = verdict;
}

void __wrap_gp_settings_free(struct gp_settings **freed)
{
	if (*freed != NULL)
		settings_freed++;
	*freed = NULL;
}

static void note_log(enum gp_log_level level, const char *line)
{
	(void)level;
	strncat(logged, line, sizeof(logged) - strlen(logged) - 1);
	strncat(logged, "\n", sizeof(logged) - strlen(logged) - 1);
}

static void set(struct gp_protocol_request *request,
		enum gp_protocol_attr attr, const char *str)
{
	request->value[attr].data = str;
	request->value[attr].len = strlen(str);
}

static void make(struct gp_protocol_request *request, const char *state,
		 const char *context, const char *port, const char *user)
{
	unsigned i;

	for (i = 0; i < GP_PROTOCOL_ATTRS; i++)
		set(request, i, "");
	set(request, GP_PROTOCOL_STATE, state);
	set(request, GP_PROTOCOL_CONTEXT, context);
	set(request, GP_PROTOCOL_SERVER_PORT, port);
	set(request, GP_PROTOCOL_SASL_USERNAME, user);
}

/* Everything Postfix has for a state, and what it may have some day. */
static const char *const all_states[] = {
	"CONNECT", "EHLO", "HELO", "MAIL", "RCPT", "DATA", "END-OF-MESSAGE",
	"VRFY", "ETRN", "", "rcpt", "connect", "CONNECTED", "NEW"
};
#define EARLY_STATES 4
#define STATES (sizeof(all_states) / sizeof(all_states[0]))

static void mail_from_outside_is_never_judged(void **state)
{
	static const struct {
		const char *context, *port;
	} cases[] = {
		{ "", "25" }, { "", "" }, { "", "2525" }, { "", "x587" },
		{ "", "0587x" }, { "", "655360587" }, { "", "66123" },
		{ "inbound", "25" }, { "inbound", "587" }, { "smtp", "465" },
		{ "Submission", "587" }, { "submission ", "587" },
		{ "submissio", "587" },
	};
	struct gp_protocol_request attributes;
	struct gp_request request;
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (j = 0; j < STATES; j++) {
			make(&attributes, all_states[j], cases[i].context,
			     cases[i].port, "");
			set(&attributes, GP_PROTOCOL_SENDER, "a@example.com");
			assert_false(gp_policy_read(&settings, &attributes,
						    &request));
		}
	}
}

static void a_submission_service_waits_for_auth(void **state)
{
	static const struct {
		const char *context, *port;
	} cases[] = {
		{ "submission", "25" }, { "submissions", "" },
		{ "webmail", "25" }, { "", "587" }, { "", "465" },
	};
	struct gp_protocol_request attributes;
	struct gp_request request;
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (j = 0; j < STATES; j++) {
			make(&attributes, all_states[j], cases[i].context,
			     cases[i].port, "");
			set(&attributes, GP_PROTOCOL_SENDER, "a@example.com");
			assert_int_equal(gp_policy_read(&settings, &attributes,
							&request),
					 j >= EARLY_STATES);
			if (j < EARLY_STATES)
				continue;
			assert_false(request.authenticated);
			assert_int_equal(request.sender_len, 13);
			assert_int_equal(request.service, GP_SUBMISSION);
		}
	}
}

static void a_user_is_judged_everywhere(void **state)
{
	static const struct {
		const char *context, *port;
		bool webmail;
		enum gp_fact implicit;
	} cases[] = {
		{ "", "25", false, GP_NO }, { "", "", false, GP_NO },
		{ "", "587", false, GP_NO }, { "", "465", false, GP_YES },
		{ "", "4650", false, GP_NO },
		{ "submission", "587", false, GP_NO },
		/* The port counts only where there is no context. */
		{ "submission", "465", false, GP_NO },
		{ "submissions", "587", false, GP_YES },
		{ "inbound", "25", false, GP_NO },
		{ "inbound", "465", false, GP_NO },
		{ "webmail", "465", true, GP_NO },
	};
	struct gp_protocol_request attributes;
	struct gp_request request;
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (j = 0; j < STATES; j++) {
			make(&attributes, all_states[j], cases[i].context,
			     cases[i].port, "Bob@Example.com");
			assert_true(gp_policy_read(&settings, &attributes,
						   &request));
			assert_true(request.authenticated);
			assert_int_equal(request.login_len, 15);
			assert_memory_equal(request.login, "Bob@Example.com",
					    15);
			assert_int_equal(request.service, GP_SUBMISSION);
			assert_int_equal(request.webmail_by_context,
					 cases[i].webmail);
			assert_int_equal(request.implicit, cases[i].implicit);
			assert_false(request.encryption_was_judged);
		}
	}
}

static void tls_versions(void **state)
{
	static const struct {
		const char *text;
		enum gp_tls_version version;
	} cases[] = {
		{ "", GP_TLS_NONE }, { "TLSv1", GP_TLS_1_0 },
		{ "TLSv1.1", GP_TLS_1_1 }, { "TLSv1.2", GP_TLS_1_2 },
		{ "TLSv1.3", GP_TLS_1_3 }, { "TLSv1.4", GP_TLS_UNKNOWN },
		{ "TLSv1.30", GP_TLS_UNKNOWN }, { "tlsv1.3", GP_TLS_UNKNOWN },
		{ "unknown", GP_TLS_UNKNOWN }, { "SSLv3", GP_TLS_NONE },
		{ "SSLv2", GP_TLS_NONE },
	};
	struct gp_protocol_request attributes;
	struct gp_request request;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make(&attributes, "RCPT", "submission", "", "a@b");
		set(&attributes, GP_PROTOCOL_ENCRYPTION, cases[i].text);
		assert_true(gp_policy_read(&settings, &attributes, &request));
		assert_int_equal(request.tls, cases[i].version);
		assert_false(request.tls_version_elsewhere);
	}
}

static void assert_address(const struct gp_address *address,
			   const char *expected)
{
	char storage[80];
	struct gp_text text;

	gp_text_init_fixed(&text, storage, sizeof(storage));
	gp_address_print(address, &text);
	assert_string_equal(storage, expected);
}

static void addresses(void **state)
{
	static const char long_text[] =
		"1111111111111111111111111111111111111111111111111111111111111"
		"1111111111111111111111111111111111111111111111111111111111111"
		"1111111111111111111111111111111111111111111111111111111111111";
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "192.0.2.1", "192.0.2.1" }, { "2001:db8::1", "2001:db8::1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" }, { "", "unknown" },
		{ "unknown", "unknown" }, { "192.0.2.1 ", "unknown" },
		{ "[2001:db8::1]", "unknown" }, { long_text, "unknown" },
	};
	struct gp_protocol_request attributes;
	struct gp_request request;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		make(&attributes, "RCPT", "submission", "", "a@b");
		set(&attributes, GP_PROTOCOL_CLIENT_ADDRESS, cases[i].text);
		set(&attributes, GP_PROTOCOL_SERVER_ADDRESS, cases[i].text);
		assert_true(gp_policy_read(&settings, &attributes, &request));
		assert_address(&request.client, cases[i].expected);
		assert_address(&request.connection, cases[i].expected);
		assert_address(&request.server, cases[i].expected);
		assert_false(request.client_was_forwarded);
	}
}

static void xclient_was_judged_before(void **state)
{
	struct gp_protocol_request attributes;
	struct gp_request request;

	(void)state;
	make(&attributes, "RCPT", "submission", "", "a@b");
	set(&attributes, GP_PROTOCOL_SASL_METHOD, "XCLIENT");
	set(&attributes, GP_PROTOCOL_CLIENT_ADDRESS, "192.0.2.1");
	assert_true(gp_policy_read(&settings, &attributes, &request));
	assert_true(request.encryption_was_judged);
	assert_false(request.client_was_forwarded);
	assert_address(&request.connection, "192.0.2.1");

	/* A webmail that hands its user over hands his address over. */
	set(&attributes, GP_PROTOCOL_CONTEXT, "webmail");
	assert_true(gp_policy_read(&settings, &attributes, &request));
	assert_true(request.client_was_forwarded);
	assert_address(&request.client, "192.0.2.1");
	assert_address(&request.connection, "unknown");

	set(&attributes, GP_PROTOCOL_SASL_METHOD, "PLAIN");
	assert_true(gp_policy_read(&settings, &attributes, &request));
	assert_false(request.encryption_was_judged);
	assert_false(request.client_was_forwarded);
	assert_address(&request.connection, "192.0.2.1");
}

/* Asks the door; returns the reply's bytes as a string. */
static const char *ask(struct gp_policy_door *door,
		       const struct gp_protocol_request *attributes)
{
	static char bytes[GP_PROTOCOL_REPLY_MAX + 1];
	struct gp_protocol_reply reply = { .action = GP_PROTOCOL_DEFER };

	logged[0] = '\0';
	judgements = 0;
	gp_policy_door_begin(door);
	gp_policy_door_answer(door, attributes, &reply);
	bytes[gp_protocol_encode(&reply, bytes)] = '\0';
	return bytes;
}

static void set_verdict(enum gp_verdict_kind kind, enum gp_cause cause)
{
	memset(&verdict, 0, sizeof(verdict));
	verdict.kind = kind;
	verdict.service = GP_SUBMISSION;
	verdict.finding.cause = cause;
	strcpy(verdict.finding.key, "example.com");
	strcpy(verdict.finding.file, "/etc/gatepost/rules");
	verdict.finding.line = 7;
	verdict.error = "the map is damaged";
}

static void verdicts_become_replies(void **state)
{
	static const struct {
		enum gp_verdict_kind kind;
		enum gp_cause cause;
		const char *reply, *log;
	} cases[] = {
		{ GP_ALLOW, GP_CAUSE_NONE, "action=DUNNO\n\n", "" },
		{ GP_REFUSE, GP_CAUSE_NAME, "action=550 5.7.1 ", "refused: " },
		{ GP_REFUSE, GP_CAUSE_UNAUTHENTICATED,
		  "action=530 5.7.0 Authentication required", "refused: " },
		{ GP_REFUSE, GP_CAUSE_OFF, "action=550 5.7.1 ", "cause=off" },
		{ GP_REFUSE, GP_CAUSE_NETWORK, "action=554 5.7.1 ",
		  "line=7, disclosed=yes" },
		{ GP_REFUSE, GP_CAUSE_CLEARTEXT, "action=530 5.7.0 Must issue "
		  "a STARTTLS command first", "rule=<example.com>" },
		{ GP_REFUSE, GP_CAUSE_IMPLICIT, "action=550 5.7.10 ",
		  "user=<a@b>" },
		{ GP_REFUSE, GP_CAUSE_TLS_VERSION, "action=550 5.7.10 ",
		  "from=<s@example.com>" },
		{ GP_TRIAL, GP_CAUSE_OFF, "action=INFO would reject: "
		  "550 5.7.1 ", "would be refused: " },
		{ GP_DEFER, GP_CAUSE_NONE, "action=451 4.3.0 ",
		  "error=the map is damaged" },
	};
	struct gp_protocol_request attributes;
	struct gp_policy_door *door = gp_policy_door_new(&settings, false);
	const char *reply;
	size_t i;

	(void)state;
	gp_log_set_sink(note_log);
	make(&attributes, "RCPT", "submission", "", "a@b");
	set(&attributes, GP_PROTOCOL_SENDER, "s@example.com");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set_verdict(cases[i].kind, cases[i].cause);
		reply = ask(door, &attributes);
		assert_memory_equal(reply, cases[i].reply,
				    strlen(cases[i].reply));
		assert_int_equal(judgements, 1);
		assert_non_null(strstr(logged, cases[i].log));
		assert_int_equal(logged[0] == '\0', cases[i].log[0] == '\0');
	}
	gp_policy_door_free(&door);
	gp_log_set_sink(NULL);
}

/* Whatever the state of the map is. */
static void port_25_does_not_look_at_the_map(void **state)
{
	struct gp_protocol_request attributes;
	struct gp_policy_door *door = gp_policy_door_new(&settings, false);
	size_t i;

	(void)state;
	gp_log_set_sink(note_log);
	set_verdict(GP_DEFER, GP_CAUSE_NONE);
	for (i = 0; i < STATES; i++) {
		make(&attributes, all_states[i], "", "25", "");
		assert_string_equal(ask(door, &attributes),
				    "action=DUNNO\n\n");
		assert_int_equal(judgements, 0);
		assert_string_equal(logged, "");
	}
	gp_policy_door_free(&door);
	gp_log_set_sink(NULL);
}

static void what_was_sent_is_escaped(void **state)
{
	static const char evil[] = "x\r\x1b[31m\"<>\\\xff y";
	struct gp_protocol_request attributes;
	struct gp_policy_door *door = gp_policy_door_new(&settings, true);
	const char *reply, *p;
	unsigned i;

	(void)state;
	gp_log_set_sink(note_log);
	make(&attributes, "RCPT", "", "587", evil);
	for (i = GP_PROTOCOL_CLIENT_ADDRESS; i < GP_PROTOCOL_ATTRS; i++)
		set(&attributes, i, evil);
	set_verdict(GP_REFUSE, GP_CAUSE_OFF);
	reply = ask(door, &attributes);
	assert_null(strstr(reply, "31m"));
	assert_non_null(strstr(logged, "\\x1b[31m"));
	assert_non_null(strstr(logged, "request: action=reject"));
	for (p = logged; *p != '\0'; p++)
		assert_true(*p == '\n' || (*p >= ' ' && *p <= '~'));
	assert_null(strchr(logged, '"'));
	gp_policy_door_free(&door);
	gp_log_set_sink(NULL);
}

static void new_settings_keep_the_map(void **state)
{
	struct gp_settings same = settings, other = settings;
	struct gp_policy_door *door;

	(void)state;
	maps_opened = settings_freed = 0;
	other.map = "/other";
	logged[0] = '\0';
	gp_log_set_sink(note_log);
	door = gp_policy_door_new(&settings, false);
	assert_int_equal(maps_opened, 1);
	gp_policy_door_set(door, &same);
	assert_int_equal(maps_opened, 1);
	assert_int_equal(settings_freed, 1);
	gp_policy_door_set(door, &other);
	assert_int_equal(maps_opened, 2);
	assert_string_equal(logged, "there is no map\nthere is no map\n");
	gp_log_set_sink(NULL);
	gp_policy_door_free(&door);
	assert_null(door);
	assert_int_equal(settings_freed, 3);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(mail_from_outside_is_never_judged),
		cmocka_unit_test(a_submission_service_waits_for_auth),
		cmocka_unit_test(a_user_is_judged_everywhere),
		cmocka_unit_test(tls_versions),
		cmocka_unit_test(addresses),
		cmocka_unit_test(xclient_was_judged_before),
		cmocka_unit_test(verdicts_become_replies),
		cmocka_unit_test(port_25_does_not_look_at_the_map),
		cmocka_unit_test(what_was_sent_is_escaped),
		cmocka_unit_test(new_settings_keep_the_map),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
