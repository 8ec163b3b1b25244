/* A line of a key is known by its mode and times: what is set for thirty days
   is a line of its own beside the lasting one, and goes by itself. An attribute
   is set where the last line of that kind has it, so that what is set counts; a
   group takes the narrower words of its line with it, because they would beat
   it there. What is unset is taken from all lines of the key. */

#include "shared/tools/edits.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/memory.h"
#include "shared/rules/hints.h"
#include "shared/rules/key.h"
#include "shared/rules/parse.h"

static const char *const groups[] = {
	"imap", "pop3", "submission", "sieve", "webmail", "clients", "all"
};
static const char *const line_words[] = { "mode", "from", "until", "lock" };

struct apply {
	struct change *change;
	const struct edit *edit;
	const char *error;
	/* What says which line: NULL where it is not asked for. */
	const char *mode;
	const char *from;
	const char *until;
	char key[GP_RULETEXT_KEY_MAX];
	size_t key_len;
};

uint32_t edit_services(const char *name)
{
	int service = gp_service_from_name(name, strlen(name));

	if (strcmp(name, "all") == 0)
		return GP_SERVICE_BITS;
	if (strcmp(name, "clients") == 0)
		return GP_CLIENT_BITS;
	return service < 0 ? 0 : GP_ATTR_BIT(service);
}

static bool is_line_word(const char *name)
{
	for (size_t i = 0; i < 4; i++) {
		if (strcmp(name, line_words[i]) == 0)
			return true;
	}
	return false;
}

const char *edit_attribute(const char *word, struct gp_arena *arena,
			   const char **error_r)
{
	size_t len = strcspn(word, "=");
	char *name = gp_arena_strndup(arena, word, len);
	const char *hint;

	if (edit_services(name) != 0 || is_line_word(name) ||
	    gp_attribute_from_name(name, len) >= 0)
		return name;
	hint = gp_hint_attribute(word, len);
	*error_r = hint != NULL ?
		   gp_arena_printf(arena, "there is no attribute %s; write "
				   "%s", name, hint) :
		   gp_arena_printf(arena, "there is no attribute %s", name);
	return NULL;
}

/* Which line */

static bool is_same_time(const char *a, const char *b)
{
	int64_t x, y;
	const char *error;

	if (a == NULL || b == NULL)
		return a == b;
	if (gp_time_parse(a, &x, &error) < 0 ||
	    gp_time_parse(b, &y, &error) < 0)
		return strcmp(a, b) == 0;
	return x == y;
}

static bool is_trial(const char *mode)
{
	return mode != NULL && strcmp(mode, "trial") == 0;
}

/* A lasting line with an end of its own is another line. */
static bool is_of_kind(const struct apply *apply, struct gp_ruletext *text,
		       size_t line)
{
	return is_trial(gp_ruletext_get(text, line, "mode")) ==
	       is_trial(apply->mode) &&
	       is_same_time(gp_ruletext_get(text, line, "from"),
			    apply->from) &&
	       is_same_time(gp_ruletext_get(text, line, "until"),
			    apply->until);
}

/* Whether the line sets one of the attribute's services, or the attribute. */
static bool line_sets(struct gp_ruletext *text, size_t line, const char *name)
{
	uint32_t services = edit_services(name);

	if (services == 0)
		return gp_ruletext_get(text, line, name) != NULL;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if ((edit_services(groups[i]) & services) != 0 &&
		    gp_ruletext_get(text, line, groups[i]) != NULL)
			return true;
	}
	return false;
}

/* The last line of the kind; of those, the last that has the attribute. */
static bool find_line(struct apply *apply, const char *name,
		      struct edited *found_r)
{
	bool found = false, found_name = false;

	for (size_t i = 0; i < apply->change->count; i++) {
		struct gp_ruletext *text = apply->change->file[i].text;
		size_t line = gp_ruletext_first(text, apply->key,
						apply->key_len);

		for (; line != GP_RULETEXT_NONE;
		     line = gp_ruletext_next(text, line)) {
			bool has = name != NULL &&
				   line_sets(text, line, name);

			if ((found_name && !has) ||
			    !is_of_kind(apply, text, line))
				continue;
			found = true;
			found_name = has;
			found_r->file = i;
			found_r->line = line;
		}
	}
	return found;
}

/* Behind the key's other lines, because the last one counts; where the key does
   not stand, at the end of the last file. */
static void add_line(struct apply *apply, struct edited *edited_r)
{
	struct change *change = apply->change;
	size_t behind = GP_RULETEXT_NONE;

	edited_r->file = change->count - 1;
	for (size_t i = 0; i < change->count; i++) {
		size_t line = gp_ruletext_first(change->file[i].text,
						apply->key, apply->key_len);

		for (; line != GP_RULETEXT_NONE;
		     line = gp_ruletext_next(change->file[i].text, line)) {
			edited_r->file = i;
			behind = line;
		}
	}
	edited_r->line = gp_ruletext_add(change->file[edited_r->file].text,
					 behind, apply->edit->key);
	edited_r->added = true;
}

/* Words */

/* mode=, from= and until=, which say what line is meant. */
static bool is_kind_word(const char *word)
{
	return strncmp(word, "mode=", 5) == 0 ||
	       strncmp(word, "from=", 5) == 0 ||
	       strncmp(word, "until=", 6) == 0;
}

static const char *value_of(const char *word)
{
	const char *equals = strchr(word, '=');

	return equals == NULL ? NULL : equals + 1;
}

/* Whether the edit sets that attribute itself. */
static bool is_asked(const struct edit *edit, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < edit->words; i++) {
		if (strncmp(edit->word[i], name, len) == 0 &&
		    (edit->word[i][len] == '=' || edit->word[i][len] == '\0'))
			return true;
	}
	return false;
}

/* Takes an attribute out of the line's list of what is locked. */
static void unlock(struct gp_ruletext *text, size_t line, const char *name)
{
	const char *list = gp_ruletext_get(text, line, "lock");
	struct gp_text left;
	char *copy, *word, *rest;

	if (list == NULL || *list == '\0')
		return;
	copy = rest = gp_strdup(list);
	gp_text_init(&left);
	while ((word = strsep(&rest, ",")) != NULL) {
		if (strcmp(word, name) == 0)
			continue;
		gp_text_addf(&left, "%s%s", left.len > 0 ? "," : "", word);
	}
	if (left.len == 0)
		gp_ruletext_drop(text, line, "lock");
	else
		gp_ruletext_put(text, line, "lock", left.data);
	gp_text_deinit(&left);
	free(copy);
}

static void drop(struct gp_ruletext *text, size_t line, const char *name)
{
	if (gp_ruletext_drop(text, line, name))
		unlock(text, line, name);
}

/* The narrower words of a line that would beat a group there. */
static bool drop_narrower(const struct edit *edit, struct gp_ruletext *text,
			  size_t line, const char *name)
{
	uint32_t services = edit_services(name);
	bool dropped = false;

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		uint32_t other = edit_services(groups[i]);

		if ((other & services) != other || other == services ||
		    is_asked(edit, groups[i]) ||
		    gp_ruletext_get(text, line, groups[i]) == NULL)
			continue;
		/* A lock of it goes on: the group sets it as well. */
		if (edit->remove || edit->reset)
			drop(text, line, groups[i]);
		else
			gp_ruletext_drop(text, line, groups[i]);
		dropped = true;
	}
	return dropped;
}

static void put_word(struct apply *apply, struct gp_ruletext *text,
		     size_t line, const char *name, const char *value)
{
	if (edit_services(name) != 0)
		drop_narrower(apply->edit, text, line, name);
	gp_ruletext_put(text, line, name, value);
}

/* What belongs to a new line besides its attributes. */
static void put_kind(struct apply *apply, struct gp_ruletext *text,
		     size_t line)
{
	if (apply->mode != NULL)
		gp_ruletext_put(text, line, "mode", apply->mode);
	if (apply->from != NULL)
		gp_ruletext_put(text, line, "from", apply->from);
	if (apply->until != NULL)
		gp_ruletext_put(text, line, "until", apply->until);
}

/* Where an attribute goes; a note, a lock and all others that have no place yet
   go with the first. */
static void choose_line(struct apply *apply, const char *name, bool first,
			struct edited *edited)
{
	bool own = !is_line_word(name) && strcmp(name, "note") != 0;
	struct edited found = { .reset = 0 };

	if (own && find_line(apply, name, &found) &&
	    (first || line_sets(apply->change->file[found.file].text,
				found.line, name)))
		*edited = found;
	else if (first && find_line(apply, NULL, &found))
		*edited = found;
	else if (first)
		add_line(apply, edited);
}

static int set_words(struct apply *apply, struct edited *edited_r)
{
	const struct edit *edit = apply->edit;
	struct gp_arena *arena = apply->change->arena;
	struct edited place = { .reset = 0 };
	bool first = true;

	for (size_t i = 0; i < edit->words; i++) {
		const char *word = edit->word[i];
		const char *name = edit_attribute(word, arena, &apply->error);
		struct edited at;
		struct gp_ruletext *text;

		if (is_kind_word(word))
			continue;
		at = place;
		choose_line(apply, name, first, &at);
		text = apply->change->file[at.file].text;
		if (first && at.added)
			put_kind(apply, text, at.line);
		put_word(apply, text, at.line, name, value_of(word));
		if (first)
			place = at;
		first = false;
	}
	*edited_r = place;
	return 1;
}

/* Unset */

/* A service of a wider group on its line is left out of it. */
static bool unset_service(const struct edit *edit, struct gp_ruletext *text,
			  size_t line, const char *name)
{
	uint32_t services = edit_services(name);
	bool changed = gp_ruletext_get(text, line, name) != NULL;

	drop(text, line, name);
	changed = drop_narrower(edit, text, line, name) || changed;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		uint32_t other = edit_services(groups[i]);
		const char *value = gp_ruletext_get(text, line, groups[i]);

		if ((other & services) != services || other == services ||
		    value == NULL || strcmp(value, "inherit") == 0)
			continue;
		gp_ruletext_put(text, line, name, "inherit");
		unlock(text, line, name);
		return true;
	}
	return changed;
}

/* Whether the line still says something; "inherit" alone says nothing. */
static bool says_something(struct gp_ruletext *text, size_t line)
{
	const char *word;
	size_t len;

	for (size_t i = 0; (word = gp_ruletext_word(text, line, i, &len)) !=
	     NULL; i++) {
		const char *value = value_of(word);
		bool line_word = false;

		for (size_t j = 0; j < 4; j++) {
			size_t name_len = strlen(line_words[j]);

			if (strncmp(word, line_words[j], name_len) == 0 &&
			    (word[name_len] == '=' || word[name_len] == '\0'))
				line_word = true;
		}
		if (!line_word && strncmp(word, "note=", 5) != 0 &&
		    (value == NULL || strcmp(value, "inherit") != 0))
			return true;
	}
	return false;
}

static bool unset_word(const struct edit *edit, struct gp_ruletext *text,
		       size_t line, const char *name)
{
	if (edit_services(name) != 0)
		return unset_service(edit, text, line, name);
	if (gp_ruletext_get(text, line, name) == NULL)
		return false;
	drop(text, line, name);
	return true;
}

static bool unset_line(struct apply *apply, struct gp_ruletext *text,
		       size_t line)
{
	const struct edit *edit = apply->edit;
	bool changed = false, all = true;

	for (size_t i = 0; i < edit->words; i++) {
		const char *name = edit_attribute(edit->word[i],
						  apply->change->arena,
						  &apply->error);

		if (strchr(edit->word[i], '=') != NULL && edit->remove)
			continue;
		if (edit->reset && !edit->remove && is_line_word(name))
			continue;
		all = false;
		changed = unset_word(edit, text, line, name) || changed;
	}
	if (all && edit->remove) {
		gp_ruletext_remove(text, line);
		return true;
	}
	if (changed && !says_something(text, line))
		gp_ruletext_remove(text, line);
	return changed;
}

/* Whether mode=, from= and until= choose the line, where they were given. */
static bool is_chosen(const struct apply *apply, struct gp_ruletext *text,
		      size_t line)
{
	return (apply->mode == NULL ||
		is_trial(gp_ruletext_get(text, line, "mode")) ==
		is_trial(apply->mode)) &&
	       (apply->from == NULL ||
		is_same_time(gp_ruletext_get(text, line, "from"),
			     apply->from)) &&
	       (apply->until == NULL ||
		is_same_time(gp_ruletext_get(text, line, "until"),
			     apply->until));
}

static int unset_key(struct apply *apply, const char *key, size_t key_len,
		     struct edited *edited_r)
{
	int changed = 0;

	for (size_t i = 0; i < apply->change->count; i++) {
		struct gp_ruletext *text = apply->change->file[i].text;
		size_t line = gp_ruletext_first(text, key, key_len);

		for (; line != GP_RULETEXT_NONE;
		     line = gp_ruletext_next(text, line)) {
			if (!is_chosen(apply, text, line) ||
			    !unset_line(apply, text, line))
				continue;
			edited_r->file = i;
			edited_r->line = line;
			changed = 1;
		}
	}
	return changed;
}

/* Takes the attributes that were set off every mailbox of the domain. */
static void reset_mailboxes(struct apply *apply, struct edited *edited)
{
	for (size_t i = 0; i < apply->change->count; i++) {
		struct gp_ruletext *text = apply->change->file[i].text;

		for (size_t j = 0; j < gp_ruletext_count(text); j++) {
			const char *key;
			size_t len;

			key = gp_ruletext_key_of(text, j, &len);
			if (len <= apply->key_len ||
			    memcmp(key, apply->key, apply->key_len) != 0 ||
			    gp_ruletext_is_removed(text, j))
				continue;
			if (unset_line(apply, text, j))
				edited->reset++;
		}
	}
}

/* A net is its networks, one line. */
static int set_net(struct apply *apply, struct edited *edited_r)
{
	const struct edit *edit = apply->edit;
	struct gp_text raw;
	int ret = 1;

	gp_text_init(&raw);
	gp_text_add(&raw, edit->key);
	for (size_t i = 0; i < edit->words; i++)
		gp_text_addf(&raw, "%s%s", i == 0 ? " " : ",", edit->word[i]);
	if (!find_line(apply, NULL, edited_r))
		add_line(apply, edited_r);
	if (gp_ruletext_set_raw(apply->change->file[edited_r->file].text,
				edited_r->line, raw.data, raw.len) < 0) {
		apply->error = "these are no networks";
		ret = -1;
	}
	gp_text_deinit(&raw);
	return ret;
}

/* Reading what was asked for */

static int check_not_past(struct apply *apply)
{
	int64_t until;
	const char *error;

	if (apply->edit->remove || apply->until == NULL ||
	    gp_time_parse(apply->until, &until, &error) < 0 ||
	    until > apply->edit->now)
		return 0;
	apply->error = gp_arena_printf(apply->change->arena, "until=%s is "
				       "past already", apply->until);
	return -1;
}

static int read_kind(struct apply *apply, const char *name, const char *value)
{
	struct gp_arena *arena = apply->change->arena;
	const char **where = strcmp(name, "from") == 0 ? &apply->from :
			     &apply->until;

	if (strcmp(name, "mode") == 0) {
		apply->mode = value;
		return 0;
	}
	*where = edit_time(value, apply->edit->now, arena, &apply->error);
	return *where == NULL ? -1 : check_not_past(apply);
}

static int read_word(struct apply *apply, const char *word)
{
	struct gp_arena *arena = apply->change->arena;
	const char *name = edit_attribute(word, arena, &apply->error);
	const char *value = value_of(word);

	if (name == NULL)
		return -1;
	if (value != NULL && !gp_ruletext_is_value(value)) {
		apply->error = gp_arena_printf(arena, "%s: this value cannot "
			"be written: no control characters, no quote at its "
			"start or beside blanks", name);
		return -1;
	}
	if (value == NULL && !apply->edit->remove &&
	    strcmp(name, "lock") != 0) {
		apply->error = gp_arena_printf(arena, "%s needs a value: "
			"%s=...", name, name);
		return -1;
	}
	if (is_kind_word(word))
		return read_kind(apply, name, value);
	if (value != NULL && apply->edit->remove) {
		apply->error = gp_arena_printf(arena, "%s: unset takes names "
			"only", word);
		return -1;
	}
	return 0;
}

static int read_net_word(struct apply *apply, const char *word)
{
	if (gp_ruletext_is_value(word) && strpbrk(word, " #\"") == NULL)
		return 0;
	apply->error = "these are no networks";
	return -1;
}

/* Mode and times alone say nothing. */
static bool has_attribute(const struct edit *edit)
{
	for (size_t i = 0; i < edit->words; i++) {
		if (!is_kind_word(edit->word[i]))
			return true;
	}
	return false;
}

/* As in a rules file: which of the two was meant? */
static int check_once(struct apply *apply, size_t n)
{
	const struct edit *edit = apply->edit;
	size_t len = strcspn(edit->word[n], "=");

	for (size_t i = 0; i < n; i++) {
		if (strncmp(edit->word[i], edit->word[n], len) != 0 ||
		    strcspn(edit->word[i], "=") != len)
			continue;
		apply->error = gp_arena_printf(apply->change->arena, "%.*s is "
			"given twice; write it once", (int)len, edit->word[n]);
		return -1;
	}
	return 0;
}

static int read_words(struct apply *apply)
{
	const struct edit *edit = apply->edit;
	bool net = strncmp(edit->key, "net:", 4) == 0;

	for (size_t i = 0; i < edit->words; i++) {
		if (net ? read_net_word(apply, edit->word[i]) < 0 :
		    read_word(apply, edit->word[i]) < 0 ||
		    check_once(apply, i) < 0)
			return -1;
	}
	if (!edit->remove && !has_attribute(edit)) {
		apply->error = "there is nothing to set; write ATTR=VALUE";
		return -1;
	}
	if (net && edit->words > 0 && edit->remove) {
		apply->error = "a net is unset as a whole";
		return -1;
	}
	return 0;
}

/* A key is written as it was typed, so that it must be one word. */
static int read_key(struct apply *apply)
{
	const char *key = apply->edit->key;

	if (gp_ruletext_key(key, strlen(key), apply->key, &apply->key_len,
			    &apply->error) < 0)
		return -1;
	if (strpbrk(key, " \t\r\n\v\f\"") != NULL || key[0] == '#') {
		apply->error = "a key is one word without quotes";
		return -1;
	}
	if (apply->edit->reset && !gp_key_is_domain(apply->key,
						    apply->key_len)) {
		apply->error = "--reset is for a domain";
		return -1;
	}
	return 0;
}

int edit_apply(struct change *change, const struct edit *edit,
	       struct edited *edited_r, const char **error_r)
{
	struct apply apply = { .change = change, .edit = edit };
	int ret;

	memset(edited_r, 0, sizeof(*edited_r));
	if (read_key(&apply) < 0 || read_words(&apply) < 0)
		ret = -1;
	else if (edit->remove)
		ret = unset_key(&apply, apply.key, apply.key_len, edited_r);
	else if (strncmp(edit->key, "net:", 4) == 0)
		ret = set_net(&apply, edited_r);
	else
		ret = set_words(&apply, edited_r);
	if (ret >= 0 && edit->reset)
		reset_mailboxes(&apply, edited_r);
	if (ret < 0)
		*error_r = apply.error;
	return ret;
}
