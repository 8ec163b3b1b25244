/* What clients and the log are told, to the letter. */

#include <stdio.h>
#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "shared/rules/reply.h"

static struct gp_verdict verdict;
static struct gp_text text;

static int setup(void **state)
{
	(void)state;
	memset(&verdict, 0, sizeof(verdict));
	verdict.kind = GP_REFUSE;
	verdict.service = GP_IMAP;
	verdict.disclosed = true;
	gp_text_init(&text);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gp_text_deinit(&text);
	return 0;
}

static const char *dovecot(enum gp_cause cause, enum gp_service protocol)
{
	verdict.told.cause = cause;
	gp_text_clear(&text);
	gp_reply_dovecot(&verdict, protocol, true, &text);
	return text.data;
}

static const char *smtp(enum gp_cause cause, enum gp_disclose disclose,
			enum gp_smtp_action want)
{
	verdict.finding.cause = cause;
	gp_text_clear(&text);
	assert_int_equal(gp_reply_smtp(&verdict, disclose, &text), want);
	return text.data;
}

static void test_codes(void **state)
{
	static const struct {
		enum gp_cause cause;
		const char *imap, *smtp;
	} cases[] = {
		{ GP_CAUSE_OFF, "[CONTACTADMIN] ", "550 5.7.1 " },
		{ GP_CAUSE_NAME, "[CONTACTADMIN] ", "550 5.7.1 " },
		{ GP_CAUSE_NETWORK, "[CONTACTADMIN] ", "554 5.7.1 " },
		{ GP_CAUSE_CLEARTEXT, "[PRIVACYREQUIRED] ",
		  "530 5.7.0 Must issue a STARTTLS command first" },
		{ GP_CAUSE_IMPLICIT, "[PRIVACYREQUIRED] ", "550 5.7.10 " },
		{ GP_CAUSE_TLS_VERSION, "[PRIVACYREQUIRED] ", "550 5.7.10 " },
		{ GP_CAUSE_UNAUTHENTICATED, "[CONTACTADMIN] ",
		  "530 5.7.0 Authentication required" }
	};
	size_t i;
	const char *got;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		got = dovecot(cases[i].cause, GP_IMAP);
		assert_memory_equal(got, cases[i].imap,
				    strlen(cases[i].imap));
		assert_true(strlen(got) > strlen(cases[i].imap));
		got = dovecot(cases[i].cause, GP_POP3);
		assert_memory_equal(got, "[AUTH] ", 7);
		got = dovecot(cases[i].cause, GP_SUBMISSION);
		assert_int_not_equal(got[0], '[');
		got = smtp(cases[i].cause, GP_DISCLOSE_DOMAIN, GP_SMTP_REJECT);
		assert_memory_equal(got, cases[i].smtp,
				    strlen(cases[i].smtp));
	}
}

/* One line of printable ASCII, at most GP_REPLY_MAX bytes behind the code. */
static void test_form(void **state)
{
	char url[GP_MESSAGE_MAX_LEN + 1];
	size_t len, i;
	int cause, service;

	(void)state;
	for (len = 8; len < GP_MESSAGE_MAX_LEN; len++) {
		memset(url, 'x', len);
		memcpy(url, "https://", 8);
		url[len] = '\0';
		strcpy(verdict.told.help, url);
		for (cause = GP_CAUSE_NAME; cause <= GP_CAUSE_TLS_VERSION;
		     cause++) {
			for (service = 0; service < GP_SERVICES; service++) {
				verdict.service = service;
				dovecot(cause, GP_SIEVE);
				assert_in_range(text.len, 10, GP_REPLY_MAX);
				for (i = 0; i < text.len; i++)
					assert_in_range(text.data[i], ' ', '~');
			}
		}
	}
}

static void test_message_and_help(void **state)
{
	(void)state;
	strcpy(verdict.told.help, "https://help.example.com/");
	strcpy(verdict.finding.help, "https://help.example.com/");
	assert_string_equal(dovecot(GP_CAUSE_OFF, GP_IMAP),
			    "[CONTACTADMIN] IMAP is switched off for this "
			    "mailbox; ask your mail administrator; see "
			    "https://help.example.com/");
	assert_string_equal(smtp(GP_CAUSE_CLEARTEXT, GP_DISCLOSE_DOMAIN,
				 GP_SMTP_REJECT),
			    "530 5.7.0 Must issue a STARTTLS command first; "
			    "see https://help.example.com/");
	strcpy(verdict.told.message, "Call 4711");
	strcpy(verdict.finding.message, "Call 4711");
	assert_string_equal(dovecot(GP_CAUSE_OFF, GP_IMAP),
			    "[CONTACTADMIN] Call 4711");
	assert_string_equal(smtp(GP_CAUSE_NETWORK, GP_DISCLOSE_DOMAIN,
				 GP_SMTP_REJECT), "554 5.7.1 Call 4711");
}

static void test_not_disclosed(void **state)
{
	(void)state;
	verdict.disclosed = false;
	assert_string_equal(dovecot(GP_CAUSE_OFF, GP_IMAP), "");
	assert_string_equal(smtp(GP_CAUSE_CLEARTEXT, GP_DISCLOSE_NONE,
				 GP_SMTP_REJECT),
			    "550 5.7.1 Not permitted; ask your mail "
			    "administrator");
	assert_string_equal(smtp(GP_CAUSE_UNAUTHENTICATED, GP_DISCLOSE_NONE,
				 GP_SMTP_REJECT),
			    "530 5.7.0 Authentication required");
}

static void test_other_verdicts(void **state)
{
	(void)state;
	verdict.kind = GP_ALLOW;
	assert_string_equal(smtp(GP_CAUSE_NONE, GP_DISCLOSE_DOMAIN,
				 GP_SMTP_DUNNO), "DUNNO");
	verdict.kind = GP_TRIAL;
	assert_string_equal(smtp(GP_CAUSE_OFF, GP_DISCLOSE_DOMAIN,
				 GP_SMTP_DUNNO), "DUNNO");
	assert_string_equal(dovecot(GP_CAUSE_OFF, GP_IMAP), "");
	verdict.kind = GP_DEFER;
	assert_memory_equal(smtp(GP_CAUSE_NONE, GP_DISCLOSE_DOMAIN,
				 GP_SMTP_DEFER), "451 4.3.0 ", 10);
	assert_string_equal(dovecot(GP_CAUSE_NONE, GP_IMAP), "");
}

static void test_log(void **state)
{
	static const char login[] = "a\r\n<b> \"@example.com";
	struct gp_request request = {
		.login = login, .login_len = sizeof(login) - 1,
		.service = GP_IMAP, .authenticated = true
	};

	(void)state;
	gp_address_parse("192.0.2.1", &request.client);
	gp_address_parse("192.0.2.9", &request.connection);
	gp_address_parse("2001:db8::1", &request.server);
	verdict.service = GP_WEBMAIL;
	verdict.finding.cause = GP_CAUSE_OFF;
	strcpy(verdict.finding.key, "example.com");
	strcpy(verdict.finding.file, "/etc/gatepost/rules");
	verdict.finding.line = 7;
	assert_true(gp_reply_log(&verdict, &request, &text));
	assert_string_equal(text.data, "refused: user=<a\\x0d\\x0a\\x3cb"
			    "\\x3e\\x20\\x22@example.com>, service=webmail, "
			    "protocol=imap, cause=off, rule=<example.com>, "
			    "file=</etc/gatepost/rules>, line=7, "
			    "disclosed=yes, rip=192.0.2.1, peer=192.0.2.9, "
			    "lip=2001:db8::1, tls=none");
	gp_text_clear(&text);
	verdict.kind = GP_TRIAL;
	request.tls = GP_TLS_1_2;
	request.connection = request.client;
	verdict.service = GP_IMAP;
	gp_reply_log(&verdict, &request, &text);
	assert_non_null(strstr(text.data, "would be refused: user="));
	assert_non_null(strstr(text.data, ", tls=TLSv1.2"));
	assert_null(strstr(text.data, "peer="));
	gp_text_clear(&text);
	verdict.kind = GP_DEFER;
	verdict.error = "no map";
	gp_reply_log(&verdict, &request, &text);
	assert_non_null(strstr(text.data, ", error=no map"));
	gp_text_clear(&text);
	verdict.kind = GP_ALLOW;
	assert_false(gp_reply_log(&verdict, &request, &text));
	assert_string_equal(text.data, "");
	verdict.exempt = true;
	assert_true(gp_reply_log(&verdict, &request, &text));
	assert_memory_equal(text.data, "exempt: user=", 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_codes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_form, setup, teardown),
		cmocka_unit_test_setup_teardown(test_message_and_help, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_not_disclosed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_other_verdicts, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_log, setup, teardown)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
