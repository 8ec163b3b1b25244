/* The parser: takes logical lines from the lexer, finds out what their key
   names, and hands on what they say. A line with an error is dropped whole;
   the compile stops anyway, and half a line must never become a rule. */

#include <stdlib.h>
#include <string.h>
#include "shared/base/arena.h"
#include "shared/base/memory.h"
#include "shared/rules/attributes.h"
#include "shared/rules/key.h"
#include "shared/rules/lexer.h"
#include "shared/rules/numbering.h"
#include "shared/rules/parse.h"

struct gp_parser {
	const struct gp_parse_sink *sink;
	struct gp_diagnostics *diagnostics;
	struct gp_lexer *lexer;
	struct gp_numbering *nets;
	struct gp_numbering *profiles;
	/* For the line under way. */
	struct gp_arena *arena;
	uint32_t file;
};

static void take_line(void *context, const struct gp_words *words);

static void take_net_name(void *context, uint32_t number, const char *name)
{
	struct gp_parser *parser = context;

	parser->sink->net_name(parser->sink->context, number, name);
}

static void take_profile_name(void *context, uint32_t number,
			      const char *name)
{
	struct gp_parser *parser = context;

	parser->sink->profile_name(parser->sink->context, number, name);
}

struct gp_parser *gp_parser_new(const struct gp_parse_sink *sink,
				struct gp_diagnostics *diagnostics)
{
	struct gp_parser *parser = gp_alloc(sizeof(*parser));

	parser->sink = sink;
	parser->diagnostics = diagnostics;
	parser->lexer = gp_lexer_new(diagnostics, take_line, parser);
	parser->nets = gp_numbering_new("net", take_net_name, parser);
	parser->profiles = gp_numbering_new("profile", take_profile_name,
					    parser);
	parser->arena = gp_arena_new();
	return parser;
}

void gp_parser_free(struct gp_parser **parser)
{
	if (*parser == NULL)
		return;
	gp_lexer_free(&(*parser)->lexer);
	gp_numbering_free(&(*parser)->nets);
	gp_numbering_free(&(*parser)->profiles);
	gp_arena_free(&(*parser)->arena);
	free(*parser);
	*parser = NULL;
}

void gp_parser_know_net(struct gp_parser *parser, const char *name)
{
	gp_numbering_know(parser->nets, name);
}

void gp_parser_know_profile(struct gp_parser *parser, const char *name)
{
	gp_numbering_know(parser->profiles, name);
}

/* The networks of one word of a net's line. Returns -1 after an error. */
static int add_networks(struct gp_parser *parser, const struct gp_word *word,
			struct gp_netset_builder *builder)
{
	const char *item = word->text, *end = item + word->len, *comma;
	const char *what, *text;
	int ret = 0;

	for (; item < end; item = comma + 1) {
		comma = memchr(item, ',', end - item);
		if (comma == NULL)
			comma = end;
		/* A comma may stand behind a blank. */
		if (comma == item && item == word->text)
			continue;
		text = gp_arena_strndup(parser->arena, item, comma - item);
		what = "a net consists of networks and names no other net";
		if (gp_numbering_is_name(item, comma - item) ||
		    gp_netset_builder_add(builder, text, parser->arena,
					  &what) < 0) {
			gp_diagnostics_error(parser->diagnostics, parser->file,
					     word->line, word->column +
					     (item - word->text), "%s", what);
			ret = -1;
		}
	}
	return ret;
}

static void error_at_key(struct gp_parser *parser, const struct gp_words *words,
			 const char *what)
{
	gp_diagnostics_error(parser->diagnostics, parser->file,
			     words->word[0].line, words->word[0].column, "%s",
			     what);
}

/* The number of the net or profile that a line defines, or -1. */
static int64_t define(struct gp_parser *parser, struct gp_numbering *numbering,
		      const struct gp_words *words, size_t prefix,
		      bool *again_r)
{
	const char *name = words->word[0].text + prefix;
	size_t len = words->word[0].len - prefix;

	if (!gp_numbering_is_name(name, len) ||
	    (len == 3 && memcmp(name, "any", 3) == 0) ||
	    (len == 4 && memcmp(name, "none", 4) == 0)) {
		error_at_key(parser, words, "a name begins with a letter and "
			     "has letters, digits, \"_\", \"-\" and \".\", at "
			     "most 63; \"any\" and \"none\" are taken");
		return -1;
	}
	return gp_numbering_define(numbering, name, len, parser->file,
				   again_r);
}

static void take_net(struct gp_parser *parser, const struct gp_words *words)
{
	struct gp_netset_builder builder;
	struct gp_netset set;
	int64_t number;
	bool again, bad = words->bad;
	size_t i;

	number = define(parser, parser->nets, words, 4, &again);
	if (number >= 0 && again) {
		error_at_key(parser, words, "this net is defined in this file "
			     "already; a net is written once");
		bad = true;
	}
	gp_netset_builder_init(&builder);
	for (i = 1; i < words->count; i++) {
		if (add_networks(parser, &words->word[i], &builder) < 0)
			bad = true;
	}
	gp_netset_builder_finish(&builder, parser->arena, &set);
	gp_netset_builder_deinit(&builder);
	if (set.count == 0 && !bad) {
		error_at_key(parser, words, "this net is empty; write its "
			     "networks behind its name");
		bad = true;
	}
	if (number >= 0 && !bad)
		parser->sink->net(parser->sink->context, number, &set);
}

static int parse_attributes(struct gp_parser *parser, enum gp_key_kind kind,
			    const struct gp_words *words, struct gp_line *line)
{
	bool apart = parser->sink->apart != NULL;
	struct gp_attributes_context context = {
		.arena = parser->arena, .diagnostics = parser->diagnostics,
		.nets = apart ? NULL : parser->nets,
		.profiles = apart ? NULL : parser->profiles,
		.file = parser->file
	};

	return gp_attributes_parse(&context, kind, words, line);
}

static void take_profile(struct gp_parser *parser,
			 const struct gp_words *words)
{
	struct gp_line line;
	int64_t number;
	bool again;

	number = define(parser, parser->profiles, words, 8, &again);
	if (parse_attributes(parser, GP_KEY_KIND_PROFILE, words, &line) == 0 &&
	    number >= 0)
		parser->sink->profile_line(parser->sink->context, number,
					   &line);
}

static enum gp_key_kind kind_of(const char *key, size_t len)
{
	if (gp_key_is_every(key, len))
		return GP_KEY_KIND_EVERY;
	if (gp_key_is_mailbox(key, len))
		return GP_KEY_KIND_MAILBOX;
	return gp_key_is_parent(key, len) ? GP_KEY_KIND_PARENT :
					    GP_KEY_KIND_DOMAIN;
}

static void leave(struct gp_parser *parser, const struct gp_words *words)
{
	parser->sink->apart(parser->sink->context, words->start,
			    words->word[0].line);
}

static void take_rule(struct gp_parser *parser, const struct gp_words *words)
{
	char key[GP_KEY_MAX];
	struct gp_line line;
	const char *what;
	size_t len;
	int bad, ret;

	bad = gp_parse_key(words->word[0].text, words->word[0].len, key, &len,
			   &what);
	if (bad < 0)
		error_at_key(parser, words, what);
	ret = parse_attributes(parser, bad < 0 ? GP_KEY_KIND_DOMAIN :
			       kind_of(key, len), words, &line);
	if (ret == 0 && bad == 0)
		parser->sink->line(parser->sink->context, key, len, &line);
	else if (ret > 0)
		leave(parser, words);
}

static bool begins_with(const struct gp_word *word, const char *prefix)
{
	return word->len >= strlen(prefix) &&
	       memcmp(word->text, prefix, strlen(prefix)) == 0;
}

static void take_line(void *context, const struct gp_words *words)
{
	struct gp_parser *parser = context;
	bool net = begins_with(&words->word[0], "net:");
	bool profile = begins_with(&words->word[0], "profile:");

	if ((net || profile) && parser->sink->apart != NULL)
		leave(parser, words);
	else if (net)
		take_net(parser, words);
	else if (profile)
		take_profile(parser, words);
	else
		take_rule(parser, words);
	gp_arena_reset(parser->arena);
}

void gp_parser_begin_file(struct gp_parser *parser, uint32_t file)
{
	parser->file = file;
	gp_lexer_begin_file(parser->lexer, file);
}

void gp_parser_feed_lines(struct gp_parser *parser, uint32_t file,
			  uint32_t line, const char *data, size_t len)
{
	parser->file = file;
	gp_lexer_begin_lines(parser->lexer, file, line);
	gp_lexer_feed(parser->lexer, data, len);
	gp_lexer_end_file(parser->lexer);
}

void gp_parser_feed(struct gp_parser *parser, const char *data, size_t len)
{
	gp_lexer_feed(parser->lexer, data, len);
}

void gp_parser_end_file(struct gp_parser *parser)
{
	gp_lexer_end_file(parser->lexer);
}

void gp_parser_finish(struct gp_parser *parser)
{
	gp_numbering_finish(parser->nets, parser->diagnostics);
	gp_numbering_finish(parser->profiles, parser->diagnostics);
}
