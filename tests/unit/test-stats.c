/* What the daemon's counters look like from outside. */

#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "postfix-policyd/stats.h"

static struct gp_stats stats[2];

static const char *print(unsigned count, int64_t compiled, int64_t now)
{
	static char storage[32768];
	struct gp_text text;

	gp_text_init_fixed(&text, storage, sizeof(storage));
	gp_stats_print(stats, count, compiled, now, &text);
	assert_false(text.cut);
	return text.data;
}

/* As a line of its own. */
static void assert_line(const char *page, const char *line)
{
	const char *at = strstr(page, line);

	if (at == NULL || (at > page && at[-1] != '\n') ||
	    at[strlen(line)] != '\n')
		fail_msg("no line %s in\n%s", line, page);
}

static void workers_are_summed_up(void **state)
{
	struct gp_verdict verdict = {
		.kind = GP_REFUSE, .service = GP_SUBMISSION,
		.finding.cause = GP_CAUSE_OFF,
	};
	const char *page;

	(void)state;
	memset(stats, 0, sizeof(stats));
	stats[0].requests = 3;
	stats[1].requests = 4;
	stats[0].connections = 1;
	stats[1].connections = 2;
	stats[1].errors[GP_STATS_MALFORMED] = 5;
	gp_stats_add_verdict(&stats[0], &verdict);
	gp_stats_add_verdict(&stats[1], &verdict);
	verdict.exempt = true;
	gp_stats_add_verdict(&stats[1], &verdict);
	page = print(2, 1000, 1060);
	assert_line(page, "gatepost_policyd_requests_total 7");
	assert_line(page, "gatepost_policyd_connections 3");
	assert_line(page, "gatepost_policyd_errors_total{kind=\"malformed\"} "
		    "5");
	assert_line(page, "gatepost_policyd_verdicts_total{verdict=\"refuse\","
		    "service=\"submission\",cause=\"off\"} 2");
	assert_line(page, "gatepost_policyd_exempt_total 1");
	assert_line(page, "gatepost_policyd_map_loaded 1");
	assert_line(page, "gatepost_policyd_map_compiled_seconds 1000");
	assert_line(page, "gatepost_policyd_map_age_seconds 60");
	assert_null(strstr(page, "trial"));
	assert_string_equal(page + strlen(page) - 6, "# EOF\n");
}

static void without_a_map(void **state)
{
	const char *page;

	(void)state;
	memset(stats, 0, sizeof(stats));
	page = print(1, 0, 1060);
	assert_line(page, "gatepost_policyd_map_loaded 0");
	assert_null(strstr(page, "map_age"));
	/* A clock that was set back. */
	assert_line(print(1, 2000, 1060),
		    "gatepost_policyd_map_age_seconds 0");
}

static void latencies_fall_into_buckets(void **state)
{
	const char *page;

	(void)state;
	memset(stats, 0, sizeof(stats));
	gp_stats_add_latency(&stats[0], 10000, 2);
	gp_stats_add_latency(&stats[0], 10001, 1);
	gp_stats_add_latency(&stats[0], UINT64_C(2000000000), 1);
	page = print(1, 0, 0);
	assert_line(page, "gatepost_policyd_latency_seconds_bucket"
		    "{le=\"0.00001\"} 2");
	assert_line(page, "gatepost_policyd_latency_seconds_bucket"
		    "{le=\"0.000025\"} 3");
	assert_line(page, "gatepost_policyd_latency_seconds_bucket"
		    "{le=\"1.0\"} 3");
	assert_line(page, "gatepost_policyd_latency_seconds_bucket"
		    "{le=\"+Inf\"} 4");
	assert_line(page, "gatepost_policyd_latency_seconds_count 4");
	assert_line(page, "gatepost_policyd_latency_seconds_sum "
		    "2.000030001");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers_are_summed_up),
		cmocka_unit_test(without_a_map),
		cmocka_unit_test(latencies_fall_into_buckets),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
