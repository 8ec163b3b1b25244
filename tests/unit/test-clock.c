/* RFC 3339, in and out. */

#include <string.h>
#include <time.h>
#include "tests/unit/cmocka-all.h"
#include "shared/base/clock.h"

struct good_case {
	const char *str;
	int64_t seconds;
};

static const struct good_case right[] = {
	{ "1970-01-01T00:00:00Z", 0 },
	{ "1970-01-01t00:00:01z", 1 },
	{ "1969-12-31T23:59:59Z", -1 },
	{ "2027-03-01T00:00:00Z", 1803859200 },
	{ "2026-12-01T08:00:00+01:00", 1796108400 },
	{ "2026-12-01T07:00:00Z", 1796108400 },
	{ "2026-12-01T07:00:00-00:00", 1796108400 },
	{ "2026-12-02T06:59:00+23:59", 1796108400 },
	{ "2026-11-30T07:01:00-23:59", 1796108400 },
	{ "2000-02-29T12:00:00Z", 951825600 },
	{ "2028-02-29T00:00:00Z", 1835395200 },
	{ "2038-01-19T03:14:08Z", INT64_C(2147483648) },
	{ "0000-01-01T00:00:00Z", INT64_C(-62167219200) },
	{ "9999-12-31T23:59:59Z", INT64_C(253402300799) },
	/* Fractions are rounded up. */
	{ "1970-01-01T00:00:00.0Z", 0 },
	{ "1970-01-01T00:00:00.000000000000000000000000Z", 0 },
	{ "1970-01-01T00:00:00.000000000000000000000001Z", 1 },
	{ "1970-01-01T00:00:59.5Z", 60 },
	{ "1969-12-31T23:59:59.9Z", 0 },
	/* Leap seconds are the second that follows. */
	{ "2016-12-31T23:59:60Z", 1483228800 },
	{ "2016-12-31T23:59:60.7Z", 1483228800 },
	{ "2017-01-01T00:59:60+01:00", 1483228800 },
	{ "2015-06-30T19:59:60-04:00", 1435708800 },
};

static void right_times_are_read(void **state)
{
	const char *error;
	int64_t seconds;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		error = NULL;
		if (gp_time_parse(right[i].str, &seconds, &error) < 0)
			fail_msg("%s: %s", right[i].str, error);
		if (seconds != right[i].seconds)
			fail_msg("%s: %lld instead of %lld", right[i].str,
				 (long long)seconds,
				 (long long)right[i].seconds);
	}
}

struct bad_case {
	const char *str;
	/* In the error. */
	const char *says;
};

static const struct bad_case wrong[] = {
	{ "", "not a time" },
	{ "tomorrow", "not a time" },
	{ "27-03-01T00:00:00Z", "not a time" },
	{ "2027-3-1T00:00:00Z", "not a time" },
	{ "2027/03/01T00:00:00Z", "not a time" },
	{ "+027-03-01T00:00:00Z", "not a time" },
	{ " 2027-03-01T00:00:00Z", "not a time" },
	{ "2027-03-01", "a date without a time" },
	{ "2027-03-01 00:00:00Z", "write a T" },
	{ "2027-03-01X00:00:00Z", "not a time" },
	{ "2027-03-01T00:00:00", "no zone" },
	{ "2027-03-01T00:00:00.5", "no zone" },
	{ "2027-03-01T00:00Z", "hours, minutes and seconds" },
	{ "2027-03-01T0:00:00Z", "hours, minutes and seconds" },
	{ "2027-03-01T00:00:00.Z", "hours, minutes and seconds" },
	{ "2027-03-01T00:00:00,5Z", "the zone is" },
	{ "2027-13-01T00:00:00Z", "months run from 01 to 12" },
	{ "2027-00-01T00:00:00Z", "months run from 01 to 12" },
	{ "2027-02-29T00:00:00Z", "no such day" },
	{ "1900-02-29T00:00:00Z", "no such day" },
	{ "2028-02-30T00:00:00Z", "no such day" },
	{ "2027-04-31T00:00:00Z", "no such day" },
	{ "2027-04-00T00:00:00Z", "no such day" },
	{ "2027-03-01T24:00:00Z", "from 00:00:00 to 23:59:59" },
	{ "2027-03-01T00:60:00Z", "from 00:00:00 to 23:59:59" },
	{ "2027-03-01T00:00:61Z", "from 00:00:00 to 23:59:59" },
	{ "2027-03-01T00:00:60Z", "leap second" },
	{ "2027-03-01T23:59:60Z", "leap second" },
	{ "2016-12-31T23:59:60+01:00", "leap second" },
	{ "2027-03-01T00:00:00+0100", "the zone is" },
	{ "2027-03-01T00:00:00+01", "the zone is" },
	{ "2027-03-01T00:00:00 CET", "the zone is" },
	{ "2027-03-01T00:00:00+24:00", "at most 23:59" },
	{ "2027-03-01T00:00:00-01:60", "at most 23:59" },
	{ "2027-03-01T00:00:00Zulu", "something follows" },
	{ "2027-03-01T00:00:00+01:00:00", "something follows" },
	{ "2027-03-01T00:00:00Z ", "something follows" },
	{ "0000-01-01T00:00:00+00:01", "0000 to 9999" },
	{ "9999-12-31T23:59:00-00:01", "0000 to 9999" },
	{ "9999-12-31T23:59:59.5Z", "0000 to 9999" },
};

static void wrong_times_are_explained(void **state)
{
	const char *error;
	int64_t seconds;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		error = NULL;
		if (gp_time_parse(wrong[i].str, &seconds, &error) == 0)
			fail_msg("%s was accepted", wrong[i].str);
		if (strstr(error, wrong[i].says) == NULL)
			fail_msg("%s: %s", wrong[i].str, error);
		if (strstr(error, "2027-03-01T00:00:00Z") == NULL)
			fail_msg("%s: no example: %s", wrong[i].str, error);
	}
}

static void print_to(int64_t seconds, char *storage, size_t size)
{
	struct gp_text text;

	gp_text_init_fixed(&text, storage, size);
	gp_time_print(seconds, &text);
}

/* Every day of 800 years (two whole periods of the calendar), against the C
   library. */
static void days_agree_with_the_library(void **state)
{
	char printed[32], expected[32];
	const char *error;
	int64_t parsed, day;
	struct tm tm;
	time_t when;

	(void)state;
	for (day = -150000; day < 150000; day++) {
		when = (time_t)(day * 86400 + 86399);
		assert_non_null(gmtime_r(&when, &tm));
		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ",
			 &tm);
		print_to(when, printed, sizeof(printed));
		if (strcmp(printed, expected) != 0)
			fail_msg("%s instead of %s", printed, expected);
		assert_int_equal(gp_time_parse(printed, &parsed, &error), 0);
		assert_true(parsed == when);
	}
}

static void the_ends_of_time_can_be_printed(void **state)
{
	char printed[32];

	(void)state;
	print_to(GP_TIME_FIRST, printed, sizeof(printed));
	assert_string_equal(printed, "0000-01-01T00:00:00Z");
	print_to(GP_TIME_LAST, printed, sizeof(printed));
	assert_string_equal(printed, "9999-12-31T23:59:59Z");
}

static void now_is_now(void **state)
{
	time_t before = time(NULL);
	int64_t now = gp_time_now();

	(void)state;
	assert_true(now >= before && now <= time(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_times_are_read),
		cmocka_unit_test(wrong_times_are_explained),
		cmocka_unit_test(days_agree_with_the_library),
		cmocka_unit_test(the_ends_of_time_can_be_printed),
		cmocka_unit_test(now_is_now),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
