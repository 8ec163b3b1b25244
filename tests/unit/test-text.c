/* Texts, fixed and growing, and the log that is made of them. */

#include <stdio.h>
#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "shared/base/log.h"
#include "shared/base/text.h"

static void fixed_text_is_cut(void **state)
{
	char storage[8];
	struct gp_text text;

	(void)state;
	gp_text_init_fixed(&text, storage, sizeof(storage));
	assert_string_equal(storage, "");
	gp_text_add(&text, "1234");
	gp_text_addf(&text, "%d", 567);
	assert_string_equal(storage, "1234567");
	assert_false(text.cut);
	gp_text_add(&text, "");
	assert_false(text.cut);
	gp_text_add_char(&text, '8');
	assert_true(text.cut);
	assert_string_equal(storage, "1234567");
	assert_int_equal(text.len, 7);
}

static void nothing_follows_a_cut(void **state)
{
	char storage[6];
	struct gp_text text;

	(void)state;
	gp_text_init_fixed(&text, storage, sizeof(storage));
	gp_text_addf(&text, "abc%s", "defgh");
	assert_true(text.cut);
	assert_string_equal(storage, "abcde");
	gp_text_clear(&text);
	assert_false(text.cut);
	gp_text_add(&text, "too long for it");
	gp_text_addf(&text, "%s", "more");
	gp_text_add_escaped(&text, "x", 1, 1);
	assert_string_equal(storage, "too l");
	gp_text_deinit(&text);
}

static void a_text_of_one_byte_holds_nothing(void **state)
{
	char storage[1] = { 'x' };
	struct gp_text text;

	(void)state;
	gp_text_init_fixed(&text, storage, 1);
	gp_text_addf(&text, "%s", "");
	assert_false(text.cut);
	gp_text_addf(&text, "a");
	assert_true(text.cut);
	assert_int_equal(storage[0], '\0');
}

static void growing_text_grows(void **state)
{
	struct gp_text text;
	size_t i;

	(void)state;
	gp_text_init(&text);
	for (i = 0; i < 10000; i++)
		gp_text_addf(&text, "%zu,", i % 10);
	gp_text_addf(&text, "%9000s", "end");
	assert_int_equal(text.len, 29000);
	assert_int_equal(strlen(text.data), 29000);
	assert_false(text.cut);
	assert_string_equal(text.data + 28997, "end");
	for (i = 0; i < 10000; i++)
		assert_int_equal(text.data[i * 2], '0' + i % 10);
	gp_text_clear(&text);
	gp_text_add_mem(&text, "a\0b", 3);
	assert_int_equal(text.len, 3);
	assert_memory_equal(text.data, "a\0b", 4);
	gp_text_deinit(&text);
}

struct escape_case {
	const char *data;
	size_t len;
	size_t max;
	const char *expect;
};

static void what_comes_from_outside_is_escaped(void **state)
{
	static const struct escape_case cases[] = {
		{ "alice@example.com", 17, 100, "alice@example.com" },
		{ "a b\tc", 5, 100, "a\\x20b\\x09c" },
		{ "\r\nuser=<x>", 10, 100, "\\x0d\\x0auser=\\x3cx\\x3e" },
		{ "\"\\,", 3, 100, "\\x22\\x5c\\x2c" },
		{ "\0\x7f\xff\xc3\xa4", 5, 100, "\\x00\\x7f\\xff\\xc3\\xa4" },
		{ "abcdef", 6, 6, "abcdef" },
		{ "abcdef", 6, 5, "abcde..." },
		{ "abc", 3, 0, "..." },
		{ "", 0, 0, "" },
	};
	struct gp_text text;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		gp_text_init(&text);
		gp_text_add_escaped(&text, cases[i].data, cases[i].len,
				    cases[i].max);
		assert_string_equal(text.data, cases[i].expect);
		gp_text_deinit(&text);
	}
}

static char logged[4096];
static enum gp_log_level logged_level;

static void keep_line(enum gp_log_level level, const char *line)
{
	logged_level = level;
	snprintf(logged, sizeof(logged), "%s", line);
}

static void the_log_goes_to_its_sink(void **state)
{
	(void)state;
	gp_log_set_sink(keep_line);
	gp_log(GP_LOG_WARNING, "map %s is %d", "x", 7);
	assert_string_equal(logged, "map x is 7");
	assert_int_equal(logged_level, GP_LOG_WARNING);
	gp_log(GP_LOG_INFO, "%3000s", "far away");
	assert_int_equal(strlen(logged), 2047);
	gp_log_set_sink(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed_text_is_cut),
		cmocka_unit_test(nothing_follows_a_cut),
		cmocka_unit_test(a_text_of_one_byte_holds_nothing),
		cmocka_unit_test(growing_text_grows),
		cmocka_unit_test(what_comes_from_outside_is_escaped),
		cmocka_unit_test(the_log_goes_to_its_sink),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
