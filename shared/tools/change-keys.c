/* What a change did, key by key, as whole lines: enough to say whether a key
   still stands as it was left, and to put back byte for byte what stood
   before. */

#include "shared/tools/change.h"

#include <string.h>

#include "shared/rules/print.h"
#include "shared/tools/change-files.h"

struct collect {
	json_t *before;
	json_t *after;
	bool bytes;
};

static void look_for_bytes(void *context, bool is_now,
			   const struct gp_text *raw)
{
	struct collect *collect = context;

	(void)is_now;
	if (!gp_journal_is_text(raw->data, raw->len))
		collect->bytes = true;
}

static void collect_line(void *context, bool is_now,
			 const struct gp_text *raw)
{
	struct collect *collect = context;

	json_array_append_new(is_now ? collect->after : collect->before,
			      gp_journal_text(raw->data, raw->len,
					      collect->bytes));
}

static void print_key(const char *key, size_t len, struct gp_text *text)
{
	if (gp_ruletext_is_other(key, len))
		gp_text_add_mem(text, key, len);
	else
		gp_print_key(key, len, text);
}

static json_t *new_record(const char *path, const char *key, size_t key_len,
			  uint32_t number, const struct collect *collect)
{
	json_t *record = json_object();
	struct gp_text text;
	bool bytes;

	gp_text_init(&text);
	print_key(key, key_len, &text);
	bytes = !gp_journal_is_text(text.data, text.len);
	json_object_set_new(record, "key", gp_journal_name(text.data,
							   text.len));
	gp_text_deinit(&text);
	json_object_set_new(record, "file", gp_journal_name(path,
							    strlen(path)));
	json_object_set_new(record, "line", json_integer(number));
	if (collect->bytes || bytes)
		json_object_set_new(record, "bytes", json_true());
	json_object_set_new(record, "before", collect->before);
	json_object_set_new(record, "after", collect->after);
	return record;
}

static void add_file_keys(struct change_file *file, json_t *keys)
{
	size_t i = gp_ruletext_next_changed(file->text, 0);

	for (; i != GP_RULETEXT_NONE;
	     i = gp_ruletext_next_changed(file->text, i + 1)) {
		struct collect collect = { json_array(), json_array(), false };
		const char *key;
		size_t len;

		key = gp_ruletext_key_of(file->text, i, &len);
		gp_ruletext_each(file->text, i, look_for_bytes, &collect);
		gp_ruletext_each(file->text, i, collect_line, &collect);
		json_array_append_new(keys, new_record(
			file->path, key, len,
			gp_ruletext_number(file->text, i), &collect));
	}
}

json_t *change_keys(struct change *change)
{
	json_t *keys = json_array();

	for (size_t i = 0; i < change->count; i++) {
		if (change->file[i].text != NULL)
			add_file_keys(&change->file[i], keys);
	}
	return keys;
}

static void add_lines(struct gp_ruletext *text, const char *key, size_t len,
		      bool bytes, json_t *array)
{
	size_t i = gp_ruletext_first(text, key, len);
	struct gp_text raw;

	gp_text_init(&raw);
	for (; i != GP_RULETEXT_NONE; i = gp_ruletext_next(text, i)) {
		gp_text_clear(&raw);
		gp_ruletext_raw(text, i, &raw);
		json_array_append_new(array, gp_journal_text(raw.data, raw.len,
							     bytes));
	}
	gp_text_deinit(&raw);
}

static bool needs_bytes(struct gp_ruletext *text, const char *key, size_t len)
{
	size_t i = gp_ruletext_first(text, key, len);
	struct gp_text raw;
	bool needs = false;

	gp_text_init(&raw);
	for (; i != GP_RULETEXT_NONE && !needs;
	     i = gp_ruletext_next(text, i)) {
		gp_text_clear(&raw);
		gp_ruletext_raw(text, i, &raw);
		needs = !gp_journal_is_text(raw.data, raw.len);
	}
	gp_text_deinit(&raw);
	return needs;
}

/* Whether the line is the first of its key. */
static bool is_first(struct gp_ruletext *text, size_t i, const char **key_r,
		     size_t *len_r)
{
	*key_r = gp_ruletext_key_of(text, i, len_r);
	return gp_ruletext_first(text, *key_r, *len_r) == i;
}

static void compare_key(const char *path, struct gp_ruletext *before,
			struct gp_ruletext *after, const char *key,
			size_t len, uint32_t number, json_t *keys)
{
	struct collect collect = { json_array(), json_array(), false };

	collect.bytes = needs_bytes(before, key, len) ||
			needs_bytes(after, key, len);
	add_lines(before, key, len, collect.bytes, collect.before);
	add_lines(after, key, len, collect.bytes, collect.after);
	if (json_equal(collect.before, collect.after)) {
		json_decref(collect.before);
		json_decref(collect.after);
		return;
	}
	json_array_append_new(keys, new_record(path, key, len, number,
					       &collect));
}

static void add_keys_of_texts(const char *path, struct gp_ruletext *before,
			      struct gp_ruletext *after, json_t *keys)
{
	const char *key;
	size_t len;

	for (size_t i = 0; i < gp_ruletext_count(before); i++) {
		if (is_first(before, i, &key, &len))
			compare_key(path, before, after, key, len,
				    gp_ruletext_number(before, i), keys);
	}
	for (size_t i = 0; i < gp_ruletext_count(after); i++) {
		if (is_first(after, i, &key, &len) &&
		    gp_ruletext_first(before, key, len) == GP_RULETEXT_NONE)
			compare_key(path, before, after, key, len,
				    gp_ruletext_number(after, i), keys);
	}
}

json_t *change_keys_of_files(const struct change *change)
{
	json_t *keys = json_array();

	for (size_t i = 0; i < change->count; i++) {
		const struct change_file *file = &change->file[i];
		struct gp_ruletext *before = NULL, *after = NULL;

		/* Of broken rules nothing is known that could be undone. */
		if (file->changed &&
		    gp_ruletext_new(file->data.data, file->data.len,
				    &before) == 0 &&
		    gp_ruletext_new(file->now.data, file->now.len,
				    &after) == 0)
			add_keys_of_texts(file->path, before, after, keys);
		gp_ruletext_free(&before);
		gp_ruletext_free(&after);
	}
	return keys;
}

void change_get_text(const json_t *value, bool bytes, struct gp_text *text)
{
	const char *str = json_string_value(value);
	size_t len = json_string_length(value);

	gp_text_clear(text);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)str[i];

		if (bytes && c >= 0xc0 && i + 1 < len)
			c = (unsigned char)(c << 6 | (str[++i] & 0x3f));
		gp_text_add_char(text, (char)c);
	}
}

static bool stands(struct gp_ruletext *text, const char *key, size_t len,
		   bool bytes, const json_t *lines)
{
	json_t *now = json_array();
	bool equal;

	if (!bytes && needs_bytes(text, key, len)) {
		json_decref(now);
		return false;
	}
	add_lines(text, key, len, bytes, now);
	equal = json_equal(now, lines);
	json_decref(now);
	return equal;
}

/* Has the lines of the key be those: one by one where there are as many, else
   what is new goes behind the last, or where the key stood once. */
static void replace_lines(struct gp_ruletext *text, const json_t *record,
			  const char *key, size_t len, const json_t *lines,
			  struct gp_text *buffer)
{
	bool bytes = json_is_true(json_object_get(record, "bytes"));
	uint32_t number = (uint32_t)json_integer_value(json_object_get(record,
								"line"));
	size_t line = gp_ruletext_first(text, key, len);
	size_t behind = gp_ruletext_before(text, number);

	for (size_t i = 0; i < json_array_size(lines); i++) {
		if (line == GP_RULETEXT_NONE) {
			line = gp_ruletext_add(text, behind, json_string_value(
				json_object_get(record, "key")));
		}
		change_get_text(json_array_get(lines, i), bytes, buffer);
		(void)gp_ruletext_set_raw(text, line, buffer->data,
					  buffer->len);
		behind = line;
		line = gp_ruletext_next(text, line);
	}
	while (line != GP_RULETEXT_NONE) {
		gp_ruletext_remove(text, line);
		line = gp_ruletext_next(text, line);
	}
}

struct change_file *change_find_file(struct change *change,
				     const json_t *record)
{
	const json_t *name = json_object_get(record, "file");

	for (size_t i = 0; i < change->count; i++) {
		const char *path = change->file[i].path;
		json_t *own = gp_journal_name(path, strlen(path));
		bool is_found = json_equal(own, name);

		json_decref(own);
		if (is_found)
			return &change->file[i];
	}
	return NULL;
}

/* Returns 1, 0 when the key is another's by now, or -1. */
static int restore_key(struct change *change, const json_t *record,
		       bool forward, struct gp_text *buffer)
{
	bool bytes = json_is_true(json_object_get(record, "bytes"));
	const json_t *from = json_object_get(record, forward ? "before" :
					     "after");
	const json_t *to = json_object_get(record, forward ? "after" :
					   "before");
	struct change_file *file = change_find_file(change, record);
	const char *written = json_string_value(json_object_get(record, "key"));
	char key[GP_RULETEXT_KEY_MAX];
	const char *error;
	size_t len;

	if (file == NULL || file->text == NULL || written == NULL ||
	    gp_ruletext_key(written, strlen(written), key, &len, &error) < 0)
		return -1;
	if (stands(file->text, key, len, bytes, to))
		return forward ? 1 : 0;
	if (!stands(file->text, key, len, bytes, from))
		return 0;
	replace_lines(file->text, record, key, len, to, buffer);
	return 1;
}

int change_restore(struct change *change, const json_t *keys, bool forward,
		   size_t *strangers_r, const char **stranger_r)
{
	struct gp_text buffer;
	size_t i;
	const json_t *record;
	int ret = 0;

	*strangers_r = 0;
	gp_text_init(&buffer);
	json_array_foreach(keys, i, record) {
		int done = restore_key(change, record, forward, &buffer);

		if (done < 0)
			ret = -1;
		if (done > 0)
			continue;
		if ((*strangers_r)++ == 0)
			*stranger_r = json_string_value(
				json_object_get(record, "key"));
	}
	gp_text_deinit(&buffer);
	return ret;
}
