/* The verdict is the doors' own. A fact that the log does not hold makes two
   requests of one, with the worst and with the best that it may have been:
   only where both are refused is the login said to be refused. Better
   encryption is never refused where worse is accepted, so no more than these
   two are needed. */

#include "shared/tools/survey-data.h"

#include <stdlib.h>
#include <string.h>

#include "shared/base/memory.h"
#include "shared/tools/log-door.h"

static void add_boundary(struct survey *survey, int64_t time)
{
	if (time == GP_TIME_FIRST || time == GP_TIME_LAST)
		return;
	if (survey->boundaries == survey->boundary_size) {
		survey->boundary_size = gp_grow(survey->boundary_size,
						survey->boundaries + 1);
		survey->boundary = gp_realloc(survey->boundary,
					      survey->boundary_size,
					      sizeof(*survey->boundary));
	}
	survey->boundary[survey->boundaries++] = time;
}

static void add_lines(struct survey *survey, const struct gp_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		add_boundary(survey, lines->line[i].from);
		add_boundary(survey, lines->line[i].until);
	}
}

static int add_key(void *context, const char *key, size_t key_len,
		   const struct gp_lines *lines)
{
	(void)key;
	(void)key_len;
	add_lines(context, lines);
	return 0;
}

static int compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void sort_boundaries(struct survey *survey)
{
	size_t kept = 0;

	if (survey->boundaries == 0)
		return;
	qsort(survey->boundary, survey->boundaries, sizeof(int64_t),
	      compare_times);
	for (size_t i = 1; i < survey->boundaries; i++) {
		if (survey->boundary[i] != survey->boundary[kept])
			survey->boundary[++kept] = survey->boundary[i];
	}
	survey->boundaries = kept + 1;
}

int survey_find_boundaries(struct survey *survey, const char **error_r)
{
	const struct gp_source *source = survey->options.source;
	struct gp_lines lines;

	if (source == NULL || survey->options.at_given)
		return 0;
	if (source->walk(source->context, "", 0, add_key, survey,
			 error_r) < 0)
		return -1;
	for (uint32_t i = 0; i < source->profile_count; i++) {
		gp_arena_reset(survey->scratch);
		switch (source->profile(source->context, i, survey->scratch,
					&lines, error_r)) {
		case -1:
			return -1;
		case 1:
			add_lines(survey, &lines);
			break;
		}
	}
	sort_boundaries(survey);
	return 0;
}

uint32_t survey_epoch(const struct survey *survey, int64_t time)
{
	size_t low = 0, high = survey->boundaries;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (survey->boundary[middle] <= time)
			low = middle + 1;
		else
			high = middle;
	}
	return (uint32_t)low;
}

static uint32_t add_finding(struct survey *survey,
			    const struct survey_finding *finding)
{
	struct gp_text *key = &survey->name;
	uint32_t number;

	gp_text_clear(key);
	gp_text_addf(key, "%d %u ", finding->cause, finding->line);
	gp_text_add_mem(key, finding->rule, strlen(finding->rule) + 1);
	gp_text_add_mem(key, finding->file, strlen(finding->file) + 1);
	gp_text_add(key, finding->help);
	number = intern_add(survey->finding_keys, key->data, key->len);
	if (number < survey->finding_count)
		return number + 1;
	if (survey->finding_count == survey->finding_size) {
		survey->finding_size = gp_grow(survey->finding_size,
					       survey->finding_count + 1);
		survey->finding = gp_realloc(survey->finding,
					     survey->finding_size,
					     sizeof(*survey->finding));
	}
	survey->finding[survey->finding_count++] = (struct survey_finding) {
		.cause = finding->cause,
		.rule = gp_strdup(finding->rule),
		.file = gp_strdup(finding->file),
		.line = finding->line,
		.help = gp_strdup(finding->help),
	};
	return number + 1;
}

uint32_t survey_door_finding(struct survey *survey,
			     const struct log_door *door)
{
	struct survey_finding finding = {
		.cause = door->cause, .line = door->line, .help = ""
	};
	struct gp_text rule, file;
	uint32_t number;

	gp_text_init(&rule);
	gp_text_init(&file);
	log_door_unescape(&door->rule, &rule);
	log_door_unescape(&door->file, &file);
	finding.rule = rule.data;
	finding.file = file.data;
	number = add_finding(survey, &finding);
	gp_text_deinit(&rule);
	gp_text_deinit(&file);
	return number;
}

static enum gp_tls_version tls_of(const struct survey_group *group,
				  bool worst)
{
	switch (group->tls) {
	case LOG_TLS_UNKNOWN:
		return worst ? GP_TLS_1_0 : GP_TLS_1_3;
	case LOG_TLS_UNLOGGED:
	case LOG_TLS_MISSING:
		return worst ? GP_TLS_NONE : GP_TLS_1_3;
	default:
		return (enum gp_tls_version)group->tls;
	}
}

/* Whichever protocol a webmail speaks, it is judged as webmail. */
static void set_service(const struct survey_group *group,
			struct gp_request *request)
{
	request->service = (enum gp_service)group->service;
	if (request->service == GP_WEBMAIL) {
		request->webmail_by_context = true;
		request->service = GP_IMAP;
	}
}

void survey_request(const struct survey *survey,
		    const struct survey_group *group, bool worst,
		    struct gp_request *request_r)
{
	size_t len;

	memset(request_r, 0, sizeof(*request_r));
	request_r->login = intern_get(survey->mailboxes, group->mailbox, &len);
	request_r->login_len = len;
	request_r->authenticated = true;
	set_service(group, request_r);
	request_r->client.known = group->prefix > 0;
	memcpy(request_r->client.bytes, group->address, 16);
	request_r->connection = request_r->client;
	if (group->peer != SURVEY_NONE) {
		request_r->client_was_forwarded = request_r->client.known;
		request_r->connection.known = true;
		memcpy(request_r->connection.bytes,
		       intern_get(survey->peers, group->peer, NULL), 16);
	}
	if (group->local)
		request_r->server = request_r->connection;
	request_r->tls = tls_of(group, worst);
	request_r->implicit = group->implicit == LOG_IMPLICIT ||
		(group->implicit == LOG_IMPLICIT_UNKNOWN && !worst) ?
		GP_YES : GP_NO;
}

/* One decision; lines on trial count as in force. */
static int decide(struct survey *survey, const struct gp_request *request,
		  int64_t time, uint32_t *finding_r, const char **error_r)
{
	const struct survey_options *options = &survey->options;
	struct gp_verdict verdict;

	gp_arena_reset(survey->scratch);
	gp_decide_enforced(options->source, &options->settings->policy, request,
			   time, survey->scratch, &verdict);
	if (verdict.kind == GP_DEFER) {
		*error_r = verdict.error;
		return -1;
	}
	if (verdict.kind == GP_ALLOW)
		*finding_r = SURVEY_FINE;
	else
		*finding_r = add_finding(survey, &(struct survey_finding) {
			.cause = verdict.finding.cause,
			.rule = verdict.finding.key,
			.file = verdict.finding.file,
			.line = verdict.finding.line,
			.help = verdict.finding.help,
		});
	return 0;
}

int survey_judge(struct survey *survey, struct survey_group *group,
		 const uint8_t address[16], int64_t time,
		 const char **error_r)
{
	struct survey_group exact = *group;
	struct gp_request request;

	if (survey->options.at_given)
		time = survey->options.at;
	memcpy(exact.address, address, 16);
	survey_request(survey, &exact, true, &request);
	if (decide(survey, &request, time, &group->worst, error_r) < 0)
		return -1;
	group->best = group->worst;
	if (group->worst == SURVEY_FINE)
		return 0;
	survey_request(survey, &exact, false, &request);
	return decide(survey, &request, time, &group->best, error_r);
}
