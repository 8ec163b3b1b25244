/* Values come from gp_resolve(), as the doors' do. A key that speaks for many
   names is asked about with one that nobody can have a line for. */

#include "shared/tools/effect.h"

#include <stdio.h>
#include <string.h>

#include "shared/rules/key.h"
#include "shared/rules/print.h"

static void add_set(const struct gp_source *source,
		    const struct gp_netlist *list, struct gp_arena *arena,
		    struct gp_netset *set_r)
{
	struct gp_netset_builder builder;
	struct gp_netset named;
	const char *error;

	gp_netset_builder_init(&builder);
	gp_netset_builder_add_set(&builder, &list->own);
	for (size_t i = 0; i < list->named_count; i++) {
		if (source->net(source->context, list->named[i], &named,
				&error) > 0)
			gp_netset_builder_add_set(&builder, &named);
	}
	gp_netset_builder_finish(&builder, arena, set_r);
	gp_netset_builder_deinit(&builder);
}

static const char *copy(struct gp_arena *arena, const char *str)
{
	return str == NULL ? NULL : gp_arena_strdup(arena, str);
}

static void take_value(const struct gp_source *source, unsigned attr,
		       const struct gp_line *line, struct gp_arena *arena,
		       struct effect *effect)
{
	if (attr < GP_SERVICES)
		effect->service[attr] = line->service[attr];
	else if (attr == GP_ATTR_TLS_MIN)
		effect->tls_min = line->tls_min;
	else if (attr == GP_ATTR_MESSAGE)
		effect->message = copy(arena, line->message);
	else if (attr == GP_ATTR_HELP)
		effect->help = copy(arena, line->help);
	else {
		const struct gp_netlist *list = gp_line_nets(line, attr);

		effect->nets[attr - GP_ATTR_ALLOW_NETS].any = list->any;
		add_set(source, list, arena,
			&effect->nets[attr - GP_ATTR_ALLOW_NETS].set);
	}
}

static void set_built_in(struct effect *effect)
{
	memset(effect, 0, sizeof(*effect));
	memset(effect->service, GP_TLS, sizeof(effect->service));
	effect->tls_min = GP_TLS_1_2;
	effect->nets[0].any = true;
}

/* Services whose value such a list could soften. */
static uint32_t candidates(const struct effect *effect, unsigned attr)
{
	uint32_t services = 0;

	for (unsigned i = 0; i < GP_SERVICES; i++) {
		unsigned value = effect->service[i];

		if (attr == GP_ATTR_TRUSTED_NETS ? value == GP_TRUSTED :
		    value != GP_OFF && value != GP_CLEARTEXT)
			services |= GP_ATTR_BIT(i);
	}
	return services;
}

static void take_softened(const struct gp_resolved *resolved, unsigned attr,
			  struct effect *effect)
{
	const struct gp_origin *list = &effect->origin[attr];
	uint32_t services = candidates(effect, attr);

	for (unsigned i = 0; i < GP_SERVICES; i++) {
		if ((services & GP_ATTR_BIT(i)) != 0 && list->line != NULL &&
		    gp_resolved_softens(resolved, attr, list,
					&effect->origin[i]))
			effect->softened[attr - GP_ATTR_ALLOW_NETS] |=
				GP_ATTR_BIT(i);
	}
}

static int resolve(const struct gp_source *source, const struct gp_name *name,
		   const struct gp_resolve_for *what, struct gp_arena *arena,
		   struct effect *effect, const char **error_r)
{
	const struct gp_resolved *resolved;

	if (gp_resolve(source, name, what, arena, &resolved, error_r) < 0)
		return -1;
	effect->has_trial = gp_resolved_has_trial(resolved);
	for (unsigned attr = 0; attr < EFFECT_ATTRS; attr++) {
		struct gp_origin *origin = &effect->origin[attr];

		gp_resolved_origin(resolved, attr, origin);
		if (origin->line != NULL)
			take_value(source, attr, origin->line, arena, effect);
	}
	take_softened(resolved, GP_ATTR_TRUSTED_NETS, effect);
	take_softened(resolved, GP_ATTR_CLEARTEXT_NETS, effect);
	return 0;
}

static void make_name(const char *domain, size_t domain_len,
		      const char *local, size_t local_len,
		      struct gp_name *name)
{
	memset(name, 0, sizeof(*name));
	memcpy(name->key, domain, domain_len);
	memcpy(name->key + domain_len + 1, local, local_len);
	name->domain_len = domain_len;
	name->local_len = local_len;
}

/* A domain right below parent (".example.com", or nothing) that no line
   names. Names that are too long to have one below have no mailboxes there. */
static int make_stranger(const struct gp_source *source, const char *parent,
			 size_t parent_len, struct gp_arena *arena,
			 struct gp_name *name, const char **error_r)
{
	char domain[GP_KEY_MAX + 16];
	struct gp_lines lines;
	int found = 1;

	for (unsigned i = 0; found > 0; i++) {
		int len = snprintf(domain, sizeof(domain), "n%u%.*s", i,
				   (int)parent_len, parent);

		if (len + 2 > GP_NAME_MAX)
			len = (int)(parent_len < 2 ? 1 : parent_len - 1);
		make_name(domain, (size_t)len, "x", 1, name);
		found = source->find(source->context, name->key,
				     (size_t)len + 1, arena, &lines, error_r);
	}
	return found;
}

int effect_of_key(const struct gp_source *source, const char *key,
		  size_t key_len, const struct effect_for *what,
		  struct gp_arena *arena, struct effect *effect_r,
		  const char **error_r)
{
	struct gp_resolve_for how = {
		.now = what->now, .with_trials = what->with_trials
	};
	size_t domain_len = gp_key_domain_len(key, key_len);
	struct gp_name name;

	set_built_in(effect_r);
	if (gp_key_is_mailbox(key, key_len)) {
		make_name(key, domain_len, key + domain_len + 1,
			  key_len - domain_len - 1, &name);
		return resolve(source, &name, &how, arena, effect_r, error_r);
	}
	how.unnamed_mailbox = true;
	if (gp_key_is_every(key, key_len)) {
		if (make_stranger(source, "", 0, arena, &name, error_r) < 0)
			return -1;
	} else if (gp_key_is_parent(key, key_len)) {
		if (make_stranger(source, key, domain_len, arena, &name,
				  error_r) < 0)
			return -1;
	} else {
		make_name(key, domain_len, "x", 1, &name);
	}
	return resolve(source, &name, &how, arena, effect_r, error_r);
}

int effect_around_key(const struct gp_source *source, const char *key,
		      size_t key_len, const struct effect_for *what,
		      struct gp_arena *arena, struct effect *effect_r,
		      const char **error_r)
{
	struct gp_resolve_for how = {
		.now = what->now, .with_trials = what->with_trials,
		.unnamed_mailbox = true
	};
	size_t domain_len = gp_key_domain_len(key, key_len);
	const char *dot;
	struct gp_name name;

	set_built_in(effect_r);
	if (gp_key_is_every(key, key_len))
		return 0;
	if (gp_key_is_mailbox(key, key_len)) {
		make_name(key, domain_len, "x", 1, &name);
		return resolve(source, &name, &how, arena, effect_r, error_r);
	}
	dot = domain_len < 2 ? NULL : memchr(key + 1, '.', domain_len - 1);
	if (make_stranger(source, dot == NULL ? "" : dot, dot == NULL ? 0 :
			  (size_t)(key + domain_len - dot), arena, &name,
			  error_r) < 0)
		return -1;
	return resolve(source, &name, &how, arena, effect_r, error_r);
}

static enum effect_change compare_numbers(int before, int after)
{
	return before == after ? EFFECT_SAME :
	       after > before ? EFFECT_GAIN : EFFECT_LOSS;
}

static bool is_within(const struct gp_netset *inner,
		      const struct gp_netset *outer)
{
	size_t j = 0;

	for (size_t i = 0; i < inner->count; i++) {
		const struct gp_range *range = &inner->ranges[i];

		while (j < outer->count &&
		       memcmp(outer->ranges[j].last, range->last, 16) < 0)
			j++;
		if (j == outer->count ||
		    memcmp(outer->ranges[j].first, range->first, 16) > 0)
			return false;
	}
	return true;
}

static enum effect_change change_of(bool more, bool less)
{
	if (more && less)
		return EFFECT_SAME;
	return more ? EFFECT_GAIN : less ? EFFECT_LOSS : EFFECT_OTHER;
}

static enum effect_change compare_nets(const struct effect *before,
				       const struct effect *after, size_t i)
{
	bool more = after->nets[i].any ||
		    (!before->nets[i].any &&
		     is_within(&before->nets[i].set, &after->nets[i].set));
	bool less = before->nets[i].any ||
		    (!after->nets[i].any &&
		     is_within(&after->nets[i].set, &before->nets[i].set));

	return change_of(more, less);
}

/* Where the services' values are another kind, these say what changes. */
static enum effect_change compare_softened(const struct effect *before,
					   const struct effect *after,
					   unsigned attr)
{
	static const struct gp_netset none = { .count = 0 };
	size_t n = attr - GP_ATTR_ALLOW_NETS;
	uint32_t services = candidates(before, attr) & candidates(after, attr);
	bool more = true, less = true;

	for (unsigned i = 0; i < GP_SERVICES; i++) {
		uint32_t bit = GP_ATTR_BIT(i);
		const struct gp_netset *old = before->softened[n] & bit ?
			&before->nets[n].set : &none;
		const struct gp_netset *new = after->softened[n] & bit ?
			&after->nets[n].set : &none;

		if ((services & bit) == 0)
			continue;
		more = more && is_within(old, new);
		less = less && is_within(new, old);
	}
	return change_of(more, less);
}

static enum effect_change compare_texts(const char *before, const char *after)
{
	if (before == NULL || after == NULL)
		return before == after ? EFFECT_SAME : EFFECT_OTHER;
	return strcmp(before, after) == 0 ? EFFECT_SAME : EFFECT_OTHER;
}

enum effect_change effect_compare(const struct effect *before,
				  const struct effect *after,
				  enum gp_attribute attr)
{
	unsigned number = attr;

	if (number < GP_SERVICES)
		return compare_numbers(before->service[attr],
				       after->service[attr]);
	switch (attr) {
	case GP_ATTR_TLS_MIN:
		return compare_numbers(after->tls_min, before->tls_min);
	case GP_ATTR_MESSAGE:
		return compare_texts(before->message, after->message);
	case GP_ATTR_HELP:
		return compare_texts(before->help, after->help);
	case GP_ATTR_TRUSTED_NETS:
	case GP_ATTR_CLEARTEXT_NETS:
		return compare_softened(before, after, attr);
	default:
		return compare_nets(before, after, attr - GP_ATTR_ALLOW_NETS);
	}
}

static void print_services(uint32_t services, struct gp_text *text)
{
	const char *separator = " for ";

	for (unsigned i = 0; i < GP_SERVICES; i++) {
		if ((services & GP_ATTR_BIT(i)) == 0)
			continue;
		gp_text_addf(text, "%s%s", separator, gp_service_name(i));
		separator = ",";
	}
}

static void print_nets(const struct effect *effect, unsigned attr,
		       struct gp_text *text)
{
	size_t n = attr - GP_ATTR_ALLOW_NETS;
	uint32_t services = candidates(effect, attr);
	bool softens = attr == GP_ATTR_CLEARTEXT_NETS ||
		       (attr == GP_ATTR_TRUSTED_NETS && services != 0);

	if (effect->nets[n].any)
		gp_text_add(text, "any");
	else if (effect->nets[n].set.count == 0 ||
		 (softens && effect->softened[n] == 0))
		gp_text_add(text, "none");
	else
		gp_netset_print(&effect->nets[n].set, text);
	if (softens && effect->softened[n] != services)
		print_services(effect->softened[n], text);
}

void effect_print(const struct effect *effect, enum gp_attribute attr,
		  struct gp_text *text)
{
	unsigned number = attr;

	if (number < GP_SERVICES) {
		gp_text_add(text, gp_value_name(effect->service[attr]));
		return;
	}
	switch (attr) {
	case GP_ATTR_TLS_MIN:
		gp_text_add(text, gp_tls_version_name(effect->tls_min));
		break;
	case GP_ATTR_MESSAGE:
		gp_text_add(text, effect->message != NULL ? effect->message :
			    "");
		break;
	case GP_ATTR_HELP:
		gp_text_add(text, effect->help != NULL ? effect->help : "");
		break;
	default:
		print_nets(effect, attr, text);
	}
}
