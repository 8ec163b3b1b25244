/* RFC 3339 by hand: strptime(3) and timegm(3) accept what the RFC does not
   (blanks, a 31st of February, missing zones), and a rule that begins on the
   wrong day is worse than an error. Every error shows a right time, because the
   reader of the message wants to write one. */

#include <stdbool.h>
#include <string.h>
#include <time.h>
#include "shared/base/clock.h"

#define SECONDS_PER_DAY 86400
/* 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z: all that four digits of a
   year can say. */
#define YEAR_0 INT64_C(-62167219200)
#define YEAR_9999_END INT64_C(253402300799)

#define EXAMPLES "2027-03-01T00:00:00Z or 2026-12-01T08:00:00+01:00"

struct moment {
	int year, month, day;
	int hour, minute, second;
	bool fraction;
	int zone_minutes;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads exactly that many digits. */
static bool read_digits(const char **str, int count, int *value_r)
{
	int i;

	*value_r = 0;
	for (i = 0; i < count; i++) {
		if (!is_digit((*str)[i]))
			return false;
		*value_r = *value_r * 10 + ((*str)[i] - '0');
	}
	*str += count;
	return true;
}

static bool read_char(const char **str, char c)
{
	if (**str != c)
		return false;
	(*str)++;
	return true;
}

static bool is_leap_year(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
	static const int days[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
	};

	return days[month - 1] + (month == 2 && is_leap_year(year) ? 1 : 0);
}

/* Days since 1970-01-01. Years are taken to begin in March, so that the leap
   day is the last of its year; 400 of them have 146097 days. */
static int64_t days_from_date(int year, int month, int day)
{
	int64_t y = (int64_t)year - (month <= 2 ? 1 : 0);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 +
		day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 -
		year_of_era / 100 + day_of_year - 719468;
}

static void date_from_days(int64_t days, int *year_r, int *month_r, int *day_r)
{
	int64_t shifted = days + 719468;
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t day_of_era = shifted - era * 146097;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 +
			       day_of_era / 36524 - day_of_era / 146096) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era +
					    year_of_era / 4 -
					    year_of_era / 100);
	int64_t month = (5 * day_of_year + 2) / 153;

	*day_r = (int)(day_of_year - (153 * month + 2) / 5 + 1);
	*month_r = (int)(month < 10 ? month + 3 : month - 9);
	*year_r = (int)(year_of_era + era * 400 + (*month_r <= 2 ? 1 : 0));
}

static int read_date(const char **str, struct moment *moment,
		     const char **error_r)
{
	if (!read_digits(str, 4, &moment->year) || !read_char(str, '-') ||
	    !read_digits(str, 2, &moment->month) || !read_char(str, '-') ||
	    !read_digits(str, 2, &moment->day)) {
		*error_r = "not a time; write it as " EXAMPLES;
		return -1;
	}
	if (moment->month < 1 || moment->month > 12) {
		*error_r = "months run from 01 to 12, as in " EXAMPLES;
		return -1;
	}
	if (moment->day < 1 ||
	    moment->day > days_in_month(moment->year, moment->month)) {
		*error_r = "that month has no such day; write a day that "
			"there is, as in " EXAMPLES;
		return -1;
	}
	return 0;
}

static int read_separator(const char **str, const char **error_r)
{
	if (read_char(str, 'T') || read_char(str, 't'))
		return 0;
	if (**str == '\0')
		*error_r = "a date without a time; write both, with the zone, "
			"as in " EXAMPLES;
	else if (**str == ' ' || **str == '_')
		*error_r = "write a T between date and time, as in " EXAMPLES;
	else
		*error_r = "not a time; write it as " EXAMPLES;
	return -1;
}

/* Any number of digits; only whether they are more than nothing counts. */
static bool read_fraction(const char **str, struct moment *moment)
{
	if (!read_char(str, '.'))
		return true;
	if (!is_digit(**str))
		return false;
	for (; is_digit(**str); (*str)++) {
		if (**str != '0')
			moment->fraction = true;
	}
	return true;
}

static int read_time(const char **str, struct moment *moment,
		     const char **error_r)
{
	if (!read_digits(str, 2, &moment->hour) || !read_char(str, ':') ||
	    !read_digits(str, 2, &moment->minute) || !read_char(str, ':') ||
	    !read_digits(str, 2, &moment->second) ||
	    !read_fraction(str, moment)) {
		*error_r = "the time of the day has hours, minutes and "
			"seconds, two digits each, as in " EXAMPLES;
		return -1;
	}
	if (moment->hour > 23 || moment->minute > 59 || moment->second > 60) {
		*error_r = "the time of the day runs from 00:00:00 to "
			"23:59:59, as in " EXAMPLES;
		return -1;
	}
	return 0;
}

static int read_zone(const char **str, struct moment *moment,
		     const char **error_r)
{
	int hours, minutes, sign = **str == '-' ? -1 : 1;

	if (read_char(str, 'Z') || read_char(str, 'z'))
		return 0;
	if (**str == '\0') {
		*error_r = "the time has no zone; add Z for UTC or an offset, "
			"as in " EXAMPLES;
		return -1;
	}
	if ((!read_char(str, '+') && !read_char(str, '-')) ||
	    !read_digits(str, 2, &hours) || !read_char(str, ':') ||
	    !read_digits(str, 2, &minutes)) {
		*error_r = "the zone is Z or an offset like +01:00, as in "
			EXAMPLES;
		return -1;
	}
	if (hours > 23 || minutes > 59) {
		*error_r = "the zone's offset is at most 23:59, as in "
			EXAMPLES;
		return -1;
	}
	moment->zone_minutes = sign * (hours * 60 + minutes);
	return 0;
}

/* Leap seconds are inserted at the end of a month, UTC. Here seconds is the
   second that follows. */
static bool may_follow_leap_second(int64_t seconds)
{
	int year, month, day;

	if (seconds % SECONDS_PER_DAY != 0)
		return false;
	date_from_days(seconds / SECONDS_PER_DAY, &year, &month, &day);
	return day == 1;
}

static int moment_to_seconds(const struct moment *moment, int64_t *seconds_r,
			     const char **error_r)
{
	int64_t seconds = days_from_date(moment->year, moment->month,
					 moment->day) * SECONDS_PER_DAY +
		moment->hour * 3600 + moment->minute * 60 + moment->second -
		moment->zone_minutes * 60;

	if (moment->second == 60 && !may_follow_leap_second(seconds)) {
		*error_r = "seconds run from 00 to 59 (60 is a leap second, "
			"at the end of a month in UTC), as in " EXAMPLES;
		return -1;
	}
	/* A clock that counts whole seconds has no time inside a leap second:
	   what comes next is the second that follows it. */
	if (moment->fraction && moment->second != 60)
		seconds++;
	if (seconds < YEAR_0 || seconds > YEAR_9999_END) {
		*error_r = "in UTC that is not within the years 0000 to 9999; "
			"write a time like " EXAMPLES;
		return -1;
	}
	*seconds_r = seconds;
	return 0;
}

int gp_time_parse(const char *str, int64_t *seconds_r, const char **error_r)
{
	struct moment moment;

	memset(&moment, 0, sizeof(moment));
	if (read_date(&str, &moment, error_r) < 0 ||
	    read_separator(&str, error_r) < 0 ||
	    read_time(&str, &moment, error_r) < 0 ||
	    read_zone(&str, &moment, error_r) < 0)
		return -1;
	if (*str != '\0') {
		*error_r = "something follows the time; write it as " EXAMPLES;
		return -1;
	}
	return moment_to_seconds(&moment, seconds_r, error_r);
}

void gp_time_print(int64_t seconds, struct gp_text *text)
{
	int64_t days, rest;
	int year, month, day;

	if (seconds < YEAR_0)
		seconds = YEAR_0;
	if (seconds > YEAR_9999_END)
		seconds = YEAR_9999_END;
	days = seconds / SECONDS_PER_DAY;
	rest = seconds % SECONDS_PER_DAY;
	if (rest < 0) {
		rest += SECONDS_PER_DAY;
		days--;
	}
	date_from_days(days, &year, &month, &day);
	gp_text_addf(text, "%04d-%02d-%02dT%02d:%02d:%02dZ", year, month, day,
		     (int)(rest / 3600), (int)(rest / 60 % 60),
		     (int)(rest % 60));
}

int64_t gp_time_now(void)
{
	return (int64_t)time(NULL);
}

int64_t gp_time_milliseconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}
