/* Compared is the printed form: nets and profiles have other numbers in another
   source, and a line that only moved in its file is no change. */

#include "shared/tools/changes.h"

#include <string.h>

#include "shared/rules/print.h"
#include "shared/tools/names.h"

#define LINES_MAX 1000

struct changes {
	const struct gp_source *old;
	const struct gp_source *new;
	struct gp_arena *scratch;
	struct gp_text *text;
	size_t count;
	const char **error_r;
	/* Lines of one key, printed. */
	struct gp_text before;
	struct gp_text after;
};

static void print_lines(const struct gp_source *source,
			const struct gp_lines *lines, struct gp_text *text)
{
	gp_text_clear(text);
	for (size_t i = 0; i < lines->count; i++) {
		gp_print_attributes(source, &lines->line[i], text);
		gp_text_add_char(text, '\n');
	}
}

/* Whether the line stands, alone, in that text of lines. */
static bool has_line(const struct gp_text *text, const char *line, size_t len)
{
	const char *at = text->data;

	while (*at != '\0') {
		const char *end = strchr(at, '\n');

		if ((size_t)(end - at) == len && memcmp(at, line, len) == 0)
			return true;
		at = end + 1;
	}
	return false;
}

/* Adds those lines of from that are not in other. */
static void add_missing(struct changes *changes, char sign, const char *key,
			const struct gp_text *from,
			const struct gp_text *other)
{
	const char *at = from->data;

	while (*at != '\0') {
		const char *end = strchr(at, '\n');
		size_t len = (size_t)(end - at);

		if (!has_line(other, at, len) &&
		    changes->count++ < LINES_MAX) {
			gp_text_addf(changes->text, "%c %s\t", sign, key);
			gp_text_add_mem(changes->text, at, len + 1);
		}
		at = end + 1;
	}
}

static void compare_texts(struct changes *changes, const char *key)
{
	if (strcmp(changes->before.data, changes->after.data) == 0)
		return;
	add_missing(changes, '-', key, &changes->before, &changes->after);
	add_missing(changes, '+', key, &changes->after, &changes->before);
}

static int find_lines(struct changes *changes, const struct gp_source *source,
		      const char *key, size_t key_len, struct gp_text *text)
{
	struct gp_lines lines;
	int found;

	gp_text_clear(text);
	gp_arena_reset(changes->scratch);
	found = source->find(source->context, key, key_len, changes->scratch,
			     &lines, changes->error_r);
	if (found > 0)
		print_lines(source, &lines, text);
	return found;
}

static void compare_key(struct changes *changes, const char *key,
			size_t key_len)
{
	struct gp_text written;

	gp_text_init(&written);
	gp_print_key(key, key_len, &written);
	compare_texts(changes, written.data);
	gp_text_deinit(&written);
}

static int old_key(void *context, const char *key, size_t key_len,
		   const struct gp_lines *lines)
{
	struct changes *changes = context;

	print_lines(changes->old, lines, &changes->before);
	if (find_lines(changes, changes->new, key, key_len,
		       &changes->after) < 0)
		return -1;
	compare_key(changes, key, key_len);
	return 0;
}

static int new_key(void *context, const char *key, size_t key_len,
		   const struct gp_lines *lines)
{
	struct changes *changes = context;
	int found = find_lines(changes, changes->old, key, key_len,
			       &changes->before);

	if (found != 0)
		return found < 0 ? -1 : 0;
	print_lines(changes->new, lines, &changes->after);
	compare_key(changes, key, key_len);
	return 0;
}

static int find_net(struct changes *changes, const struct gp_source *source,
		    const char *name, struct gp_text *text)
{
	int64_t number = gp_names_net(source, name);
	struct gp_netset set;
	int found;

	gp_text_clear(text);
	if (number < 0)
		return 0;
	found = source->net(source->context, (uint32_t)number, &set,
			    changes->error_r);
	if (found > 0) {
		gp_netset_print(&set, text);
		gp_text_add_char(text, '\n');
	}
	return found;
}

static int find_profile(struct changes *changes,
			const struct gp_source *source, const char *name,
			struct gp_text *text)
{
	int64_t number = gp_names_profile(source, name);
	struct gp_lines lines;
	int found;

	gp_text_clear(text);
	if (number < 0)
		return 0;
	gp_arena_reset(changes->scratch);
	found = source->profile(source->context, (uint32_t)number,
				changes->scratch, &lines, changes->error_r);
	if (found > 0)
		print_lines(source, &lines, text);
	return found;
}

typedef int find_named(struct changes *changes,
		       const struct gp_source *source, const char *name,
		       struct gp_text *text);

/* Compares one net or profile by its name, wherever it stands. */
static int compare_named(struct changes *changes, const char *kind,
			 const char *name, find_named *find)
{
	struct gp_text key;

	if (find(changes, changes->old, name, &changes->before) < 0 ||
	    find(changes, changes->new, name, &changes->after) < 0)
		return -1;
	gp_text_init(&key);
	gp_text_addf(&key, "%s:%s", kind, name);
	compare_texts(changes, key.data);
	gp_text_deinit(&key);
	return 0;
}

static int compare_nets(struct changes *changes,
			const struct gp_source *source, bool only_new)
{
	for (uint32_t i = 0; i < source->net_count; i++) {
		const char *name = source->net_name(source->context, i);

		if (name == NULL ||
		    (only_new && gp_names_net(changes->old, name) >= 0))
			continue;
		if (compare_named(changes, "net", name, find_net) < 0)
			return -1;
	}
	return 0;
}

static int compare_profiles(struct changes *changes,
			    const struct gp_source *source, bool only_new)
{
	for (uint32_t i = 0; i < source->profile_count; i++) {
		const char *name = source->profile_name(source->context, i);

		if (name == NULL ||
		    (only_new && gp_names_profile(changes->old, name) >= 0))
			continue;
		if (compare_named(changes, "profile", name, find_profile) < 0)
			return -1;
	}
	return 0;
}

static int compare_all(struct changes *changes)
{
	const struct gp_source *old = changes->old;
	const struct gp_source *new = changes->new;

	if (compare_nets(changes, old, false) < 0 ||
	    compare_nets(changes, new, true) < 0 ||
	    compare_profiles(changes, old, false) < 0 ||
	    compare_profiles(changes, new, true) < 0)
		return -1;
	if (old->walk(old->context, "", 0, old_key, changes,
		      changes->error_r) < 0)
		return -1;
	return new->walk(new->context, "", 0, new_key, changes,
			 changes->error_r);
}

int gp_changes_list(const struct gp_source *old, const struct gp_source *new,
		    struct gp_text *text, size_t *count_r,
		    const char **error_r)
{
	struct changes changes = {
		.old = old,
		.new = new,
		.scratch = gp_arena_new(),
		.text = text,
		.error_r = error_r,
	};
	int result;

	gp_text_init(&changes.before);
	gp_text_init(&changes.after);
	result = compare_all(&changes);
	if (changes.count > LINES_MAX)
		gp_text_addf(text, "... and %zu more\n",
			     changes.count - LINES_MAX);
	gp_text_deinit(&changes.before);
	gp_text_deinit(&changes.after);
	gp_arena_free(&changes.scratch);
	*count_r = changes.count;
	return result;
}
