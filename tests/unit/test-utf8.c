/* Text from outside on its way to a terminal. */

#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "shared/rules/utf8.h"

static void test_next(void **state)
{
	static const struct {
		const char *str;
		int size;
		uint32_t character;
	} cases[] = {
		{ "a", 1, 'a' },
		{ "\xc3\xbc", 2, 0xfc },
		{ "\xe2\x82\xac", 3, 0x20ac },
		{ "\xf0\x9f\x93\xa7", 4, 0x1f4e7 },
		{ "\xf4\x8f\xbf\xbf", 4, 0x10ffff },
		/* Cut, overlong, a surrogate, too large, out of place. */
		{ "\xc3", -1, 0 },
		{ "\xe2\x82", -1, 0 },
		{ "\xc0\xaf", -1, 0 },
		{ "\xe0\x80\xaf", -1, 0 },
		{ "\xf0\x80\x80\xaf", -1, 0 },
		{ "\xed\xa0\x80", -1, 0 },
		{ "\xf4\x90\x80\x80", -1, 0 },
		{ "\xf5\x80\x80\x80", -1, 0 },
		{ "\x80", -1, 0 },
		{ "\xc3\x28", -1, 0 }
	};
	uint32_t character;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		character = 0;
		assert_int_equal(gp_utf8_next(cases[i].str,
					      strlen(cases[i].str),
					      &character), cases[i].size);
		assert_int_equal(character, cases[i].character);
	}
}

static void test_add_visible(void **state)
{
	static const struct {
		const char *str, *want;
	} cases[] = {
		{ "", "" },
		{ "a \"b\" <c>\\x1b", "a \"b\" <c>\\x1b" },
		{ "b\xc3\xbc" "cher", "b\xc3\xbc" "cher" },
		{ "\x1b[31m", "\\x1b[31m" },
		{ "a\nb\tc\r\x7f", "a\\x0ab\\x09c\\x0d\\x7f" },
		/* What begins an escape sequence with one character. */
		{ "\xc2\x9b" "2J", "\\xc2\\x9b2J" },
		/* Turned around, of no width. */
		{ "\xe2\x80\xae" "gpj", "\\xe2\\x80\\xaegpj" },
		{ "a\xe2\x80\x8b" "b", "a\\xe2\\x80\\x8bb" },
		{ "a\xff\xc3", "a\\xff\\xc3" }
	};
	struct gp_text text;
	size_t i;

	(void)state;
	gp_text_init(&text);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		gp_text_clear(&text);
		gp_utf8_add_visible(&text, cases[i].str,
				    strlen(cases[i].str));
		assert_string_equal(text.data, cases[i].want);
	}
	gp_text_clear(&text);
	gp_utf8_add_visible(&text, "a\0b", 3);
	assert_string_equal(text.data, "a\\x00b");
	gp_text_deinit(&text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_add_visible),
	};

	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
