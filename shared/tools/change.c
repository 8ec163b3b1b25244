/* Everything that can go wrong goes wrong before anything is visible: the rules
   are edited and compiled in memory, and a new map is written and checked
   beside the old one. What is left is two renames, files and map, and the
   journal says beforehand what they are going to do. Whoever is killed between
   them leaves new rules that compile and the old map in force; the next one
   who gets the lock finds the journal's line without an end and completes
   it. */

#include "shared/tools/change.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/base/clock.h"
#include "shared/map/writer.h"
#include "shared/tools/change-files.h"
#include "shared/tools/compile.h"
#include "shared/tools/configuration.h"
#include "shared/tools/gatemap.h"
#include "shared/tools/interrupt.h"
#include "shared/tools/privileges.h"
#include "shared/tools/program.h"

const char *change_journal_path(const struct gp_settings *settings,
				struct gp_arena *arena)
{
	size_t len = strlen(settings->rules);

	if (settings->journal[0] != '\0')
		return settings->journal;
	while (len > 1 && settings->rules[len - 1] == '/')
		len--;
	return gp_arena_printf(arena, "%.*s.journal", (int)len,
			       settings->rules);
}

int change_take_by(const char **by, const char *value)
{
	if (!gp_journal_is_text(value, strlen(value)) ||
	    !gp_ruletext_is_value(value) || value[0] == '\0')
		return gp_program_usage("--by: this is no name");
	*by = value;
	return 0;
}

const char *change_who(const char *by, struct gp_arena *arena)
{
	const char *sudo = getenv("SUDO_USER");
	const struct passwd *user;

	if (by != NULL)
		return by;
	if (getuid() == 0 && sudo != NULL && sudo[0] != '\0' &&
	    gp_journal_is_text(sudo, strlen(sudo)))
		return sudo;
	user = getpwuid(getuid());
	return user != NULL ? gp_arena_strdup(arena, user->pw_name) :
	       gp_arena_printf(arena, "uid %lu", (unsigned long)getuid());
}

/* Whose the rules are is looked at before the lock: rights are given up before
   anything is written. */
static int drop_privileges(const struct gp_settings *settings)
{
	struct gp_input *input;
	int status = gp_input_open(settings->rules, &input);

	if (status != 0)
		return status;
	status = gp_privileges_drop(settings->rules, gp_input_stat(input),
				    settings);
	gp_input_free(&input);
	return status;
}

/* While it waited for the lock, somebody may have put another file there. */
static int open_input(struct change *change)
{
	const char *rules = change->settings->rules;
	int status = gp_input_open(rules, &change->input);

	if (status != 0)
		return status;
	if (geteuid() == 0 && gp_input_stat(change->input)->st_uid != 0) {
		gp_program_error("%s has changed its owner meanwhile; try "
				 "again", rules);
		return EX_TEMPFAIL;
	}
	return gp_input_list(change->input);
}

static int read_rules(struct change *change)
{
	int status = 0;

	change->count = gp_input_count(change->input);
	change->file = gp_arena_alloc(change->arena, change->count *
				      sizeof(*change->file));
	for (size_t i = 0; i < change->count && status == 0; i++) {
		struct change_file *file = &change->file[i];

		file->path = gp_input_path(change->input, i);
		status = change_file_read(file);
		if (status == 0)
			gp_input_replace(change->input, i, file->data.data,
					 file->data.len);
	}
	return status != 0 ? status :
	       gp_input_read(change->input, NULL, change->before);
}

static struct gp_compile_options compile_options(struct change *change)
{
	gp_progress_init(&change->progress);
	return (struct gp_compile_options) {
		.settings = change->settings,
		.progress = &change->progress,
		/* Of warnings about all other rules there is no end. */
		.quiet = !change->options->repairs || change->options->quiet,
	};
}

/* What the compiler says of the rules as they stand. */
static int complain(struct change *change)
{
	struct gp_compile_options options = compile_options(change);
	struct gp_image *image;
	uint8_t sha256[32];
	int status = gp_compile(change->input, &options, &image, sha256);

	if (status == 0) {
		gp_image_free(&image);
		status = EX_DATAERR;
	}
	gp_program_error("the rules do not compile as they stand, nothing was "
			 "changed; gatepost edit helps, and gatepost back puts "
			 "the map before this one in force");
	return status;
}

static int cut_rules(struct change *change)
{
	for (size_t i = 0; i < change->count; i++) {
		struct change_file *file = &change->file[i];

		if (gp_ruletext_new(file->data.data, file->data.len,
				    &file->text) < 0)
			return complain(change);
	}
	return 0;
}

static void open_old(struct change *change)
{
	const char *error;

	change->map = gp_map_new(change->settings->map,
				 geteuid() == 0 ?
				 change->settings->map_owner_uid : geteuid());
	change->old = gp_map_source(change->map, &error);
}

/* The newest change, and what became of it. */
static json_t *last_change(struct gp_journal *journal, const char **state_r)
{
	json_t *object, *state = NULL;

	*state_r = NULL;
	gp_journal_rewind(journal);
	while ((object = gp_journal_previous(journal)) != NULL) {
		const json_t *text = json_object_get(object, "state");

		if (json_is_string(text) && state == NULL) {
			state = object;
			continue;
		}
		if (json_is_string(text)) {
			json_decref(object);
			continue;
		}
		if (state != NULL &&
		    json_equal(json_object_get(state, "id"),
			       json_object_get(object, "id")))
			*state_r = "done";
		json_decref(state);
		return object;
	}
	json_decref(state);
	return NULL;
}

static bool is_digest(const json_t *change, const char *name,
		      const uint8_t digest[32])
{
	const char *written = json_string_value(json_object_get(change,
								name));
	char text[65];

	change_digest_text(digest, text);
	return written != NULL && strcmp(written, text) == 0;
}

bool change_is_untouched(const struct change *change, const json_t *entry)
{
	return is_digest(entry, "rules_after", change->before);
}

static int redo(struct change *change, const json_t *last)
{
	const char *stranger;
	size_t strangers;

	if (change_restore(change, json_object_get(last, "keys"), true,
			   &strangers, &stranger) < 0)
		return 0;
	if (strangers > 0)
		gp_program_warning("%s has another rule by now, and keeps it",
				   stranger);
	return change_compile(change);
}

/* A change without an end. Where nothing of it is in the files it is void, else
   it is carried through. */
static int heal(struct change *change, const json_t *last)
{
	json_int_t id = json_integer_value(json_object_get(last, "id"));
	int status;

	if (is_digest(last, "rules_before", change->before))
		return change_end_entry(change, id, "void");
	gp_program_warning("change %lld was interrupted; it is completed now",
			   (long long)id);
	status = change_is_untouched(change, last) ?
		 change_compile(change) : redo(change, last);
	if (status != 0 || change->image == NULL)
		return status;
	status = change_make_visible(change, NULL);
	if (status != 0)
		return status;
	return change_end_entry(change, id, "done");
}

/* Nobody's next change may bring back what was taken out of force at night. */
static int check_not_held(const struct change *change, const json_t *last)
{
	const char *command = json_string_value(json_object_get(last,
								"command"));

	if (command == NULL || strcmp(command, "back") != 0 ||
	    change->options->force || change->options->follows_back ||
	    change_is_in_force(change))
		return 0;
	gp_program_error("%s put the map before in force at %s, and %s does "
			 "not say the same: this would undo it. Look at "
			 "\"gatepost diff %s %s\", then correct the rules with "
			 "\"gatepost edit\" or \"gatepost undo\"; --force goes "
			 "on nevertheless",
			 json_string_value(json_object_get(last, "by")),
			 json_string_value(json_object_get(last, "time")),
			 change->settings->rules, change->settings->map,
			 change->settings->rules);
	return EX_TEMPFAIL;
}

static int start_over(struct change *change);

static int look_at_journal(struct change *change)
{
	const char *state;
	json_t *last = last_change(change->journal, &state);
	int status = 0;

	if (last != NULL && state == NULL) {
		status = heal(change, last);
		if (status == 0)
			status = start_over(change);
	} else if (last != NULL) {
		status = check_not_held(change, last);
	}
	json_decref(last);
	return status;
}

static void forget_files(struct change *change)
{
	for (size_t i = 0; i < change->count; i++)
		change_file_deinit(&change->file[i]);
	change->count = 0;
	gp_input_free(&change->input);
	gp_image_free(&change->image);
	gp_map_free(&change->map);
	json_decref(change->keys);
	change->keys = NULL;
}

static int read_all(struct change *change)
{
	int status = open_input(change);

	if (status == 0)
		status = read_rules(change);
	if (status == 0)
		open_old(change);
	return status;
}

/* After an interrupted change was completed. */
static int start_over(struct change *change)
{
	int status;

	forget_files(change);
	status = read_all(change);
	return status != 0 || change->options->repairs ? status :
	       cut_rules(change);
}

static int lock_and_read(struct change *change)
{
	struct gatemap_options options = {
		.map = change->settings->map, .settings = change->settings
	};
	int status;

	gp_interrupt_init();
	change->lock = gatemap_lock(&options, &status);
	if (change->lock < 0)
		return status;
	status = read_all(change);
	if (status == 0)
		status = gp_journal_open(change_journal_path(change->settings,
							     change->arena),
					 true, &change->journal);
	/* Who repairs does without the words of what is broken. */
	if (status == 0 && !change->options->repairs)
		status = cut_rules(change);
	return status != 0 ? status : look_at_journal(change);
}

int change_begin(const struct change_options *options, struct change *change)
{
	int status;

	memset(change, 0, sizeof(*change));
	change->options = options;
	change->arena = gp_arena_new();
	change->lock = -1;
	/* A limit on files' sizes is an error like a full disk. */
	signal(SIGXFSZ, SIG_IGN);
	status = gp_configuration_load(options->config, &change->settings);
	if (status == 0)
		status = drop_privileges(change->settings);
	if (status == 0) {
		change->by = change_who(options->by, change->arena);
		status = lock_and_read(change);
	}
	if (status != 0)
		change_end(change);
	return status;
}

void change_end(struct change *change)
{
	forget_files(change);
	gp_journal_close(&change->journal);
	gp_map_unlock(&change->lock);
	gp_settings_free(&change->settings);
	gp_arena_free(&change->arena);
}

static void render(struct change_file *file)
{
	if (!file->changed && file->text != NULL) {
		gp_text_clear(&file->now);
		gp_ruletext_render(file->text, &file->now);
	}
	file->changed = file->now.len != file->data.len ||
			memcmp(file->now.data, file->data.data,
			       file->now.len) != 0;
}

int change_compile(struct change *change)
{
	struct gp_compile_options options = compile_options(change);
	int status;

	for (size_t i = 0; i < change->count; i++) {
		struct change_file *file = &change->file[i];

		if (file->text != NULL || file->changed)
			render(file);
		if (file->changed)
			gp_input_replace(change->input, i, file->now.data,
					 file->now.len);
	}
	status = gp_compile(change->input, &options, &change->image,
			    change->after);
	if (status == 0)
		gp_image_set_origin(change->image, change->after,
				    gp_time_now());
	return status;
}

bool change_is_any(const struct change *change)
{
	for (size_t i = 0; i < change->count; i++) {
		if (change->file[i].changed)
			return true;
	}
	return false;
}
