/* Columns are found by their names: 2.4 calls one differently, and has more of
   them. */

#include "shared/tools/who.h"

#include <stdbool.h>
#include <string.h>

#define COLUMNS_MAX 32

enum column { USER, SERVICE, PID, IP, WANTED };

static const char *const titles[WANTED][2] = {
	[USER] = { "username", "username" },
	[SERVICE] = { "proto", "service" },
	[PID] = { "pid", "pid" },
	[IP] = { "ip", "ip" },
};

struct line {
	const char *field[COLUMNS_MAX];
	size_t count;
};

/* Takes the next line apart; returns false at the end. */
static bool next_line(const char **data, const char *end,
		      struct gp_arena *arena, struct line *line_r)
{
	const char *newline, *stop;

	line_r->count = 0;
	if (*data >= end)
		return false;
	newline = memchr(*data, '\n', (size_t)(end - *data));
	stop = newline != NULL ? newline : end;
	while (line_r->count < COLUMNS_MAX) {
		const char *tab = memchr(*data, '\t', (size_t)(stop - *data));
		const char *to = tab != NULL ? tab : stop;

		line_r->field[line_r->count++] =
			gp_arena_strndup(arena, *data, (size_t)(to - *data));
		if (tab == NULL)
			break;
		*data = tab + 1;
	}
	*data = newline != NULL ? newline + 1 : end;
	return true;
}

static int find_columns(const struct line *line, size_t place[WANTED],
			const char **error_r)
{
	for (int wanted = 0; wanted < WANTED; wanted++) {
		size_t i = 0;

		while (i < line->count &&
		       strcmp(line->field[i], titles[wanted][0]) != 0 &&
		       strcmp(line->field[i], titles[wanted][1]) != 0)
			i++;
		if (i == line->count) {
			*error_r = "its columns have other names than those "
				"of Dovecot 2.3 and 2.4";
			return -1;
		}
		place[wanted] = i;
	}
	return 0;
}

static size_t count_lines(const char *data, const char *end)
{
	size_t count = 1;

	while (data < end && (data = memchr(data, '\n',
					    (size_t)(end - data))) != NULL) {
		data++;
		count++;
	}
	return count;
}

int gp_who_parse(const char *data, size_t len, struct gp_arena *arena,
		 struct gp_session **sessions_r, size_t *count_r,
		 const char **error_r)
{
	const char *end = data + len;
	size_t place[WANTED];
	struct line line;

	*count_r = 0;
	*sessions_r = gp_arena_alloc(arena, count_lines(data, end) *
				     sizeof(**sessions_r));
	/* Some versions print not even the names when there is nobody. */
	if (!next_line(&data, end, arena, &line))
		return 0;
	if (find_columns(&line, place, error_r) < 0)
		return -1;
	while (next_line(&data, end, arena, &line)) {
		struct gp_session *session = &(*sessions_r)[*count_r];

		for (int i = 0; i < WANTED; i++) {
			if (place[i] < line.count)
				continue;
			*error_r = "a line of it lacks a column";
			return -1;
		}
		session->user = line.field[place[USER]];
		session->service = line.field[place[SERVICE]];
		session->pid = line.field[place[PID]];
		session->ip = line.field[place[IP]];
		(*count_r)++;
	}
	return 0;
}
