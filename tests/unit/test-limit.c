/* Lines that pass, lines that are counted, and that no count is lost. */

#include <stdio.h>
#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "postfix-policyd/limit.h"

#define NOW 1000000

static unsigned told, told_lines;
static char told_label[GP_LIMIT_LABEL_MAX];

static void tell(const char *label, unsigned left_out)
{
	told++;
	told_lines += left_out;
	snprintf(told_label, sizeof(told_label), "%s", label);
}

static struct gp_limit *start(void)
{
	struct gp_limit *limit = gp_limit_new(tell);

	assert_non_null(limit);
	told = told_lines = 0;
	return limit;
}

static unsigned pass(struct gp_limit *limit, const char *label, unsigned count,
		     int64_t now)
{
	unsigned passed = 0;

	while (count-- > 0)
		passed += gp_limit_pass(limit, label, now);
	return passed;
}

static void ten_a_minute_pass(void **state)
{
	struct gp_limit *limit = start();

	(void)state;
	assert_int_equal(pass(limit, "a", 10, NOW), 10);
	assert_int_equal(pass(limit, "a", 25, NOW + 59), 0);
	assert_int_equal(pass(limit, "b", 1, NOW + 59), 1);
	assert_int_equal(told, 0);
	assert_int_equal(pass(limit, "a", 1, NOW + 60), 1);
	assert_int_equal(told, 1);
	assert_int_equal(told_lines, 25);
	assert_string_equal(told_label, "a");
	gp_limit_free(&limit);
	assert_null(limit);
}

static void what_is_not_repeated_is_told_by_the_sweep(void **state)
{
	struct gp_limit *limit = start();

	(void)state;
	assert_int_equal(pass(limit, "a", 13, NOW), 10);
	assert_int_equal(pass(limit, "b", 3, NOW), 3);
	gp_limit_sweep(limit, NOW + 59, false);
	assert_int_equal(told, 0);
	gp_limit_sweep(limit, NOW + 60, false);
	assert_int_equal(told, 1);
	assert_int_equal(told_lines, 3);
	gp_limit_sweep(limit, NOW + 200, true);
	assert_int_equal(told, 1);
	assert_int_equal(pass(limit, "a", 12, NOW + 200), 10);
	gp_limit_sweep(limit, NOW + 200, true);
	assert_int_equal(told_lines, 5);
	gp_limit_free(&limit);
}

static void a_clock_set_back_silences_nobody(void **state)
{
	struct gp_limit *limit = start();

	(void)state;
	assert_int_equal(pass(limit, "a", 20, NOW), 10);
	assert_int_equal(pass(limit, "a", 1, NOW - 1000), 1);
	assert_int_equal(told_lines, 10);
	gp_limit_free(&limit);
}

/* However many there are, each line has passed or is counted. */
static void no_line_is_lost(void **state)
{
	struct gp_limit *limit = start();
	unsigned i, passed = 0;
	char label[32];

	(void)state;
	for (i = 0; i < 100000; i++) {
		snprintf(label, sizeof(label), "user%u", i % 3000);
		passed += pass(limit, label, 1, NOW + i / 1000);
	}
	passed += pass(limit, "loud", 5000, NOW + 100);
	gp_limit_sweep(limit, NOW + 1000, true);
	assert_int_equal(passed + told_lines, 105000);
	assert_true(told_lines >= 4990);
	gp_limit_free(&limit);
}

static void long_labels_are_cut(void **state)
{
	struct gp_limit *limit = start();
	char label[1000];

	(void)state;
	memset(label, 'x', sizeof(label) - 1);
	label[sizeof(label) - 1] = '\0';
	assert_int_equal(pass(limit, label, 20, NOW), 10);
	gp_limit_sweep(limit, NOW, true);
	assert_int_equal(strlen(told_label), GP_LIMIT_LABEL_MAX - 1);
	gp_limit_free(&limit);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_a_minute_pass),
		cmocka_unit_test(what_is_not_repeated_is_told_by_the_sweep),
		cmocka_unit_test(a_clock_set_back_silences_nobody),
		cmocka_unit_test(no_line_is_lost),
		cmocka_unit_test(long_labels_are_cut),
	};

	return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
