/* Logins that are alike are one group; each is judged as it was, with what is
   not known taken both ways. */

#include <stdio.h>
#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "shared/settings/settings.h"
#include "shared/tools/survey-data.h"
#include "tests/unit/compiled.h"

#define DAY 86400

struct lab {
	struct compiled rules;
	struct gp_settings *settings;
	struct survey *survey;
};

static void lab_init(struct lab *lab, const char *rules,
		     struct survey_options options)
{
	compiled_init(&lab->rules, rules);
	assert_int_equal(lab->rules.errors, 0);
	lab->settings = gp_settings_default();
	options.settings = lab->settings;
	options.source = lab->rules.source;
	if (options.until == 0)
		options.until = INT64_MAX;
	lab->survey = survey_new(&options);
}

static void lab_deinit(struct lab *lab)
{
	survey_free(&lab->survey);
	gp_settings_free(&lab->settings);
	compiled_deinit(&lab->rules);
}

static struct log_login imap(const char *user, const char *client,
			     enum log_tls tls)
{
	struct log_login login = {
		.user = { user, strlen(user) },
		.protocol = { "imap", 4 },
		.tls = tls,
		.implicit = LOG_STARTTLS,
	};

	gp_address_parse(client, &login.client);
	login.connection = login.client;
	return login;
}

static void add(struct lab *lab, struct log_login login, int64_t time)
{
	const char *error;

	assert_int_equal(survey_add(lab->survey, &login, time, &error), 0);
}

static enum survey_state only_state(struct lab *lab, bool postfix_logs_tls)
{
	survey_finish(lab->survey, postfix_logs_tls);
	assert_int_equal(survey_count(lab->survey), 1);
	return survey_state(lab->survey, survey_group(lab->survey, 0));
}

static const struct {
	const char *rules;
	enum log_tls tls;
	enum log_implicit implicit;
	bool postfix_logs_tls;
	enum survey_state expected;
	enum gp_cause cause;
} facts[] = {
	{ "* all=tls tls_min=1.2", LOG_TLS_NONE, LOG_STARTTLS, false,
	  SURVEY_REFUSED, GP_CAUSE_CLEARTEXT },
	{ "* all=tls tls_min=1.2", (enum log_tls)GP_TLS_1_2, LOG_STARTTLS,
	  false, SURVEY_READY, 0 },
	{ "* all=tls tls_min=1.2", (enum log_tls)GP_TLS_1_1, LOG_STARTTLS,
	  false, SURVEY_REFUSED, GP_CAUSE_TLS_VERSION },
	{ "* all=tls tls_min=1.2", LOG_TLS_UNKNOWN, LOG_STARTTLS, false,
	  SURVEY_UNKNOWN, GP_CAUSE_TLS_VERSION },
	{ "* all=tls tls_min=1.0", LOG_TLS_UNKNOWN, LOG_STARTTLS, false,
	  SURVEY_READY, 0 },
	/* Refused whatever the version was. */
	{ "* all=off", LOG_TLS_UNKNOWN, LOG_STARTTLS, false, SURVEY_REFUSED,
	  GP_CAUSE_OFF },
	{ "* all=implicit", (enum log_tls)GP_TLS_1_3, LOG_IMPLICIT_UNKNOWN,
	  false, SURVEY_UNKNOWN, GP_CAUSE_IMPLICIT },
	{ "* all=implicit", (enum log_tls)GP_TLS_1_3, LOG_STARTTLS, false,
	  SURVEY_REFUSED, GP_CAUSE_IMPLICIT },
	{ "* all=implicit", (enum log_tls)GP_TLS_1_3, LOG_IMPLICIT, false,
	  SURVEY_READY, 0 },
	/* Postfix said nothing of TLS: it depends on whether it ever does. */
	{ "* all=tls", LOG_TLS_UNLOGGED, LOG_STARTTLS, true, SURVEY_REFUSED,
	  GP_CAUSE_CLEARTEXT },
	{ "* all=tls", LOG_TLS_UNLOGGED, LOG_STARTTLS, false, SURVEY_UNKNOWN,
	  GP_CAUSE_CLEARTEXT },
	{ "* all=tls", LOG_TLS_MISSING, LOG_STARTTLS, true, SURVEY_UNKNOWN,
	  GP_CAUSE_CLEARTEXT },
	{ "* all=cleartext", LOG_TLS_UNLOGGED, LOG_STARTTLS, true,
	  SURVEY_READY, 0 },
	/* On trial is as good as in force. */
	{ "* all=cleartext\n* all=tls mode=trial", LOG_TLS_NONE, LOG_STARTTLS,
	  false, SURVEY_REFUSED, GP_CAUSE_CLEARTEXT },
};

static void test_both_ways(void **state)
{
	const struct survey_options options = { .at = 0 };
	struct lab lab;

	(void)state;
	for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++) {
		struct log_login login = imap("a@example.com", "192.0.2.1",
					      facts[i].tls);
		const struct survey_group *group;
		uint32_t finding;

		login.implicit = facts[i].implicit;
		lab_init(&lab, facts[i].rules, options);
		add(&lab, login, 1000);
		if (only_state(&lab, facts[i].postfix_logs_tls) !=
		    facts[i].expected)
			fail_msg("row %zu: %s", i, facts[i].rules);
		group = survey_group(lab.survey, 0);
		finding = survey_finding_of(lab.survey, group);
		if (facts[i].expected == SURVEY_READY)
			assert_int_equal(finding, SURVEY_FINE);
		else
			assert_int_equal(survey_finding(lab.survey,
							finding)->cause,
					 facts[i].cause);
		lab_deinit(&lab);
	}
}

static void test_alike_is_one_group(void **state)
{
	const struct survey_options options = { .since = 10, .until = 100 };
	const struct survey_group *group;
	struct lab lab;

	(void)state;
	lab_init(&lab, "* all=tls", options);
	for (int64_t time = 0; time < 200; time++)
		add(&lab, imap(time % 2 == 0 ? "A@Example.COM" :
			       "A@example.com.", "192.0.2.1", LOG_TLS_NONE),
		    time);
	survey_finish(lab.survey, false);
	assert_int_equal(survey_count(lab.survey), 1);
	group = survey_group(lab.survey, 0);
	assert_int_equal(group->count, 90);
	assert_int_equal(group->first, 10);
	assert_int_equal(group->last, 99);
	assert_string_equal(survey_mailbox(lab.survey, group->mailbox, NULL),
			    "a@example.com");
	lab_deinit(&lab);
}

/* survey_find_boundaries() is what survey_read() asks first. */
static void test_rules_that_begin(void **state)
{
	const struct survey_options own = { .at_given = false };
	const struct survey_options at = { .at_given = true, .at = 3000 };
	const char *rules = "* imap=tls\n* imap=off "
		"from=1970-01-01T00:33:20Z until=1970-01-01T00:50:01Z";
	struct lab lab;
	const char *error;

	(void)state;
	for (int turn = 0; turn < 2; turn++) {
		lab_init(&lab, rules, turn == 0 ? own : at);
		assert_int_equal(survey_find_boundaries(lab.survey, &error),
				 0);
		for (int64_t time = 1990; time < 2010; time++)
			add(&lab, imap("a@b", "192.0.2.1",
				       (enum log_tls)GP_TLS_1_3), time);
		survey_finish(lab.survey, false);
		/* Ten before the rule, ten behind it; or all as at 3000. */
		assert_int_equal(survey_count(lab.survey), turn == 0 ? 2 : 1);
		assert_int_equal(survey_state(lab.survey,
				 survey_group(lab.survey, 0)),
				 turn == 0 ? SURVEY_READY : SURVEY_REFUSED);
		assert_int_equal(survey_group(lab.survey, 0)->count,
				 turn == 0 ? 10 : 20);
		lab_deinit(&lab);
	}
}

/* Addresses beyond the limit become networks, and are judged one by one. */
static void test_networks(void **state)
{
	const struct survey_options options = { .at = 0 };
	uint64_t refused = 0, ready = 0;
	struct lab lab;
	char address[40];

	(void)state;
	lab_init(&lab, "* all=tls allow_nets=192.0.2.0/25", options);
	for (int i = 0; i < 512; i++) {
		snprintf(address, sizeof(address), "192.0.2.%d", i % 256);
		add(&lab, imap("a@b", address, (enum log_tls)GP_TLS_1_3), 1);
	}
	survey_finish(lab.survey, false);
	assert_in_range(survey_count(lab.survey), 3, SURVEY_ADDRESSES_MAX + 2);
	for (size_t i = 0; i < survey_count(lab.survey); i++) {
		const struct survey_group *group =
			survey_group(lab.survey, i);

		if (survey_state(lab.survey, group) == SURVEY_REFUSED)
			refused += group->count;
		else
			ready += group->count;
	}
	assert_int_equal(refused, 256);
	assert_int_equal(ready, 256);
	lab_deinit(&lab);
}

static void test_clients_say_who_they_are(void **state)
{
	const struct survey_options options = { .at = 0 };
	struct log_piece one = { "one", 3 }, two = { "two", 3 };
	struct log_piece name = { "Mail", 4 };
	struct log_login login;
	struct lab lab;

	(void)state;
	lab_init(&lab, "* all=tls", options);
	survey_name_client(lab.survey, &one, &name);
	login = imap("a@b", "192.0.2.1", LOG_TLS_NONE);
	login.session = one;
	add(&lab, login, 1);
	login = imap("c@b", "192.0.2.1", LOG_TLS_NONE);
	login.session = two;
	add(&lab, login, 1);
	survey_name_client(lab.survey, &two, &name);
	survey_finish(lab.survey, false);
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(survey_client_name(lab.survey,
			survey_group(lab.survey, i)->client_name[0]), "Mail");
	lab_deinit(&lab);
}

static void test_days(void **state)
{
	const struct survey_options options = { .at = 0 };
	const struct survey_day *day;
	struct lab lab;

	(void)state;
	lab_init(&lab, "* all=tls", options);
	/* Not in order. */
	add(&lab, imap("a@b", "192.0.2.1", LOG_TLS_NONE), 5 * DAY);
	add(&lab, imap("a@b", "192.0.2.1", LOG_TLS_UNLOGGED), 3 * DAY + 5);
	add(&lab, imap("a@b", "192.0.2.1", (enum log_tls)GP_TLS_1_3),
	    4 * DAY - 1);
	survey_finish(lab.survey, true);
	assert_int_equal(survey_days(lab.survey, &day), 2);
	assert_int_equal(day[0].day, 3);
	assert_int_equal(day[0].count[SURVEY_REFUSED], 1);
	assert_int_equal(day[0].count[SURVEY_READY], 1);
	assert_int_equal(day[1].day, 5);
	assert_int_equal(day[1].count[SURVEY_REFUSED], 1);
	lab_deinit(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_alike_is_one_group),
		cmocka_unit_test(test_rules_that_begin),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_clients_say_who_they_are),
		cmocka_unit_test(test_days),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
