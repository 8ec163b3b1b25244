/* What is refused here compiles: it would only do nothing. A rule that a lock
   makes ineffective looks as if it held, and that is worse than an error. */

#include "shared/tools/setting.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "shared/base/clock.h"
#include "shared/tools/effect.h"
#include "shared/tools/options.h"
#include "shared/tools/program.h"

/* What an administrator wrote in front of --only is his; whatever follows may
   have been typed by whom it binds. */
static int set_config(void *context, const char *value)
{
	struct setting_options *options = context;

	if (options->scope.count > 0)
		return gp_program_usage("-c stands in front of --only");
	options->change.config = value;
	return 0;
}

static int set_only(void *context, const char *value)
{
	struct setting_options *options = context;
	const char *error;

	if (scope_add(&options->scope, value, &error) < 0)
		return gp_program_usage("--only %s: %s", value, error);
	return 0;
}

static int set_force(void *context, const char *value)
{
	struct setting_options *options = context;

	(void)value;
	if (options->scope.count > 0)
		return gp_program_usage("--force stands in front of --only");
	options->change.force = true;
	return 0;
}

static int set_by(void *context, const char *value)
{
	struct setting_options *options = context;

	return change_take_by(&options->change.by, value);
}

static int set_quiet(void *context, const char *value)
{
	struct setting_options *options = context;

	(void)value;
	options->change.quiet = true;
	gp_program_quiet();
	return 0;
}

int setting_read_options(struct setting_options *options,
			 enum setting_command command, const char *help,
			 int argc, char *argv[])
{
	struct gp_option known[] = {
		GP_OPTION_VALUE("config", 'c', set_config),
		GP_OPTION_VALUE("by", 0, set_by),
		GP_OPTION_VALUE("only", 0, set_only),
		GP_OPTION_CALL("force", 0, set_force),
		GP_OPTION_CALL("quiet", 'q', set_quiet),
		GP_OPTION_FLAG("json", 'j', &options->json),
		/* Behind what all have: those of set. */
		GP_OPTION_TEXT("until", 0, &options->until),
		GP_OPTION_TEXT("note", 0, &options->note),
		GP_OPTION_FLAG("reset", 0, &options->reset),
	};
	size_t count = 6;

	memset(options, 0, sizeof(*options));
	if (command == SETTING_SET)
		count = sizeof(known) / sizeof(known[0]);
	else if (command == SETTING_UNDO)
		known[count++] = (struct gp_option)
			GP_OPTION_FLAG("yes", 0, &options->yes);
	return gp_options_read(known, count, options, help, argc, argv);
}

static const char *file_of(const struct gp_source *source,
			   const struct gp_line *line)
{
	const char *name = source->file_name(source->context, line->file);

	return name != NULL ? name : "?";
}

static int refuse_locked(const struct gp_source *source, const char *key,
			 const char *word, unsigned attr,
			 const struct gp_origin *origin)
{
	struct gp_text level;

	gp_text_init(&level);
	gp_level_print(source, origin->level, &level);
	gp_program_error("%s: %s would have no effect on %s: %s:%u (%s) locks "
			 "it; nothing was changed", key, word,
			 gp_attribute_name(attr),
			 file_of(source, origin->line), origin->line->number,
			 level.data);
	gp_text_deinit(&level);
	return EX_DATAERR;
}

static void warn_of_line(const struct gp_source *source, const char *key,
			 const char *word, const struct gp_line *line)
{
	char storage[64];
	struct gp_text until;

	gp_text_init_fixed(&until, storage, sizeof(storage));
	if (line->until != GP_TIME_LAST) {
		gp_text_add(&until, " until ");
		gp_time_print(line->until, &until);
	}
	gp_program_warning("%s: %s:%u comes before %s%s", key,
			   file_of(source, line), line->number, word,
			   until.data);
}

/* A lock that says the same is in nobody's way. */
static bool says_the_same(const char *word, unsigned attr,
			  const struct gp_line *line)
{
	return attr < GP_SERVICES &&
	       strcmp(word + strcspn(word, "=") + 1,
		      gp_value_name(line->service[attr])) == 0;
}

struct look {
	const struct gp_source *source;
	const char *written;
	char key[GP_RULETEXT_KEY_MAX];
	size_t key_len;
	/* The edited line. */
	const struct change_file *file;
	uint32_t number;
	struct effect effect;
};

static int look_at(const struct look *look, const char *word, unsigned attr)
{
	const struct gp_origin *origin = &look->effect.origin[attr];
	bool own;

	if (origin->line == NULL)
		return 0;
	own = origin->level->key != NULL &&
	      origin->level->key_len == look->key_len &&
	      memcmp(origin->level->key, look->key, look->key_len) == 0;
	if (!own && origin->locked && !says_the_same(word, attr, origin->line))
		return refuse_locked(look->source, look->written, word, attr,
				     origin);
	if (own && (origin->line->number != look->number ||
		    strcmp(file_of(look->source, origin->line),
			   look->file->real) != 0))
		warn_of_line(look->source, look->written, word,
			     origin->line);
	return 0;
}

static int look_at_word(const struct look *look, const char *word,
			struct gp_arena *arena)
{
	const char *error;
	const char *name = edit_attribute(word, arena, &error);
	uint32_t services = edit_services(name);
	int attr = gp_attribute_from_name(name, strlen(name));
	int status = 0;

	if (strcmp(word + strcspn(word, "="), "=inherit") == 0)
		return 0;
	if (services == 0)
		return attr < 0 || attr >= EFFECT_ATTRS ? 0 :
		       look_at(look, word, (unsigned)attr);
	for (unsigned i = 0; i < GP_SERVICES && status == 0; i++) {
		if ((services & GP_ATTR_BIT(i)) != 0)
			status = look_at(look, word, i);
	}
	return status;
}

/* A line that begins later is looked at as it will be. */
static int64_t time_of(const struct setting_edit *edit,
		       struct gp_ruletext *text)
{
	const char *from = gp_ruletext_get(text, edit->edited.line, "from");
	const char *error;
	int64_t seconds;

	if (from == NULL || gp_time_parse(from, &seconds, &error) < 0 ||
	    seconds < edit->edit.now)
		return edit->edit.now;
	return seconds;
}

static int check_edit(const struct change *change,
		      const struct setting_edit *edit, struct gp_arena *arena)
{
	const struct change_file *file = &change->file[edit->edited.file];
	const char *mode = gp_ruletext_get(file->text, edit->edited.line,
					   "mode");
	struct effect_for what = {
		.now = time_of(edit, file->text),
		.with_trials = mode != NULL && strcmp(mode, "trial") == 0,
	};
	struct look look = {
		.source = gp_image_source(change->image),
		.written = edit->edit.key,
		.file = file,
		.number = gp_ruletext_number(file->text, edit->edited.line),
	};
	const char *error = NULL;
	int status = 0;

	if (edit->edit.remove ||
	    gp_ruletext_is_other(look.written, strlen(look.written)) ||
	    gp_ruletext_key(look.written, strlen(look.written), look.key,
			    &look.key_len, &error) < 0 ||
	    effect_of_key(look.source, look.key, look.key_len, &what, arena,
			  &look.effect, &error) < 0)
		return 0;
	for (size_t i = 0; i < edit->edit.words && status == 0; i++)
		status = look_at_word(&look, edit->edit.word[i], arena);
	return status;
}

static int check_effect(const struct change *change,
			const struct setting_edit *edits, size_t count)
{
	struct gp_arena *arena = gp_arena_new();
	int status = 0;

	for (size_t i = 0; i < count && status == 0; i++) {
		status = check_edit(change, &edits[i], arena);
		gp_arena_reset(arena);
	}
	gp_arena_free(&arena);
	return status;
}

/* Whether somebody may do less than before: then sessions may be open that
   would not be let in any more. */
static bool has_loss(const struct change *change, const char *written,
		     struct gp_arena *arena)
{
	const struct effect_for what = { .now = gp_time_now() };
	struct effect before, after;
	char key[GP_RULETEXT_KEY_MAX];
	const char *error;
	size_t len;

	if (gp_ruletext_is_other(written, strlen(written)))
		return true;
	if (gp_ruletext_key(written, strlen(written), key, &len, &error) < 0 ||
	    effect_of_key(change->old, key, len, &what, arena, &before,
			  &error) < 0 ||
	    effect_of_key(gp_image_source(change->image), key, len, &what,
			  arena, &after, &error) < 0)
		return true;
	for (unsigned attr = 0; attr < GP_ATTR_MESSAGE; attr++) {
		enum effect_change one = effect_compare(&before, &after, attr);

		if (one == EFFECT_LOSS || one == EFFECT_OTHER)
			return true;
	}
	return false;
}

/* What "gatepost kick" can be told, or NULL. */
static const char *find_loss(const struct change *change)
{
	struct gp_arena *arena = gp_arena_new();
	const char *found = NULL;
	const json_t *record;
	size_t i;

	json_array_foreach(change->keys, i, record) {
		const char *key = json_string_value(json_object_get(record,
								    "key"));

		if (change->old == NULL || has_loss(change, key, arena)) {
			found = found == NULL ? key : "";
			if (*found == '\0')
				break;
		}
		gp_arena_reset(arena);
	}
	gp_arena_free(&arena);
	return found;
}

static void print_lines(const char *sign, const json_t *record,
			const json_t *lines, const json_t *others)
{
	const json_t *line, *other;
	size_t i, j;

	json_array_foreach(lines, i, line) {
		bool stands = false;

		json_array_foreach(others, j, other)
			stands = stands || json_equal(line, other);
		if (stands)
			continue;
		printf("%s ", sign);
		gp_journal_print(json_string_value(
				 json_object_get(record, "file")));
		printf(": ");
		gp_journal_print(json_string_value(line));
		putchar('\n');
	}
}

#define SHOWN_MAX 20

static void print_text(const struct change *change, const char *loss)
{
	const json_t *record;
	size_t i;

	json_array_foreach(change->keys, i, record) {
		const json_t *before = json_object_get(record, "before");
		const json_t *after = json_object_get(record, "after");

		if (i == SHOWN_MAX) {
			printf("and %zu more\n",
			       json_array_size(change->keys) - i);
			break;
		}
		print_lines("-", record, before, after);
		print_lines("+", record, after, before);
	}
	printf("change %" JSON_INTEGER_FORMAT " is in force\n", change->id);
	if (loss != NULL)
		printf("sessions that are open stay open; \"gatepost kick%s%s"
		       "\" ends those that would be refused now\n",
		       *loss != '\0' ? " " : "", loss);
}

void setting_print_json(const struct change *change)
{
	json_t *object = json_object();
	bool may_stand = change != NULL && find_loss(change) != NULL;

	json_object_set_new(object, "id", change == NULL ? json_null() :
			    json_integer(change->id));
	json_object_set_new(object, "keys", change == NULL ? json_array() :
			    json_incref(change->keys));
	json_object_set_new(object, "sessions_may_stand",
			    json_boolean(may_stand));
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

static void warn_of_others(const struct change *change)
{
	if (change->old == NULL || change_is_in_force(change))
		return;
	gp_program_warning("%s was changed since the map was compiled; that "
			   "takes force as well", change->settings->rules);
}

static int commit(struct change *change,
		  const struct setting_options *options, json_t *entry)
{
	int status;

	warn_of_others(change);
	status = change_commit(change, entry);
	if (status != 0)
		return status;
	if (options->json)
		setting_print_json(change);
	else if (!options->change.quiet)
		print_text(change, find_loss(change));
	return gp_program_finish(EX_OK);
}

static int say_nothing_changed(const struct change *change,
			       const struct setting_options *options)
{
	if (options->json)
		setting_print_json(NULL);
	else if (!options->change.quiet)
		printf("nothing to change: the rules say so already\n");
	if (!change_is_in_force(change))
		gp_program_warning("the map in force was not made from these "
				   "rules; run gatemap %s",
				   change->settings->rules);
	return gp_program_finish(EX_OK);
}

int setting_finish(struct change *change,
		   const struct setting_options *options,
		   const struct setting_edit *edits, size_t count,
		   json_t *entry)
{
	int status = change_compile(change);

	if (status != 0)
		gp_program_error("nothing was changed");
	if (status == 0)
		status = scope_check(&options->scope, change);
	if (status == 0)
		status = check_effect(change, edits, count);
	if (status == 0 && change_is_any(change))
		return commit(change, options, entry);
	json_decref(entry);
	return status != 0 ? status : say_nothing_changed(change, options);
}
