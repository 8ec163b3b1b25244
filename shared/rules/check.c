/* Checks over all rules at once. They walk the compiled source, so that an
   update of a map is checked by the same code as a whole file. Locks above a
   domain are worked out once for all of its mailboxes, which follow it in the
   order of keys. */

#include <string.h>
#include "shared/rules/check.h"
#include "shared/rules/key.h"
#include "shared/rules/resolve.h"

struct place {
	uint32_t file;
	uint32_t line;
};

/* Which attributes are locked for good, and by which line. */
struct locks {
	uint32_t bits;
	struct place by[GP_ATTR_PROFILE];
};

struct check {
	const struct gp_source *source;
	const struct gp_policy *policy;
	struct gp_diagnostics *diagnostics;
	struct gp_arena *scratch;
	const char *error;
	/* The domain whose mailboxes follow: what is locked above it, and
	   there as well. */
	char domain[GP_KEY_MAX];
	size_t domain_len;
	bool domain_known;
	bool domain_is_alias;
	struct locks above;
	struct locks domain_locks;
	/* Lines on which webmail differs from imap: the first, and how
	   many. */
	struct place webmail_place;
	size_t webmail_count;
	/* What "*" says for good (0: nothing), what it locks, and which
	   services some other line does not switch off. */
	uint8_t every[GP_SERVICES];
	uint32_t every_locked;
	struct place every_place;
	uint32_t not_off;
};

static void add_locks(struct locks *locks, const struct gp_lines *lines)
{
	const struct gp_line *line;
	uint32_t new;
	size_t i;
	int attr;

	for (i = 0; i < lines->count; i++) {
		line = &lines->line[i];
		new = gp_line_is_lasting(line) ?
		      line->locked & ~locks->bits : 0;
		for (attr = 0; new != 0 && attr < GP_ATTR_PROFILE; attr++) {
			if ((new & GP_ATTR_BIT(attr)) == 0)
				continue;
			locks->by[attr].file = line->file;
			locks->by[attr].line = line->number;
		}
		locks->bits |= new;
	}
}

static int add_locks_of(struct check *check, const char *key, size_t len,
			struct locks *locks)
{
	struct gp_lines lines;
	int ret;

	ret = check->source->find(check->source->context, key, len,
				  check->scratch, &lines, &check->error);
	if (ret > 0)
		add_locks(locks, &lines);
	return ret < 0 ? -1 : 0;
}

/* The locks of "*" and of the parent domains, the widest first. A key with a
   dot in front is its own domain's parent and stands below the wider ones. */
static int locks_above(struct check *check, const char *key, size_t key_len,
		       struct locks *locks)
{
	size_t domain_len = gp_key_domain_len(key, key_len);
	const char *p = key + domain_len;
	char parent[GP_KEY_MAX];

	locks->bits = 0;
	if (gp_key_is_every(key, key_len))
		return 0;
	if (add_locks_of(check, GP_KEY_EVERY, GP_KEY_EVERY_LEN, locks) < 0)
		return -1;
	while (p > key + 1) {
		if (*--p != '.')
			continue;
		memcpy(parent, p, key + domain_len - p);
		parent[key + domain_len - p] = '\0';
		if (add_locks_of(check, parent, key + domain_len - p + 1,
				 locks) < 0)
			return -1;
	}
	return 0;
}

/* " of FILE", where that is another one than the one of the message. */
static const char *of_file(struct check *check, uint32_t file, uint32_t here)
{
	const char *name = file == here ? NULL :
		check->source->file_name(check->source->context, file);

	return name == NULL ? "" :
		gp_arena_printf(check->scratch, " of %s", name);
}

static const struct gp_line *alias_line(const struct gp_lines *lines)
{
	size_t i;

	for (i = 0; i < lines->count; i++) {
		if ((lines->line[i].set & GP_ATTR_BIT(GP_ATTR_SAME_AS)) != 0)
			return &lines->line[i];
	}
	return NULL;
}

/* Makes domain and locks those of the key. */
static int enter_domain(struct check *check, const char *key, size_t key_len,
			const struct gp_lines *lines)
{
	size_t len = gp_key_domain_len(key, key_len);

	if (check->domain_known && len == check->domain_len &&
	    memcmp(key, check->domain, len) == 0 &&
	    gp_key_is_mailbox(key, key_len))
		return 0;
	check->domain_known = true;
	check->domain_len = len;
	memcpy(check->domain, key, len);
	check->domain_is_alias = false;
	if (locks_above(check, key, key_len, &check->above) < 0)
		return -1;
	check->domain_locks = check->above;
	if (!gp_key_is_mailbox(key, key_len)) {
		add_locks(&check->domain_locks, lines);
		check->domain_is_alias = alias_line(lines) != NULL;
	}
	return 0;
}

static void check_twice(struct check *check, const struct gp_lines *lines)
{
	const struct gp_line *a, *b;
	size_t i, j;

	for (i = 1; i < lines->count; i++) {
		b = &lines->line[i];
		for (j = i; j > 0; j--) {
			a = &lines->line[j - 1];
			if (a->file != b->file)
				break;
			if (a->trial != b->trial || a->from != b->from ||
			    a->until != b->until)
				continue;
			gp_diagnostics_error(check->diagnostics, b->file,
					     b->number, 1, "this key stands in "
					     "line %u already, with the same "
					     "mode and times; write one line",
					     a->number);
			break;
		}
	}
}

/* A chain of same_as is followed by the code that follows it at a login. A
   line that names a mailbox only now and then ends no chain: without it, the
   extension is cut and the chain may go on from there. */
static void check_chain(struct check *check, const char *key, size_t key_len,
			const struct gp_line *line)
{
	const struct gp_resolve_for what = {
		.lasting = true,
		.unnamed_mailbox = !gp_key_is_mailbox(key, key_len)
	};
	const struct gp_resolved *resolved;
	struct gp_name name;
	const char *error = NULL;

	memset(&name, 0, sizeof(name));
	memcpy(name.key, key, key_len);
	name.domain_len = gp_key_domain_len(key, key_len);
	name.local_len = key_len - name.domain_len - 1;
	if (gp_resolve(check->source, &name, &what, check->scratch, &resolved,
		       &error) < 0)
		gp_diagnostics_error(check->diagnostics, line->file,
				     line->number, 1, "same_as leads in a "
				     "circle, or over more than %d names; name "
				     "the last one directly", GP_SAME_AS_MAX);
}

static void check_same_as(struct check *check, const char *key, size_t key_len,
			  const struct gp_lines *lines)
{
	const struct gp_line *line = alias_line(lines);
	size_t i;

	if (check->domain_is_alias && gp_key_is_mailbox(key, key_len)) {
		for (i = 0; i < lines->count; i++)
			gp_diagnostics_error(check->diagnostics,
					     lines->line[i].file,
					     lines->line[i].number, 1,
					     "no mailbox can have rules here: "
					     "its domain is the same as "
					     "another; write them there");
	}
	if (line == NULL)
		return;
	for (i = 0; i < lines->count && lines->count > 1; i++) {
		if (&lines->line[i] == line)
			continue;
		gp_diagnostics_error(check->diagnostics, lines->line[i].file,
				     lines->line[i].number, 1, "this key is "
				     "the same as another (line %u%s); it can "
				     "have no other line", line->number,
				     of_file(check, line->file,
					     lines->line[i].file));
	}
	check_chain(check, key, key_len, line);
}

static void warn_reach(struct check *check, const struct gp_line *line,
		       uint32_t lost, const struct locks *locks)
{
	int attr;

	for (attr = 0; lost != 0 && attr < GP_ATTR_PROFILE; attr++) {
		if ((lost & GP_ATTR_BIT(attr)) == 0)
			continue;
		lost &= ~GP_ATTR_BIT(attr);
		gp_diagnostics_warning(check->diagnostics, line->file,
				       line->number, 1, "%s has no effect "
				       "here: line %u%s locks it",
				       gp_attribute_name(attr),
				       locks->by[attr].line,
				       of_file(check, locks->by[attr].file,
					       line->file));
	}
}

/* What a wider key, or another line of this key, makes ineffective. */
static void check_reach(struct check *check, const char *key, size_t key_len,
			const struct gp_lines *lines)
{
	const struct locks *wider = gp_key_is_mailbox(key, key_len) ?
				    &check->domain_locks : &check->above;
	struct locks own = { .bits = 0 };
	const struct gp_line *line;
	size_t i;

	add_locks(&own, lines);
	for (i = 0; i < lines->count; i++) {
		line = &lines->line[i];
		warn_reach(check, line, line->set & wider->bits, wider);
		warn_reach(check, line, line->set & own.bits & ~line->locked &
			   ~wider->bits, &own);
	}
}

static bool clients_stay_out(const struct gp_line *line)
{
	int service;

	if ((line->set & GP_SERVICE_BITS) != GP_CLIENT_BITS)
		return false;
	for (service = 0; service < GP_WEBMAIL; service++) {
		if (line->service[service] > GP_TRUSTED)
			return false;
	}
	return true;
}

static bool webmail_differs(const struct gp_line *line)
{
	bool imap = (line->set & GP_ATTR_BIT(GP_IMAP)) != 0;

	if ((line->set & GP_ATTR_BIT(GP_WEBMAIL)) == 0)
		return clients_stay_out(line);
	return !imap || line->service[GP_IMAP] != line->service[GP_WEBMAIL];
}

static void note_services(struct check *check, const struct gp_lines *lines)
{
	const struct gp_line *line;
	size_t i;
	int service;

	for (i = 0; i < lines->count; i++) {
		line = &lines->line[i];
		if (webmail_differs(line) && check->webmail_count++ == 0) {
			check->webmail_place.file = line->file;
			check->webmail_place.line = line->number;
		}
		for (service = 0; service < GP_SERVICES; service++) {
			if ((line->set & GP_ATTR_BIT(service)) != 0 &&
			    !line->trial && line->service[service] != GP_OFF)
				check->not_off |= GP_ATTR_BIT(service);
		}
	}
}

/* The lasting default of the server, as the resolution finds it. */
static void note_every(struct check *check, const struct gp_lines *lines)
{
	const struct gp_line *line;
	uint32_t bit;
	size_t i;
	int service;

	for (i = 0; i < lines->count; i++) {
		line = &lines->line[i];
		if (!gp_line_is_lasting(line))
			continue;
		check->every_place.file = line->file;
		check->every_place.line = line->number;
		for (service = 0; service < GP_SERVICES; service++) {
			bit = GP_ATTR_BIT(service);
			if ((line->set & bit) == 0 ||
			    (check->every_locked & ~line->locked & bit) != 0)
				continue;
			check->every[service] = line->service[service];
			check->every_locked |= line->locked & bit;
		}
	}
}

static void warn_webmail(struct check *check)
{
	if (check->webmail_count == 0 || check->policy->webmail_networks.count > 0)
		return;
	gp_diagnostics_warning(check->diagnostics, check->webmail_place.file,
			       check->webmail_place.line, 1, "webmail differs "
			       "from imap here (%zu line%s in all), but "
			       "webmail_networks is empty: a webmail's logins "
			       "are judged as imap; set webmail_networks in "
			       "gatepost.conf", check->webmail_count,
			       check->webmail_count == 1 ? "" : "s");
}

static void warn_no_way_in(struct check *check)
{
	int service;

	for (service = 0; service < GP_SERVICES; service++) {
		if (check->every[service] != GP_OFF)
			return;
		if ((check->every_locked & GP_ATTR_BIT(service)) == 0 &&
		    (check->not_off & GP_ATTR_BIT(service)) != 0)
			return;
	}
	gp_diagnostics_warning(check->diagnostics, check->every_place.file,
			       check->every_place.line, 1, "these rules leave "
			       "no way into any mailbox: every service is off "
			       "for everybody");
}

static int check_key(void *context, const char *key, size_t key_len,
		     const struct gp_lines *lines)
{
	struct check *check = context;

	if (enter_domain(check, key, key_len, lines) < 0)
		return -1;
	check_twice(check, lines);
	check_same_as(check, key, key_len, lines);
	check_reach(check, key, key_len, lines);
	note_services(check, lines);
	if (gp_key_is_every(key, key_len))
		note_every(check, lines);
	gp_arena_reset(check->scratch);
	return 0;
}

static int check_profiles(struct check *check)
{
	const struct gp_source *source = check->source;
	struct gp_lines lines;
	uint32_t number;
	int ret;

	for (number = 0; number < source->profile_count; number++) {
		ret = source->profile(source->context, number, check->scratch,
				      &lines, &check->error);
		if (ret < 0)
			return -1;
		if (ret > 0) {
			check_twice(check, &lines);
			note_services(check, &lines);
		}
		gp_arena_reset(check->scratch);
	}
	return 0;
}

int gp_check_rules(const struct gp_source *source,
		   const struct gp_policy *policy,
		   struct gp_diagnostics *diagnostics, const char **error_r)
{
	struct check *check;
	struct gp_arena *arena = gp_arena_new();
	int ret;

	check = gp_arena_alloc(arena, sizeof(*check));
	check->source = source;
	check->policy = policy;
	check->diagnostics = diagnostics;
	check->scratch = gp_arena_new();
	ret = source->walk(source->context, "", 0, check_key, check,
			   &check->error);
	if (ret == 0)
		ret = check_profiles(check);
	if (ret == 0) {
		warn_webmail(check);
		warn_no_way_in(check);
	} else {
		*error_r = check->error;
	}
	gp_arena_free(&check->scratch);
	gp_arena_free(&arena);
	return ret == 0 ? 0 : -1;
}
