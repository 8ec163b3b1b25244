/* The resolution gathers a name's lines once, level by level, and keeps them in
   two orders: what is locked, the widest first, and everything, the most
   specific first. Each attribute then takes the first that sets it. Nothing is
   merged: a list of networks softens a value or not depending on where both
   were written, so the places must be known to the end. */

#include <string.h>
#include "shared/rules/key.h"
#include "shared/rules/print.h"
#include "shared/rules/resolve.h"

struct levels {
	const struct gp_level **level;
	size_t count;
	size_t size;
};

struct gp_resolved {
	struct levels locks;
	struct levels all;
	/* What the lines set, which is little of all that is asked for. */
	uint32_t set;
	bool has_trial;
};

struct gather {
	const struct gp_source *source;
	const struct gp_resolve_for *what;
	struct gp_arena *scratch;
	struct gp_resolved *resolved;
	const char **error_r;
	/* The name as it is looked up now: after same_as another one. */
	struct gp_name name;
	/* What was found for it. */
	const struct gp_level *every;
	struct levels parents;
	const struct gp_level *domain;
	const struct gp_level *mailbox;
	/* No line can name the mailbox. */
	bool unnamed;
};

static void add_level(struct gather *gather, struct levels *levels,
		      const struct gp_level *level)
{
	const struct gp_level **grown;

	if (level == NULL)
		return;
	if (levels->count == levels->size) {
		levels->size = levels->size == 0 ? 8 : levels->size * 2;
		grown = gp_arena_alloc(gather->scratch, levels->size *
				       sizeof(*grown));
		if (levels->count > 0)
			memcpy(grown, levels->level, levels->count *
			       sizeof(*grown));
		levels->level = grown;
	}
	levels->level[levels->count++] = level;
}

static bool counts(const struct gp_resolve_for *what,
		   const struct gp_line *line)
{
	return what->lasting ? gp_line_is_lasting(line) :
	       gp_line_is_active(line, what->now);
}

/* Keeps the lines that count, those on trial behind the others. NULL when
   there are none. */
static struct gp_level *make_level(struct gather *gather,
				   const struct gp_lines *lines)
{
	const struct gp_line **kept;
	struct gp_level *level;
	size_t i, count = 0;
	int trial;

	level = gp_arena_alloc(gather->scratch, sizeof(*level) +
			       lines->count * sizeof(*kept));
	kept = (const struct gp_line **)(void *)(level + 1);
	for (trial = 0; trial <= 1; trial++) {
		for (i = 0; i < lines->count; i++) {
			if (lines->line[i].trial != (trial == 1) ||
			    !counts(gather->what, &lines->line[i]))
				continue;
			if (trial == 1)
				gather->resolved->has_trial = true;
			if (trial == 1 && !gather->what->with_trials)
				continue;
			kept[count++] = &lines->line[i];
			gather->resolved->set |= lines->line[i].set;
		}
	}
	if (count == 0)
		return NULL;
	level->line = kept;
	level->count = count;
	return level;
}

/* The level of a key; NULL when no line of it counts. */
static int find_level(struct gather *gather, const char *key, size_t key_len,
		      const struct gp_level **level_r)
{
	struct gp_lines lines;
	struct gp_level *level;
	char *copy;
	int ret;

	*level_r = NULL;
	ret = gather->source->find(gather->source->context, key, key_len,
				   gather->scratch, &lines, gather->error_r);
	if (ret <= 0)
		return ret;
	level = make_level(gather, &lines);
	if (level == NULL)
		return 0;
	copy = gp_arena_bytes(gather->scratch, key_len);
	memcpy(copy, key, key_len);
	level->key = copy;
	level->key_len = key_len;
	*level_r = level;
	return 0;
}

/* The keys of the domains above, the widest first. */
static int find_parents(struct gather *gather)
{
	const char *domain = gather->name.key;
	const char *end = domain + gather->name.domain_len, *p = end;
	const struct gp_level *level;
	size_t labels = 0;

	memset(&gather->parents, 0, sizeof(gather->parents));
	while (p > domain) {
		if (*--p != '.')
			continue;
		labels++;
		if ((gather->source->parent_depths &
		     gp_key_depth_bit(labels)) == 0)
			continue;
		/* The NUL behind the domain is the key's. */
		if (find_level(gather, p, end - p + 1, &level) < 0)
			return -1;
		add_level(gather, &gather->parents, level);
	}
	return 0;
}

/* The mailbox by its whole name or else without its extension. */
static int find_mailbox(struct gather *gather)
{
	size_t base_len, prefix = gather->name.domain_len + 1;

	gather->mailbox = NULL;
	if (find_level(gather, gather->name.key, gp_name_key_len(&gather->name),
		       &gather->mailbox) < 0)
		return -1;
	if (gather->mailbox != NULL)
		return 0;
	base_len = gp_name_base_len(gather->name.key + prefix,
				    gather->name.local_len,
				    gather->source->recipient_delimiter);
	if (base_len == gather->name.local_len)
		return 0;
	return find_level(gather, gather->name.key, prefix + base_len,
			  &gather->mailbox);
}

static int find_levels(struct gather *gather)
{
	gather->mailbox = NULL;
	if (find_level(gather, GP_KEY_EVERY, GP_KEY_EVERY_LEN,
		       &gather->every) < 0 ||
	    find_parents(gather) < 0 ||
	    find_level(gather, gather->name.key, gather->name.domain_len + 1,
		       &gather->domain) < 0)
		return -1;
	return 0;
}

static void add_locks(struct gather *gather, bool with_domain)
{
	struct levels *locks = &gather->resolved->locks;
	size_t i;

	add_level(gather, locks, gather->every);
	for (i = 0; i < gather->parents.count; i++)
		add_level(gather, locks, gather->parents.level[i]);
	if (with_domain)
		add_level(gather, locks, gather->domain);
}

/* The line of a level that says whose rules hold instead. It is the only line
   of its key. */
static const struct gp_line *same_as(const struct gp_level *level)
{
	const struct gp_line *line;

	if (level == NULL)
		return NULL;
	line = level->line[level->count - 1];
	return (line->set & GP_ATTR_BIT(GP_ATTR_SAME_AS)) != 0 ? line : NULL;
}

/* Puts another domain, or another mailbox, in the place of the name. A client
   may have sent a local part that is too long for any key of that domain: then
   only the mailbox without its extension may be named. */
static void become(struct gather *gather, const struct gp_line *line,
		   bool whole)
{
	struct gp_name *name = &gather->name;
	size_t domain_len = gp_key_domain_len(line->same_as,
					      line->same_as_len);
	const char *local = gp_name_local(name);
	size_t local_len = name->local_len;
	struct gp_name new;

	if (whole) {
		local = line->same_as + domain_len + 1;
		local_len = line->same_as_len - domain_len - 1;
	}
	if (domain_len + local_len > GP_NAME_MAX)
		local_len = gp_name_base_len(local, local_len,
					     gather->source->
					     recipient_delimiter);
	if (domain_len + local_len > GP_NAME_MAX) {
		local_len = 0;
		gather->unnamed = true;
	}
	memcpy(new.key, line->same_as, domain_len + 1);
	memcpy(new.key + domain_len + 1, local, local_len);
	new.key[domain_len + 1 + local_len] = '\0';
	new.domain_len = domain_len;
	new.local_len = local_len;
	*name = new;
}

/* Follows same_as to its end, collecting the locks above each name left
   behind. */
static int follow(struct gather *gather)
{
	const struct gp_line *line;
	int hops;

	for (hops = 0; hops <= GP_SAME_AS_MAX; hops++) {
		if (find_levels(gather) < 0)
			return -1;
		line = same_as(gather->domain);
		if (line != NULL) {
			add_locks(gather, false);
			become(gather, line, false);
			continue;
		}
		if (!gather->unnamed && find_mailbox(gather) < 0)
			return -1;
		add_locks(gather, true);
		line = same_as(gather->mailbox);
		if (line == NULL)
			return 0;
		become(gather, line, true);
	}
	*gather->error_r = "same_as leads to no end; compile the rules again";
	return -1;
}

/* The profiles that a level takes, in their order, behind it. */
static int add_with_profiles(struct gather *gather,
			     const struct gp_level *level)
{
	const struct gp_line *line = NULL;
	const struct gp_source *source = gather->source;
	struct gp_lines lines;
	struct gp_level *profile;
	size_t i;
	int ret;

	if (level == NULL)
		return 0;
	add_level(gather, &gather->resolved->all, level);
	for (i = 0; i < level->count; i++) {
		if ((level->line[i]->set & GP_ATTR_BIT(GP_ATTR_PROFILE)) != 0)
			line = level->line[i];
	}
	for (i = 0; line != NULL && i < line->profile_count; i++) {
		ret = source->profile(source->context, line->profiles[i],
				      gather->scratch, &lines,
				      gather->error_r);
		if (ret < 0)
			return -1;
		profile = ret == 0 ? NULL : make_level(gather, &lines);
		if (profile != NULL)
			profile->profile = line->profiles[i];
		add_level(gather, &gather->resolved->all, profile);
	}
	return 0;
}

int gp_resolve(const struct gp_source *source, const struct gp_name *name,
	       const struct gp_resolve_for *what, struct gp_arena *scratch,
	       const struct gp_resolved **resolved_r, const char **error_r)
{
	struct gather gather = {
		.source = source, .what = what, .scratch = scratch,
		.error_r = error_r, .name = *name,
		.unnamed = what->unnamed_mailbox
	};
	size_t i;

	gather.resolved = gp_arena_alloc(scratch, sizeof(*gather.resolved));
	if (follow(&gather) < 0 ||
	    add_with_profiles(&gather, gather.mailbox) < 0 ||
	    add_with_profiles(&gather, gather.domain) < 0)
		return -1;
	for (i = gather.parents.count; i > 0; i--)
		add_level(&gather, &gather.resolved->all,
			  gather.parents.level[i - 1]);
	add_level(&gather, &gather.resolved->all, gather.every);
	*resolved_r = gather.resolved;
	return 0;
}

bool gp_resolved_has_trial(const struct gp_resolved *resolved)
{
	return resolved->has_trial;
}

/* Goes through all that set the attribute, the winner first, and stops at the
   n-th. */
static bool search(const struct levels *levels, enum gp_attribute attr,
		   bool locked, size_t *n, struct gp_origin *origin)
{
	const struct gp_level *level;
	const struct gp_line *line;
	size_t i, j;

	for (i = 0; i < levels->count; i++) {
		level = levels->level[i];
		for (j = level->count; j > 0; j--) {
			line = level->line[j - 1];
			if ((line->set & GP_ATTR_BIT(attr)) == 0 ||
			    ((line->locked & GP_ATTR_BIT(attr)) != 0) != locked)
				continue;
			if ((*n)-- > 0)
				continue;
			origin->line = line;
			origin->level = level;
			origin->locked = locked;
			origin->level_place = i;
			origin->line_place = level->count - j;
			return true;
		}
	}
	return false;
}

void gp_resolved_nth(const struct gp_resolved *resolved,
		     enum gp_attribute attr, size_t n,
		     struct gp_origin *origin_r)
{
	memset(origin_r, 0, sizeof(*origin_r));
	if ((resolved->set & GP_ATTR_BIT(attr)) == 0)
		return;
	if (!search(&resolved->locks, attr, true, &n, origin_r))
		search(&resolved->all, attr, false, &n, origin_r);
}

void gp_resolved_origin(const struct gp_resolved *resolved,
			enum gp_attribute attr, struct gp_origin *origin_r)
{
	gp_resolved_nth(resolved, attr, 0, origin_r);
}

static bool is_same_level(const struct gp_level *a, const struct gp_level *b)
{
	if (a == b)
		return true;
	if (a->key == NULL || b->key == NULL)
		return a->key == b->key && a->profile == b->profile;
	return a->key_len == b->key_len &&
	       memcmp(a->key, b->key, a->key_len) == 0;
}

bool gp_origin_is_same(const struct gp_origin *a, const struct gp_origin *b)
{
	return a->line == b->line ||
	       (a->line->file == b->line->file &&
		a->line->number == b->line->number &&
		is_same_level(a->level, b->level));
}

/* Where a level stands in the order of the unlocked; behind all when it does
   not stand there (a lock above a name that same_as left behind). */
static size_t open_place(const struct gp_resolved *resolved,
			 const struct gp_level *level)
{
	size_t i;

	for (i = 0; i < resolved->all.count; i++) {
		if (is_same_level(resolved->all.level[i], level))
			break;
	}
	return i;
}

bool gp_resolved_softens(const struct gp_resolved *resolved,
			 enum gp_attribute attr, const struct gp_origin *list,
			 const struct gp_origin *value)
{
	size_t place;

	if (list->line == NULL)
		return false;
	if (value->line == NULL)
		return true;
	if (value->locked) {
		if (!list->locked || list->level_place > value->level_place)
			return false;
		return attr != GP_ATTR_CLEARTEXT_NETS ||
		       list->level_place < value->level_place ||
		       list->line_place <= value->line_place;
	}
	if (attr != GP_ATTR_CLEARTEXT_NETS || list->line == value->line)
		return true;
	place = open_place(resolved, list->level);
	if (place != value->level_place)
		return place < value->level_place;
	return list->locked || list->line_place < value->line_place;
}

void gp_level_print(const struct gp_source *source,
		    const struct gp_level *level, struct gp_text *text)
{
	if (level->key != NULL) {
		gp_print_key(level->key, level->key_len, text);
		return;
	}
	gp_text_add(text, "profile:");
	gp_print_profile(source, level->profile, text);
}
