/* Sessions of Postfix's smtpd, put together from lines as Postfix 3.7 and 3.10
   write them. */

#include <stdio.h>
#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "shared/base/text.h"
#include "shared/tools/log-line.h"
#include "shared/tools/log-postfix.h"

/* What came of a log of smtpd's: one line for each login. */
static void tell(void *context, const struct log_login *login, int64_t time)
{
	static const char *const implicit[] = { "starttls", "implicit", "?" };
	struct gp_text *text = context;

	gp_text_addf(text, "%lld ", (long long)time);
	gp_text_add_mem(text, login->user.data, login->user.len);
	gp_text_add_char(text, ' ');
	gp_address_print(&login->client, text);
	gp_text_addf(text, " tls=%d %s%s", login->tls,
		     implicit[login->implicit], login->local ? " local" : "");
	if (login->client_name.len > 0) {
		gp_text_add_char(text, ' ');
		gp_text_add_mem(text, login->client_name.data,
				login->client_name.len);
	}
	gp_text_add_char(text, '\n');
}

/* What is told of a log, whose lines stand here without their time. */
static void assert_told(const char *const *log, const char *expected)
{
	struct log_postfix *postfix;
	struct log_line line;
	struct gp_text text;
	char whole[256];

	gp_text_init(&text);
	postfix = log_postfix_new(tell, &text);
	for (int64_t time = 1; *log != NULL; log++, time++) {
		snprintf(whole, sizeof(whole), "Nov  1 09:00:00 %s", *log);
		assert_true(log_line_split(whole, strlen(whole), &line));
		if (log_postfix_wants(&line))
			log_postfix_take(postfix, &line, time);
	}
	gp_text_add(&text, log_postfix_logs_tls(postfix) ?
		    "tls is logged\n" : "tls is not logged\n");
	log_postfix_finish(postfix);
	log_postfix_free(&postfix);
	assert_string_equal(text.data, expected);
	gp_text_deinit(&text);
}

#define NAME ", sasl_method=PLAIN, sasl_username="

static void test_postfix_interleaved(void **state)
{
	static const char *const log[] = {
		"h postfix/submission/smtpd[1]: connect from "
		"unknown[192.0.2.1]",
		"h postfix/submission/smtpd[2]: connect from a.b[2001:db8::7]",
		"g postfix/submission/smtpd[1]: connect from c[192.0.2.3]",
		"h postfix/submissions/smtpd[1]: connect from d[192.0.2.4]",
		"h postfix/submission/smtpd[2]: Anonymous TLS connection "
		"established from a.b[2001:db8::7]:99 to mail.x: TLSv1.3 with "
		"cipher x",
		"h postfix/submissions/smtpd[1]: Untrusted TLS connection "
		"established from d[192.0.2.4]: TLSv1.2 with cipher x",
		"h postfix/submission/smtpd[1]: 1C6: client=unknown[192.0.2.1]"
		NAME "one@x",
		"h postfix/submission/smtpd[2]: 2C6: client=a.b[2001:db8::7]:99"
		NAME "two@x, sasl_sender=z",
		"h postfix/submission/smtpd[2]: 3C6: client=a.b[2001:db8::7]"
		NAME "two@x",
		"g postfix/submission/smtpd[1]: 4C6: client=c[192.0.2.3]" NAME
		"three@x",
		"h postfix/submissions/smtpd[1]: 5C6: client=d[192.0.2.4]" NAME
		"four@x, orig_queue_id=7, orig_client=e[192.0.2.9]",
		"h postfix/smtpd[9]: 6C6: client=mx[192.0.2.5]",
		"h postfix/qmgr[1]: 7C6: client=mx[192.0.2.5]" NAME "no@x",
		"h postfix/submission/smtpd[1]: disconnect from "
		"unknown[192.0.2.1] ehlo=1 auth=1 mail=1 commands=3",
		"g postfix/submission/smtpd[1]: disconnect from c[192.0.2.3] "
		"ehlo=2 starttls=1 auth=1 commands=4",
		"h postfix/submission/smtpd[2]: disconnect from "
		"a.b[2001:db8::7] ehlo=2 starttls=1 auth=1 commands=4",
		"h postfix/submissions/smtpd[1]: disconnect from d[192.0.2.4] "
		"ehlo=1 auth=1 commands=2",
		NULL
	};

	(void)state;
	assert_told(log,
		"7 one@x 192.0.2.1 tls=0 ?\n"
		"10 three@x 192.0.2.3 tls=5 starttls c\n"
		"8 two@x 2001:db8::7 tls=4 starttls a.b\n"
		"11 four@x 192.0.2.4 tls=3 implicit d\n"
		"tls is logged\n");
}

/* A log that begins and ends in the middle of sessions, and leaves out where
   one of them ended. */
static void test_postfix_cut(void **state)
{
	static const char *const log[] = {
		"h postfix/smtpd[1]: 1C6: client=a[192.0.2.1]" NAME "one@x",
		"h postfix/smtpd[1]: disconnect from a[192.0.2.1]",
		"h postfix/smtpd[2]: connect from b[192.0.2.2]",
		"h postfix/smtpd[2]: 2C6: client=b[192.0.2.2]" NAME "two@x",
		"h postfix/smtpd[2]: connect from c[192.0.2.3]",
		"h postfix/smtpd[2]: 3C6: client=c[192.0.2.3]" NAME "three@x",
		"h postfix/smtps/smtpd[3]: connect from d[192.0.2.4]",
		"h postfix/smtps/smtpd[3]: 4C6: client=d[192.0.2.4]" NAME "4@x",
		"h postfix/smtps/smtpd[3]: disconnect from d[192.0.2.4]",
		NULL
	};

	(void)state;
	assert_told(log,
		"1 one@x 192.0.2.1 tls=7 ? a\n"
		"4 two@x 192.0.2.2 tls=6 ? b\n"
		"8 4@x 192.0.2.4 tls=5 implicit d\n"
		"tls is not logged\n"
		"6 three@x 192.0.2.3 tls=6 ? c\n");
}

/* Who comes from the loopback address has crossed no network; how it was
   encrypted is told as it was. */
static void test_postfix_local(void **state)
{
	static const char *const log[] = {
		"h postfix/smtpd[1]: connect from a[127.0.0.1]",
		"h postfix/smtpd[1]: 1C6: client=a[127.0.0.1]" NAME "one@x",
		"h postfix/smtpd[2]: connect from a[::1]",
		"h postfix/smtpd[2]: 2C6: client=a[::1]" NAME "two@x",
		"h postfix/smtpd[3]: connect from a[::1]",
		"h postfix/smtpd[3]: Anonymous TLS connection established from "
		"a[::1]: TLSv1.2 with cipher x",
		"h postfix/smtpd[3]: 3C6: client=a[::1]" NAME "three@x",
		"h postfix/smtpd[4]: connect from a[127.0.0.2]",
		"h postfix/smtpd[4]: 3C6: client=a[127.0.0.2]" NAME "four@x",
		"h postfix/smtpd[1]: disconnect from a[127.0.0.1]",
		"h postfix/smtpd[2]: disconnect from a[::1]",
		"h postfix/smtpd[3]: disconnect from a[::1]",
		"h postfix/smtpd[4]: disconnect from a[127.0.0.2]",
		NULL
	};

	(void)state;
	assert_told(log,
		"2 one@x 127.0.0.1 tls=0 ? local a\n"
		"4 two@x ::1 tls=0 ? local a\n"
		"7 three@x ::1 tls=3 ? a\n"
		"9 four@x 127.0.0.2 tls=0 ? a\n"
		"tls is logged\n");
}

/* One of two hosts logs TLS: what the other does not say stays unknown. */
static void test_postfix_hosts(void **state)
{
	static const char *const log[] = {
		"g postfix/smtpd[1]: connect from a[192.0.2.1]",
		"g postfix/smtpd[1]: Anonymous TLS connection established from "
		"a[192.0.2.1]: TLSv1.2 with cipher x",
		"g postfix/smtpd[1]: disconnect from a[192.0.2.1]",
		"h postfix/smtpd[1]: connect from b[192.0.2.2]",
		"h postfix/smtpd[1]: 2C6: client=b[192.0.2.2]" NAME "two@x",
		"h postfix/smtpd[1]: disconnect from b[192.0.2.2]",
		"g postfix/smtpd[1]: connect from c[192.0.2.3]",
		"g postfix/smtpd[1]: 3C6: client=c[192.0.2.3]" NAME "three@x",
		"g postfix/smtpd[1]: disconnect from c[192.0.2.3]",
		NULL
	};

	(void)state;
	assert_told(log,
		"5 two@x 192.0.2.2 tls=6 ? b\n"
		"8 three@x 192.0.2.3 tls=0 ? c\n"
		"tls is not logged\n");
}

/* smtpd_tls_loglevel was changed while the log was written: a session that used
   TLS and has no line about it shows that, and nobody near it is taken to have
   come in cleartext. */
static void test_postfix_log_level(void **state)
{
	static const char *const log[] = {
		"h postfix/smtpd[1]: connect from a[192.0.2.1]",
		"h postfix/smtpd[1]: 1C6: client=a[192.0.2.1]" NAME "one@x",
		"h postfix/smtpd[1]: disconnect from a[192.0.2.1] ehlo=1 "
		"auth=1 commands=2",
		"h postfix/smtpd[1]: connect from b[192.0.2.2]",
		"h postfix/smtpd[1]: 2C6: client=b[192.0.2.2]" NAME "two@x",
		"h postfix/smtpd[1]: disconnect from b[192.0.2.2] ehlo=2 "
		"starttls=1 auth=1 commands=4",
		"h postfix/smtpd[1]: connect from c[192.0.2.3]",
		"h postfix/smtpd[1]: Anonymous TLS connection established from "
		"c[192.0.2.3]: TLSv1.2 with cipher x",
		"h postfix/smtpd[1]: disconnect from c[192.0.2.3] ehlo=2 "
		"starttls=1 commands=3",
		"h postfix/smtpd[1]: connect from d[192.0.2.4]",
		"h postfix/smtpd[1]: 4C6: client=d[192.0.2.4]" NAME "four@x",
		"h postfix/smtpd[1]: disconnect from d[192.0.2.4] ehlo=1 "
		"auth=1 commands=2",
		"h postfix/smtps/smtpd[2]: connect from e[192.0.2.5]",
		"h postfix/smtps/smtpd[2]: 5C6: client=e[192.0.2.5]" NAME
		"five@x",
		"h postfix/smtps/smtpd[2]: disconnect from e[192.0.2.5] ehlo=1 "
		"auth=1 commands=2",
		"h postfix/smtpd[1]: connect from f[192.0.2.6]",
		"h postfix/smtpd[1]: 6C6: client=f[192.0.2.6]" NAME "six@x",
		"h postfix/smtpd[1]: disconnect from f[192.0.2.6] ehlo=1 "
		"auth=1 commands=2",
		NULL
	};

	(void)state;
	assert_told(log,
		"2 one@x 192.0.2.1 tls=6 ? a\n"
		"5 two@x 192.0.2.2 tls=5 starttls b\n"
		"11 four@x 192.0.2.4 tls=0 ? d\n"
		"14 five@x 192.0.2.5 tls=5 implicit e\n"
		"17 six@x 192.0.2.6 tls=6 ? f\n"
		"tls is not logged\n");
}

/* STARTTLS that failed is no such session. */
static void test_postfix_starttls_that_failed(void **state)
{
	static const char *const log[] = {
		"h postfix/smtpd[1]: connect from a[192.0.2.1]",
		"h postfix/smtpd[1]: 1C6: client=a[192.0.2.1]" NAME "one@x",
		"h postfix/smtpd[1]: disconnect from a[192.0.2.1] ehlo=1 "
		"starttls=0/1 auth=1 commands=2/3",
		"h postfix/smtpd[1]: connect from c[192.0.2.3]",
		"h postfix/smtpd[1]: Anonymous TLS connection established from "
		"c[192.0.2.3]: TLSv1.2 with cipher x",
		"h postfix/smtpd[1]: disconnect from c[192.0.2.3] ehlo=2 "
		"starttls=1 commands=3",
		NULL
	};

	(void)state;
	assert_told(log, "2 one@x 192.0.2.1 tls=6 ? a\n"
		    "tls is logged\n");
}

/* journalctl -o with-unit: all of Postfix's programs have one name. */
static void test_postfix_unit(void **state)
{
	static const char *const log[] = {
		"h postfix@-.service[1]: connect from a[192.0.2.1]",
		"h postfix@-.service[2]: Trusted TLS connection established to "
		"mx[192.0.2.8]:25: TLSv1.3 with cipher x",
		"h postfix@-.service[1]: 1C6: client=a[192.0.2.1]" NAME "one@x",
		"h postfix@-.service[3]: 1C6: removed",
		"h postfix@-.service[1]: disconnect from a[192.0.2.1]",
		"h postfix@-.service[1]: connect from b[192.0.2.2]",
		"h postfix@-.service[1]: Anonymous TLS connection reused from "
		"b[192.0.2.2]: TLSv1.2 with cipher x",
		"h session-9.scope[1]: 2C6: client=b[192.0.2.9]" NAME "no@x",
		"h postfix@-.service[1]: 2C6: client=b[192.0.2.2]" NAME "two@x",
		"h postfix@-.service[1]: disconnect from b[192.0.2.2]",
		NULL
	};

	(void)state;
	assert_told(log,
		"3 one@x 192.0.2.1 tls=6 ? a\n"
		"9 two@x 192.0.2.2 tls=3 ? b\n"
		"tls is logged\n"
		"8 no@x 192.0.2.9 tls=7 ? b\n");
}

/* More open sessions than there are: none is lost, none is kept for ever. */
static void test_postfix_many(void **state)
{
	struct gp_text text;
	struct log_postfix *postfix;
	struct log_line line;
	char said[200];
	size_t told = 0;

	(void)state;
	gp_text_init(&text);
	postfix = log_postfix_new(tell, &text);
	for (int i = 0; i < 40000; i++) {
		snprintf(said, sizeof(said), "Nov  1 09:00:00 h "
			 "postfix/smtpd[%d]: 1C6: client=a[192.0.2.1]" NAME "u%d@x",
			 i, i);
		assert_true(log_line_split(said, strlen(said), &line));
		assert_int_equal(log_postfix_take(postfix, &line, i),
				 LOG_TAKEN);
	}
	log_postfix_finish(postfix);
	for (size_t i = 0; i < text.len; i++)
		told += text.data[i] == '\n';
	assert_int_equal(told, 40000);
	log_postfix_free(&postfix);
	gp_text_deinit(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_postfix_interleaved),
		cmocka_unit_test(test_postfix_cut),
		cmocka_unit_test(test_postfix_hosts),
		cmocka_unit_test(test_postfix_local),
		cmocka_unit_test(test_postfix_log_level),
		cmocka_unit_test(test_postfix_starttls_that_failed),
		cmocka_unit_test(test_postfix_unit),
		cmocka_unit_test(test_postfix_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
