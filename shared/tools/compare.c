/* Every key of either side is asked about on both. Which keys those are is all
   that is read from the rules; what holds for them says the resolution. With
   lines on trial there is a second comparison, of what would hold. */

#include "shared/tools/compare.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "shared/rules/key.h"
#include "shared/rules/print.h"
#include "shared/tools/effect.h"

struct compare {
	const struct gp_source *before;
	const struct gp_source *after;
	const struct compare_options *options;
	struct compare_result *result;
	struct gp_arena *scratch;
	/* What changes around the key at hand, printed. */
	struct gp_text around;
	struct gp_text own;
	const char **error_r;
};

static const char signs[] = {
	[EFFECT_LOSS] = '-', [EFFECT_GAIN] = '+', [EFFECT_OTHER] = '~'
};
static const char *const words[] = {
	[EFFECT_LOSS] = "loss", [EFFECT_GAIN] = "gain",
	[EFFECT_OTHER] = "other"
};

/* One difference as a line: sign, attribute, before, after, by tabs. */
static void print_difference(char sign, const char *name,
			     const struct effect *before,
			     const struct effect *after, unsigned attr,
			     struct gp_text *text)
{
	gp_text_addf(text, "%c\t%s\t", sign, name);
	effect_print(before, attr, text);
	gp_text_add_char(text, '\t');
	effect_print(after, attr, text);
	gp_text_add_char(text, '\n');
}

/* What changes with the lines on trial as it does without them is not said
   again. */
static void add_difference(const struct effect *before,
			   const struct effect *after, unsigned attr,
			   bool trial, struct gp_text *text)
{
	enum effect_change change = effect_compare(before, after, attr);
	const char *name = gp_attribute_name(attr);
	char trial_name[64];
	struct gp_text line;

	if (change == EFFECT_SAME)
		return;
	gp_text_init(&line);
	print_difference(signs[change], name, before, after, attr, &line);
	if (!trial) {
		gp_text_add(text, line.data);
	} else if (strstr(text->data, line.data) == NULL) {
		snprintf(trial_name, sizeof(trial_name), "%s (trial)", name);
		print_difference(signs[change], trial_name, before, after,
				 attr, text);
	}
	gp_text_deinit(&line);
}

typedef int effect_getter(const struct gp_source *source, const char *key,
			  size_t key_len, const struct effect_for *what,
			  struct gp_arena *arena, struct effect *effect_r,
			  const char **error_r);

static int add_differences(struct compare *compare, effect_getter *get,
			   const char *key, size_t key_len, bool trials,
			   struct gp_text *text, bool *has_trial_r)
{
	const struct effect_for what = {
		.now = compare->options->now, .with_trials = trials
	};
	struct effect before, after;

	if (get(compare->before, key, key_len, &what, compare->scratch,
		&before, compare->error_r) < 0 ||
	    get(compare->after, key, key_len, &what, compare->scratch, &after,
		compare->error_r) < 0)
		return -1;
	for (unsigned attr = 0; attr < EFFECT_ATTRS; attr++)
		add_difference(&before, &after, attr, trials, text);
	*has_trial_r = before.has_trial || after.has_trial;
	return 0;
}

static int list_differences(struct compare *compare, effect_getter *get,
			    const char *key, size_t key_len,
			    struct gp_text *text)
{
	bool has_trial, ignored;

	gp_text_clear(text);
	if (add_differences(compare, get, key, key_len, false, text,
			    &has_trial) < 0)
		return -1;
	return !has_trial ? 0 :
	       add_differences(compare, get, key, key_len, true, text,
			       &ignored);
}

static void print_json(const char *key, char *const field[4])
{
	json_t *object = json_object();
	const char *word = words[EFFECT_OTHER];
	char *trial = strstr(field[1], " (trial)");

	for (size_t i = EFFECT_LOSS; i <= EFFECT_OTHER; i++) {
		if (field[0][0] == signs[i])
			word = words[i];
	}
	if (trial != NULL)
		*trial = '\0';
	json_object_set_new(object, "key", json_string(key));
	json_object_set_new(object, "change", json_string(word));
	json_object_set_new(object, "attribute", json_string(field[1]));
	json_object_set_new(object, "before", json_string(field[2]));
	json_object_set_new(object, "after", json_string(field[3]));
	json_object_set_new(object, "trial", json_boolean(trial != NULL));
	json_dumpf(object, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(object);
}

static const char *or_none(const char *value)
{
	return *value != '\0' ? value : "(none)";
}

static void print_line(const struct compare *compare, const char *key,
		       char *line)
{
	char *field[4];

	for (size_t i = 0; i < 4; i++)
		field[i] = strsep(&line, "\t");
	if (compare->options->json)
		print_json(key, field);
	else
		printf("%s %s: %s %s -> %s\n", field[0], key, field[1],
		       or_none(field[2]), or_none(field[3]));
}

static void print_own(struct compare *compare, const char *key,
		      size_t key_len)
{
	char *rest = compare->own.data, *line;
	struct gp_text written;

	if (gp_key_is_mailbox(key, key_len))
		compare->result->mailboxes++;
	else
		compare->result->domains++;
	gp_text_init(&written);
	gp_print_key(key, key_len, &written);
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		compare->result->lines++;
		if (compare->options->max == 0 ||
		    compare->result->lines <= compare->options->max)
			print_line(compare, written.data, line);
	}
	gp_text_deinit(&written);
}

static int compare_key(struct compare *compare, const char *key,
		       size_t key_len)
{
	gp_arena_reset(compare->scratch);
	if (list_differences(compare, effect_of_key, key, key_len,
			     &compare->own) < 0)
		return -1;
	if (compare->own.len == 0)
		return 0;
	if (list_differences(compare, effect_around_key, key, key_len,
			     &compare->around) < 0)
		return -1;
	if (strcmp(compare->own.data, compare->around.data) != 0)
		print_own(compare, key, key_len);
	return ferror(stdout) ? 1 : 0;
}

static int old_key(void *context, const char *key, size_t key_len,
		   const struct gp_lines *lines)
{
	(void)lines;
	return compare_key(context, key, key_len);
}

static int new_key(void *context, const char *key, size_t key_len,
		   const struct gp_lines *lines)
{
	struct compare *compare = context;
	struct gp_lines old;
	int found;

	(void)lines;
	gp_arena_reset(compare->scratch);
	found = compare->before->find(compare->before->context, key, key_len,
				      compare->scratch, &old,
				      compare->error_r);
	if (found != 0)
		return found < 0 ? -1 : 0;
	return compare_key(compare, key, key_len);
}

int compare_rules(const struct gp_source *before,
		  const struct gp_source *after,
		  const struct compare_options *options,
		  struct compare_result *result_r, const char **error_r)
{
	struct compare compare = {
		.before = before, .after = after, .options = options,
		.result = result_r, .scratch = gp_arena_new(),
		.error_r = error_r
	};
	int ret;

	memset(result_r, 0, sizeof(*result_r));
	gp_text_init(&compare.around);
	gp_text_init(&compare.own);
	ret = before->walk(before->context, "", 0, old_key, &compare, error_r);
	if (ret == 0)
		ret = after->walk(after->context, "", 0, new_key, &compare,
				  error_r);
	gp_text_deinit(&compare.around);
	gp_text_deinit(&compare.own);
	gp_arena_free(&compare.scratch);
	return ret < 0 ? -1 : 0;
}

static void print_count(size_t count, const char *what, const char *plural)
{
	printf("%zu %s%s", count, what, count == 1 ? "" : plural);
}

void compare_print_result(const struct compare_result *result)
{
	if (result->lines == 0) {
		printf("no mailbox and no domain gains or loses anything\n");
		return;
	}
	print_count(result->mailboxes, "mailbox", "es");
	printf(" and ");
	print_count(result->domains, "domain", "s");
	printf(" differ (- loses, + gains, ~ another value)\n");
}
