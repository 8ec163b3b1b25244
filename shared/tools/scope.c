/* The check does not ask what was meant but looks at what has come out, so that
   no way of writing a change goes around it. */

#include "shared/tools/scope.h"

#include <string.h>

#include "shared/rules/key.h"
#include "shared/tools/program.h"

int scope_add(struct scope *scope, const char *domain, const char **error_r)
{
	size_t i = scope->count;

	if (i == SCOPE_MAX) {
		*error_r = "too many";
		return -1;
	}
	if (gp_ruletext_key(domain, strlen(domain), scope->domain[i].key,
			    &scope->domain[i].len, error_r) < 0)
		return -1;
	if (gp_ruletext_is_other(domain, strlen(domain)) ||
	    scope->domain[i].len < 2 ||
	    !gp_key_is_domain(scope->domain[i].key, scope->domain[i].len)) {
		*error_r = "this is no domain";
		return -1;
	}
	scope->count++;
	return 0;
}

static bool has_key(const struct scope *scope, const char *key, size_t len)
{
	for (size_t i = 0; i < scope->count; i++) {
		if (len < scope->domain[i].len ||
		    memcmp(key, scope->domain[i].key,
			   scope->domain[i].len) != 0)
			return false;
	}
	return true;
}

bool scope_has(const struct scope *scope, const char *written)
{
	char key[GP_RULETEXT_KEY_MAX];
	const char *error;
	size_t len;

	return scope->count == 0 ||
	       (gp_ruletext_key(written, strlen(written), key, &len,
				&error) == 0 &&
		!gp_ruletext_is_other(written, strlen(written)) &&
		has_key(scope, key, len));
}

/* The next line outside, from i on. */
static size_t next_outside(const struct scope *scope,
			   const struct gp_ruletext *text, size_t i)
{
	const char *key;
	size_t len;

	for (; i < gp_ruletext_count(text); i++) {
		key = gp_ruletext_key_of(text, i, &len);
		if (!has_key(scope, key, len))
			return i;
	}
	return GP_RULETEXT_NONE;
}

static bool is_same_outside(const struct scope *scope,
			    struct gp_ruletext *before,
			    struct gp_ruletext *after)
{
	size_t i = next_outside(scope, before, 0);
	size_t j = next_outside(scope, after, 0);
	struct gp_text a, b;
	bool same = true;

	gp_text_init(&a);
	gp_text_init(&b);
	while (same && i != GP_RULETEXT_NONE && j != GP_RULETEXT_NONE) {
		gp_text_clear(&a);
		gp_text_clear(&b);
		gp_ruletext_raw(before, i, &a);
		gp_ruletext_raw(after, j, &b);
		same = a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
		i = next_outside(scope, before, i + 1);
		j = next_outside(scope, after, j + 1);
	}
	gp_text_deinit(&a);
	gp_text_deinit(&b);
	return same && i == j;
}

/* Whether the line stood before as it stands now. */
static bool stood(struct gp_ruletext *before, struct gp_ruletext *after,
		  size_t line)
{
	const char *now = gp_ruletext_get(after, line, "same_as");
	const char *key, *old;
	size_t len, i;

	key = gp_ruletext_key_of(after, line, &len);
	for (i = gp_ruletext_first(before, key, len); i != GP_RULETEXT_NONE;
	     i = gp_ruletext_next(before, i)) {
		old = gp_ruletext_get(before, i, "same_as");
		if (old != NULL && strcmp(old, now) == 0)
			return true;
	}
	return false;
}

/* A new same_as that leads outside, or NULL. */
static const char *find_way_out(const struct scope *scope,
				struct gp_ruletext *before,
				struct gp_ruletext *after)
{
	for (size_t i = 0; i < gp_ruletext_count(after); i++) {
		const char *key, *target;
		size_t len;

		key = gp_ruletext_key_of(after, i, &len);
		if (!has_key(scope, key, len))
			continue;
		target = gp_ruletext_get(after, i, "same_as");
		if (target != NULL && !scope_has(scope, target) &&
		    !stood(before, after, i))
			return target;
	}
	return NULL;
}

static int check_texts(const struct scope *scope, struct gp_ruletext *before,
		       struct gp_ruletext *after)
{
	const char *target;

	if (!is_same_outside(scope, before, after)) {
		gp_program_error("this would change rules outside of --only; "
				 "nothing was changed");
		return EX_NOPERM;
	}
	target = find_way_out(scope, before, after);
	if (target == NULL)
		return 0;
	gp_program_error("same_as=%s leads out of --only; nothing was "
			 "changed", target);
	return EX_NOPERM;
}

int scope_check(const struct scope *scope, const struct change *change)
{
	int status = 0;

	for (size_t i = 0; scope->count > 0 && status == 0 &&
	     i < change->count; i++) {
		const struct change_file *file = &change->file[i];
		struct gp_ruletext *before = NULL, *after = NULL;

		if (!file->changed)
			continue;
		if (gp_ruletext_new(file->data.data, file->data.len,
				    &before) < 0 ||
		    gp_ruletext_new(file->now.data, file->now.len,
				    &after) < 0)
			status = EX_DATAERR;
		else
			status = check_texts(scope, before, after);
		gp_ruletext_free(&before);
		gp_ruletext_free(&after);
	}
	return status;
}
