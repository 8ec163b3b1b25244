/* Lines of one key with the same mode and times, which only a folder's several
   files can have, are an error within one file. -s keeps them apart by a time
   that changes nothing (from the year 1, until the year 9999), and does not
   merge them: what stands on one line counts together. */

#include "shared/tools/listing.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/rules/parse.h"
#include "shared/rules/print.h"
#include "shared/tools/json-text.h"
#include "shared/tools/names.h"
#include "shared/tools/program.h"

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z */
#define FIRST_WRITABLE (-INT64_C(62135596800))
#define LAST_WRITABLE INT64_C(253402300799)

static void print_text(const char *key, const struct gp_text *value)
{
	if (key != NULL)
		printf("%s\t", key);
	fwrite(value->data, 1, value->len, stdout);
	putchar('\n');
}

static void set_str(json_t *object, const char *name, const char *str)
{
	json_object_set_new(object, name, gp_json_text(str));
}

static void set_time(json_t *object, const char *name, int64_t seconds)
{
	struct gp_text text;

	gp_text_init(&text);
	gp_time_print(seconds, &text);
	set_str(object, name, text.data);
	gp_text_deinit(&text);
}

static void set_lock(json_t *object, uint32_t locked)
{
	struct gp_text text;

	gp_text_init(&text);
	for (unsigned attr = 0; attr < GP_ATTRS; attr++) {
		if ((locked & GP_ATTR_BIT(attr)) == 0)
			continue;
		if (text.len > 0)
			gp_text_add_char(&text, ',');
		gp_text_add(&text, gp_attribute_name(attr));
	}
	set_str(object, "lock", text.data);
	gp_text_deinit(&text);
}

static json_t *attributes_json(const struct gp_source *source,
			       const struct gp_line *line)
{
	json_t *object = json_object();
	struct gp_text text;

	gp_text_init(&text);
	for (unsigned attr = 0; attr < GP_ATTRS; attr++) {
		if ((line->set & GP_ATTR_BIT(attr)) == 0)
			continue;
		gp_text_clear(&text);
		gp_print_value(source, line, attr, &text);
		set_str(object, gp_attribute_name(attr), text.data);
	}
	gp_text_deinit(&text);
	if (line->locked != 0)
		set_lock(object, line->locked);
	if (line->trial)
		set_str(object, "mode", "trial");
	if (line->from != GP_TIME_FIRST)
		set_time(object, "from", line->from);
	if (line->until != GP_TIME_LAST)
		set_time(object, "until", line->until);
	return object;
}

static void print_json(json_t *object)
{
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

static void print_line(const struct gp_listing *listing, const char *key,
		       bool with_key, const struct gp_line *line)
{
	const struct gp_source *source = listing->source;
	const char *file;
	struct gp_text text;
	json_t *object;

	if (!listing->json) {
		gp_text_init(&text);
		gp_print_attributes(source, line, &text);
		print_text(with_key ? key : NULL, &text);
		gp_text_deinit(&text);
		return;
	}
	object = json_object();
	file = source->file_name(source->context, line->file);
	set_str(object, "key", key);
	set_str(object, "file", file != NULL ? file : "");
	json_object_set_new(object, "line", json_integer(line->number));
	json_object_set_new(object, "attributes",
			    attributes_json(source, line));
	print_json(object);
}

static void print_net(const struct gp_listing *listing, const char *key,
		      bool with_key, const struct gp_netset *set)
{
	struct gp_text text;
	json_t *object;

	gp_text_init(&text);
	gp_netset_print(set, &text);
	if (!listing->json) {
		print_text(with_key ? key : NULL, &text);
	} else {
		object = json_object();
		set_str(object, "key", key);
		set_str(object, "networks", text.data);
		print_json(object);
	}
	gp_text_deinit(&text);
}

static int damaged(const char *error)
{
	gp_program_error("%s", error);
	return -1;
}

/* How many lines before this one have its mode and times. */
static int64_t count_twins(const struct gp_lines *lines, size_t number)
{
	const struct gp_line *line = &lines->line[number];
	int64_t twins = 0;

	for (size_t i = 0; i < number; i++) {
		const struct gp_line *other = &lines->line[i];

		if (other->trial == line->trial &&
		    other->from == line->from && other->until == line->until)
			twins++;
	}
	return twins;
}

/* Prints a line that must differ from its twins in a time. */
static void print_twin(const struct gp_listing *listing, const char *key,
		       const struct gp_line *line, int64_t twins)
{
	struct gp_line changed = *line;

	if (line->from == GP_TIME_FIRST) {
		changed.from = FIRST_WRITABLE + twins;
	} else if (line->until == GP_TIME_LAST) {
		changed.until = LAST_WRITABLE - twins;
	} else if (line->until - line->from > twins) {
		changed.until = line->from + twins;
		print_line(listing, key, true, &changed);
		changed.from = changed.until;
		changed.until = line->until;
	}
	print_line(listing, key, true, &changed);
}

static void print_lines(const struct gp_listing *listing, const char *key,
			const struct gp_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		int64_t twins = count_twins(lines, i);

		if (twins == 0)
			print_line(listing, key, true, &lines->line[i]);
		else
			print_twin(listing, key, &lines->line[i], twins);
	}
}

static int print_nets(const struct gp_listing *listing)
{
	const struct gp_source *source = listing->source;
	struct gp_netset set;
	struct gp_text key;
	const char *error;
	int found = 0;

	gp_text_init(&key);
	for (uint32_t i = 0; i < source->net_count && found >= 0; i++) {
		found = source->net(source->context, i, &set, &error);
		if (found <= 0)
			continue;
		gp_text_clear(&key);
		gp_text_addf(&key, "net:%s",
			     source->net_name(source->context, i));
		print_net(listing, key.data, true, &set);
	}
	gp_text_deinit(&key);
	return found < 0 ? damaged(error) : 0;
}

static int print_profiles(const struct gp_listing *listing)
{
	const struct gp_source *source = listing->source;
	struct gp_arena *scratch = gp_arena_new();
	struct gp_lines lines;
	struct gp_text key;
	const char *error;
	int found = 0;

	gp_text_init(&key);
	for (uint32_t i = 0; i < source->profile_count && found >= 0; i++) {
		gp_arena_reset(scratch);
		found = source->profile(source->context, i, scratch, &lines,
					&error);
		if (found <= 0)
			continue;
		gp_text_clear(&key);
		gp_text_addf(&key, "profile:%s",
			     source->profile_name(source->context, i));
		print_lines(listing, key.data, &lines);
	}
	gp_text_deinit(&key);
	if (found < 0)
		damaged(error);
	gp_arena_free(&scratch);
	return found < 0 ? -1 : 0;
}

static int print_every(const struct gp_listing *listing)
{
	const struct gp_source *source = listing->source;
	struct gp_arena *scratch = gp_arena_new();
	struct gp_lines lines;
	const char *error;
	int found = source->find(source->context, GP_KEY_EVERY,
				 GP_KEY_EVERY_LEN, scratch, &lines, &error);

	if (found > 0)
		print_lines(listing, "*", &lines);
	else if (found < 0)
		damaged(error);
	gp_arena_free(&scratch);
	return found < 0 ? -1 : 0;
}

struct walk {
	const struct gp_listing *listing;
	struct gp_text key;
};

static int print_key(void *context, const char *key, size_t key_len,
		     const struct gp_lines *lines)
{
	struct walk *walk = context;

	if (key_len == GP_KEY_EVERY_LEN &&
	    memcmp(key, GP_KEY_EVERY, key_len) == 0)
		return 0;
	gp_text_clear(&walk->key);
	gp_print_key(key, key_len, &walk->key);
	print_lines(walk->listing, walk->key.data, lines);
	/* A reader that went away need not be told ten million lines. */
	return ferror(stdout) ? 1 : 0;
}

int gp_listing_all(const struct gp_listing *listing)
{
	const struct gp_source *source = listing->source;
	struct walk walk = { .listing = listing };
	const char *error;
	int result;

	if (print_nets(listing) < 0 || print_profiles(listing) < 0 ||
	    print_every(listing) < 0)
		return -1;
	gp_text_init(&walk.key);
	result = source->walk(source->context, "", 0, print_key, &walk,
			      &error);
	gp_text_deinit(&walk.key);
	return result < 0 ? damaged(error) : 0;
}

static int query_net(const struct gp_listing *listing, const char *key,
		     bool with_key, const char **error_r)
{
	const struct gp_source *source = listing->source;
	int64_t number = gp_names_net(source, key + strlen("net:"));
	struct gp_netset set;
	int found;

	if (number < 0)
		return 0;
	found = source->net(source->context, (uint32_t)number, &set, error_r);
	if (found > 0)
		print_net(listing, key, with_key, &set);
	return found;
}

static int query_lines(const struct gp_source *source, const char *key,
		       struct gp_arena *scratch, struct gp_lines *lines_r,
		       int *status_r, const char **error_r)
{
	static const char prefix[] = "profile:";
	char bytes[GP_KEY_MAX];
	size_t len;
	int64_t number;

	if (strncmp(key, prefix, strlen(prefix)) == 0) {
		number = gp_names_profile(source, key + strlen(prefix));
		return number < 0 ? 0 :
			source->profile(source->context, (uint32_t)number,
					scratch, lines_r, error_r);
	}
	if (gp_parse_key(key, strlen(key), bytes, &len, error_r) < 0) {
		*status_r = EX_DATAERR;
		return -1;
	}
	return source->find(source->context, bytes, len, scratch, lines_r,
			    error_r);
}

int gp_listing_key(const struct gp_listing *listing, const char *key,
		   bool with_key, int *status_r)
{
	struct gp_arena *scratch = gp_arena_new();
	struct gp_lines lines = { .count = 0 };
	const char *error;
	int found;

	*status_r = EX_CONFIG;
	if (strncmp(key, "net:", 4) == 0)
		found = query_net(listing, key, with_key, &error);
	else
		found = query_lines(listing->source, key, scratch, &lines,
				    status_r, &error);
	for (size_t i = 0; i < lines.count; i++)
		print_line(listing, key, with_key, &lines.line[i]);
	if (found < 0 && *status_r == EX_DATAERR)
		gp_program_error("%s: %s", *key != '\0' ? key : "\"\"",
				 error);
	else if (found < 0)
		gp_program_error("%s", error);
	gp_arena_free(&scratch);
	return found;
}
