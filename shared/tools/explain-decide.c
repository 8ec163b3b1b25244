/* The verdict and the texts come from the code that the doors run; what is
   added here is only where each value came from. */

#include "shared/tools/explain.h"

#include "shared/base/clock.h"
#include "shared/rules/print.h"
#include "shared/rules/reply.h"

/* What Dovecot itself says to a name that does not exist, and in trouble. */
static const struct explain_texts unknown_name = {
	.imap = "[AUTHENTICATIONFAILED] Authentication failed.",
	.pop3 = "[AUTH] Authentication failed.",
	.sasl = "Authentication failed.",
};
static const struct explain_texts trouble = {
	.imap = "[UNAVAILABLE] Temporary authentication failure.",
	.pop3 = "[SYS/TEMP] Temporary authentication failure.",
	.sasl = "Temporary authentication failure.",
};

static const char *dovecot_text(const struct gp_verdict *verdict,
				enum gp_service protocol,
				struct gp_arena *arena)
{
	char storage[GP_REPLY_MAX + 64];
	struct gp_text text;

	gp_text_init_fixed(&text, storage, sizeof(storage));
	gp_reply_dovecot(verdict, protocol, true, &text);
	return text.len > 0 ? gp_arena_strdup(arena, text.data) : NULL;
}

static const char *smtp_text(const struct gp_verdict *verdict,
			     enum gp_disclose disclose,
			     struct gp_arena *arena)
{
	char storage[GP_REPLY_MAX + 64];
	struct gp_text text;

	gp_text_init_fixed(&text, storage, sizeof(storage));
	if (gp_reply_smtp(verdict, disclose, &text) == GP_SMTP_DUNNO)
		return NULL;
	return gp_arena_strdup(arena, text.data);
}

static void add_texts(struct explanation *explanation,
		      enum gp_disclose disclose, struct gp_arena *arena)
{
	const struct gp_verdict *verdict = &explanation->verdict;
	struct explain_texts *texts = &explanation->texts;

	if (verdict->kind == GP_DEFER) {
		*texts = trouble;
	} else if (verdict->kind == GP_REFUSE && !verdict->disclosed) {
		*texts = unknown_name;
	} else if (verdict->kind == GP_REFUSE) {
		texts->imap = dovecot_text(verdict, GP_IMAP, arena);
		texts->pop3 = dovecot_text(verdict, GP_POP3, arena);
		texts->sasl = dovecot_text(verdict, GP_SUBMISSION, arena);
	}
	/* Dovecot asks about nobody who does not log in. */
	if (!explanation->asked->request.authenticated)
		texts->imap = texts->pop3 = texts->sasl = NULL;
	texts->smtp = smtp_text(verdict, disclose, arena);
}

static const char *builtin_value(unsigned attr)
{
	if (attr < GP_SERVICES)
		return gp_value_name(GP_TLS);
	switch (attr) {
	case GP_ATTR_TLS_MIN:
		return gp_tls_version_name(GP_TLS_1_2);
	case GP_ATTR_ALLOW_NETS:
		return "any";
	case GP_ATTR_MESSAGE:
	case GP_ATTR_HELP:
		return NULL;
	default:
		return "none";
	}
}

static const char *print_origin_value(const struct gp_source *source,
				      const struct gp_origin *origin,
				      unsigned attr, struct gp_arena *arena)
{
	struct gp_text text;
	const char *value;

	gp_text_init(&text);
	gp_print_value(source, origin->line, attr, &text);
	value = gp_arena_strdup(arena, text.data);
	gp_text_deinit(&text);
	return value;
}

static const char *print_origin_key(const struct gp_source *source,
				    const struct gp_origin *origin,
				    struct gp_arena *arena)
{
	struct gp_text text;
	const char *key;

	gp_text_init(&text);
	gp_level_print(source, origin->level, &text);
	key = gp_arena_strdup(arena, text.data);
	gp_text_deinit(&text);
	return key;
}

static const char *origin_file(const struct gp_source *source,
			       const struct gp_origin *origin)
{
	const char *file = source->file_name(source->context,
					     origin->line->file);

	return file != NULL ? file : "";
}

static void add_attribute(struct explanation *explanation,
			  const struct gp_source *source,
			  const struct gp_origin *origin, unsigned attr,
			  struct gp_arena *arena)
{
	struct explain_attribute *attribute =
		&explanation->attribute[explanation->attribute_count++];

	attribute->name = gp_attribute_name(attr);
	if (origin->line == NULL) {
		attribute->value = builtin_value(attr);
		return;
	}
	attribute->value = print_origin_value(source, origin, attr, arena);
	attribute->key = print_origin_key(source, origin, arena);
	attribute->file = origin_file(source, origin);
	attribute->line = origin->line->number;
	attribute->locked = origin->locked;
	attribute->until = origin->line->until;
}

/* Whether an origin before the n-th is the same line: a locked one stands in
   both halves of the order. */
static bool was_seen(const struct gp_resolved *resolved, unsigned attr,
		     size_t n, const struct gp_origin *origin)
{
	struct gp_origin other;

	for (size_t i = 0; i < n; i++) {
		gp_resolved_nth(resolved, attr, i, &other);
		if (gp_origin_is_same(&other, origin))
			return true;
	}
	return false;
}

static void add_beaten(struct explain_attribute *attribute,
		       const struct gp_source *source,
		       const struct gp_resolved *resolved, unsigned attr,
		       struct gp_arena *arena)
{
	const struct explain_beaten **end = &attribute->beaten;
	struct gp_origin origin;

	for (size_t n = 1; ; n++) {
		struct explain_beaten *beaten;

		gp_resolved_nth(resolved, attr, n, &origin);
		if (origin.line == NULL)
			return;
		if (was_seen(resolved, attr, n, &origin))
			continue;
		beaten = gp_arena_alloc(arena, sizeof(*beaten));
		beaten->value = print_origin_value(source, &origin, attr,
						   arena);
		beaten->key = print_origin_key(source, &origin, arena);
		beaten->file = origin_file(source, &origin);
		beaten->line = origin.line->number;
		*end = beaten;
		end = &beaten->next;
	}
}

/* The name whose rules are judged. Returns -1 when there is none. */
static int judged_name(const struct gp_request *request,
		       const char *default_domain, struct gp_name *name_r)
{
	const char *error;

	if (request->authenticated)
		return gp_name_parse(request->login, request->login_len,
				     default_domain, name_r, &error);
	if (request->sender == NULL)
		return -1;
	return gp_name_parse(request->sender, request->sender_len,
			     default_domain, name_r, &error);
}

static void add_attributes(struct explanation *explanation,
			   const struct gp_source *source, int64_t at,
			   struct gp_arena *arena)
{
	struct gp_resolve_for what = { .now = at };
	const struct gp_resolved *resolved;
	struct gp_origin origin;
	struct gp_name name;
	const char *error;

	if (judged_name(&explanation->asked->request, source->default_domain,
			&name) < 0 ||
	    gp_resolve(source, &name, &what, arena, &resolved, &error) < 0)
		return;
	for (unsigned attr = 0; attr < EXPLAIN_ATTRIBUTES; attr++) {
		gp_resolved_origin(resolved, attr, &origin);
		add_attribute(explanation, source, &origin, attr, arena);
		if (origin.line != NULL)
			add_beaten(&explanation->attribute[attr], source,
				   resolved, attr, arena);
	}
}

/* "at" is taken as it was given; else the doors' rule for a clock that stands
   before the map's own time. */
static int64_t judged_time(const struct explain_request *asked,
			   const struct gp_source *source)
{
	int64_t now;

	if (asked->at_given)
		return asked->at;
	now = gp_time_now();
	return now < source->compiled ? source->compiled : now;
}

void explain_decide(const struct explain_request *asked,
		    const struct gp_source *source,
		    const struct gp_settings *settings,
		    struct gp_arena *arena,
		    struct explanation *explanation_r)
{
	int64_t at = judged_time(asked, source);

	*explanation_r = (struct explanation) { .asked = asked };
	gp_decide(source, &settings->policy, &asked->request, at, arena,
		  &explanation_r->verdict);
	add_texts(explanation_r, settings->policy.disclose, arena);
	add_attributes(explanation_r, source, at, arena);
}
