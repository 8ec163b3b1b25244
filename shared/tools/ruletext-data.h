#ifndef GP_TOOLS_RULETEXT_DATA_H
#define GP_TOOLS_RULETEXT_DATA_H

#include "shared/base/arena.h"
#include "shared/tools/ruletext.h"

/* The insides of a gp_ruletext, for ruletext.c and ruletext-render.c. */

struct gp_ruletext_word {
	/* Where it stands in the line's bytes; nowhere for a new one. */
	size_t start;
	size_t end;
	/* Without quotes; NULL when it was dropped. */
	const char *text;
	bool changed;
};

/* A line that was looked at. */
struct gp_ruletext_opened {
	struct gp_ruletext_word *words;
	size_t count;
	size_t size;
	const char *raw;
	size_t raw_len;
	bool changed;
};

struct gp_ruletext_line {
	/* The line's bytes, the newline included; empty for a new line. */
	size_t start;
	size_t end;
	const char *key;
	size_t key_len;
	/* The line of the same key before and after this one. */
	size_t next;
	uint32_t number;
	bool removed;
	struct gp_ruletext_opened *opened;
	/* Lines that were put behind this one. */
	size_t first_new;
	size_t last_new;
	size_t next_new;
};

struct gp_ruletext {
	struct gp_arena *arena;
	const char *data;
	size_t len;
	const char *eol;
	struct gp_ruletext_line *lines;
	size_t count;
	size_t size;
	/* By key: a line's index + 1. */
	size_t *table;
	size_t mask;
	/* So many were read; those that are new stand behind them. */
	size_t read;
	/* Lines at the end of the file. */
	size_t first_new;
	size_t last_new;
	/* While it is read. */
	size_t at;
	uint32_t at_number;
	bool bad;
};

static inline bool gp_ruletext_line_is_new(const struct gp_ruletext_line *line)
{
	return line->end == line->start;
}

/* How those bytes end: "\r\n", "\n" or "". */
static inline const char *gp_ruletext_ending(const char *data, size_t len)
{
	if (len == 0 || data[len - 1] != '\n')
		return "";
	return len > 1 && data[len - 2] == '\r' ? "\r\n" : "\n";
}

/* The first line of a line's key, removed or not. */
size_t gp_ruletext_head(const struct gp_ruletext *text, size_t line);

#endif
