/* Messages on their way to a log. */

#include <stdio.h>
#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "shared/base/log.h"

static char seen[8192];

static void note(enum gp_log_level level, const char *line)
{
	size_t len = strlen(seen);

	snprintf(seen + len, sizeof(seen) - len, "%d:%s|", level, line);
}

static int setup(void **state)
{
	(void)state;
	seen[0] = '\0';
	gp_log_set_sink(note);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gp_log_set_sink(NULL);
	return 0;
}

static void test_messages(void **state)
{
	(void)state;
	gp_log(GP_LOG_DEBUG, "%s", "one");
	gp_log(GP_LOG_ERROR, "%d %%", 2);
	assert_string_equal(seen, "0:one|3:2 %|");
}

static void test_long_message(void **state)
{
	char text[4000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	gp_log(GP_LOG_INFO, "%s", text);
	/* "1:", what fits, "|" */
	assert_int_equal(strlen(seen), 2 + 2047 + 1);
	assert_int_equal(strspn(seen + 2, "x"), 2047);
}

static void test_lines(void **state)
{
	static const struct {
		const char *text, *seen;
	} cases[] = {
		{ "", "" },
		{ "\n\n", "" },
		{ "one", "2:one|" },
		{ "one\n", "2:one|" },
		{ "one\n\n100 %s\n", "2:one|2:100 %s|" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		seen[0] = '\0';
		gp_log_lines(GP_LOG_WARNING, cases[i].text);
		assert_string_equal(seen, cases[i].seen);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_message, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
