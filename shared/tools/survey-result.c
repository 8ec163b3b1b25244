/* What comes of the counting: states, an order, days. */

#include <stdlib.h>
#include <string.h>

#include "shared/base/memory.h"
#include "shared/tools/survey-data.h"

#define DAY 86400

enum survey_state survey_state(const struct survey *survey,
			       const struct survey_group *group)
{
	switch ((enum log_kind)group->kind) {
	case LOG_REFUSED:
		return SURVEY_REFUSED;
	case LOG_TRIAL:
		return SURVEY_TRIAL;
	case LOG_DEFERRED:
		return SURVEY_DEFERRED;
	case LOG_LOGIN:
		break;
	default:
		return SURVEY_READY;
	}
	if (group->worst == SURVEY_FINE)
		return SURVEY_READY;
	if (group->best != SURVEY_FINE)
		return SURVEY_REFUSED;
	return group->tls == LOG_TLS_UNLOGGED && survey->postfix_logs_tls ?
	       SURVEY_REFUSED : SURVEY_UNKNOWN;
}

uint32_t survey_finding_of(const struct survey *survey,
			   const struct survey_group *group)
{
	if (survey_state(survey, group) == SURVEY_REFUSED &&
	    group->best != SURVEY_FINE &&
	    !(group->tls == LOG_TLS_UNLOGGED && survey->postfix_logs_tls))
		return group->best;
	return group->worst;
}

const struct survey_finding *survey_finding(const struct survey *survey,
					    uint32_t number)
{
	return &survey->finding[number - 1];
}

const char *survey_mailbox(const struct survey *survey, uint32_t mailbox,
			   const char **domain_r)
{
	const char *name = intern_get(survey->mailboxes, mailbox, NULL);
	const char *at = strrchr(name, '@');

	if (domain_r != NULL)
		*domain_r = at == NULL ? "" : at + 1;
	return name;
}

enum log_tls survey_tls(const struct survey *survey,
			const struct survey_group *group)
{
	if (group->tls != LOG_TLS_UNLOGGED)
		return (enum log_tls)group->tls;
	return survey->postfix_logs_tls ? LOG_TLS_NONE : LOG_TLS_MISSING;
}

const char *survey_client_name(const struct survey *survey, uint32_t name)
{
	return intern_get(survey->client_names, name, NULL);
}

const struct survey_options *survey_options(const struct survey *survey)
{
	return &survey->options;
}

size_t survey_count(const struct survey *survey)
{
	return survey->group_count;
}

const struct survey_group *survey_group(const struct survey *survey, size_t i)
{
	return &survey->group[survey->order[i]];
}

static int compare_mailboxes(const struct survey *survey, uint32_t a,
			     uint32_t b)
{
	const char *domain_a, *domain_b;
	const char *name_a = survey_mailbox(survey, a, &domain_a);
	const char *name_b = survey_mailbox(survey, b, &domain_b);
	int order = strcmp(domain_a, domain_b);

	return order != 0 ? order : strcmp(name_a, name_b);
}

static int compare_numbers(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_groups(const void *a, const void *b, void *context)
{
	const struct survey *survey = context;
	const struct survey_group *x = &survey->group[*(const uint32_t *)a];
	const struct survey_group *y = &survey->group[*(const uint32_t *)b];
	int order = 0;

	if (x->mailbox != y->mailbox)
		order = compare_mailboxes(survey, x->mailbox, y->mailbox);
	if (order == 0)
		order = compare_numbers(x->service, y->service);
	if (order == 0)
		order = compare_numbers(survey_state(survey, x),
					survey_state(survey, y));
	if (order == 0)
		order = compare_numbers(survey_finding_of(survey, x),
					survey_finding_of(survey, y));
	if (order == 0)
		order = compare_numbers(x->proven, y->proven);
	if (order == 0)
		order = memcmp(x->address, y->address, 16);
	return order != 0 ? order : compare_numbers(x->tls, y->tls);
}

static int compare_days(const void *a, const void *b)
{
	const struct survey_day *x = a, *y = b;

	return x->day < y->day ? -1 : x->day > y->day;
}

void survey_finish(struct survey *survey, bool postfix_logs_tls)
{
	survey->postfix_logs_tls = postfix_logs_tls;
	survey->order = gp_realloc(survey->order, survey->group_count + 1,
				   sizeof(*survey->order));
	for (size_t i = 0; i < survey->group_count; i++)
		survey->order[i] = (uint32_t)i;
	qsort_r(survey->order, survey->group_count, sizeof(*survey->order),
		compare_groups, survey);
	for (size_t i = 0; i < survey->day_count; i++)
		survey->day[i].count[postfix_logs_tls ? SURVEY_REFUSED :
				     SURVEY_UNKNOWN] += survey->unlogged[i];
	if (survey->day_count > 0)
		qsort(survey->day, survey->day_count, sizeof(*survey->day),
		      compare_days);
}

size_t survey_days(const struct survey *survey, const struct survey_day **r)
{
	*r = survey->day;
	return survey->day_count;
}

/* Logs are in order, so it is the day of the line before, or the next one. */
static size_t find_day(struct survey *survey, int64_t day)
{
	if (survey->day_last < survey->day_count &&
	    survey->day[survey->day_last].day == day)
		return survey->day_last;
	for (size_t i = survey->day_count; i-- > 0; ) {
		if (survey->day[i].day == day)
			return i;
	}
	if (survey->day_count == survey->day_size) {
		survey->day_size = gp_grow(survey->day_size,
					   survey->day_count + 1);
		survey->day = gp_realloc(survey->day, survey->day_size,
					 sizeof(*survey->day));
		survey->unlogged = gp_realloc(survey->unlogged,
					      survey->day_size,
					      sizeof(*survey->unlogged));
	}
	survey->day[survey->day_count] = (struct survey_day) { .day = day };
	survey->unlogged[survey->day_count] = 0;
	return survey->day_count++;
}

void survey_count_day(struct survey *survey, const struct survey_group *group,
		      int64_t time, uint64_t count)
{
	int64_t day = time / DAY - (time % DAY < 0);

	survey->day_last = find_day(survey, day);
	if (group->kind == LOG_LOGIN && group->tls == LOG_TLS_UNLOGGED &&
	    group->worst != SURVEY_FINE && group->best == SURVEY_FINE)
		survey->unlogged[survey->day_last] += count;
	else
		survey->day[survey->day_last].count[
			survey_state(survey, group)] += count;
}
