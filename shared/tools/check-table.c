/* Access tables in front of the check: one that says OK to somebody is a way
   round every rule for him. Those that are text are read as postmap(1) and
   cidr_table(5), pcre_table(5), regexp_table(5) read them; what a database or a
   server holds is not known here. */

#include "shared/tools/check.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* A table of millions of entries is made by a program, and not for access. */
#define FILE_MAX ((size_t)64 << 20)

static const char spaces[] = " \t\r";

const char *check_read_file(const struct check *check, const char *path)
{
	FILE *file = fopen(path, "re");
	struct gp_text text;
	char piece[64 * 1024];
	const char *copy = NULL;
	size_t got;

	if (file == NULL)
		return NULL;
	gp_text_init(&text);
	while ((got = fread(piece, 1, sizeof(piece), file)) > 0 &&
	       text.len < FILE_MAX)
		gp_text_add_mem(&text, piece, got);
	if (!ferror(file))
		copy = gp_arena_strdup(check->arena, text.data);
	fclose(file);
	gp_text_deinit(&text);
	return copy;
}

/* Where the pattern ends that begins a line. */
static const char *behind_pattern(const char *line, bool is_expression)
{
	char delimiter = *line;

	if (!is_expression || isalnum((unsigned char)delimiter))
		return line + strcspn(line, spaces);
	for (line++; *line != '\0' && *line != delimiter; line++) {
		if (line[0] == '\\' && line[1] != '\0')
			line++;
	}
	return line + strcspn(line, spaces);
}

static const char *permit_in_action(const struct check_postfix *postfix,
				    const char *key, size_t key_len,
				    const char *action)
{
	size_t len;

	action += strspn(action, spaces);
	len = strcspn(action, " \t\r,");
	if (len == 0)
		return NULL;
	if (strspn(action, "0123456789") != strlen(action) &&
	    (len != 2 || strncasecmp(action, "OK", len) != 0) &&
	    (len != 5 || strncasecmp(action, "RELAY", len) != 0) &&
	    check_permit_in_list(postfix, action) == NULL)
		return NULL;
	return gp_arena_printf(postfix->check->arena, "\"%.*s\" %.*s",
			       (int)key_len, key, (int)len, action);
}

/* Each line that is no comment and does not continue another. */
static const char *permit_in_text(const struct check_postfix *postfix,
				  const char *text, bool is_expression)
{
	struct gp_arena *arena = postfix->check->arena;
	const char *found = NULL;

	while (found == NULL && *text != '\0') {
		size_t len = strcspn(text, "\n");
		const char *line = gp_arena_strndup(arena, text, len);
		const char *action = behind_pattern(line, is_expression);

		text += len + (text[len] != '\0');
		if (*line != '#' && !isspace((unsigned char)*line) &&
		    *line != '\0')
			found = permit_in_action(postfix, line,
						 (size_t)(action - line),
						 action);
	}
	return found;
}

/* inline:{ NAME=ACTION, { NAME = ACTION with blanks } } */
static const char *permit_inline(const struct check_postfix *postfix,
				 const char *table)
{
	struct gp_arena *arena = postfix->check->arena;
	const char *list = gp_postconf_unbrace(table, arena);
	const char *entry, *found = NULL;

	while (found == NULL &&
	       (entry = gp_postconf_next(&list, arena)) != NULL) {
		const char *equals;

		entry = gp_postconf_unbrace(entry, arena);
		equals = strchr(entry, '=');
		if (equals != NULL)
			found = permit_in_action(postfix, entry,
						 (size_t)(equals - entry),
						 equals + 1);
	}
	return found;
}

static bool is_type(const char *table, size_t len, const char *const *types)
{
	for (; *types != NULL; types++) {
		if (strlen(*types) == len && strncmp(table, *types, len) == 0)
			return true;
	}
	return false;
}

const char *check_table_permits(const struct check_postfix *postfix,
				const char *table)
{
	static const char *const plain[] = {
		"hash", "btree", "lmdb", "dbm", "cdb", "sdbm", "texthash",
		"cidr", NULL
	};
	static const char *const expressions[] = { "pcre", "regexp", NULL };
	static const char *const named[] = { "inline", NULL };
	static const char *const fixed[] = { "static", NULL };
	size_t len;
	const char *text;

	if (strncmp(table, "proxy:", 6) == 0)
		table += 6;
	len = strcspn(table, ":");
	if (table[len] == '\0')
		return NULL;
	text = table + len + 1;
	if (is_type(table, len, named))
		return permit_inline(postfix, text);
	if (is_type(table, len, fixed))
		return permit_in_action(postfix, "*", 1, gp_postconf_unbrace(
					text, postfix->check->arena));
	if (!is_type(table, len, plain) && !is_type(table, len, expressions))
		return NULL;
	text = check_read_file(postfix->check, text);
	return text == NULL ? NULL :
	       permit_in_text(postfix, text, is_type(table, len, expressions));
}
