/* Lines of logs, as the servers of the integration tests wrote them (Dovecot
   2.3.19 and 2.4.1, Postfix 3.7) and as their sources say they may, and what is
   understood. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "tests/unit/cmocka-all.h"
#include "shared/base/text.h"
#include "shared/tools/log-clock.h"
#include "shared/tools/log-door.h"
#include "shared/tools/log-dovecot.h"
#include "shared/tools/log-line.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void assert_piece(const struct log_piece *piece, const char *expected,
			 const char *where)
{
	if (piece->len != strlen(expected) ||
	    memcmp(piece->data == NULL ? "" : piece->data, expected,
		   piece->len) != 0)
		fail_msg("%.*s instead of %s in: %s", (int)piece->len,
			 piece->data, expected, where);
}

static const struct {
	const char *line, *stamp, *host, *program, *text;
	uint32_t pid;
} lines[] = {
	{ "Nov 21 18:51:21 mail postfix/submission/smtpd[2607]: connect from a",
	  "Nov 21 18:51:21", "mail", "postfix/submission/smtpd",
	  "connect from a", 2607 },
	{ "Nov  1 08:01:02.123456 mail dovecot: imap-login: Login: x",
	  "Nov  1 08:01:02.123456", "mail", "dovecot", "imap-login: Login: x",
	  0 },
	{ "Nov 21 18:51:21 imap-login: Info: Login: user=<a>",
	  "Nov 21 18:51:21", "", "", "imap-login: Info: Login: user=<a>", 0 },
	{ "2026-11-21T18:51:21.003+01:00 mail dovecot[7]: auth: Info: x",
	  "2026-11-21T18:51:21.003+01:00", "mail", "dovecot", "auth: Info: x",
	  7 },
	{ "2026-11-21T18:51:21+0100 mail dovecot[7]: auth: x",
	  "2026-11-21T18:51:21+0100", "mail", "dovecot", "auth: x", 7 },
	{ "2026-11-21 18:51:21 imap-login: Info: Login: x",
	  "2026-11-21 18:51:21", "", "", "imap-login: Info: Login: x", 0 },
	{ "<22>Nov 21 18:51:21 mail dovecot: auth: x",
	  "Nov 21 18:51:21", "mail", "dovecot", "auth: x", 0 },
	{ "<22>1 2026-11-21T18:51:21Z mail dovecot 81 - - auth: x",
	  "2026-11-21T18:51:21Z", "mail", "dovecot", "auth: x", 81 },
	{ "<22>1 2026-11-21T18:51:21Z mail postfix/smtpd 81 ID47 "
	  "[a@1 b=\"c\\]\"][d@2] \xef\xbb\xbf" "connect from x",
	  "2026-11-21T18:51:21Z", "mail", "postfix/smtpd", "connect from x",
	  81 },
	/* A bracket in a value. */
	{ "<22>1 2026-11-21T18:51:21Z mail dovecot - - [a b=\"c\\] d\"] auth: x",
	  "2026-11-21T18:51:21Z", "mail", "dovecot", "auth: x", 0 },
	/* Of the syslog daemon itself. */
	{ "Nov 21 18:51:21 mail last message repeated 3 times",
	  "Nov 21 18:51:21", "mail", "", "last message repeated 3 times", 0 },
	{ "Nov 21 18:51:21 mail -- MARK --",
	  "Nov 21 18:51:21", "mail", "", "-- MARK --", 0 },
	/* journalctl -o short-full, with-unit and short-unix */
	{ "Sat 2026-11-21 18:51:21 CET mail dovecot[7]: auth: x",
	  "2026-11-21 18:51:21 CET", "mail", "dovecot", "auth: x", 7 },
	{ "Sat 2026-11-21 18:51:21 UTC mail postfix@-.service[11]: connect "
	  "from x", "2026-11-21 18:51:21 UTC", "mail", "postfix@-.service",
	  "connect from x", 11 },
	{ "1795287081.003112 mail dovecot[7]: auth: x",
	  "1795287081.003112", "mail", "dovecot", "auth: x", 7 },
};

static void test_forms(void **state)
{
	struct log_line line;

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		const char *text = lines[i].line;

		if (!log_line_split(text, strlen(text), &line))
			fail_msg("not split: %s", text);
		assert_piece(&line.stamp, lines[i].stamp, text);
		assert_piece(&line.host, lines[i].host, text);
		assert_piece(&line.program, lines[i].program, text);
		assert_piece(&line.text, lines[i].text, text);
		assert_int_equal(line.pid, lines[i].pid);
	}
}

static void test_no_lines(void **state)
{
	static const char *const wrong[] = {
		"", " ", "x", "Nov", "Nov 21 18:51:21", "Nov 21 18:51:21 ",
		"Nov 21 18:51:21 mail", "Nov 21 18:51:21 mail no colon",
		"Nov-21 18:51:21 mail x: y", "2026-11-21", "2026-11-21T18",
		"<22", "<22>", "<22>1 ", "<22>1 2026-11-21T18:51:21Z h a 1 - [",
		"<223456>Nov 21 18:51:21 mail x: y", "\x7f" "ELF\x02\x01\x01",
		"{\"json\": 1}", "Sat 2026-11-21 18:51:21", "Sat 21", "Sat ",
		"1795287081.5", "1795x87081.5123 mail x: y",
	};
	struct log_line line;

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		if (log_line_split(wrong[i], strlen(wrong[i]), &line))
			fail_msg("a line: %s", wrong[i]);
	}
}

/* 2027-01-02T12:00:00Z */
#define JANUARY 1798891200

static const struct {
	const char *stamp;
	int64_t reference;
	/* -1: no time. */
	int64_t expected;
} times[] = {
	{ "2026-11-21T18:51:21Z", 0, 1795287081 },
	{ "2026-11-21T18:51:21.999Z", 0, 1795287081 },
	{ "2026-11-21T19:51:21+01:00", 0, 1795287081 },
	{ "2026-11-21T19:51:21.5+0100", 0, 1795287081 },
	{ "2026-11-21T13:21:21-05:30", 0, 1795287081 },
	{ "2026-11-21 18:51:21", 0, 1795287081 },
	{ "2026-11-21 18:51:21 UTC", 0, 1795287081 },
	{ "2026-11-21 18:51:21 CET", 0, 1795287081 },
	{ "1795287081.999999", 0, 1795287081 },
	{ "1795x87081.999999", 0, -1 },
	{ "Nov 21 18:51:21", 1795287081, 1795287081 },
	{ "Nov 21 18:51:21.123456", 1795287081, 1795287081 },
	{ "Jan  1 00:00:00", JANUARY, 1798761600 },
	/* The year turns between the line and the file's last byte. */
	{ "Dec 31 23:59:59", JANUARY, 1798761599 },
	/* The clock was a little ahead. */
	{ "Jan  3 00:00:00", JANUARY, 1798934400 },
	{ "Feb 29 00:00:00", JANUARY, 1709164800 },
	{ "Feb 30 00:00:00", JANUARY, -1 },
	{ "Foo  1 00:00:00", JANUARY, -1 },
	{ "Jan  0 00:00:00", JANUARY, -1 },
	{ "Jan  1 24:00:00", JANUARY, -1 },
	{ "Jan  1 00:60:00", JANUARY, -1 },
	{ "2026-13-21T18:51:21Z", 0, -1 },
	{ "2026-11-31T18:51:21Z", 0, -1 },
	{ "2026-11-21T18:51:21+1:00", 0, -1 },
	{ "2026-11-21T18:51:21X", 0, -1 },
	{ "2026-11-21T18:51", 0, -1 },
};

static void test_times(void **state)
{
	struct log_clock clock;
	int64_t seconds;

	(void)state;
	for (size_t i = 0; i < COUNT(times); i++) {
		const char *stamp = times[i].stamp;
		struct log_piece piece = { stamp, strlen(stamp) };
		int ret;

		log_clock_init(&clock, times[i].reference);
		/* Twice: the second time from what was remembered. */
		for (int turn = 0; turn < 2; turn++) {
			ret = log_clock_read(&clock, &piece, &seconds);
			if (ret != (times[i].expected < 0 ? -1 : 0) ||
			    (ret == 0 && seconds != times[i].expected))
				fail_msg("%s: %d, %lld", stamp, ret,
					 (long long)seconds);
		}
	}
}

static void test_zones_are_told_apart(void **state)
{
	struct log_piece utc = { "2026-11-21T18:00:00Z", 20 };
	struct log_piece local = { "2026-11-21T18:00:00", 19 };
	struct log_clock clock;
	int64_t a, b;

	(void)state;
	setenv("TZ", "XXX-3", 1);
	tzset();
	log_clock_init(&clock, 0);
	assert_int_equal(log_clock_read(&clock, &utc, &a), 0);
	assert_int_equal(log_clock_read(&clock, &local, &b), 0);
	assert_int_equal(a - b, 3 * 3600);
	setenv("TZ", "UTC", 1);
	tzset();
}

#define TAIL "lip=127.0.0.1, mpid=2570, session=<J+zD2M1gO49/AAAF>"

static const struct {
	const char *said, *user, *protocol, *client;
	enum log_tls tls;
	bool local;
	bool forwarded;
	bool sends_password;
	uint32_t port;
} logins[] = {
	{ "imap-login: Info: Login: user=<alice@example.com>, method=PLAIN, "
	  "rip=127.0.0.5, " TAIL,
	  "alice@example.com", "imap", "127.0.0.5", LOG_TLS_NONE, false, false,
	  true, 0 },
	{ "imap-login: Login: user=<alice@example.com>, method=PLAIN, "
	  "rip=2001:db8::5, lip=::1, mpid=2570, TLS, session=<x>",
	  "alice@example.com", "imap", "2001:db8::5", LOG_TLS_UNKNOWN, false,
	  false, true, 0 },
	{ "pop3-login: Info: Logged in: user=<bob>, method=CRAM-MD5, "
	  "rip=127.0.0.5, lip=127.0.0.1, mpid=1788, TLS, TLSv1.3 with cipher "
	  "TLS_AES_256_GCM_SHA384 (256/256 bits), lport=995, session=<x>",
	  "bob", "pop3", "127.0.0.5", (enum log_tls)GP_TLS_1_3, false, false,
	  false, 995 },
	{ "managesieve-login: Info: Login: user=<a@b>, method=SCRAM-SHA-256, "
	  "rip=192.0.2.1, lip=192.0.2.25, mpid=1, TLS, TLSv1 with cipher x, "
	  "session=<x>",
	  "a@b", "managesieve", "192.0.2.1", (enum log_tls)GP_TLS_1_0, false,
	  false, false, 0 },
	/* Webmail on the same host. */
	{ "imap-login: Info: Login: user=<a@b>, method=PLAIN, rip=127.0.0.1, "
	  "lip=127.0.0.1, mpid=1, secured, session=<x>",
	  "a@b", "imap", "127.0.0.1", LOG_TLS_NONE, true, false, true, 0 },
	/* A webmail that names its client. */
	{ "imap-login: Info: Login: user=<a@b>, method=PLAIN, rip=192.0.2.1, "
	  "lip=127.0.0.1, real_rip=127.0.0.1, session=<x>",
	  "a@b", "imap", "192.0.2.1", LOG_TLS_NONE, false, true, true, 0 },
	/* Elements in another order, and with names of their own. */
	{ "imap-login: Info: Login: tls=TLSv1.2 with cipher y, "
	  "rip=192.0.2.1, user=<a@b>",
	  "a@b", "imap", "192.0.2.1", (enum log_tls)GP_TLS_1_2, false, false,
	  true, 0 },
	/* Names that try to be elements. */
	{ "imap-login: Info: Login: user=<x>, rip=9.9.9.9, TLS, y=<@b>, "
	  "method=PLAIN, rip=192.0.2.1, lip=192.0.2.25, session=<x>",
	  "x>, rip=9.9.9.9, TLS, y=<@b", "imap", "192.0.2.1", LOG_TLS_NONE,
	  false, false, true, 0 },
	{ "imap-login: Info: Login: user=<od\"d <x>, y@b>, method=PLAIN, "
	  "rip=192.0.2.1, lip=192.0.2.25, TLS, session=<x>",
	  "od\"d <x>, y@b", "imap", "192.0.2.1", LOG_TLS_UNKNOWN, false,
	  false, true, 0 },
	/* A Dovecot proxy, 2.3 and 2.4. */
	{ "imap-login: Info: proxy(a@b,10.0.0.1:143): Started proxying to "
	  "<10.0.0.1> (0.012 secs): user=<a@b>, method=PLAIN, "
	  "rip=192.0.2.1, lip=192.0.2.25, TLS, session=<x>",
	  "a@b", "imap", "192.0.2.1", LOG_TLS_UNKNOWN, false, false, true, 0 },
	{ "pop3-login: Info: proxy(a@b,10.0.0.1:110): Started proxying to "
	  "remote host (0.012 secs): user=<a@b>, method=PLAIN, "
	  "rip=192.0.2.1, lip=192.0.2.25, session=<x>",
	  "a@b", "pop3", "192.0.2.1", LOG_TLS_NONE, false, false, true, 0 },
};

static void test_dovecot_logins(void **state)
{
	struct gp_address client;
	struct log_login login;

	(void)state;
	for (size_t i = 0; i < COUNT(logins); i++) {
		const char *said = logins[i].said;
		struct log_piece piece = { said, strlen(said) };

		if (log_dovecot_login(&piece, &login) != LOG_TAKEN)
			fail_msg("not taken: %s", said);
		assert_piece(&login.user, logins[i].user, said);
		assert_piece(&login.protocol, logins[i].protocol, said);
		gp_address_parse(logins[i].client, &client);
		assert_true(gp_address_equal(&login.client, &client));
		assert_int_equal(login.tls, logins[i].tls);
		assert_int_equal(login.local, logins[i].local);
		assert_int_equal(login.forwarded, logins[i].forwarded);
		assert_int_equal(login.sends_password,
				 logins[i].sends_password);
		assert_int_equal(login.port, logins[i].port);
		assert_int_equal(login.kind, LOG_LOGIN);
	}
}

static void test_dovecot_other_lines(void **state)
{
	static const struct {
		const char *said;
		enum log_result expected;
	} cases[] = {
		{ "imap-login: Info: Disconnected: Connection closed (auth "
		  "failed, 1 attempts in 0 secs): user=<a@b>, method=PLAIN, "
		  "rip=127.0.0.5, " TAIL, LOG_OTHER },
		{ "imap-login: Info: Login aborted: Connection closed: "
		  "user=<a@b>, rip=127.0.0.5, " TAIL, LOG_OTHER },
		{ "imap(a@b)<1><x>: Info: Login: user=<a@b>, rip=1.2.3.4",
		  LOG_OTHER },
		{ "lmtp(1613): Info: Connect from 127.0.0.1", LOG_OTHER },
		{ "", LOG_OTHER },
		{ "-login: Login: user=<a>", LOG_OTHER },
		/* Cut off. */
		{ "imap-login: Info: Login: user=<al", LOG_UNREADABLE },
		{ "imap-login: Info: Login: user=<a@b>, meth",
		  LOG_UNREADABLE },
		{ "imap-login: Info: Login: user=<a@b>, rip=300.1.1.1",
		  LOG_UNREADABLE },
		{ "imap-login: Info: Login: ", LOG_UNREADABLE },
	};
	struct log_login login;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct log_piece piece = {
			cases[i].said, strlen(cases[i].said)
		};

		if (log_dovecot_login(&piece, &login) != cases[i].expected)
			fail_msg("%s", cases[i].said);
	}
}

static void test_dovecot_id(void **state)
{
	static const char *const ids[] = {
		"imap-login: Info: ID sent: name=Thunderbird, version=115.0: "
		"user=<>, rip=192.0.2.1, lip=192.0.2.25, session=<J+z/AF>",
		"imap-login: Info: Pre-login ID sent: name=Thunderbird: "
		"user=<>, rip=192.0.2.1, session=<J+z/AF>",
		"imap(a@b)<123><J+z/AF>: Info: ID sent: name=Thunderbird, "
		"version=115.0",
		"imap(a@b)<123><J+z/AF>: ID sent: os=x, name=Thunderbird",
	};
	struct log_piece session, name;

	(void)state;
	for (size_t i = 0; i < COUNT(ids); i++) {
		struct log_piece piece = { ids[i], strlen(ids[i]) };

		assert_true(log_dovecot_id(&piece, &session, &name));
		assert_piece(&session, "J+z/AF", ids[i]);
		assert_piece(&name, "Thunderbird", ids[i]);
	}
}

static void test_door_lines(void **state)
{
	static const char refused[] =
		"auth: Info: gatepost: refused: user=<a\\x2cb@example.com>, "
		"service=imap, cause=off, rule=<bad@example.com>, "
		"file=</etc/gatepost/rules>, line=2, disclosed=no, "
		"rip=127.0.0.5, lip=127.0.0.1, tls=TLSv1.2, method=<PLAIN>, "
		"session=<uCnE2M1g87V/AAAF>";
	struct log_piece piece = { refused, strlen(refused) };
	struct log_login login;
	struct gp_text name;

	(void)state;
	assert_int_equal(log_door_dovecot(&piece, &login), LOG_TAKEN);
	assert_int_equal(login.kind, LOG_REFUSED);
	assert_int_equal(login.door.cause, GP_CAUSE_OFF);
	assert_int_equal(login.door.line, 2);
	assert_int_equal(login.tls, GP_TLS_1_2);
	assert_piece(&login.door.rule, "bad@example.com", refused);
	assert_piece(&login.session, "uCnE2M1g87V/AAAF", refused);
	gp_text_init(&name);
	log_door_unescape(&login.user, &name);
	assert_string_equal(name.data, "a,b@example.com");
	gp_text_deinit(&name);
}

/* A client that chooses its name cannot write such a line. */
static void test_forged_door_lines(void **state)
{
	static const char *const forged[] = {
		"auth: Info: plain(?,127.0.0.5,<x>): Username character "
		"disallowed by auth_username_chars: 0x3a (username: gatepost: "
		"refused: user=<victim@b>, service=imap)",
		"auth(gatepost: refused: user=<victim@b>, service=imap): x",
		"imap-login: Info: gatepost: refused: user=<a>, service=imap",
		"auth: Info: gatepost: loaded",
	};
	struct log_login login;

	(void)state;
	for (size_t i = 0; i < COUNT(forged); i++) {
		struct log_piece piece = { forged[i], strlen(forged[i]) };

		assert_int_equal(log_door_dovecot(&piece, &login), LOG_OTHER);
	}
}

static void test_door_kinds(void **state)
{
	static const struct {
		const char *text;
		enum log_result result;
		enum log_kind kind;
		enum log_tls tls;
	} cases[] = {
		{ "would be refused: user=<a@b>, service=pop3, "
		  "cause=cleartext, rip=192.0.2.1, tls=none", LOG_TAKEN,
		  LOG_TRIAL, LOG_TLS_NONE },
		{ "refused: sender=<a@b>, service=submission, "
		  "cause=unauthenticated, tls=unknown", LOG_TAKEN, LOG_REFUSED,
		  LOG_TLS_UNKNOWN },
		{ "deferred: user=<a@b>, service=imap, tls=local, error=x",
		  LOG_TAKEN, LOG_DEFERRED, LOG_TLS_NONE },
		{ "exempt: user=<a@b>, service=webmail, protocol=imap",
		  LOG_TAKEN, LOG_EXEMPT, LOG_TLS_MISSING },
		{ "refused: service=imap", LOG_UNREADABLE, LOG_REFUSED,
		  LOG_TLS_MISSING },
		{ "refused: user=<a", LOG_UNREADABLE, LOG_REFUSED,
		  LOG_TLS_MISSING },
		{ "listening on /run/x", LOG_OTHER, 0, 0 },
	};
	struct log_login login;
	struct gp_text rule;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct log_piece piece = {
			cases[i].text, strlen(cases[i].text)
		};

		assert_int_equal(log_door_policyd(&piece, &login),
				 cases[i].result);
		if (cases[i].result != LOG_TAKEN)
			continue;
		assert_int_equal(login.kind, cases[i].kind);
		assert_int_equal(login.tls, cases[i].tls);
		gp_text_init(&rule);
		log_door_unescape(&login.door.rule, &rule);
		assert_int_equal(rule.len, login.door.rule.len);
		gp_text_deinit(&rule);
	}
}

static void test_repeated(void **state)
{
	static const struct {
		const char *said, *text;
		uint32_t times;
	} cases[] = {
		{ "message repeated 3 times: [ auth: x]", "auth: x", 3 },
		{ "message repeated 3 times: [ ]", "", 3 },
		{ "auth: x", "auth: x", 1 },
		{ "message repeated 3 times: [ auth: x",
		  "message repeated 3 times: [ auth: x", 1 },
		{ "message repeated 999999999 times: [ auth: x]",
		  "message repeated 999999999 times: [ auth: x]", 1 },
		{ "message repeated ", "message repeated ", 1 },
		{ "message repeated 3", "message repeated 3", 1 },
		{ "", "", 1 },
	};
	struct log_line line;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		line.text = (struct log_piece) {
			cases[i].said, strlen(cases[i].said)
		};
		assert_int_equal(log_line_unrepeat(&line), cases[i].times);
		assert_piece(&line.text, cases[i].text, cases[i].said);
	}
}

static void test_left_out(void **state)
{
	static const struct {
		const char *text;
		enum log_result result;
		uint32_t count;
	} cases[] = {
		{ "refuse, service=submission, cause=off, user=<a@b>: 37 more "
		  "lines like this were left out", LOG_TAKEN, 37 },
		{ "trial, service=submission, cause=off, user=<>: 1 more lines "
		  "like this were left out", LOG_TAKEN, 1 },
		{ "refuse, service=submission, cause=off, user=<aaa: 37 more "
		  "lines like this were left out", LOG_UNREADABLE, 37 },
		{ "refuse, service=submission, cause=<off>: 3 more lines like "
		  "this were left out", LOG_UNREADABLE, 3 },
		{ "refuse, user=<a@b>: 3 more lines like this were left out",
		  LOG_UNREADABLE, 3 },
		{ "refuse, service=submission, cause=off, user=<a@b>: some "
		  "more lines like this were left out", LOG_UNREADABLE, 0 },
		{ "7 connections were left out", LOG_OTHER, 0 },
		{ "refuse, : ", LOG_OTHER, 0 },
	};
	struct log_login login;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct log_piece piece = {
			cases[i].text, strlen(cases[i].text)
		};

		assert_int_equal(log_door_left_out(&piece, &login),
				 cases[i].result);
		if (cases[i].result == LOG_TAKEN)
			assert_int_equal(login.left_out, cases[i].count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_no_lines),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_zones_are_told_apart),
		cmocka_unit_test(test_dovecot_logins),
		cmocka_unit_test(test_dovecot_other_lines),
		cmocka_unit_test(test_dovecot_id),
		cmocka_unit_test(test_door_lines),
		cmocka_unit_test(test_forged_door_lines),
		cmocka_unit_test(test_door_kinds),
		cmocka_unit_test(test_repeated),
		cmocka_unit_test(test_left_out),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
