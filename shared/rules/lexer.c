/* A logical line ends where the next one begins, not at its newline, because
   comments and empty lines may stand before its continuation. Its words stay
   where they were read as long as that holds, which is nearly always until
   the line is finished; only those of a line that is under way when a piece of
   the file ends are copied. */

#include <stdlib.h>
#include <string.h>
#include "shared/base/arena.h"
#include "shared/base/memory.h"
#include "shared/base/text.h"
#include "shared/rules/lexer.h"
#include "shared/rules/utf8.h"

struct gp_lexer {
	struct gp_diagnostics *diagnostics;
	gp_lexer_line *each;
	void *context;
	uint32_t file;
	uint32_t line;
	/* A physical line whose end has not been seen yet. */
	struct gp_text partial;
	/* The words of the logical line under way. Those below settled lie in
	   the arena, the others mostly where they were read. */
	struct gp_word *words;
	size_t count;
	size_t size;
	size_t settled;
	const char *start;
	struct gp_arena *arena;
	bool arena_used;
	bool bad;
};

struct gp_lexer *gp_lexer_new(struct gp_diagnostics *diagnostics,
			      gp_lexer_line *each, void *context)
{
	struct gp_lexer *lexer = gp_alloc(sizeof(*lexer));

	lexer->diagnostics = diagnostics;
	lexer->each = each;
	lexer->context = context;
	lexer->arena = gp_arena_new();
	gp_text_init(&lexer->partial);
	return lexer;
}

void gp_lexer_free(struct gp_lexer **lexer)
{
	if (*lexer == NULL)
		return;
	gp_text_deinit(&(*lexer)->partial);
	gp_arena_free(&(*lexer)->arena);
	free((*lexer)->words);
	free(*lexer);
	*lexer = NULL;
}

void gp_lexer_begin_file(struct gp_lexer *lexer, uint32_t file)
{
	gp_lexer_begin_lines(lexer, file, 1);
}

void gp_lexer_begin_lines(struct gp_lexer *lexer, uint32_t file,
			  uint32_t line)
{
	lexer->file = file;
	lexer->line = line - 1;
	gp_text_clear(&lexer->partial);
}

static void error(struct gp_lexer *lexer, size_t offset, const char *what)
{
	gp_diagnostics_error(lexer->diagnostics, lexer->file, lexer->line,
			     offset + 1, "%s", what);
	lexer->bad = true;
}

static void finish_line(struct gp_lexer *lexer)
{
	const struct gp_words words = {
		.word = lexer->words, .count = lexer->count, .bad = lexer->bad,
		.start = lexer->start
	};

	if (lexer->count > 0)
		lexer->each(lexer->context, &words);
	lexer->count = 0;
	lexer->settled = 0;
	lexer->bad = false;
	if (lexer->arena_used)
		gp_arena_reset(lexer->arena);
	lexer->arena_used = false;
}

/* Before the bytes are given back that were read last. */
static void settle(struct gp_lexer *lexer)
{
	struct gp_word *word;

	for (; lexer->settled < lexer->count; lexer->settled++) {
		word = &lexer->words[lexer->settled];
		word->text = gp_arena_strndup(lexer->arena, word->text,
					      word->len);
		lexer->arena_used = true;
	}
}

static struct gp_word *add_word(struct gp_lexer *lexer, const char *str,
				size_t offset)
{
	struct gp_word *word;

	if (lexer->count == lexer->size) {
		lexer->size = gp_grow(lexer->size, lexer->count + 1);
		lexer->words = gp_realloc(lexer->words, lexer->size,
					  sizeof(*lexer->words));
	}
	word = &lexer->words[lexer->count++];
	word->text = str + offset;
	word->line = lexer->line;
	word->column = offset + 1;
	word->quoted = false;
	return word;
}

/* What a byte is to the lexer. Nearly all are plain, so that a table is what
   makes ten million lines quick to read. */
enum kind {
	PLAIN,
	WHITE,
	QUOTE,
	/* A control character, or a part of UTF-8: looked at more closely. */
	SPECIAL
};

static const unsigned char kinds[256] = {
	[0 ... 8] = SPECIAL, ['\t' ... '\r'] = WHITE, [14 ... 31] = SPECIAL,
	[' '] = WHITE, ['"'] = QUOTE, [0x7f ... 0xff] = SPECIAL
};

static enum kind kind_of(char c)
{
	return kinds[(unsigned char)c];
}

static bool is_white(char c)
{
	return kind_of(c) == WHITE;
}

/* Blanks are fine: they can only stand in quotes here. */
static void check_word(struct gp_lexer *lexer, const char *str, size_t len,
		       size_t offset)
{
	uint32_t c;
	size_t i;
	int size;

	for (i = 0; i < len; i += size) {
		size = 1;
		if (kind_of(str[i]) == PLAIN)
			continue;
		size = gp_utf8_next(str + i, len - i, &c);
		if (size < 0) {
			error(lexer, offset + i, "invalid UTF-8; save the "
			      "file as UTF-8");
			return;
		}
		if (c < 0x20 || (c >= 0x7f && c < 0xa0)) {
			error(lexer, offset + i, "control character; remove "
			      "it");
			return;
		}
	}
}

/* A quote counts right behind the first "=" of a word. */
static bool begins_value(const char *word, const char *quote)
{
	return quote > word && quote[-1] == '=' &&
	       memchr(word, '=', quote - word) == quote - 1;
}

/* The rest of a word whose value stands in quotes, which drop out; returns the
   offset behind it. */
static size_t read_quoted(struct gp_lexer *lexer, struct gp_word *word,
			  const char *str, size_t len, size_t quote)
{
	size_t start = quote + 1, name_len = &str[quote] - word->text, end;
	const char *close = memchr(str + start, '"', len - start);
	char *text;

	if (close == NULL)
		error(lexer, quote, "this quote is not closed on its line; "
		      "add a \" behind the value");
	end = close == NULL ? len : (size_t)(close - str);
	word->len = name_len + end - start;
	text = gp_arena_bytes(lexer->arena, word->len);
	lexer->arena_used = true;
	memcpy(text, word->text, name_len);
	memcpy(text + name_len, str + start, end - start);
	word->text = text;
	word->quoted = true;
	if (end < len)
		end++;
	if (end < len && !is_white(str[end]))
		error(lexer, end, "text right behind a closing quote; put a "
		      "blank between them");
	return end;
}

/* One word that begins at offset; returns the offset behind it. What stands
   behind a line, a newline or the NUL of a text, is not plain either. */
static size_t read_word(struct gp_lexer *lexer, const char *str, size_t len,
			size_t offset)
{
	struct gp_word *word = add_word(lexer, str, offset);
	size_t end = offset;
	enum kind kind;
	bool special = false, quoted = false;

	for (;; end++) {
		while (kind_of(str[end]) == PLAIN)
			end++;
		kind = kind_of(str[end]);
		if (end == len || kind == WHITE)
			break;
		special = true;
		quoted = kind == QUOTE && begins_value(word->text, &str[end]);
		if (quoted)
			break;
	}
	word->len = end - offset;
	if (quoted)
		end = read_quoted(lexer, word, str, len, end);
	if (special)
		check_word(lexer, word->text, word->len, offset);
	return end;
}

static void read_line(struct gp_lexer *lexer, const char *str, size_t len)
{
	size_t i = 0;

	lexer->line++;
	if (lexer->line == 1 && len >= 3 && memcmp(str, "\xef\xbb\xbf", 3) == 0)
		i = 3;
	while (i < len && is_white(str[i]))
		i++;
	if (i == len || str[i] == '#')
		return;
	if (!is_white(str[0])) {
		finish_line(lexer);
		lexer->start = str;
	} else if (lexer->count == 0) {
		error(lexer, 0, "this line continues the one before, and there "
		      "is none; a key begins in the first column");
		lexer->bad = false;
		return;
	}
	while (i < len && str[i] != '#') {
		i = read_word(lexer, str, len, i);
		while (i < len && is_white(str[i]))
			i++;
	}
}

void gp_lexer_feed(struct gp_lexer *lexer, const char *data, size_t len)
{
	const char *end = data + len, *newline;

	while (data < end) {
		newline = memchr(data, '\n', end - data);
		if (newline == NULL) {
			gp_text_add_mem(&lexer->partial, data, end - data);
			break;
		}
		if (lexer->partial.len > 0) {
			gp_text_add_mem(&lexer->partial, data, newline - data);
			read_line(lexer, lexer->partial.data,
				  lexer->partial.len);
			settle(lexer);
			gp_text_clear(&lexer->partial);
		} else {
			read_line(lexer, data, newline - data);
		}
		data = newline + 1;
	}
	settle(lexer);
}

void gp_lexer_end_file(struct gp_lexer *lexer)
{
	if (lexer->partial.len > 0)
		read_line(lexer, lexer->partial.data, lexer->partial.len);
	finish_line(lexer);
	gp_text_clear(&lexer->partial);
}
