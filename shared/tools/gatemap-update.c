/* gatemap -i and -d: an image is filled from the map that stands, changed, and
   written as a compile writes it. So an update is all or nothing too, and costs
   as much as writing the map. New lines are read twice: first to see which keys
   stand already, and to make room for them; then to add them. */

#include "shared/tools/gatemap.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/map/writer.h"
#include "shared/tools/compile.h"
#include "shared/tools/interrupt.h"
#include "shared/tools/names.h"
#include "shared/tools/program.h"
#include "shared/tools/references.h"

#define STANDARD_INPUT "stdin"

struct update {
	const struct gatemap_options *options;
	/* NULL where there is no map yet; then empty is what stands. */
	struct gp_map *map;
	struct gp_image *empty;
	const struct gp_source *old;
	struct gp_image *image;
	struct gp_arena *scratch;
	struct gp_diagnostics *diagnostics;
	struct gp_text input;
	/* The number of standard input among the map's files. */
	uint32_t file;
	/* How many lines are new, or keys gone. */
	uint64_t changes;
	const char *damage;
};

static int damaged(const char *error)
{
	gp_program_error("%s", error);
	return EX_CONFIG;
}

static bool key_stands(struct update *update, const char *key, size_t key_len)
{
	const struct gp_source *old = update->old;
	struct gp_lines lines;
	int found;

	gp_arena_reset(update->scratch);
	found = old->find(old->context, key, key_len, update->scratch, &lines,
			  &update->damage);
	return found > 0;
}

static bool profile_stands(struct update *update, uint32_t number)
{
	const struct gp_source *old = update->old;
	struct gp_lines lines;

	if (number >= old->profile_count)
		return false;
	gp_arena_reset(update->scratch);
	return old->profile(old->context, number, update->scratch, &lines,
			    &update->damage) > 0;
}

static bool net_stands(struct update *update, uint32_t number)
{
	const struct gp_source *old = update->old;
	struct gp_netset set;

	return number < old->net_count &&
	       old->net(old->context, number, &set, &update->damage) > 0;
}

/* Counts a new line, or complains about it. Returns true when room is to be
   made for it. */
static bool survey(struct update *update, bool stands, uint32_t line,
		   const char *what)
{
	if (!stands || update->options->standing == GATEMAP_STANDING_REPLACE)
		update->changes++;
	else if (update->options->standing == GATEMAP_STANDING_ERROR)
		gp_diagnostics_error(update->diagnostics, update->file, line,
				     line != 0 ? 1 : 0, "%s stands in the map "
				     "already; use -r to replace its lines, "
				     "or -w to keep them", what);
	return stands &&
	       update->options->standing == GATEMAP_STANDING_REPLACE;
}

static void survey_line(void *context, const char *key, size_t key_len,
			const struct gp_line *line)
{
	struct update *update = context;

	if (survey(update, key_stands(update, key, key_len), line->number,
		   "this key"))
		gp_image_remove(update->image, key, key_len);
}

static void survey_profile(void *context, uint32_t number,
			   const struct gp_line *line)
{
	struct update *update = context;

	if (survey(update, profile_stands(update, number), line->number,
		   "this profile"))
		gp_image_remove_profile(update->image, number);
}

static void survey_net(void *context, uint32_t number,
		       const struct gp_netset *set)
{
	struct update *update = context;
	const struct gp_source *old = update->old;
	char what[128] = "this net";

	(void)set;
	if (number < old->net_count)
		snprintf(what, sizeof(what), "net:%s",
			 old->net_name(old->context, number));
	survey(update, net_stands(update, number), 0, what);
}

static void survey_name(void *context, uint32_t number, const char *name)
{
	(void)context;
	(void)number;
	(void)name;
}

/* Lines for the image. Those for what stands are left out, but with -r. */
static bool is_kept(const struct update *update, bool stands)
{
	return stands && update->options->standing != GATEMAP_STANDING_REPLACE;
}

static void add_line(void *context, const char *key, size_t key_len,
		     const struct gp_line *line)
{
	struct update *update = context;
	const struct gp_parse_sink *into = gp_image_sink(update->image);

	if (!is_kept(update, key_stands(update, key, key_len)))
		into->line(into->context, key, key_len, line);
}

static void add_profile_line(void *context, uint32_t number,
			     const struct gp_line *line)
{
	struct update *update = context;
	const struct gp_parse_sink *into = gp_image_sink(update->image);

	if (!is_kept(update, profile_stands(update, number)))
		into->profile_line(into->context, number, line);
}

static void add_net(void *context, uint32_t number,
		    const struct gp_netset *set)
{
	struct update *update = context;
	const struct gp_parse_sink *into = gp_image_sink(update->image);

	if (!is_kept(update, net_stands(update, number)))
		into->net(into->context, number, set);
}

static void add_net_name(void *context, uint32_t number, const char *name)
{
	const struct update *update = context;
	const struct gp_parse_sink *into = gp_image_sink(update->image);

	into->net_name(into->context, number, name);
}

static void add_profile_name(void *context, uint32_t number, const char *name)
{
	const struct update *update = context;
	const struct gp_parse_sink *into = gp_image_sink(update->image);

	into->profile_name(into->context, number, name);
}

/* Nets and profiles of the map keep their numbers. Those that were deleted
   hold theirs under a name that nobody can write. */
static void tell_names(struct update *update, struct gp_parser *parser)
{
	const struct gp_source *old = update->old;
	char nobody[16];

	for (uint32_t i = 0; i < old->net_count; i++) {
		snprintf(nobody, sizeof(nobody), " %u", i);
		gp_parser_know_net(parser, net_stands(update, i) ?
				   old->net_name(old->context, i) : nobody);
	}
	for (uint32_t i = 0; i < old->profile_count; i++) {
		snprintf(nobody, sizeof(nobody), " %u", i);
		gp_parser_know_profile(parser, profile_stands(update, i) ?
				       old->profile_name(old->context, i) :
				       nobody);
	}
}

static void parse_input(struct update *update,
			const struct gp_parse_sink *sink)
{
	struct gp_parser *parser = gp_parser_new(sink, update->diagnostics);

	tell_names(update, parser);
	gp_parser_begin_file(parser, update->file);
	gp_parser_feed(parser, update->input.data, update->input.len);
	gp_parser_end_file(parser);
	gp_parser_finish(parser);
	gp_parser_free(&parser);
}

static int survey_input(struct update *update)
{
	const struct gp_parse_sink sink = {
		.context = update,
		.line = survey_line,
		.profile_line = survey_profile,
		.net = survey_net,
		.net_name = survey_name,
		.profile_name = survey_name,
	};

	parse_input(update, &sink);
	return update->damage != NULL ? damaged(update->damage) : 0;
}

static void add_input(struct update *update)
{
	const struct gp_parse_sink sink = {
		.context = update,
		.line = add_line,
		.profile_line = add_profile_line,
		.net = add_net,
		.net_name = add_net_name,
		.profile_name = add_profile_name,
	};

	if (update->file == update->old->file_count)
		gp_image_add_file(update->image, STANDARD_INPUT);
	parse_input(update, &sink);
}

/* The changed image: checked as a whole, and written. */
static int check_and_write(struct update *update)
{
	struct gp_compile_options compile_options = {
		.settings = update->options->settings,
		.progress = update->options->progress,
		.quiet = update->options->quiet,
		.warn_of = STANDARD_INPUT,
	};
	static const uint8_t none[32];
	const uint8_t *sha256 = none;
	int status = gp_compile_check(update->image, update->diagnostics,
				      &compile_options);

	if (status != 0 || update->options->check_only)
		return status;
	if (update->map != NULL)
		sha256 = gp_map_meta(update->map)->source_sha256;
	gp_image_set_origin(update->image, sha256, gp_time_now());
	return gatemap_write(update->options, update->image, true);
}

static int read_standard_input(struct gp_text *text)
{
	static char piece[64 * 1024];
	ssize_t got;

	while ((got = read(STDIN_FILENO, piece, sizeof(piece))) != 0) {
		if (got > 0) {
			gp_text_add_mem(text, piece, (size_t)got);
		} else if (errno != EINTR) {
			gp_program_error("standard input: %s",
					 strerror(errno));
			return EX_IOERR;
		}
	}
	return 0;
}

static void name_files(struct update *update)
{
	const struct gp_source *old = update->old;

	update->file = old->file_count;
	for (uint32_t i = 0; i < old->file_count; i++) {
		const char *name = old->file_name(old->context, i);

		if (name == NULL)
			continue;
		gp_diagnostics_name_file(update->diagnostics, i, name);
		if (strcmp(name, STANDARD_INPUT) == 0)
			update->file = i;
	}
	gp_diagnostics_name_file(update->diagnostics, update->file,
				 STANDARD_INPUT);
}

/* What the second reading finds was found by the first. */
static void add_surveyed(struct update *update)
{
	struct gp_diagnostics *found = update->diagnostics;

	update->diagnostics = gp_diagnostics_new();
	add_input(update);
	gp_diagnostics_free(&update->diagnostics);
	update->diagnostics = found;
}

static int add_lines(struct update *update)
{
	int status;

	name_files(update);
	status = read_standard_input(&update->input);
	if (status == 0)
		status = survey_input(update);
	if (status != 0 || (update->changes == 0 &&
			    gp_diagnostics_errors(update->diagnostics) == 0))
		return status;
	add_surveyed(update);
	return check_and_write(update);
}

static int delete_net(struct update *update, const char *name)
{
	int64_t number = gp_names_net(update->old, name);

	if (number < 0)
		return 0;
	return gp_image_remove_net(update->image, (uint32_t)number) ? 1 : 0;
}

static int delete_profile(struct update *update, const char *name)
{
	int64_t number = gp_names_profile(update->old, name);

	if (number < 0)
		return 0;
	return gp_image_remove_profile(update->image, (uint32_t)number) > 0;
}

/* Returns 1, 0 when there is no such key, or -1 when it is none. */
static int delete_key(struct update *update, const char *written)
{
	char key[GP_KEY_MAX];
	size_t len;
	const char *error;

	if (strncmp(written, "net:", 4) == 0)
		return delete_net(update, written + 4);
	if (strncmp(written, "profile:", 8) == 0)
		return delete_profile(update, written + 8);
	if (gp_parse_key(written, strlen(written), key, &len, &error) < 0) {
		gp_program_error("%s: %s", *written != '\0' ? written :
				 "\"\"", error);
		return -1;
	}
	return gp_image_remove(update->image, key, len) > 0;
}

static int count_deleted(void *context, const char *key)
{
	struct update *update = context;
	int found = delete_key(update, key);

	if (found < 0)
		return EX_DATAERR;
	update->changes += (uint64_t)found;
	return 0;
}

static int delete_lines(struct update *update)
{
	const char *key = update->options->key;
	int status = strcmp(key, "-") == 0 ?
		     gatemap_each_key(count_deleted, update) :
		     count_deleted(update, key);

	if (status != 0)
		return status;
	if (update->changes == 0)
		return GP_EXIT_NOT_FOUND;
	name_files(update);
	gp_image_finish(update->image);
	status = gp_references_check(gp_image_source(update->image));
	return status != 0 ? status : check_and_write(update);
}

/* The map that stands, or nothing at all where -i may make a new one. */
static int open_old(struct update *update)
{
	const struct gatemap_options *options = update->options;

	if (options->work == GATEMAP_DELETE ||
	    access(options->map, F_OK) == 0 || errno != ENOENT)
		return gatemap_open(options, &update->map, &update->old);
	update->empty = gp_image_new();
	gp_image_set_names(update->empty, options->settings->default_domain,
			   options->settings->recipient_delimiter);
	gp_image_finish(update->empty);
	update->old = gp_image_source(update->empty);
	return 0;
}

static int take_over(struct update *update)
{
	const char *error;

	update->image = gp_image_new();
	update->scratch = gp_arena_new();
	update->diagnostics = gp_diagnostics_new();
	gp_text_init(&update->input);
	if (gp_image_add_source(update->image, update->old, &error) < 0)
		return damaged(error);
	return 0;
}

static void update_deinit(struct update *update)
{
	gp_text_deinit(&update->input);
	gp_diagnostics_free(&update->diagnostics);
	gp_arena_free(&update->scratch);
	gp_image_free(&update->image);
	gp_image_free(&update->empty);
	gp_map_free(&update->map);
}

/* Under the writers' lock from before the map is read. */
static int update_map(const struct gatemap_options *options,
		      int (*change)(struct update *update))
{
	struct update update = { .options = options };
	int status;
	int lock;

	gp_interrupt_init();
	lock = gatemap_lock(options, &status);
	if (lock < 0)
		return status;
	status = open_old(&update);
	if (status == 0) {
		status = take_over(&update);
		if (status == 0)
			status = change(&update);
		update_deinit(&update);
	}
	gp_map_unlock(&lock);
	return status;
}

int gatemap_update(const struct gatemap_options *options)
{
	return update_map(options, add_lines);
}

int gatemap_delete(const struct gatemap_options *options)
{
	return update_map(options, delete_lines);
}
