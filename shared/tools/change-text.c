/* What an editor did to a file's text, comments and order too: the lines that
   differ, and where. Keys alone could not bring those back. It is found as
   diff(1) would for the changes that people make; a file that was turned over
   completely has one large difference, and one too large for the journal
   none. */

#include "shared/tools/change-files.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/memory.h"

/* How far ahead lines are looked for that stand in both; behind so many
   differences, no more. */
#define AHEAD_MAX 200
#define HUNKS_MAX 200
#define BYTES_MAX ((size_t)1 << 20)

struct line {
	const char *str;
	size_t len;
};

/* Lines with what ends them: the last may have nothing. */
struct lines {
	struct line *line;
	size_t count;
};

static void cut(const struct gp_text *text, struct lines *lines_r)
{
	const char *str = text->data, *end = text->data + text->len;
	size_t size = 0;

	*lines_r = (struct lines) { .count = 0 };
	while (str < end) {
		const char *newline = memchr(str, '\n', (size_t)(end - str));
		const char *next = newline != NULL ? newline + 1 : end;

		if (lines_r->count == size) {
			size = gp_grow(size, lines_r->count + 1);
			lines_r->line = gp_realloc(lines_r->line, size,
						   sizeof(*lines_r->line));
		}
		lines_r->line[lines_r->count++] =
			(struct line) { str, (size_t)(next - str) };
		str = next;
	}
}

static bool is_same(const struct line *a, const struct line *b)
{
	return a->len == b->len && memcmp(a->str, b->str, a->len) == 0;
}

struct diff {
	struct lines before;
	struct lines after;
	/* Where the common end begins. */
	size_t before_end;
	size_t after_end;
	json_t *hunks;
	size_t bytes;
	bool has_bytes;
};

static json_t *lines_json(struct diff *diff, const struct lines *lines,
			  size_t first, size_t count)
{
	json_t *array = json_array();

	for (size_t i = first; i < first + count; i++) {
		const struct line *line = &lines->line[i];

		diff->bytes += line->len;
		json_array_append_new(array, gp_journal_text(
				      line->str, line->len, diff->has_bytes));
	}
	return array;
}

/* How many lines of either side stand before the next one of both. */
static void find_next(const struct diff *diff, size_t before, size_t after,
		      size_t *removed_r, size_t *added_r)
{
	size_t removed_max = diff->before_end - before;
	size_t added_max = diff->after_end - after;

	for (size_t sum = 1; sum <= AHEAD_MAX &&
	     json_array_size(diff->hunks) < HUNKS_MAX; sum++) {
		for (size_t removed = 0; removed <= sum; removed++) {
			size_t added = sum - removed;

			if (removed >= removed_max || added >= added_max ||
			    !is_same(&diff->before.line[before + removed],
				     &diff->after.line[after + added]))
				continue;
			*removed_r = removed;
			*added_r = added;
			return;
		}
	}
	*removed_r = removed_max;
	*added_r = added_max;
}

static void find_hunks(struct diff *diff)
{
	size_t before = 0, after = 0, removed, added;

	while ((before < diff->before_end || after < diff->after_end) &&
	       diff->bytes <= BYTES_MAX) {
		if (before < diff->before_end && after < diff->after_end &&
		    is_same(&diff->before.line[before],
			    &diff->after.line[after])) {
			before++;
			after++;
			continue;
		}
		find_next(diff, before, after, &removed, &added);
		json_array_append_new(diff->hunks, json_pack("{s:I,s:o,s:o}",
			"line", (json_int_t)after + 1,
			"before", lines_json(diff, &diff->before, before,
					     removed),
			"after", lines_json(diff, &diff->after, after,
					    added)));
		before += removed;
		after += added;
	}
}

static void find_end(struct diff *diff)
{
	diff->before_end = diff->before.count;
	diff->after_end = diff->after.count;
	while (diff->before_end > 0 && diff->after_end > 0 &&
	       is_same(&diff->before.line[diff->before_end - 1],
		       &diff->after.line[diff->after_end - 1])) {
		diff->before_end--;
		diff->after_end--;
	}
}

/* NULL when there is too much of it. */
static json_t *file_json(const struct change_file *file)
{
	struct diff diff = { .hunks = json_array() };
	json_t *object = NULL;

	diff.has_bytes = !gp_journal_is_text(file->data.data,
					     file->data.len) ||
			 !gp_journal_is_text(file->now.data, file->now.len);
	cut(&file->data, &diff.before);
	cut(&file->now, &diff.after);
	find_end(&diff);
	find_hunks(&diff);
	if (diff.bytes <= BYTES_MAX)
		object = json_pack("{s:o,s:b,s:O}", "file",
				   gp_journal_name(file->path,
						   strlen(file->path)),
				   "bytes", diff.has_bytes, "hunks",
				   diff.hunks);
	json_decref(diff.hunks);
	free(diff.before.line);
	free(diff.after.line);
	return object;
}

json_t *change_texts(const struct change *change)
{
	json_t *texts = json_array();

	for (size_t i = 0; i < change->count; i++) {
		json_t *text;

		if (!change->file[i].changed)
			continue;
		text = file_json(&change->file[i]);
		if (text == NULL) {
			json_decref(texts);
			return NULL;
		}
		json_array_append_new(texts, text);
	}
	return texts;
}

/* A file on the way back. */
struct restore {
	const struct gp_text *data;
	struct lines lines;
	/* The next line that is to be copied. */
	size_t line;
	struct gp_text *out;
	bool bytes;
};

static const char *start_of(const struct restore *restore, size_t line)
{
	return line < restore->lines.count ? restore->lines.line[line].str :
	       restore->data->data + restore->data->len;
}

static void copy_until(struct restore *restore, size_t line)
{
	const char *start = start_of(restore, restore->line);

	gp_text_add_mem(restore->out, start,
			(size_t)(start_of(restore, line) - start));
	restore->line = line;
}

static void join(const json_t *lines, bool bytes, struct gp_text *text)
{
	struct gp_text line;
	const json_t *value;
	size_t i;

	gp_text_init(&line);
	json_array_foreach(lines, i, value) {
		change_get_text(value, bytes, &line);
		gp_text_add_mem(text, line.data, line.len);
	}
	gp_text_deinit(&line);
}

/* Puts the old lines in the place of the new ones. Returns 0, or -1 when those
   do not stand there. */
static int apply_hunk(struct restore *restore, const json_t *hunk)
{
	json_int_t number = json_integer_value(json_object_get(hunk, "line"));
	const json_t *added = json_object_get(hunk, "after");
	size_t first = (size_t)number - 1, count = json_array_size(added);
	struct gp_text text;
	int ret = -1;

	if (number <= 0 || first < restore->line ||
	    first > restore->lines.count ||
	    count > restore->lines.count - first)
		return -1;
	copy_until(restore, first);
	gp_text_init(&text);
	join(added, restore->bytes, &text);
	restore->line = first + count;
	if (text.len == (size_t)(start_of(restore, first + count) -
				 start_of(restore, first)) &&
	    memcmp(start_of(restore, first), text.data, text.len) == 0)
		ret = 0;
	join(json_object_get(hunk, "before"), restore->bytes, restore->out);
	gp_text_deinit(&text);
	return ret;
}

static int restore_file(struct change_file *file, const json_t *text)
{
	struct restore restore = {
		.data = &file->data, .out = &file->now,
		.bytes = json_is_true(json_object_get(text, "bytes"))
	};
	const json_t *hunk;
	size_t i;
	int ret = 0;

	cut(&file->data, &restore.lines);
	gp_text_clear(&file->now);
	json_array_foreach(json_object_get(text, "hunks"), i, hunk) {
		if (ret == 0)
			ret = apply_hunk(&restore, hunk);
	}
	copy_until(&restore, restore.lines.count);
	free(restore.lines.line);
	file->changed = ret == 0;
	return ret;
}

int change_restore_texts(struct change *change, const json_t *texts)
{
	const json_t *text;
	size_t i;
	int ret = json_array_size(texts) > 0 ? 0 : -1;

	json_array_foreach(texts, i, text) {
		struct change_file *file = change_find_file(change, text);

		if (ret == 0)
			ret = file == NULL ? -1 : restore_file(file, text);
	}
	for (i = 0; ret < 0 && i < change->count; i++)
		change->file[i].changed = false;
	return ret;
}
