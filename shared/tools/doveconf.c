/* doveconf has read the configuration and prints it in one form, a setting or
   the start or end of a block on each line; that form alone is read here. A
   brace too many or too few means that it is another one, and then nothing
   must be concluded. */

#include "shared/tools/doveconf.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEPTH_MAX 16

/* Blocks while they are filled. */
struct level {
	struct gp_dove_block *block;
	const struct gp_dove_setting **next_setting;
	const struct gp_dove_block **next_block;
};

struct parser {
	struct gp_arena *arena;
	struct gp_doveconf *conf;
	struct level level[DEPTH_MAX];
	size_t depth;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void trim(const char **str, size_t *len)
{
	while (*len > 0 && is_space(**str)) {
		(*str)++;
		(*len)--;
	}
	while (*len > 0 && is_space((*str)[*len - 1]))
		(*len)--;
}

static const char *copy(struct parser *parser, const char *str, size_t len)
{
	trim(&str, &len);
	if (len >= 2 && str[0] == '"' && str[len - 1] == '"') {
		str++;
		len -= 2;
	}
	return gp_arena_strndup(parser->arena, str, len);
}

static size_t word_len(const char *str, size_t len)
{
	size_t i = 0;

	while (i < len && !is_space(str[i]) && str[i] != '=')
		i++;
	return i;
}

/* "# 2.3.19.1 (9b53102964): /etc/dovecot/dovecot.conf" */
static void read_comment(struct parser *parser, const char *str, size_t len)
{
	struct gp_doveconf *conf = parser->conf;
	const char *colon = memchr(str, ':', len);
	size_t version_len;

	if (*conf->version != '\0' || len == 0)
		return;
	str++;
	len--;
	trim(&str, &len);
	if (len == 0 || !isdigit((unsigned char)*str) || colon == NULL)
		return;
	version_len = word_len(str, len);
	conf->version = gp_arena_strndup(parser->arena, str, version_len);
	conf->path = copy(parser, colon + 1,
			  (size_t)(str + len - colon - 1));
	conf->is_2_4 = strncmp(conf->version, "2.3", 3) != 0;
}

static void enter(struct parser *parser, struct gp_dove_block *block)
{
	struct level *level = &parser->level[parser->depth++];

	level->block = block;
	level->next_setting = &block->settings;
	level->next_block = &block->blocks;
}

static int open_block(struct parser *parser, const char *str, size_t len,
		      const char **error_r)
{
	struct level *level = &parser->level[parser->depth - 1];
	size_t type_len = word_len(str, len);
	struct gp_dove_block *block;

	if (parser->depth == DEPTH_MAX) {
		*error_r = "its blocks are nested too deeply";
		return -1;
	}
	block = gp_arena_alloc(parser->arena, sizeof(*block));
	block->type = gp_arena_strndup(parser->arena, str, type_len);
	block->name = copy(parser, str + type_len, len - type_len);
	block->parent = level->block;
	*level->next_block = block;
	level->next_block = &block->next;
	enter(parser, block);
	return 0;
}

static void add_setting(struct parser *parser, const char *str, size_t len,
			const char *equals)
{
	struct level *level = &parser->level[parser->depth - 1];
	struct gp_dove_setting *setting =
		gp_arena_alloc(parser->arena, sizeof(*setting));

	setting->name = copy(parser, str, (size_t)(equals - str));
	setting->value = copy(parser, equals + 1,
			      (size_t)(str + len - equals - 1));
	*level->next_setting = setting;
	level->next_setting = &setting->next;
}

static int parse_line(struct parser *parser, const char *str, size_t len,
		      const char **error_r)
{
	const char *rest;
	size_t rest_len;

	trim(&str, &len);
	if (len == 0)
		return 0;
	if (*str == '#') {
		read_comment(parser, str, len);
		return 0;
	}
	if (len == 1 && *str == '}') {
		if (--parser->depth > 0)
			return 0;
		*error_r = "it closes a block that was not opened";
		return -1;
	}
	rest = str + word_len(str, len);
	rest_len = len - (size_t)(rest - str);
	trim(&rest, &rest_len);
	if (rest_len > 0 && *rest == '=') {
		add_setting(parser, str, len, rest);
		return 0;
	}
	if (str[len - 1] == '{')
		return open_block(parser, str, len - 1, error_r);
	*error_r = "a line is neither a setting nor a block";
	return -1;
}

int gp_doveconf_parse(const char *data, size_t len, struct gp_arena *arena,
		      struct gp_doveconf *conf_r, const char **error_r)
{
	struct parser parser = { .arena = arena, .conf = conf_r };
	const char *end = data + len;

	*conf_r = (struct gp_doveconf) { .version = "", .path = "" };
	conf_r->root.type = conf_r->root.name = "";
	enter(&parser, &conf_r->root);
	while (data < end) {
		const char *newline = memchr(data, '\n', (size_t)(end - data));
		const char *stop = newline != NULL ? newline : end;

		if (parse_line(&parser, data, (size_t)(stop - data),
			       error_r) < 0)
			return -1;
		data = newline != NULL ? newline + 1 : end;
	}
	if (gp_dove_value(&conf_r->root, "dovecot_config_version") != NULL)
		conf_r->is_2_4 = true;
	if (parser.depth == 1)
		return 0;
	*error_r = "it ends inside a block";
	return -1;
}

/* "passdb_driver" is "driver" inside of passdb { }. */
static bool is_name(const struct gp_dove_block *block, const char *written,
		    const char *name)
{
	size_t len = strlen(block->type);

	if (strcmp(written, name) == 0)
		return true;
	return len > 0 && strncmp(written, block->type, len) == 0 &&
	       written[len] == '_' && strcmp(written + len + 1, name) == 0;
}

const char *gp_dove_value(const struct gp_dove_block *block,
			  const char *name)
{
	const struct gp_dove_setting *setting;

	for (setting = block->settings; setting != NULL;
	     setting = setting->next) {
		if (is_name(block, setting->name, name))
			return setting->value;
	}
	return NULL;
}

const char *gp_dove_value_or(const struct gp_dove_block *block,
			     const char *name, const char *missing)
{
	const char *value = gp_dove_value(block, name);

	return value != NULL ? value : missing;
}

bool gp_dove_is_yes(const char *value)
{
	return strcasecmp(value, "yes") == 0 || strcasecmp(value, "y") == 0 ||
	       strcmp(value, "1") == 0;
}

const struct gp_dove_block *
gp_dove_block_find(const struct gp_dove_block *block, const char *type,
		   const char *name)
{
	for (; block != NULL; block = block->next) {
		if (strcmp(block->type, type) == 0 &&
		    (name == NULL || strcmp(block->name, name) == 0))
			return block;
	}
	return NULL;
}

const char *gp_dove_next_word(const char **value, struct gp_arena *arena)
{
	static const char separators[] = " \t,";
	const char *word = *value + strspn(*value, separators);
	size_t len = strcspn(word, separators);

	*value = word + len;
	return len > 0 ? gp_arena_strndup(arena, word, len) : NULL;
}

static bool has_word(const char *value, const char *word)
{
	static const char separators[] = " \t,";
	size_t len = strlen(word);

	for (;;) {
		size_t found;

		value += strspn(value, separators);
		found = strcspn(value, separators);
		if (found == 0)
			return false;
		if (found == len && strncasecmp(value, word, len) == 0)
			return true;
		value += found;
	}
}

bool gp_dove_list_has(const struct gp_dove_block *block, const char *list,
		      const char *word)
{
	const char *value = gp_dove_value(block, list);
	const struct gp_dove_block *names =
		gp_dove_block_find(block->blocks, list, NULL);

	if (value != NULL && has_word(value, word))
		return true;
	value = names != NULL ? gp_dove_value(names, word) : NULL;
	return value != NULL && gp_dove_is_yes(value);
}

bool gp_dove_has_list(const struct gp_dove_block *block, const char *list)
{
	return gp_dove_value(block, list) != NULL ||
	       gp_dove_block_find(block->blocks, list, NULL) != NULL;
}

bool gp_dove_size(const char *value, unsigned long long *size_r)
{
	static const char units[] = "bkmgt";
	unsigned long long size, factor = 1;
	const char *unit;
	char *end;

	if (!isdigit((unsigned char)*value))
		return false;
	size = strtoull(value, &end, 10);
	while (is_space(*end))
		end++;
	if (*end != '\0') {
		unit = strchr(units, tolower((unsigned char)*end));
		if (unit == NULL)
			return false;
		factor = 1ULL << (10 * (unit - units));
	}
	*size_r = size > ~0ULL / factor ? ~0ULL : size * factor;
	return true;
}
