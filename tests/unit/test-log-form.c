/* Logs in forms that are not read, as journalctl of systemd 252 prints them. */

#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "shared/tools/log-form.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void test_hints(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{ "__CURSOR=s=d6f50a5971f64190b6b7864b66d9cf14;i=1;b=0",
		  "-o export" },
		{ "__REALTIME_TIMESTAMP=1764748800000000", "-o export" },
		{ "{", "json-pretty" },
		{ "Wed 2025-12-03 08:00:00.000000 UTC [s=d6f50a5971f6;i=1;"
		  "b=0;m=3e8;t=6450799578000;x=ca293f385cf3b24d]",
		  "-o verbose" },
		{ "Dez 03 08:00:00 mail dovecot[81]: imap-login: Login: x",
		  "LC_ALL=C" },
		{ "M\xc3\xa4r  3 08:00:00 mail dovecot[81]: imap-login: x",
		  "LC_ALL=C" },
		{ "d\xc3\xa9""c. 03 08:00:00 mail x: y", "LC_ALL=C" },
		{ "[    0.001000] mail dovecot[81]: imap-login: x",
		  "short-monotonic" },
		{ "[12345.001000] mail dovecot[81]: imap-login: x",
		  "short-monotonic" },
		{ "imap-login: Login: user=<a@b>, rip=192.0.2.1", "-o cat" },
		{ "disconnect from a[192.0.2.1] ehlo=1", "-o cat" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct log_piece line = {
			cases[i].line, strlen(cases[i].line)
		};
		const char *hint = log_form_hint(&line);

		if (hint == NULL || strstr(hint, cases[i].says) == NULL)
			fail_msg("%s: %s", cases[i].line,
				 hint != NULL ? hint : "nothing");
	}
}

static void test_rubbish(void **state)
{
	static const char *const lines[] = {
		"", " ", "{}", "\x7f" "ELF\x02\x01\x01", "no time here",
		"Nov 21 08:00:00 mail x: y", "Nov 21 08:00:00", "Dez 03 08:00",
		"2026-11-21T08:00:00Z mail dovecot: imap-login: Login: user=<",
		"Dez 03 08:00:00", "12 03 08:00:00 x", "auth: x",
		"[", "[ ", "[x", "[1", "[ 1]",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct log_piece line = { lines[i], strlen(lines[i]) };

		if (log_form_hint(&line) != NULL)
			fail_msg("%s: %s", lines[i], log_form_hint(&line));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hints),
		cmocka_unit_test(test_rubbish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
