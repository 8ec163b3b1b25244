/* mktime(3) costs more than all else that is done to a line, so it is asked
   once an hour of the log: no zone changes its offset within an hour, except
   for some that nobody has used since there have been logs. */

#include "shared/tools/log-clock.h"

#include <string.h>
#include <time.h>

/* A clock that runs ahead a little is not a year behind. */
#define TOLERANCE (2 * 86400)

void log_clock_init(struct log_clock *clock, int64_t reference)
{
	memset(clock, 0, sizeof(*clock));
	clock->reference = reference;
}

/* Two digits, or a blank and one; -1 for anything else. */
static int two_digits(const char *str)
{
	if (str[1] < '0' || str[1] > '9')
		return -1;
	if (str[0] == ' ')
		return str[1] - '0';
	if (str[0] < '0' || str[0] > '9')
		return -1;
	return (str[0] - '0') * 10 + (str[1] - '0');
}

static int month_number(const char *name)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int month = 0; month < 12; month++) {
		if (memcmp(names + month * 3, name, 3) == 0)
			return month;
	}
	return -1;
}

/* This host's zone. -1 for a day that the month does not have. */
static int64_t local_time(int year, int month, int day, int hour)
{
	struct tm tm = {
		.tm_year = year - 1900, .tm_mon = month, .tm_mday = day,
		.tm_hour = hour, .tm_isdst = -1
	};
	time_t seconds = mktime(&tm);

	return tm.tm_mday == day ? (int64_t)seconds : -1;
}

static int64_t latest_year(const struct log_clock *clock, int month, int day,
			   int hour)
{
	time_t reference = (time_t)clock->reference;
	struct tm tm;
	int64_t seconds;
	int year, tries;

	if (localtime_r(&reference, &tm) == NULL)
		return -1;
	year = tm.tm_year + 1900 + 1;
	/* February 29 may be eight years back. */
	for (tries = 0; tries < 10; tries++, year--) {
		seconds = local_time(year, month, day, hour);
		if (seconds >= 0 && seconds <= clock->reference + TOLERANCE)
			return seconds;
	}
	return -1;
}

static int minutes_and_seconds(const char *str)
{
	int minutes = two_digits(str), seconds = two_digits(str + 3);

	if (minutes < 0 || minutes > 59 || seconds < 0 || seconds > 60 ||
	    str[2] != ':')
		return -1;
	return minutes * 60 + seconds;
}

/* "Nov  1 09:00:00": the hour is the first nine bytes. */
static int64_t old_hour(const struct log_clock *clock, const char *str)
{
	int month = month_number(str), day = two_digits(str + 4);
	int hour = two_digits(str + 7);

	if (month < 0 || day < 1 || day > 31 || hour < 0 || hour > 23)
		return -1;
	return latest_year(clock, month, day, hour);
}

static int date(const char *str, int *year_r, int *month_r, int *day_r)
{
	int century = two_digits(str), year = two_digits(str + 2);

	*month_r = two_digits(str + 5) - 1;
	*day_r = two_digits(str + 8);
	*year_r = century * 100 + year;
	return century < 19 || year < 0 || *month_r < 0 || *month_r > 11 ||
	       *day_r < 1 || *day_r > 31 ? -1 : 0;
}

/* "2026-11-01T09" as UTC, or in this host's zone. */
static int64_t new_hour(const char *str, bool utc)
{
	int year, month, day, hour = two_digits(str + 11);
	struct tm tm = { .tm_isdst = 0 };
	int64_t seconds;

	if (date(str, &year, &month, &day) < 0 || hour < 0 || hour > 23)
		return -1;
	if (!utc)
		return local_time(year, month, day, hour);
	tm.tm_year = year - 1900;
	tm.tm_mon = month;
	tm.tm_mday = day;
	tm.tm_hour = hour;
	seconds = timegm(&tm);
	return tm.tm_mday == day ? seconds : -1;
}

static int64_t cached_hour(struct log_clock *clock, const char *str,
			   size_t len, bool utc)
{
	int64_t begins;

	if (len == clock->hour_len && utc == clock->hour_is_utc &&
	    memcmp(str, clock->hour, len) == 0)
		return clock->hour_begins;
	begins = len == 9 ? old_hour(clock, str) : new_hour(str, utc);
	if (begins >= 0) {
		memcpy(clock->hour, str, len);
		clock->hour_len = len;
		clock->hour_is_utc = utc;
		clock->hour_begins = begins;
	}
	return begins;
}

/* " UTC", " CET": the name of a zone that is not UTC's is this host's, for it
   was journalctl that wrote it here. */
static int named_zone(const char *str, size_t len)
{
	return (len == 4 && memcmp(str, " UTC", 4) == 0) ? 1 : 0;
}

/* "Z", "+01:00", "+0100" behind the seconds and their fraction: how far the
   time is ahead of UTC. Returns 1, 0 where there is no zone, -1. */
static int zone(const struct log_piece *stamp, int *offset_r)
{
	size_t i = 19;
	const char *str;
	int hours, minutes;

	if (i < stamp->len && (stamp->data[i] == '.' || stamp->data[i] == ','))
		i++;
	while (i < stamp->len && stamp->data[i] >= '0' && stamp->data[i] <= '9')
		i++;
	*offset_r = 0;
	if (i == stamp->len)
		return 0;
	str = stamp->data + i;
	if ((*str == 'Z' || *str == 'z') && i + 1 == stamp->len)
		return 1;
	if (*str == ' ')
		return named_zone(str, stamp->len - i);
	if ((*str != '+' && *str != '-') || stamp->len - i < 5)
		return -1;
	hours = two_digits(str + 1);
	minutes = two_digits(str + (str[3] == ':' ? 4 : 3));
	if (stamp->len - i != (str[3] == ':' ? 6U : 5U) || hours < 0 ||
	    minutes < 0 || hours > 23 || minutes > 59)
		return -1;
	*offset_r = (hours * 60 + minutes) * (*str == '-' ? -60 : 60);
	return 1;
}

/* "1795287081.123456" */
static int seconds_since_1970(const struct log_piece *stamp,
			      int64_t *seconds_r)
{
	*seconds_r = 0;
	for (size_t i = 0; i < 10; i++) {
		if (stamp->data[i] < '0' || stamp->data[i] > '9')
			return -1;
		*seconds_r = *seconds_r * 10 + (stamp->data[i] - '0');
	}
	return 0;
}

int log_clock_read(struct log_clock *clock, const struct log_piece *stamp,
		   int64_t *seconds_r)
{
	bool is_old = stamp->len >= 15 && stamp->data[3] == ' ';
	int64_t hour;
	int within, offset = 0, has_zone = 0;

	if (stamp->len > 11 && stamp->data[10] == '.')
		return seconds_since_1970(stamp, seconds_r);
	if (!is_old && (stamp->len < 19 || stamp->data[4] != '-'))
		return -1;
	within = minutes_and_seconds(stamp->data + (is_old ? 10 : 14));
	if (!is_old)
		has_zone = zone(stamp, &offset);
	if (within < 0 || has_zone < 0)
		return -1;
	hour = cached_hour(clock, stamp->data, is_old ? 9 : 13, has_zone == 1);
	if (hour < 0)
		return -1;
	*seconds_r = hour + within - offset;
	return 0;
}
