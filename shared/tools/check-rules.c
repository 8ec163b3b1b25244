/* What the rules ask of the servers' TLS settings, read off the lines
   themselves: a line that a server overrules is of no use to anybody, whoever
   it is for. Lines whose time is over do not count; those on trial do. */

#include "shared/tools/check.h"

#include <string.h>

#include "shared/base/clock.h"
#include "shared/rules/resolve.h"

struct reader {
	struct check *check;
	int64_t now;
	struct gp_level level;
};

static void count_line(const struct reader *reader,
		       const struct gp_line *line, struct check_lines *lines)
{
	const struct gp_source *source = reader->check->source;
	const char *file;
	struct gp_text text;

	if (lines->count++ > 0)
		return;
	file = source->file_name(source->context, line->file);
	gp_text_init(&text);
	gp_level_print(source, &reader->level, &text);
	gp_text_addf(&text, " (%s:%u)", file != NULL ? file : "",
		     (unsigned)line->number);
	lines->example = gp_arena_strdup(reader->check->arena, text.data);
	gp_text_deinit(&text);
}

static bool names_networks(const struct gp_line *line)
{
	const struct gp_netlist *list;

	if ((line->set & GP_ATTR_BIT(GP_ATTR_CLEARTEXT_NETS)) == 0)
		return false;
	list = gp_line_nets(line, GP_ATTR_CLEARTEXT_NETS);
	return list->own.count > 0 || list->named_count > 0;
}

static void read_line(const struct reader *reader, const struct gp_line *line)
{
	struct check_rules *rules = &reader->check->rules;
	bool softens = names_networks(line);

	if (line->until <= reader->now)
		return;
	for (unsigned i = 0; i < GP_SERVICES; i++) {
		bool set = (line->set & GP_ATTR_BIT(i)) != 0;

		/* A list of networks may stand on another line than the value
		   that it softens. */
		if ((set && line->service[i] == GP_CLEARTEXT) ||
		    (softens && (!set || line->service[i] != GP_OFF)))
			count_line(reader, line, &rules->cleartext[i]);
		if (set && line->service[i] == GP_IMPLICIT)
			count_line(reader, line, &rules->implicit[i]);
	}
	if ((line->set & GP_ATTR_BIT(GP_ATTR_TLS_MIN)) != 0 &&
	    line->tls_min <= GP_TLS_1_3)
		count_line(reader, line, &rules->tls_min[line->tls_min]);
}

static int read_key(void *context, const char *key, size_t key_len,
		    const struct gp_lines *lines)
{
	struct reader *reader = context;

	reader->level = (struct gp_level) { .key = key, .key_len = key_len };
	for (size_t i = 0; i < lines->count; i++)
		read_line(reader, &lines->line[i]);
	return 0;
}

static void read_profiles(struct reader *reader)
{
	const struct gp_source *source = reader->check->source;
	struct gp_arena *scratch = gp_arena_new();
	struct gp_lines lines;
	const char *error;

	for (uint32_t i = 0; i < source->profile_count; i++) {
		gp_arena_reset(scratch);
		if (source->profile(source->context, i, scratch, &lines,
				    &error) <= 0)
			continue;
		reader->level = (struct gp_level) { .profile = i };
		for (size_t j = 0; j < lines.count; j++)
			read_line(reader, &lines.line[j]);
	}
	gp_arena_free(&scratch);
}

void check_read_rules(struct check *check)
{
	struct reader reader = { .check = check, .now = gp_time_now() };
	const char *error;

	/* Damage has been found before. */
	(void)check->source->walk(check->source->context, "", 0, read_key,
				  &reader, &error);
	read_profiles(&reader);
}
