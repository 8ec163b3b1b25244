/* The survey hands out its groups in order, so that a row is a run of them and
   nothing has to be looked up again. */

#include "shared/tools/report.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/memory.h"

static bool is_exposed(const struct report *report,
		       const struct survey_group *group)
{
	/* What a trial let in and what is exempt is told by the mail server as
	   well. */
	return survey_tls(report->survey, group) == LOG_TLS_NONE &&
	       !group->local && group->sends_password &&
	       (group->kind == LOG_LOGIN || group->kind == LOG_REFUSED);
}

static bool is_shown(const struct report *report,
		     const struct survey_group *group)
{
	enum survey_state state = survey_state(report->survey, group);

	if (report->kind == REPORT_EXPOSED)
		return is_exposed(report, group);
	if (report->trial_only)
		return state == SURVEY_TRIAL;
	return report->everybody || state != SURVEY_READY;
}

static bool is_of_row(const struct report *report,
		      const struct survey_group *a,
		      const struct survey_group *b)
{
	const struct survey *survey = report->survey;

	return a->mailbox == b->mailbox && a->service == b->service &&
	       survey_state(survey, a) == survey_state(survey, b) &&
	       survey_finding_of(survey, a) == survey_finding_of(survey, b) &&
	       (report->kind != REPORT_EXPOSED || a->proven == b->proven);
}

static enum report_missing missing_fact(const struct survey_finding *finding)
{
	switch (finding->cause) {
	case GP_CAUSE_CLEARTEXT:
		return REPORT_ENCRYPTION;
	case GP_CAUSE_IMPLICIT:
		return REPORT_PORT;
	default:
		return REPORT_VERSION;
	}
}

static void name_row(struct report *report, struct report_row *row,
		     const struct survey_group *group, size_t mailboxes)
{
	const char *domain;

	row->mailbox = survey_mailbox(report->survey, group->mailbox, &domain);
	row->domain = domain;
	if (!report->anonymise)
		return;
	row->domain = gp_arena_printf(report->arena, "domain%zu",
				      report->domains);
	row->mailbox = gp_arena_printf(report->arena, "user%zu@%s", mailboxes,
				       row->domain);
}

static void begin_row(struct report *report, const struct survey_group *group,
		      size_t place, size_t mailboxes)
{
	struct report_row *row = &report->row[report->rows++];
	uint32_t finding = survey_finding_of(report->survey, group);

	*row = (struct report_row) {
		.service = (enum gp_service)group->service,
		.state = survey_state(report->survey, group),
		.finding = { .rule = "", .file = "", .help = "" },
		.proven = group->proven,
		.first = group->first,
		.last = group->last,
		.begin = place,
	};
	if (finding != SURVEY_FINE)
		row->finding = *survey_finding(report->survey, finding);
	if (row->state == SURVEY_UNKNOWN)
		row->missing = missing_fact(&row->finding);
	name_row(report, row, group, mailboxes);
}

static void add_to_row(const struct report *report, struct report_row *row,
		       const struct survey_group *group, size_t place)
{
	row->count += group->count;
	if (group->first < row->first)
		row->first = group->first;
	if (group->last > row->last)
		row->last = group->last;
	row->tls |= 1U << (group->local ? (unsigned)REPORT_TLS_LOCAL :
			   (unsigned)survey_tls(report->survey, group));
	row->end = place + 1;
}

/* A state as it weighs in the count of mailboxes. */
static unsigned weight(const struct report *report,
		       const struct survey_group *group)
{
	static const unsigned weights[] = {
		[SURVEY_READY] = 0, [SURVEY_UNKNOWN] = 1,
		[SURVEY_DEFERRED] = 2, [SURVEY_TRIAL] = 3,
		[SURVEY_REFUSED] = 4
	};

	if (report->kind == REPORT_EXPOSED)
		return is_exposed(report, group) ? 4 : 0;
	return weights[survey_state(report->survey, group)];
}

static void count_mailbox(struct report *report, unsigned worst)
{
	static const enum survey_state states[] = {
		SURVEY_READY, SURVEY_UNKNOWN, SURVEY_DEFERRED, SURVEY_TRIAL,
		SURVEY_REFUSED
	};
	struct report_domain *domain = &report->domain[report->domains - 1];

	domain->seen++;
	domain->mailboxes[states[worst]]++;
	report->total.seen++;
	report->total.mailboxes[states[worst]]++;
}

static void begin_domain(struct report *report, const char *name)
{
	report->domain = gp_realloc(report->domain, report->domains + 1,
				    sizeof(*report->domain));
	if (report->anonymise)
		name = gp_arena_printf(report->arena, "domain%zu",
				       report->domains + 1);
	report->domain[report->domains++] = (struct report_domain) {
		.name = name
	};
}

static void count_logins(struct report *report,
			 const struct survey_group *group)
{
	/* What was refused is no login, and on trial it is told twice. */
	if (group->kind == LOG_LOGIN)
		report->logins += group->count;
	if (group->first < report->first)
		report->first = group->first;
	if (group->last > report->last)
		report->last = group->last;
}

/* What is not shown may stand in between. */
static void add_group(struct report *report, const struct survey_group *group,
		      size_t place, size_t mailboxes)
{
	struct report_row *row = report->rows == 0 ? NULL :
				 &report->row[report->rows - 1];

	if (!is_shown(report, group))
		return;
	if (row == NULL ||
	    !is_of_row(report, survey_group(report->survey, row->begin),
		       group)) {
		begin_row(report, group, place, mailboxes);
		row = &report->row[report->rows - 1];
	}
	add_to_row(report, row, group, place);
}

/* Where the survey is: what was seen of the mailbox so far. */
struct place {
	const struct survey_group *before;
	const char *domain;
	size_t mailboxes;
	unsigned worst;
};

static void begin_mailbox(struct report *report, struct place *place,
			  const struct survey_group *group)
{
	const char *domain;

	if (place->before != NULL)
		count_mailbox(report, place->worst);
	place->worst = 0;
	place->mailboxes++;
	survey_mailbox(report->survey, group->mailbox, &domain);
	if (place->domain == NULL || strcmp(domain, place->domain) != 0)
		begin_domain(report, domain);
	place->domain = domain;
}

void report_build(struct report *report)
{
	size_t count = survey_count(report->survey);
	struct place place = { .before = NULL };
	const struct survey_group *group;

	report->arena = gp_arena_new();
	report->row = gp_alloc((count + 1) * sizeof(*report->row));
	report->first = INT64_MAX;
	report->last = INT64_MIN;
	for (size_t i = 0; i < count; i++, place.before = group) {
		group = survey_group(report->survey, i);
		if (place.before == NULL ||
		    place.before->mailbox != group->mailbox)
			begin_mailbox(report, &place, group);
		if (weight(report, group) > place.worst)
			place.worst = weight(report, group);
		count_logins(report, group);
		add_group(report, group, i, place.mailboxes);
	}
	if (place.before != NULL)
		count_mailbox(report, place.worst);
}

void report_deinit(struct report *report)
{
	gp_arena_free(&report->arena);
	free(report->row);
	free(report->domain);
	report->row = NULL;
	report->domain = NULL;
}

static void print_address(const struct survey_group *group,
			  struct gp_text *text)
{
	struct gp_address address = { .known = group->prefix > 0 };
	int bits = group->prefix;

	memcpy(address.bytes, group->address, 16);
	gp_address_print(&address, text);
	if (bits == 0 || bits == 128)
		return;
	gp_text_addf(text, "/%d", gp_address_is_ipv4(&address) ? bits - 96 :
		     bits);
}

void report_addresses(const struct report *report,
		      const struct report_row *row, report_each *each,
		      void *context)
{
	const struct survey_group *group, *before = NULL;
	char storage[64];
	struct gp_text text;

	for (size_t i = row->begin; i < row->end; i++) {
		group = survey_group(report->survey, i);
		if (!is_shown(report, group) ||
		    (before != NULL && before->prefix == group->prefix &&
		     memcmp(before->address, group->address, 16) == 0))
			continue;
		before = group;
		gp_text_init_fixed(&text, storage, sizeof(storage));
		print_address(group, &text);
		each(context, text.data);
	}
}

void report_tls(const struct report *report, const struct report_row *row,
		report_each *each, void *context)
{
	static const char *const names[] = {
		[LOG_TLS_NONE] = "none", [GP_TLS_1_0] = "1.0",
		[GP_TLS_1_1] = "1.1", [GP_TLS_1_2] = "1.2",
		[GP_TLS_1_3] = "1.3", [LOG_TLS_UNKNOWN] = "unknown",
		[LOG_TLS_UNLOGGED] = "?", [LOG_TLS_MISSING] = "?",
		[REPORT_TLS_LOCAL] = "local"
	};

	(void)report;
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((row->tls & (1U << i)) != 0)
			each(context, names[i]);
	}
}

void report_clients(const struct report *report, const struct report_row *row,
		    report_each *each, void *context)
{
	enum { KEPT = 16 };
	const struct survey_group *group;
	uint32_t told[KEPT], number;
	size_t count = 0, i, j, end = row->end * SURVEY_CLIENT_NAMES;

	/* Clients say what they like to be called. */
	if (report->anonymise)
		return;
	for (i = row->begin * SURVEY_CLIENT_NAMES; i < end && count < KEPT;
	     i++) {
		group = survey_group(report->survey, i / SURVEY_CLIENT_NAMES);
		number = group->client_name[i % SURVEY_CLIENT_NAMES];
		for (j = 0; j < count && told[j] != number; j++)
			;
		if (number == SURVEY_NONE || j < count ||
		    !is_shown(report, group))
			continue;
		told[count++] = number;
		each(context, survey_client_name(report->survey, number));
	}
}

struct list {
	struct gp_text *text;
	const char *separator;
	size_t count;
	size_t max;
};

static void add_to_list(void *context, const char *value)
{
	struct list *list = context;

	if (list->count++ >= list->max)
		return;
	if (list->count > 1)
		gp_text_add(list->text, list->separator);
	gp_text_add(list->text, value);
}

void report_list(const struct report *report, const struct report_row *row,
		 report_lister *lister, const char *separator, size_t max,
		 struct gp_text *text)
{
	struct list list = { text, separator, 0, max };

	lister(report, row, add_to_list, &list);
	if (list.count > max)
		gp_text_addf(text, "%s+%zu", separator, list.count - max);
}
