/* A logical line ends where the next one begins, not at its newline, because
   comments and empty lines may stand before its continuation. The words of the
   line under way are therefore copied; everything else is looked at where it
   was read. */

#include <stdlib.h>
#include <string.h>
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
	/* The words of the logical line under way; while it grows, their text
	   is an offset into bytes. */
	struct gp_text bytes;
	struct gp_word *words;
	size_t count;
	size_t size;
	bool bad;
};

struct gp_lexer *gp_lexer_new(struct gp_diagnostics *diagnostics,
			      gp_lexer_line *each, void *context)
{
	struct gp_lexer *lexer = gp_alloc(sizeof(*lexer));

	lexer->diagnostics = diagnostics;
	lexer->each = each;
	lexer->context = context;
	gp_text_init(&lexer->partial);
	gp_text_init(&lexer->bytes);
	return lexer;
}

void gp_lexer_free(struct gp_lexer **lexer)
{
	if (*lexer == NULL)
		return;
	gp_text_deinit(&(*lexer)->partial);
	gp_text_deinit(&(*lexer)->bytes);
	free((*lexer)->words);
	free(*lexer);
	*lexer = NULL;
}

void gp_lexer_begin_file(struct gp_lexer *lexer, uint32_t file)
{
	lexer->file = file;
	lexer->line = 0;
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
	struct gp_words words;
	size_t i;

	for (i = 0; i < lexer->count; i++)
		lexer->words[i].text = lexer->bytes.data +
				       (size_t)lexer->words[i].text;
	words.word = lexer->words;
	words.count = lexer->count;
	words.bad = lexer->bad;
	if (lexer->count > 0)
		lexer->each(lexer->context, &words);
	lexer->count = 0;
	lexer->bad = false;
	gp_text_clear(&lexer->bytes);
}

static struct gp_word *add_word(struct gp_lexer *lexer, size_t offset)
{
	struct gp_word *word;

	if (lexer->count == lexer->size) {
		lexer->size = gp_grow(lexer->size, lexer->count + 1);
		lexer->words = gp_realloc(lexer->words, lexer->size,
					  sizeof(*lexer->words));
	}
	word = &lexer->words[lexer->count++];
	word->text = (const char *)lexer->bytes.len;
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

/* One word that begins at offset; returns the offset behind it. */
static size_t read_word(struct gp_lexer *lexer, const char *str, size_t len,
			size_t offset)
{
	struct gp_word *word = add_word(lexer, offset);
	const char *quote = NULL;
	size_t end = offset, start = offset;
	enum kind kind;
	bool special = false;

	for (; end < len; end++) {
		kind = kind_of(str[end]);
		if (kind == PLAIN)
			continue;
		if (kind == WHITE)
			break;
		special = true;
		if (kind == QUOTE && begins_value(str + start, str + end)) {
			quote = &str[end];
			break;
		}
	}
	gp_text_add_mem(&lexer->bytes, str + start, end - start);
	if (quote != NULL) {
		start = end + 1;
		quote = memchr(str + start, '"', len - start);
		if (quote == NULL) {
			error(lexer, start - 1, "this quote is not closed on "
			      "its line; add a \" behind the value");
			quote = str + len;
		}
		end = quote - str;
		gp_text_add_mem(&lexer->bytes, str + start, end - start);
		word->quoted = true;
		if (end < len)
			end++;
		if (end < len && !is_white(str[end]))
			error(lexer, end, "text right behind a closing quote; "
			      "put a blank between them");
	}
	word->len = lexer->bytes.len - (size_t)word->text;
	if (special)
		check_word(lexer, lexer->bytes.data + (size_t)word->text,
			   word->len, offset);
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
			return;
		}
		if (lexer->partial.len > 0) {
			gp_text_add_mem(&lexer->partial, data, newline - data);
			read_line(lexer, lexer->partial.data,
				  lexer->partial.len);
			gp_text_clear(&lexer->partial);
		} else {
			read_line(lexer, data, newline - data);
		}
		data = newline + 1;
	}
}

void gp_lexer_end_file(struct gp_lexer *lexer)
{
	if (lexer->partial.len > 0)
		read_line(lexer, lexer->partial.data, lexer->partial.len);
	gp_text_clear(&lexer->partial);
	finish_line(lexer);
}
