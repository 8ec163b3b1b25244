/* Edits of rules files: whatever the text, an edit of one line leaves every
   byte outside of it where it was, the result is cut into the same lines, and the
   line says what was asked for. The first byte says which line, the second what
   is done to it. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "shared/tools/ruletext.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

struct done {
	/* The touched line, GP_RULETEXT_NONE for a new one at the end. */
	size_t line;
	bool removed;
	/* What must stand there, and what must not. */
	const char *name;
	const char *value;
};

static void act(struct gp_ruletext *text, unsigned how, struct done *done)
{
	static const char *const names[] = { "imap", "note", "lock", "all" };
	static const char *const values[] = { "off", "", "a b", "#x", "a\"b" };

	done->name = names[how & 3];
	done->value = values[(how >> 2) % 5];
	done->removed = false;
	switch (how >> 6) {
	case 0:
		gp_ruletext_put(text, done->line, done->name, done->value);
		break;
	case 1:
		gp_ruletext_drop(text, done->line, done->name);
		done->value = NULL;
		break;
	case 2:
		gp_ruletext_remove(text, done->line);
		done->removed = true;
		break;
	default:
		done->line = gp_ruletext_add(text, GP_RULETEXT_NONE,
					     "new.example");
		gp_ruletext_put(text, done->line, done->name, done->value);
	}
}

static void raw_of(struct gp_ruletext *text, size_t line, struct gp_text *raw)
{
	gp_text_clear(raw);
	gp_ruletext_raw(text, line, raw);
}

static void check_same(struct gp_ruletext *a, size_t i, struct gp_ruletext *b,
		       size_t j)
{
	struct gp_text x, y;

	gp_text_init(&x);
	gp_text_init(&y);
	raw_of(a, i, &x);
	raw_of(b, j, &y);
	check(x.len == y.len && memcmp(x.data, y.data, x.len) == 0);
	gp_text_deinit(&x);
	gp_text_deinit(&y);
}

/* The first of several words of a name is the one that is edited. */
static void check_touched(struct gp_ruletext *after, size_t line,
			  const struct done *done, bool twice)
{
	const char *value = gp_ruletext_get(after, line, done->name);

	if (done->value == NULL)
		check(value == NULL || twice);
	else
		check(value != NULL && strcmp(value, done->value) == 0);
}

static bool stands_twice(struct gp_ruletext *text, size_t line,
			 const char *name)
{
	size_t len = strlen(name), count = 0, word_len;
	const char *word;

	for (size_t i = 0; (word = gp_ruletext_word(text, line, i,
						     &word_len)) != NULL; i++)
		count += strncmp(word, name, len) == 0 &&
			 (word[len] == '=' || word[len] == '\0');
	return count > 1;
}

static void check_lines(const char *data, size_t len, struct gp_text *out,
			const struct done *done)
{
	struct gp_ruletext *before, *after;
	size_t count, j = 0;

	check(gp_ruletext_new(data, len, &before) == 0);
	check(gp_ruletext_new(out->data, out->len, &after) == 0);
	count = gp_ruletext_count(before);
	for (size_t i = 0; i < count; i++) {
		if (i != done->line)
			check_same(before, i, after, j++);
		else if (!done->removed)
			check_touched(after, j++, done,
				      stands_twice(before, i, done->name));
	}
	if (done->line >= count)
		check_touched(after, j++, done, false);
	check(j == gp_ruletext_count(after));
	gp_ruletext_free(&before);
	gp_ruletext_free(&after);
}

/* All bytes before the line and behind it. */
static void check_bytes(const char *data, size_t len,
			const struct gp_text *out, const char *raw,
			size_t raw_len)
{
	const char *at = memmem(data, len, raw, raw_len);
	bool found = false;

	/* Lines that are alike: one of them was it. */
	while (at != NULL && !found) {
		size_t start = (size_t)(at - data);
		size_t rest = len - start - raw_len;

		found = out->len >= start &&
			memcmp(out->data, data, start) == 0 &&
			out->len + 2 >= start + rest;
		if (rest > 2)
			found = found && memcmp(out->data + out->len -
						(rest - 2), data + len -
						(rest - 2), rest - 2) == 0;
		at = memmem(at + 1, len - start - 1, raw, raw_len);
	}
	check(found);
}

static void edit(const char *data, size_t len, unsigned which, unsigned how)
{
	struct gp_ruletext *text;
	struct gp_text out, raw;
	struct done done;
	size_t count;

	if (gp_ruletext_new(data, len, &text) < 0)
		return;
	count = gp_ruletext_count(text);
	gp_text_init(&out);
	gp_text_init(&raw);
	if (count > 0) {
		done.line = which % count;
		gp_ruletext_raw(text, done.line, &raw);
		act(text, how, &done);
		gp_ruletext_render(text, &out);
		check_lines(data, len, &out, &done);
		if (how >> 6 == 3)
			check(out.len > len &&
			      memcmp(out.data, data, len) == 0);
		else
			check_bytes(data, len, &out, raw.data, raw.len);
	} else {
		gp_ruletext_render(text, &out);
		check(out.len == len && (len == 0 ||
					 memcmp(out.data, data, len) == 0));
	}
	gp_text_deinit(&out);
	gp_text_deinit(&raw);
	gp_ruletext_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size >= 2)
		edit((const char *)data + 2, size - 2, data[0], data[1]);
	return 0;
}
