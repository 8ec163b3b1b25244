/* A query is cut into words, and only two things are asked of it: what it
   selects as the user's name, and which columns its WHERE compares
   with the login (a text with a "%" in it). A column that is both has the name
   that was typed. What is not understood is not reported: a false alarm on the
   query of every tutorial would be ignored together with the right ones. */

#include "shared/tools/query.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define WORDS_MAX 1000

enum kind {
	/* A name, with the table's in front of it, or a number. */
	WORD_NAME,
	/* 'text' */
	WORD_TEXT,
	WORD_OTHER
};

struct word {
	enum kind kind;
	const char *text;
	/* How many parentheses are open there. */
	int depth;
};

struct query {
	struct word word[WORDS_MAX];
	size_t count;
};

/* Words from first on, up to end. */
struct range {
	size_t first;
	size_t end;
};

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '$' ||
	       c == '"' || c == '`';
}

static size_t text_len(const char *str)
{
	size_t len = 1;

	while (str[len] != '\0' && str[len] != '\'')
		len += str[len] == '\\' && str[len + 1] != '\0' ? 2 : 1;
	return len + (str[len] != '\0');
}

static size_t name_len(const char *str)
{
	size_t len = 0;

	while (is_name_char(str[len]))
		len++;
	return len;
}

/* The last part of table.`column`. */
static const char *column_of(const char *name, struct gp_arena *arena)
{
	const char *dot = strrchr(name, '.');
	char *copy = gp_arena_strdup(arena, dot != NULL ? dot + 1 : name);
	size_t len = 0;

	for (const char *c = copy; *c != '\0'; c++) {
		if (*c != '"' && *c != '`')
			copy[len++] = *c;
	}
	copy[len] = '\0';
	return copy;
}

static void add_word(struct query *query, enum kind kind, const char *text,
		     int depth)
{
	query->word[query->count++] =
		(struct word) { .kind = kind, .text = text, .depth = depth };
}

static void cut(const char *str, struct query *query, struct gp_arena *arena)
{
	int depth = 0;

	while (*str != '\0' && query->count < WORDS_MAX) {
		size_t len = 1;

		if (*str == '\'') {
			len = text_len(str);
			add_word(query, WORD_TEXT,
				 gp_arena_strndup(arena, str, len), depth);
		} else if (is_name_char(*str)) {
			len = name_len(str);
			add_word(query, WORD_NAME, column_of(
				 gp_arena_strndup(arena, str, len), arena),
				 depth);
		} else if (!isspace((unsigned char)*str)) {
			depth -= *str == ')';
			add_word(query, WORD_OTHER,
				 gp_arena_strndup(arena, str, 1), depth);
			depth += *str == '(';
		}
		str += len;
	}
}

static bool is_word(const struct query *query, size_t i, const char *text)
{
	return i < query->count && query->word[i].kind != WORD_TEXT &&
	       strcasecmp(query->word[i].text, text) == 0;
}

/* The keyword outside of parentheses, at or behind first; the end. */
static size_t find_keyword(const struct query *query, size_t first,
			   const char *keyword)
{
	while (first < query->count && (query->word[first].depth != 0 ||
	       !is_word(query, first, keyword)))
		first++;
	return first;
}

/* What WHERE and ON say lies behind FROM; OR may let another row in. */
static bool is_compared(const struct query *query, size_t from,
			const char *column)
{
	bool compared = false;

	for (size_t i = from; i < query->count; i++) {
		size_t next = i + 1;

		if (is_word(query, i, "or"))
			return false;
		if (query->word[i].kind != WORD_NAME ||
		    strcasecmp(query->word[i].text, column) != 0)
			continue;
		while (is_word(query, next, ")"))
			next++;
		if (is_word(query, next, "=") && next + 1 < query->count &&
		    query->word[next + 1].kind == WORD_TEXT &&
		    strchr(query->word[next + 1].text, '%') != NULL)
			compared = true;
	}
	return compared;
}

/* The column of the expression that is not compared, or NULL. */
static const char *stranger_in(const struct query *query,
			       const struct range *range, size_t from)
{
	for (size_t i = range->first; i < range->end; i++) {
		const struct word *word = &query->word[i];

		if (word->kind == WORD_NAME && !is_word(query, i + 1, "(") &&
		    !isdigit((unsigned char)*word->text) &&
		    !is_compared(query, from, word->text))
			return word->text;
	}
	return NULL;
}

/* What the item is called; the expression is what is left of the range. */
static const char *name_item(const struct query *query, struct range *range)
{
	size_t last = range->end - 1;
	const char *name = query->word[last].text;

	if (query->word[last].kind == WORD_OTHER)
		return "";
	/* 'user' as a name stands in quotes of any kind. */
	if (query->word[last].kind == WORD_TEXT && last == range->first)
		return "";
	if (last > range->first) {
		range->end = last;
		if (is_word(query, last - 1, "as"))
			range->end--;
	}
	return name;
}

static bool is_among(const char *name, const char *const *names)
{
	size_t quote = *name == '\'';

	for (; *names != NULL; names++) {
		size_t len = strlen(*names);

		if (strncasecmp(name + quote, *names, len) == 0 &&
		    strlen(name) == len + 2 * quote)
			return true;
	}
	return false;
}

const char *gp_query_renames(const char *str, const char *const *names,
			     struct gp_arena *arena)
{
	struct query *query = gp_arena_alloc(arena, sizeof(*query));
	struct range range = { .first = 1 };
	const char *stranger = NULL;
	size_t from;

	cut(str, query, arena);
	if (!is_word(query, 0, "select"))
		return NULL;
	from = find_keyword(query, 1, "from");
	while (range.first < from && stranger == NULL) {
		size_t comma = find_keyword(query, range.first, ",");

		range.end = comma < from ? comma : from;
		if (range.end > range.first &&
		    is_among(name_item(query, &range), names))
			stranger = stranger_in(query, &range, from);
		range.first = (comma < from ? comma : from) + 1;
	}
	return stranger;
}

static bool is_setting(const char *line, const char *name)
{
	size_t len = strlen(name);

	return strncmp(line, name, len) == 0 &&
	       line[len + strspn(line + len, " \t")] == '=';
}

/* With the lines behind it, each of which ends in a backslash but the last. */
static const char *joined(const char *value, struct gp_arena *arena)
{
	char *text = gp_arena_strdup(arena, value), *end = text;

	for (; *end != '\0' && *end != '\n'; end++) {
		if (end[0] == '\\' && end[1] == '\n')
			end[0] = end[1] = ' ';
	}
	*end = '\0';
	if (*text == '"' && end > text + 1 && end[-1] == '"') {
		end[-1] = '\0';
		text++;
	}
	return text;
}

const char *gp_query_setting(const char *file, const char *name,
			     struct gp_arena *arena)
{
	while (file != NULL && *file != '\0') {
		const char *line = file + strspn(file, " \t\r\n");

		if (is_setting(line, name)) {
			line = strchr(line, '=') + 1;
			return joined(line + strspn(line, " \t"), arena);
		}
		file = strchr(line, '\n');
	}
	return NULL;
}
