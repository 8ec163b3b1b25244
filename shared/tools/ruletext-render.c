/* What was touched is put together from its old bytes and its new words; all
   the rest is copied. */

#include "shared/tools/ruletext-data.h"

#include <string.h>

/* Whether anything is to be done at this line when the text is rendered. */
static bool is_touched(const struct gp_ruletext_line *line)
{
	return line->removed || line->first_new != GP_RULETEXT_NONE ||
	       (line->opened != NULL && line->opened->changed);
}

/* In quotes where it would not survive without. */
static void add_word(struct gp_text *out, const char *word)
{
	const char *value = strchr(word, '=');

	if (value == NULL || (value[1] != '\0' && value[1] != '"' &&
			      strpbrk(value, " \t\v\f\r") == NULL)) {
		gp_text_add(out, word);
		return;
	}
	gp_text_add_mem(out, word, (size_t)(value - word) + 1);
	gp_text_addf(out, "\"%s\"", value + 1);
}

bool gp_ruletext_is_value(const char *value)
{
	bool quote = false, white = false;

	for (const char *p = value; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
		quote = quote || *p == '"';
		white = white || *p == ' ';
	}
	return !(quote && white) && value[0] != '"';
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r' && c != '\n');
}

/* Where the white space begins that goes with a word that is dropped. */
static size_t blanks_before(const struct gp_ruletext_opened *opened,
			    size_t start)
{
	while (start > 0 && is_blank(opened->raw[start - 1]))
		start--;
	return start;
}

/* Copies the line's bytes up to a word, and leaves out the word and what
   separates it: the blanks before it, or the whole physical line where nothing
   else stands on that. Returns where to go on. */
static size_t skip_word(const struct gp_ruletext_opened *opened,
			const struct gp_ruletext_word *word, size_t from,
			struct gp_text *out)
{
	size_t start = blanks_before(opened, word->start);
	size_t end = word->end, behind = end;

	while (behind < opened->raw_len && is_blank(opened->raw[behind]))
		behind++;
	if (opened->raw[start - 1] != '\n')
		;
	else if (behind == opened->raw_len)
		end = behind;
	else if (opened->raw[behind] == '\n')
		end = behind + 1;
	else
		start = word->start;
	gp_text_add_mem(out, opened->raw + from, start - from);
	return end;
}

/* The end of the last word that is left: what is new goes there. */
static size_t append_place(const struct gp_ruletext_opened *opened)
{
	size_t place = 0;

	for (size_t i = 0; i < opened->count; i++) {
		if (opened->words[i].end > 0 && opened->words[i].text != NULL)
			place = opened->words[i].end;
	}
	return place;
}

static void add_new_words(const struct gp_ruletext_opened *opened,
			  struct gp_text *out)
{
	for (size_t i = 0; i < opened->count; i++) {
		const struct gp_ruletext_word *word = &opened->words[i];

		if (word->end > 0 || word->text == NULL)
			continue;
		if (out->len > 0 && i > 0)
			gp_text_add_char(out, ' ');
		add_word(out, word->text);
	}
}

/* The line's bytes with its changes. */
static void add_opened(const struct gp_ruletext_opened *opened,
		       struct gp_text *out)
{
	size_t place = append_place(opened), at = 0;

	for (size_t i = 0; i < opened->count; i++) {
		const struct gp_ruletext_word *word = &opened->words[i];

		if (word->end == 0)
			continue;
		if (word->text == NULL) {
			at = skip_word(opened, word, at, out);
			continue;
		}
		gp_text_add_mem(out, opened->raw + at, word->start - at);
		if (word->changed)
			add_word(out, word->text);
		else
			gp_text_add_mem(out, opened->raw + word->start,
					word->end - word->start);
		at = word->end;
		if (at == place)
			add_new_words(opened, out);
	}
	if (place == 0)
		add_new_words(opened, out);
	gp_text_add_mem(out, opened->raw + at, opened->raw_len - at);
}

static void add_line_text(const struct gp_ruletext *text,
			  const struct gp_ruletext_line *line,
			  struct gp_text *out)
{
	if (line->opened == NULL || !line->opened->changed)
		gp_text_add_mem(out, text->data + line->start,
				line->end - line->start);
	else
		add_opened(line->opened, out);
}

static void trim_end(struct gp_text *raw)
{
	raw->len -= strlen(gp_ruletext_ending(raw->data, raw->len));
	raw->data[raw->len] = '\0';
}

void gp_ruletext_raw(struct gp_ruletext *text, size_t line,
		     struct gp_text *raw)
{
	add_line_text(text, &text->lines[line], raw);
	trim_end(raw);
}

static bool is_changed(const struct gp_ruletext_line *line)
{
	return line->removed ? !gp_ruletext_line_is_new(line) :
	       line->opened != NULL && line->opened->changed;
}

size_t gp_ruletext_next_changed(const struct gp_ruletext *text, size_t from)
{
	for (size_t i = from; i < text->count; i++) {
		const struct gp_ruletext_line *line = &text->lines[i];
		size_t first;

		if (!is_changed(line))
			continue;
		first = gp_ruletext_head(text, i);
		while (!is_changed(&text->lines[first]))
			first = text->lines[first].next;
		if (first == i)
			return i;
	}
	return GP_RULETEXT_NONE;
}

void gp_ruletext_each(struct gp_ruletext *text, size_t line,
		      gp_ruletext_raw_line *each, void *context)
{
	size_t i = gp_ruletext_head(text, line);
	struct gp_text raw;

	for (; i != GP_RULETEXT_NONE; i = text->lines[i].next) {
		const struct gp_ruletext_line *one = &text->lines[i];

		gp_text_init(&raw);
		gp_text_add_mem(&raw, text->data + one->start,
				one->end - one->start);
		trim_end(&raw);
		if (!gp_ruletext_line_is_new(one))
			each(context, false, &raw);
		gp_text_clear(&raw);
		if (!one->removed) {
			gp_ruletext_raw(text, i, &raw);
			each(context, true, &raw);
		}
		gp_text_deinit(&raw);
	}
}

struct rendering {
	struct gp_text *out;
	/* The number of the line that begins at counted. */
	uint32_t number;
	size_t counted;
};

static void end_line(const struct gp_ruletext *text, struct gp_text *out)
{
	if (out->len > 0 && out->data[out->len - 1] != '\n')
		gp_text_add(out, text->eol);
}

static uint32_t count_lines(struct rendering *rendering)
{
	const struct gp_text *out = rendering->out;

	while (rendering->counted < out->len) {
		const char *newline = memchr(out->data + rendering->counted,
					     '\n',
					     out->len - rendering->counted);

		if (newline == NULL)
			break;
		rendering->counted = (size_t)(newline - out->data) + 1;
		rendering->number++;
	}
	return rendering->number;
}

static void render_new(struct gp_ruletext *text, struct rendering *rendering,
		       size_t index);

static void render_line(struct gp_ruletext *text, struct rendering *rendering,
			size_t index)
{
	struct gp_ruletext_line *line = &text->lines[index];

	line->number = count_lines(rendering);
	if (!line->removed) {
		struct gp_text one;

		gp_text_init(&one);
		add_line_text(text, line, &one);
		gp_text_add_mem(rendering->out, one.data, one.len);
		gp_text_deinit(&one);
	}
	render_new(text, rendering, line->first_new);
}

static void render_new(struct gp_ruletext *text, struct rendering *rendering,
		       size_t index)
{
	while (index != GP_RULETEXT_NONE) {
		end_line(text, rendering->out);
		render_line(text, rendering, index);
		end_line(text, rendering->out);
		index = text->lines[index].next_new;
	}
}

void gp_ruletext_render(struct gp_ruletext *text, struct gp_text *out)
{
	struct rendering rendering = { .out = out, .number = 1 };
	size_t at = 0;

	for (size_t i = 0; i < text->count; i++) {
		const struct gp_ruletext_line *line = &text->lines[i];

		if (gp_ruletext_line_is_new(line) || !is_touched(line))
			continue;
		gp_text_add_mem(out, text->data + at, line->start - at);
		at = line->end;
		render_line(text, &rendering, i);
	}
	gp_text_add_mem(out, text->data + at, text->len - at);
	render_new(text, &rendering, text->first_new);
}
