/* What Dovecot knows of a login, and what is made of it. */

#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "shared/base/text.h"
#include "dovecot-plugin/facts.h"

struct transport_case {
	const char *service;
	enum gp_secured secured;
	enum gp_tls_version tls;
	bool version_elsewhere;
	enum gp_fact implicit;
};

static const struct transport_case transports[] = {
	{ "imap", GP_SECURED_NO, GP_TLS_NONE, false, GP_NO },
	{ "imap", GP_SECURED, GP_TLS_NONE, false, GP_NO },
	{ "imap", GP_SECURED_TLS, GP_TLS_UNKNOWN, false, GP_NO },
	{ "submission", GP_SECURED, GP_TLS_NONE, false, GP_NO },
	{ "sieve", GP_SECURED_TLS, GP_TLS_UNKNOWN, false, GP_NO },
	{ "smtp", GP_SECURED_NO, GP_TLS_NONE, false, GP_NO },
	{ "smtp", GP_SECURED, GP_TLS_UNKNOWN, true, GP_ELSEWHERE },
	{ "smtp", GP_SECURED_TLS, GP_TLS_UNKNOWN, true, GP_ELSEWHERE },
	{ "xmpp", GP_SECURED, GP_TLS_NONE, false, GP_NO }
};

static void test_transport(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(transports) / sizeof(*transports); i++) {
		const struct transport_case *c = &transports[i];
		struct gp_facts facts = {
			.service = c->service, .secured = c->secured
		};
		struct gp_request request;

		gp_facts_request(&facts, GP_SUBMISSION, &request);
		assert_int_equal(request.service, GP_SUBMISSION);
		assert_int_equal(request.tls, c->tls);
		assert_int_equal(request.tls_version_elsewhere,
				 c->version_elsewhere);
		assert_int_equal(request.implicit, c->implicit);
		assert_true(request.authenticated);
	}
}

struct address_case {
	const char *remote, *real_remote, *real_local;
	/* What is expected: "" is unknown. */
	const char *connection, *client, *server;
	bool forwarded;
};

static const struct address_case addresses[] = {
	{ "192.0.2.1", "192.0.2.1", "192.0.2.25",
	  "192.0.2.1", "192.0.2.1", "192.0.2.25", false },
	/* Local: nobody is spoken for. */
	{ "127.0.0.1", "127.0.0.1", "127.0.0.1",
	  "127.0.0.1", "127.0.0.1", "127.0.0.1", false },
	/* A proxy on the server's own address: never local. */
	{ "203.0.113.7", "192.0.2.25", "192.0.2.25",
	  "192.0.2.25", "203.0.113.7", "", true },
	{ "203.0.113.7", "127.0.0.1", "127.0.0.1",
	  "127.0.0.1", "203.0.113.7", "", true },
	/* Both families, one address. */
	{ "::ffff:192.0.2.1", "192.0.2.1", "192.0.2.25",
	  "192.0.2.1", "192.0.2.1", "192.0.2.25", false },
	/* doveadm auth test */
	{ "", "", "", "", "", "", false },
	{ "192.0.2.1", "", "", "", "192.0.2.1", "", false }
};

static struct gp_address address(const char *str)
{
	struct gp_address parsed;

	(void)gp_address_parse(str, &parsed);
	return parsed;
}

static void assert_address(const struct gp_address *got, const char *expected)
{
	struct gp_address wanted = address(expected);

	assert_int_equal(got->known, wanted.known);
	assert_memory_equal(got->bytes, wanted.bytes, sizeof(wanted.bytes));
}

static void test_addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
		const struct address_case *c = &addresses[i];
		struct gp_facts facts = {
			.service = "imap",
			.remote = address(c->remote),
			.real_remote = address(c->real_remote),
			.real_local = address(c->real_local)
		};
		struct gp_request request;

		gp_facts_request(&facts, GP_IMAP, &request);
		assert_address(&request.connection, c->connection);
		assert_address(&request.client, c->client);
		assert_address(&request.server, c->server);
		assert_int_equal(request.client_was_forwarded, c->forwarded);
	}
}

/* The plugin's word counts, whatever else is said. */
static void test_word(void **state)
{
	const struct gp_word word = {
		.tls = true, .version = GP_TLS_1_3, .implicit = true,
		.connection = address("203.0.113.7"),
		.server = address("192.0.2.25")
	};
	struct gp_facts facts = {
		.service = "imap", .word = &word,
		.remote = address("203.0.113.7"),
		.real_remote = address("192.0.2.80"),
		.real_local = address("192.0.2.25")
	};
	struct gp_request request;

	(void)state;
	gp_facts_request(&facts, GP_IMAP, &request);
	assert_int_equal(request.tls, GP_TLS_1_3);
	assert_int_equal(request.implicit, GP_YES);
	assert_address(&request.connection, "203.0.113.7");
	assert_address(&request.server, "192.0.2.25");
	assert_false(request.client_was_forwarded);

	/* A webmail that tells its client's address. */
	facts.remote = address("198.51.100.1");
	gp_facts_request(&facts, GP_IMAP, &request);
	assert_address(&request.connection, "203.0.113.7");
	assert_address(&request.client, "198.51.100.1");
	assert_true(request.client_was_forwarded);
}

static void test_word_of_cleartext(void **state)
{
	const struct gp_word word = {
		.connection = address("203.0.113.7"),
		.server = address("192.0.2.25")
	};
	struct gp_facts facts = {
		.service = "imap", .word = &word, .secured = GP_SECURED_TLS
	};
	struct gp_request request;

	(void)state;
	gp_facts_request(&facts, GP_IMAP, &request);
	assert_int_equal(request.tls, GP_TLS_NONE);
	assert_int_equal(request.implicit, GP_NO);
}

static void test_who_can_have_word(void **state)
{
	(void)state;
	assert_true(gp_facts_can_have_word("imap"));
	assert_true(gp_facts_can_have_word("submission"));
	assert_false(gp_facts_can_have_word("smtp"));
}

struct name_case {
	const char *mailbox, *typed;
	/* NULL: no domain was lost. */
	const char *judged;
};

static const struct name_case names[] = {
	{ "alice@a.test", "ALICE@A.TEST", NULL },
	{ "alice", "alice", NULL },
	{ "alice", "ALICE@A.TEST", "ALICE@A.TEST" },
	{ "alice", "alice%a.test", "alice@a.test" },
	{ "a.test/alice", "alice@a.test", "alice@a.test" },
	/* auth_default_realm */
	{ "alice@a.test", "alice", NULL },
	/* A master user typed his own name. */
	{ "alice", NULL, NULL }
};

static void test_names(void **state)
{
	char translation[256] = { ['%'] = '@' };
	char storage[64];
	struct gp_text typed;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const struct gp_login_names given = {
			.mailbox = names[i].mailbox,
			.typed = names[i].typed,
			.translation = translation
		};
		bool lost;

		gp_text_init_fixed(&typed, storage, sizeof(storage));
		lost = gp_facts_lost_domain(&given, &typed);
		assert_int_equal(lost, names[i].judged != NULL);
		if (lost)
			assert_string_equal(typed.data, names[i].judged);
	}
}

static void test_names_without_translation(void **state)
{
	const struct gp_login_names given = {
		.mailbox = "alice", .typed = "alice%a.test"
	};
	char storage[64];
	struct gp_text typed;

	(void)state;
	gp_text_init_fixed(&typed, storage, sizeof(storage));
	assert_false(gp_facts_lost_domain(&given, &typed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transport),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_word),
		cmocka_unit_test(test_word_of_cleartext),
		cmocka_unit_test(test_who_can_have_word),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_names_without_translation)
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
