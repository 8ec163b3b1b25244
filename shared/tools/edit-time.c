/* What an administrator writes for a time. Rules know RFC 3339 alone, so that a
   line means the same wherever it is read. */

#include "shared/tools/edits.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "shared/base/clock.h"

static const char *print_time(int64_t seconds, struct gp_arena *arena)
{
	char storage[64];
	struct gp_text text;

	gp_text_init_fixed(&text, storage, sizeof(storage));
	gp_time_print(seconds, &text);
	return gp_arena_strdup(arena, text.data);
}

static int64_t unit_seconds(const char *unit)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = {
		{ "m", 60 }, { "h", 3600 }, { "d", 86400 }, { "w", 604800 }
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(unit, units[i].unit) == 0)
			return units[i].seconds;
	}
	return 0;
}

/* The start of the day where this host is, which is what somebody means who
   writes a date alone; with the zone that holds then. */
static const char *start_of_day(const char *date, struct gp_arena *arena)
{
	struct tm tm = { .tm_isdst = -1 };
	char text[64];
	const char *end = strptime(date, "%Y-%m-%d", &tm);
	size_t len;

	if (end == NULL || *end != '\0' || strlen(date) != 10)
		return NULL;
	tm.tm_isdst = -1;
	if (mktime(&tm) == (time_t)-1)
		return NULL;
	len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S%z", &tm);
	/* The day must be one: there is no 2027-02-30. */
	if (len < 5 || strncmp(text, date, 10) != 0)
		return NULL;
	return gp_arena_printf(arena, "%.*s:%s", (int)len - 2, text,
			       text + len - 2);
}

const char *edit_time(const char *written, int64_t now,
		      struct gp_arena *arena, const char **error_r)
{
	const char *date = start_of_day(written, arena);
	size_t len = strlen(written);
	char *end;
	long count;
	int64_t seconds;

	if (date != NULL)
		return date;
	if (len > 10 && strcspn(written, "Tt") == 10)
		return gp_time_parse(written, &seconds, error_r) < 0 ? NULL :
		       gp_arena_strdup(arena, written);
	count = strtol(written, &end, 10);
	if (end != written && count > 0 && count <= 100000 &&
	    unit_seconds(end) != 0)
		return print_time(now + count * unit_seconds(end), arena);
	*error_r = gp_arena_printf(arena, "\"%s\" is no time; write 30d, 12h, "
				   "2w, 2027-03-01 or 2027-03-01T08:00:00Z",
				   written);
	return NULL;
}
