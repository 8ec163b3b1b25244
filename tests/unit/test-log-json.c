/* Entries of the journal as journalctl prints them. */

#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "shared/tools/log-json.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void assert_piece(const struct log_piece *piece, const char *expected)
{
	assert_int_equal(piece->len, strlen(expected));
	if (piece->len > 0)
		assert_memory_equal(piece->data, expected, piece->len);
}

/* What "journalctl -o json" writes, in systemd 252's order of fields. */
static void test_json(void **state)
{
	static const struct {
		const char *line, *host, *program, *text;
		uint32_t pid;
		int64_t time;
	} cases[] = {
		{ "{\"__REALTIME_TIMESTAMP\":\"1795287081003112\",\"_PID\":\"9\","
		  "\"SYSLOG_PID\":\"7\",\"_HOSTNAME\":\"mail\",\"MESSAGE\":"
		  "\"auth: x\",\"SYSLOG_IDENTIFIER\":\"dovecot\"}",
		  "mail", "dovecot", "auth: x", 7, 1795287081 },
		{ "\x1e{\"__REALTIME_TIMESTAMP\":\"1795287081003112\",\"_PID\":"
		  "\"9\",\"MESSAGE\":[97,117,255,104]}",
		  "", "", "au\xffh", 9, 1795287081 },
		{ "data: {\"__REALTIME_TIMESTAMP\":\"1795287081003112\","
		  "\"MESSAGE\":null}", "", "", "", 0, 1795287081 },
	};
	struct log_json *json = log_json_new();
	struct log_line line;
	int64_t time;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *text = cases[i].line;
		struct log_piece piece = { text, strlen(text) };

		assert_true(log_json_begins(&piece));
		assert_true(log_json_read(json, &piece, &line, &time));
		assert_piece(&line.host, cases[i].host);
		assert_piece(&line.program, cases[i].program);
		assert_piece(&line.text, cases[i].text);
		assert_int_equal(line.pid, cases[i].pid);
		assert_int_equal(time, cases[i].time);
	}
	log_json_free(&json);
}

static void test_no_entries(void **state)
{
	static const char *const wrong[] = {
		"{\"__REALTIME_TIMESTAMP\":\"tomorrow\"}",
		"{\"__REALTIME_TIMESTAMP\":\"\"}",
		"{\"__REALTIME_TIMESTAMP\":\"1795287081003112000000\"}",
		"{\"__REALTIME_TIMESTAMP\":1795287081003112}",
		"{\"MESSAGE\":\"auth: x\"}", "{\"MESSAGE\":", "{}{}", "{",
	};
	struct log_json *json = log_json_new();
	struct log_line line;
	int64_t time;

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		struct log_piece piece = { wrong[i], strlen(wrong[i]) };

		assert_true(log_json_begins(&piece));
		assert_false(log_json_read(json, &piece, &line, &time));
	}
	log_json_free(&json);
}

static void test_other_lines(void **state)
{
	static const char *const others[] = {
		"", "data: ", "\x1e", "Nov 21 18:51:21 mail x: {", "[{}]"
	};

	(void)state;
	for (size_t i = 0; i < COUNT(others); i++) {
		struct log_piece piece = { others[i], strlen(others[i]) };

		assert_false(log_json_begins(&piece));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_no_entries),
		cmocka_unit_test(test_other_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
