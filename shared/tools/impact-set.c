/* An exception is found by trying: a line for the mailbox is laid over the
   rules, the doors' decision is asked, and as long as it refuses, the line is
   given what that cause asks for. So what is printed lets these logins in by
   the decision itself, and where a lock or same_as is in the way, it is
   noticed. */

#include "shared/tools/impact.h"

#include <string.h>

#include "shared/rules/parse.h"
#include "shared/rules/print.h"
#include "shared/rules/resolve.h"
#include "shared/tools/program.h"

/* Each cause asks for something once. */
#define TRIES 8

/* Rules with one line more. */
struct overlay {
	struct gp_source source;
	const struct gp_source *under;
	struct gp_arena *scratch;
	/* What must live as long as the line. */
	struct gp_arena *arena;
	struct gp_name name;
	struct gp_line line;
};

static int find(void *context, const char *key, size_t key_len,
		struct gp_arena *scratch, struct gp_lines *lines_r,
		const char **error_r)
{
	struct overlay *overlay = context;
	const struct gp_source *under = overlay->under;
	struct gp_lines lines = { .count = 0 };
	struct gp_line *copy;
	int found = under->find(under->context, key, key_len, scratch, &lines,
				error_r);

	if (found < 0 || key_len != gp_name_key_len(&overlay->name) ||
	    memcmp(key, overlay->name.key, key_len) != 0) {
		*lines_r = lines;
		return found;
	}
	copy = gp_arena_alloc(scratch, (lines.count + 1) * sizeof(*copy));
	if (found > 0 && lines.count > 0)
		memcpy(copy, lines.line, lines.count * sizeof(*copy));
	else
		lines.count = 0;
	copy[lines.count] = overlay->line;
	lines_r->line = copy;
	lines_r->count = lines.count + 1;
	return 1;
}

static int profile(void *context, uint32_t number, struct gp_arena *scratch,
		   struct gp_lines *lines_r, const char **error_r)
{
	const struct gp_source *under = ((struct overlay *)context)->under;

	return under->profile(under->context, number, scratch, lines_r,
			      error_r);
}

static int net(void *context, uint32_t number, struct gp_netset *set_r,
	       const char **error_r)
{
	const struct gp_source *under = ((struct overlay *)context)->under;

	return under->net(under->context, number, set_r, error_r);
}

static const char *profile_name(void *context, uint32_t number)
{
	const struct gp_source *under = ((struct overlay *)context)->under;

	return under->profile_name(under->context, number);
}

static const char *net_name(void *context, uint32_t number)
{
	const struct gp_source *under = ((struct overlay *)context)->under;

	return under->net_name(under->context, number);
}

static const char *file_name(void *context, uint32_t number)
{
	const struct gp_source *under = ((struct overlay *)context)->under;

	return under->file_name(under->context, number);
}

static void overlay_init(struct overlay *overlay,
			 const struct gp_source *under)
{
	memset(overlay, 0, sizeof(*overlay));
	overlay->under = under;
	overlay->scratch = gp_arena_new();
	overlay->arena = gp_arena_new();
	overlay->source = *under;
	overlay->source.context = overlay;
	overlay->source.walk = NULL;
	overlay->source.find = find;
	overlay->source.profile = profile;
	overlay->source.net = net;
	overlay->source.profile_name = profile_name;
	overlay->source.net_name = net_name;
	overlay->source.file_name = file_name;
}

static void overlay_deinit(struct overlay *overlay)
{
	gp_arena_free(&overlay->scratch);
	gp_arena_free(&overlay->arena);
}

/* Returns -1 for a name that no line can be about. */
static int overlay_begin(struct overlay *overlay, const char *mailbox)
{
	const char *error;

	gp_arena_reset(overlay->arena);
	overlay->line = (struct gp_line) {
		.from = GP_TIME_FIRST, .until = GP_TIME_LAST
	};
	return gp_name_parse(mailbox, strlen(mailbox), NULL, &overlay->name,
			     &error);
}

static bool set_service(struct overlay *overlay, enum gp_service service,
			enum gp_value value)
{
	struct gp_line *line = &overlay->line;

	if ((line->set & GP_ATTR_BIT(service)) != 0 &&
	    line->service[service] >= value)
		return false;
	line->set |= GP_ATTR_BIT(service);
	line->service[service] = (uint8_t)value;
	return true;
}

static bool set_tls_min(struct overlay *overlay, enum gp_tls_version version)
{
	struct gp_line *line = &overlay->line;

	if ((line->set & GP_ATTR_BIT(GP_ATTR_TLS_MIN)) != 0 &&
	    line->tls_min <= version)
		return false;
	line->set |= GP_ATTR_BIT(GP_ATTR_TLS_MIN);
	line->tls_min = (uint8_t)version;
	return true;
}

/* The last address of what a group stands for. */
static void last_address(const struct survey_group *group, uint8_t last[16])
{
	memcpy(last, group->address, 16);
	for (size_t i = group->prefix / 8; i < 16; i++)
		last[i] = 0xff;
}

/* Adds the group's addresses to the list that holds for the mailbox, which the
   line's own takes the place of. */
static void widen(struct overlay *overlay, const struct gp_netlist *list,
		  const struct survey_group *group)
{
	struct gp_netlist *own = &overlay->line.nets[0];
	struct gp_netset_builder builder;
	struct gp_range range;
	struct gp_netset added = { .ranges = &range, .count = 1 };
	uint32_t *named;

	memcpy(range.first, group->address, 16);
	last_address(group, range.last);
	gp_netset_builder_init(&builder);
	gp_netset_builder_add_set(&builder, &list->own);
	gp_netset_builder_add_set(&builder, &added);
	named = gp_arena_alloc(overlay->arena,
			       (list->named_count + 1) * sizeof(*named));
	if (list->named_count > 0)
		memcpy(named, list->named,
		       list->named_count * sizeof(*named));
	own->any = false;
	own->named = named;
	own->named_count = list->named_count;
	gp_netset_builder_finish(&builder, overlay->arena, &own->own);
	gp_netset_builder_deinit(&builder);
	overlay->line.set |= GP_ATTR_BIT(GP_ATTR_ALLOW_NETS);
}

/* Whether that line is the one that decided; lines of other keys, and of other
   files, may have its number. */
static bool has_decided(const struct gp_source *source,
			const struct gp_origin *origin,
			const struct gp_finding *finding)
{
	char storage[sizeof(finding->key)];
	const char *file;
	struct gp_text key;

	if (origin->line->number != finding->line)
		return false;
	gp_text_init_fixed(&key, storage, sizeof(storage));
	gp_level_print(source, origin->level, &key);
	file = source->file_name(source->context, origin->line->file);
	return strcmp(key.data, finding->key) == 0 &&
	       strncmp(file == NULL ? "" : file, finding->file,
		       sizeof(finding->file) - 1) == 0;
}

/* Either allow_nets is in the way, as the finding's line says, or "trusted"
   is. */
static bool allow_network(struct overlay *overlay,
			  const struct survey_group *group,
			  const struct gp_verdict *verdict, int64_t time)
{
	struct gp_resolve_for what = { .with_trials = true, .now = time };
	const struct gp_resolved *resolved;
	struct gp_origin origin;
	const char *error;

	if (gp_resolve(&overlay->source, &overlay->name, &what,
		       overlay->scratch, &resolved, &error) < 0)
		return false;
	gp_resolved_origin(resolved, GP_ATTR_ALLOW_NETS, &origin);
	if (origin.line != NULL && group->prefix > 0 &&
	    has_decided(&overlay->source, &origin, &verdict->finding)) {
		const struct gp_netlist *list =
			gp_line_nets(origin.line, GP_ATTR_ALLOW_NETS);
		struct gp_address address = { .known = true };

		memcpy(address.bytes, group->address, 16);
		if (!list->any && !gp_netset_contains(&list->own, &address)) {
			widen(overlay, list, group);
			return true;
		}
	}
	return set_service(overlay, verdict->service, GP_TLS);
}

/* Gives the line what the cause asks for. Returns false when it has that. */
static bool amend(struct overlay *overlay, const struct survey_group *group,
		  const struct gp_request *request,
		  const struct gp_verdict *verdict, int64_t time)
{
	switch (verdict->finding.cause) {
	case GP_CAUSE_OFF:
	case GP_CAUSE_IMPLICIT:
		return set_service(overlay, verdict->service, GP_TLS);
	case GP_CAUSE_CLEARTEXT:
		return set_service(overlay, verdict->service, GP_CLEARTEXT);
	case GP_CAUSE_TLS_VERSION:
		return set_tls_min(overlay, request->tls);
	case GP_CAUSE_NETWORK:
		return allow_network(overlay, group, verdict, time);
	default:
		return false;
	}
}

/* What is not known is taken for good: who is refused although it is good must
   be let in, and nobody is let in with less than that. */
static void make_request(const struct report *report,
			 const struct survey_group *group,
			 struct gp_request *request)
{
	survey_request(report->survey, group, false, request);
	if (survey_tls(report->survey, group) == LOG_TLS_NONE)
		request->tls = GP_TLS_NONE;
}

/* Returns whether the line lets the group in now. */
static bool let_in(struct overlay *overlay, const struct report *report,
		   const struct survey_group *group,
		   struct gp_verdict *verdict)
{
	const struct survey_options *options = survey_options(report->survey);
	int64_t time = options->at_given ? options->at : group->last;
	struct gp_request request;

	make_request(report, group, &request);
	for (int i = 0; i < TRIES; i++) {
		gp_arena_reset(overlay->scratch);
		gp_decide_enforced(&overlay->source,
				   &options->settings->policy, &request, time,
				   overlay->scratch, verdict);
		if (verdict->kind == GP_ALLOW)
			return true;
		if (!amend(overlay, group, &request, verdict, time))
			return false;
	}
	return false;
}

static void complain(const struct report_row *row,
		     const struct gp_verdict *verdict)
{
	struct gp_text name;

	gp_text_init(&name);
	gp_text_add_escaped(&name, row->mailbox, strlen(row->mailbox), 512);
	gp_program_warning("%s %s: no line of the mailbox's own lets it in "
			   "(%s by %s, %s:%u: a lock, or same_as)", name.data,
			   gp_service_name(row->service),
			   gp_cause_name(verdict->finding.cause),
			   verdict->finding.key, verdict->finding.file,
			   verdict->finding.line);
	gp_text_deinit(&name);
}

static void try_row(struct overlay *overlay, const struct report *report,
		    const struct report_row *row)
{
	struct gp_verdict verdict = { .kind = GP_REFUSE };
	struct gp_line before = overlay->line;

	for (size_t i = row->begin; i < row->end; i++) {
		if (let_in(overlay, report, survey_group(report->survey, i),
			   &verdict))
			continue;
		/* Half an exception lets in nobody, or too many. */
		overlay->line = before;
		complain(row, &verdict);
		return;
	}
}

/* Whether "gatepost set" takes the key for what it is. Somebody may be called
   "#1" or "net:x". */
static bool is_key(const struct overlay *overlay, const struct gp_text *text)
{
	const size_t len = gp_name_key_len(&overlay->name);
	char key[GP_KEY_MAX];
	const char *error;
	size_t key_len;

	return text->data[0] != '#' && strchr(text->data, '"') == NULL &&
	       strncmp(text->data, "net:", 4) != 0 &&
	       strncmp(text->data, "profile:", 8) != 0 &&
	       gp_parse_key(text->data, text->len, key, &key_len,
			    &error) == 0 &&
	       key_len == len && memcmp(key, overlay->name.key, len) == 0;
}

static void print_line(const struct overlay *overlay, FILE *file)
{
	struct gp_text text;

	if (overlay->line.set == 0)
		return;
	gp_text_init(&text);
	gp_print_key(overlay->name.key, gp_name_key_len(&overlay->name),
		     &text);
	if (!is_key(overlay, &text)) {
		gp_program_warning("%s: no line that gatepost set reads can "
				   "name this mailbox", text.data);
	} else {
		gp_text_add_char(&text, ' ');
		gp_print_attributes(overlay->under, &overlay->line, &text);
		fprintf(file, "%s\n", text.data);
	}
	gp_text_deinit(&text);
}

void impact_print_set(const struct report *report,
		      const struct gp_source *source, FILE *file)
{
	const struct report_row *row;
	const char *mailbox = NULL;
	struct overlay overlay;
	bool usable = false;

	overlay_init(&overlay, source);
	for (size_t i = 0; i < report->rows; i++) {
		row = &report->row[i];
		if (row->state != SURVEY_REFUSED)
			continue;
		if (mailbox == NULL || strcmp(mailbox, row->mailbox) != 0) {
			if (usable)
				print_line(&overlay, file);
			mailbox = row->mailbox;
			usable = overlay_begin(&overlay, mailbox) == 0;
		}
		if (usable)
			try_row(&overlay, report, row);
	}
	if (usable)
		print_line(&overlay, file);
	overlay_deinit(&overlay);
}
