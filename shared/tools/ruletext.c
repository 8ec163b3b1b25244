/* The parser's own lexer says what the words of a line are and where they
   begin, so that no second reading of the syntax can differ from the first.
   All lines are indexed once, by key; a line's words are looked at when it is
   touched. A touched line is put together anew from its old bytes, the rest of
   the file is copied. */

#include "shared/tools/ruletext-data.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/arena.h"
#include "shared/base/memory.h"
#include "shared/rules/lexer.h"
#include "shared/rules/parse.h"
#include "shared/rules/source.h"

int gp_ruletext_key(const char *written, size_t len, char *key,
		    size_t *key_len_r, const char **error_r)
{
	if (!gp_ruletext_is_other(written, len))
		return gp_parse_key(written, len, key, key_len_r, error_r);
	if (len > GP_RULETEXT_KEY_MAX) {
		*error_r = "the name is too long";
		return -1;
	}
	memcpy(key, written, len);
	*key_len_r = len;
	return 0;
}

static size_t hash(const char *key, size_t len)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)key[i]) * UINT64_C(1099511628211);
	return (size_t)(h ^ h >> 32);
}

static bool has_key(const struct gp_ruletext_line *line, const char *key,
		    size_t len)
{
	return line->key_len == len && memcmp(line->key, key, len) == 0;
}

/* The slot of a key: empty, or holding its first line. */
static size_t *slot_of(const struct gp_ruletext *text, const char *key,
		       size_t len)
{
	size_t i = hash(key, len) & text->mask;

	while (text->table[i] != 0 &&
	       !has_key(&text->lines[text->table[i] - 1], key, len))
		i = (i + 1) & text->mask;
	return &text->table[i];
}

/* Behind the lines of the same key that stand before it. */
static void link_line(struct gp_ruletext *text, size_t index, size_t behind)
{
	struct gp_ruletext_line *line = &text->lines[index];
	size_t *slot = slot_of(text, line->key, line->key_len);
	size_t last;

	line->next = GP_RULETEXT_NONE;
	if (*slot == 0) {
		*slot = index + 1;
		return;
	}
	last = *slot - 1;
	while (last != behind &&
	       text->lines[last].next != GP_RULETEXT_NONE)
		last = text->lines[last].next;
	line->next = text->lines[last].next;
	text->lines[last].next = index;
}

static void make_table(struct gp_ruletext *text)
{
	size_t size = 64;

	while (size < text->size * 4)
		size *= 2;
	text->table = gp_alloc(size * sizeof(*text->table));
	text->mask = size - 1;
}

/* Lines of one key hang on the first of them, so that only those move. */
static void grow_table(struct gp_ruletext *text)
{
	size_t *old = text->table;
	size_t count = text->mask + 1;

	make_table(text);
	for (size_t i = 0; i < count; i++) {
		const struct gp_ruletext_line *line;

		if (old[i] == 0)
			continue;
		line = &text->lines[old[i] - 1];
		*slot_of(text, line->key, line->key_len) = old[i];
	}
	free(old);
}

static size_t add_line(struct gp_ruletext *text, const char *key, size_t len)
{
	struct gp_ruletext_line *line;

	if (text->count == text->size) {
		text->size = gp_grow(text->size, text->count + 1);
		text->lines = gp_realloc(text->lines, text->size,
					 sizeof(*text->lines));
	}
	line = &text->lines[text->count];
	memset(line, 0, sizeof(*line));
	line->key = gp_arena_strndup(text->arena, key, len);
	line->key_len = len;
	line->next = line->next_new = GP_RULETEXT_NONE;
	line->first_new = line->last_new = GP_RULETEXT_NONE;
	return text->count++;
}

/* Moves to the start of a physical line. */
static size_t go_to_line(struct gp_ruletext *text, uint32_t number)
{
	const char *newline;

	while (text->at_number < number) {
		newline = memchr(text->data + text->at, '\n',
				 text->len - text->at);
		text->at = newline == NULL ? text->len :
			   (size_t)(newline - text->data) + 1;
		text->at_number++;
	}
	return text->at;
}

static void index_line(void *context, const struct gp_words *words)
{
	struct gp_ruletext *text = context;
	const struct gp_word *first = &words->word[0];
	char key[GP_RULETEXT_KEY_MAX];
	struct gp_ruletext_line *line;
	const char *error;
	size_t len, start, index;

	if (words->bad ||
	    gp_ruletext_key(first->text, first->len, key, &len, &error) < 0) {
		text->bad = true;
		return;
	}
	/* Not the byte order mark in front of the first key. */
	start = go_to_line(text, first->line) + first->column - 1;
	index = add_line(text, key, len);
	line = &text->lines[index];
	line->number = first->line;
	line->start = start;
	line->end = go_to_line(text, words->word[words->count - 1].line + 1);
}

static void index_all(struct gp_ruletext *text)
{
	size_t i;

	make_table(text);
	/* From behind, so that each goes to the front of its key's lines. */
	for (i = text->count; i-- > 0; ) {
		struct gp_ruletext_line *line = &text->lines[i];
		size_t *slot = slot_of(text, line->key, line->key_len);

		line->next = *slot == 0 ? GP_RULETEXT_NONE : *slot - 1;
		*slot = i + 1;
	}
}

int gp_ruletext_new(const char *data, size_t len, struct gp_ruletext **text_r)
{
	struct gp_ruletext *text = gp_alloc(sizeof(*text));
	struct gp_diagnostics *diagnostics = gp_diagnostics_new();
	struct gp_lexer *lexer = gp_lexer_new(diagnostics, index_line, text);
	const char *newline = len == 0 ? NULL : memchr(data, '\n', len);

	text->arena = gp_arena_new();
	text->data = data;
	text->len = len;
	text->eol = newline != NULL && newline > data && newline[-1] == '\r' ?
		    "\r\n" : "\n";
	text->at_number = 1;
	text->first_new = text->last_new = GP_RULETEXT_NONE;
	gp_lexer_begin_file(lexer, 0);
	gp_lexer_feed(lexer, data, len);
	gp_lexer_end_file(lexer);
	text->read = text->count;
	text->bad = text->bad || gp_diagnostics_errors(diagnostics) > 0;
	gp_lexer_free(&lexer);
	gp_diagnostics_free(&diagnostics);
	index_all(text);
	*text_r = text;
	if (!text->bad)
		return 0;
	gp_ruletext_free(text_r);
	return -1;
}

void gp_ruletext_free(struct gp_ruletext **text)
{
	struct gp_ruletext *old = *text;

	*text = NULL;
	if (old == NULL)
		return;
	for (size_t i = 0; i < old->count; i++) {
		if (old->lines[i].opened != NULL)
			free(old->lines[i].opened->words);
	}
	gp_arena_free(&old->arena);
	free(old->lines);
	free(old->table);
	free(old);
}

static size_t skip_removed(const struct gp_ruletext *text, size_t line)
{
	while (line != GP_RULETEXT_NONE && text->lines[line].removed)
		line = text->lines[line].next;
	return line;
}

size_t gp_ruletext_first(const struct gp_ruletext *text, const char *key,
			 size_t key_len)
{
	return skip_removed(text, *slot_of(text, key, key_len) - 1);
}

size_t gp_ruletext_next(const struct gp_ruletext *text, size_t line)
{
	return skip_removed(text, text->lines[line].next);
}

bool gp_ruletext_is_removed(const struct gp_ruletext *text, size_t line)
{
	return text->lines[line].removed;
}

const char *gp_ruletext_key_of(const struct gp_ruletext *text, size_t line,
			       size_t *key_len_r)
{
	*key_len_r = text->lines[line].key_len;
	return text->lines[line].key;
}

size_t gp_ruletext_count(const struct gp_ruletext *text)
{
	return text->count;
}

static struct gp_ruletext_word *new_word(struct gp_ruletext_opened *opened)
{
	if (opened->count == opened->size) {
		opened->size = gp_grow(opened->size, opened->count + 4);
		opened->words = gp_realloc(opened->words, opened->size,
					   sizeof(*opened->words));
	}
	memset(&opened->words[opened->count], 0, sizeof(*opened->words));
	return &opened->words[opened->count++];
}

struct opening {
	struct gp_arena *arena;
	struct gp_ruletext_opened *opened;
	/* How many lines were seen; there is to be one. */
	size_t lines;
	bool bad;
	/* The physical line under way. */
	size_t at;
	uint32_t number;
};

static size_t word_start(struct opening *opening, const struct gp_word *word)
{
	const struct gp_ruletext_opened *opened = opening->opened;

	while (opening->number < word->line) {
		const char *newline = memchr(opened->raw + opening->at, '\n',
					     opened->raw_len - opening->at);

		opening->at = (size_t)(newline - opened->raw) + 1;
		opening->number++;
	}
	return opening->at + word->column - 1;
}

static void open_words(void *context, const struct gp_words *words)
{
	struct opening *opening = context;

	opening->lines++;
	opening->bad = opening->bad || words->bad;
	for (size_t i = 0; i < words->count && opening->lines == 1; i++) {
		const struct gp_word *from = &words->word[i];
		struct gp_ruletext_word *word = new_word(opening->opened);

		word->start = word_start(opening, from);
		word->end = word->start + from->len + (from->quoted ? 2 : 0);
		word->text = gp_arena_strndup(opening->arena, from->text,
					      from->len);
	}
}

/* Cuts the bytes of one line. Returns -1 when they are not one line. */
static int cut_line(struct gp_arena *arena, const char *raw, size_t len,
		    struct gp_ruletext_opened *opened_r)
{
	struct gp_diagnostics *diagnostics = gp_diagnostics_new();
	struct opening opening = {
		.arena = arena, .opened = opened_r, .number = 1
	};
	struct gp_lexer *lexer = gp_lexer_new(diagnostics, open_words,
					      &opening);

	memset(opened_r, 0, sizeof(*opened_r));
	opened_r->raw = raw;
	opened_r->raw_len = len;
	gp_lexer_begin_file(lexer, 0);
	gp_lexer_feed(lexer, raw, len);
	gp_lexer_end_file(lexer);
	gp_lexer_free(&lexer);
	if (gp_diagnostics_errors(diagnostics) > 0)
		opening.bad = true;
	gp_diagnostics_free(&diagnostics);
	return opening.lines == 1 && !opening.bad ? 0 : -1;
}

static struct gp_ruletext_opened *open_line(struct gp_ruletext *text,
					    size_t index)
{
	struct gp_ruletext_line *line = &text->lines[index];

	if (line->opened == NULL) {
		line->opened = gp_arena_alloc(text->arena,
					      sizeof(*line->opened));
		/* It was one line when the whole was read. */
		(void)cut_line(text->arena, text->data + line->start,
			       line->end - line->start, line->opened);
	}
	return line->opened;
}

const char *gp_ruletext_word(struct gp_ruletext *text, size_t line, size_t n,
			     size_t *len_r)
{
	const struct gp_ruletext_opened *opened = open_line(text, line);

	for (size_t i = 1; i < opened->count; i++) {
		if (opened->words[i].text != NULL && n-- == 0) {
			*len_r = strlen(opened->words[i].text);
			return opened->words[i].text;
		}
	}
	return NULL;
}

static struct gp_ruletext_word *find_word(struct gp_ruletext_opened *opened,
					  const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 1; i < opened->count; i++) {
		const char *word = opened->words[i].text;

		if (word != NULL && strncmp(word, name, len) == 0 &&
		    (word[len] == '=' || word[len] == '\0'))
			return &opened->words[i];
	}
	return NULL;
}

const char *gp_ruletext_get(struct gp_ruletext *text, size_t line,
			    const char *name)
{
	const struct gp_ruletext_word *word =
		find_word(open_line(text, line), name);
	const char *value;

	if (word == NULL)
		return NULL;
	value = word->text + strlen(name);
	return *value == '=' ? value + 1 : value;
}

/* The place of a word that was dropped is as good as any. */
static struct gp_ruletext_word *free_word(struct gp_ruletext_opened *opened)
{
	for (size_t i = 1; i < opened->count; i++) {
		if (opened->words[i].text == NULL)
			return &opened->words[i];
	}
	return new_word(opened);
}

void gp_ruletext_put(struct gp_ruletext *text, size_t line, const char *name,
		     const char *value)
{
	struct gp_ruletext_opened *opened = open_line(text, line);
	struct gp_ruletext_word *word = find_word(opened, name);
	const char *now = value == NULL ? gp_arena_strdup(text->arena, name) :
			  gp_arena_printf(text->arena, "%s=%s", name, value);

	if (word == NULL)
		word = free_word(opened);
	else if (strcmp(word->text, now) == 0)
		return;
	word->text = now;
	word->changed = opened->changed = true;
}

bool gp_ruletext_drop(struct gp_ruletext *text, size_t line, const char *name)
{
	struct gp_ruletext_opened *opened = open_line(text, line);
	struct gp_ruletext_word *word = find_word(opened, name);

	if (word == NULL)
		return false;
	word->text = NULL;
	word->changed = opened->changed = true;
	return true;
}

void gp_ruletext_remove(struct gp_ruletext *text, size_t line)
{
	text->lines[line].removed = true;
}

/* Puts a new line behind one, and behind what was put there before. */
static void place_line(struct gp_ruletext *text, size_t index, size_t behind)
{
	bool at_end = behind == GP_RULETEXT_NONE;
	size_t *first = at_end ? &text->first_new :
			&text->lines[behind].first_new;
	size_t *last = at_end ? &text->last_new :
		       &text->lines[behind].last_new;

	if (*last == GP_RULETEXT_NONE)
		*first = index;
	else
		text->lines[*last].next_new = index;
	*last = index;
}

size_t gp_ruletext_add(struct gp_ruletext *text, size_t behind,
		       const char *written)
{
	char key[GP_RULETEXT_KEY_MAX];
	const char *error;
	struct gp_ruletext_line *line;
	struct gp_ruletext_word *word;
	size_t len, index;

	/* The caller has read the key before. */
	if (gp_ruletext_key(written, strlen(written), key, &len, &error) < 0)
		return GP_RULETEXT_NONE;
	index = add_line(text, key, len);
	if (text->count * 2 > text->mask)
		grow_table(text);
	link_line(text, index, behind);
	line = &text->lines[index];
	line->start = line->end = text->len;
	line->opened = gp_arena_alloc(text->arena, sizeof(*line->opened));
	word = new_word(line->opened);
	word->text = gp_arena_strdup(text->arena, written);
	word->changed = line->opened->changed = true;
	line->opened->raw = "";
	place_line(text, index, behind);
	return index;
}

int gp_ruletext_set_raw(struct gp_ruletext *text, size_t index,
			const char *raw, size_t len)
{
	struct gp_ruletext_line *line = &text->lines[index];
	struct gp_ruletext_opened *opened =
		gp_arena_alloc(text->arena, sizeof(*opened));
	char key[GP_RULETEXT_KEY_MAX];
	const char *ending = gp_ruletext_line_is_new(line) ? text->eol :
			     gp_ruletext_ending(text->data + line->start,
						line->end - line->start);
	char *copy = gp_arena_alloc(text->arena, len + 3);
	const char *first, *error;
	size_t key_len;

	memcpy(copy, raw, len);
	strcpy(copy + len, ending);
	len += strlen(ending);
	if (cut_line(text->arena, copy, len, opened) < 0) {
		free(opened->words);
		return -1;
	}
	first = opened->words[0].text;
	if (gp_ruletext_key(first, strlen(first), key, &key_len, &error) < 0 ||
	    !has_key(line, key, key_len)) {
		free(opened->words);
		return -1;
	}
	if (line->opened != NULL)
		free(line->opened->words);
	line->opened = opened;
	opened->changed = true;
	return 0;
}

size_t gp_ruletext_before(const struct gp_ruletext *text, uint32_t number)
{
	size_t low = 0, high = text->read;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (text->lines[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? low - 1 : GP_RULETEXT_NONE;
}

uint32_t gp_ruletext_number(const struct gp_ruletext *text, size_t line)
{
	return text->lines[line].number;
}

size_t gp_ruletext_head(const struct gp_ruletext *text, size_t line)
{
	return *slot_of(text, text->lines[line].key,
			text->lines[line].key_len) - 1;
}
