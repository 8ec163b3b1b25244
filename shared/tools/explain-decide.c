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

static void add_attribute(struct explanation *explanation,
			  const struct gp_source *source,
			  const struct gp_origin *origin, unsigned attr,
			  struct gp_arena *arena)
{
	struct explain_attribute *attribute =
		&explanation->attribute[explanation->attribute_count++];
	struct gp_text text;
	const char *file;

	attribute->name = gp_attribute_name(attr);
	if (origin->line == NULL) {
		attribute->value = builtin_value(attr);
		return;
	}
	gp_text_init(&text);
	gp_print_value(source, origin->line, attr, &text);
	attribute->value = gp_arena_strdup(arena, text.data);
	gp_text_clear(&text);
	gp_level_print(source, origin->level, &text);
	attribute->key = gp_arena_strdup(arena, text.data);
	gp_text_deinit(&text);
	file = source->file_name(source->context, origin->line->file);
	attribute->file = file != NULL ? file : "";
	attribute->line = origin->line->number;
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
