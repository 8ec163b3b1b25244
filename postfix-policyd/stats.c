/* Counting is adding to a word, and nothing else: no lock, for each worker has
   counters of its own. Who adds them up may find a request counted whose
   latency is not yet, which the next look sees.

   Verdicts that never fell are left out: a page with all combinations would be
   hundreds of zeros. */

#include <inttypes.h>
#include <string.h>
#include "postfix-policyd/stats.h"
#include "shared/rules/reply.h"

#define NAME "gatepost_policyd_"
#define NANOSECONDS 1000000000

/* In nanoseconds, and as it is shown. */
static const struct {
	uint64_t most;
	const char *seconds;
} buckets[GP_STATS_BUCKETS] = {
	{ 10000, "0.00001" }, { 25000, "0.000025" }, { 50000, "0.00005" },
	{ 100000, "0.0001" }, { 250000, "0.00025" }, { 500000, "0.0005" },
	{ 1000000, "0.001" }, { 2500000, "0.0025" }, { 10000000, "0.01" },
	{ 50000000, "0.05" }, { 250000000, "0.25" }, { 1000000000, "1.0" },
};

static const char *const errors[GP_STATS_ERRORS] = {
	[GP_STATS_MALFORMED] = "malformed", [GP_STATS_TIMEOUT] = "timeout",
	[GP_STATS_ACCEPT] = "accept", [GP_STATS_MEMORY] = "memory",
};

void gp_stats_add_verdict(struct gp_stats *stats,
			  const struct gp_verdict *verdict)
{
	if (verdict->exempt)
		stats->exempt++;
	else
		stats->verdicts[verdict->kind][verdict->service]
			[verdict->finding.cause]++;
}

void gp_stats_add_latency(struct gp_stats *stats, uint64_t nanoseconds,
			  unsigned requests)
{
	unsigned i;

	for (i = 0; i < GP_STATS_BUCKETS; i++) {
		if (nanoseconds <= buckets[i].most)
			break;
	}
	stats->latency[i] += requests;
	stats->nanoseconds += nanoseconds * requests;
}

/* All members are counters of one size. */
static void add_up(const struct gp_stats *stats, unsigned count,
		   struct gp_stats *sum)
{
	const size_t words = sizeof(*sum) / sizeof(uint64_t);
	uint64_t value[sizeof(*sum) / sizeof(uint64_t)] = { 0 };
	uint64_t one[sizeof(*sum) / sizeof(uint64_t)];
	unsigned i;
	size_t j;

	for (i = 0; i < count; i++) {
		memcpy(one, &stats[i], sizeof(one));
		for (j = 0; j < words; j++)
			value[j] += one[j];
	}
	memcpy(sum, value, sizeof(*sum));
}

static void head(struct gp_text *text, const char *name, const char *type,
		 const char *help)
{
	gp_text_addf(text, "# TYPE " NAME "%s %s\n# HELP " NAME "%s %s\n",
		     name, type, name, help);
}

static void value(struct gp_text *text, const char *name, uint64_t number)
{
	gp_text_addf(text, NAME "%s %" PRIu64 "\n", name, number);
}

static void print_verdicts(const struct gp_stats *sum, struct gp_text *text)
{
	unsigned kind, service, cause;
	uint64_t number;

	head(text, "verdicts", "counter",
	     "Requests of submission, by what was decided.");
	for (kind = 0; kind <= GP_DEFER; kind++) {
		for (service = 0; service < GP_SERVICES; service++) {
			for (cause = 0; cause <= GP_CAUSE_TLS_VERSION;
			     cause++) {
				number = sum->verdicts[kind][service][cause];
				if (number == 0)
					continue;
				gp_text_addf(text, NAME "verdicts_total{"
					     "verdict=\"%s\",service=\"%s\","
					     "cause=\"%s\"} %" PRIu64 "\n",
					     gp_verdict_name(kind),
					     gp_service_name(service),
					     gp_cause_name(cause), number);
			}
		}
	}
	head(text, "exempt", "counter",
	     "Requests from exempt_networks, which are not judged.");
	value(text, "exempt_total", sum->exempt);
}

static void print_errors(const struct gp_stats *sum, struct gp_text *text)
{
	unsigned i;

	head(text, "errors", "counter",
	     "Connections closed or not taken, by what was wrong.");
	for (i = 0; i < GP_STATS_ERRORS; i++)
		gp_text_addf(text, NAME "errors_total{kind=\"%s\"} %" PRIu64
			     "\n", errors[i], sum->errors[i]);
}

static void print_latency(const struct gp_stats *sum, struct gp_text *text)
{
	uint64_t seen = 0;
	unsigned i;

	head(text, "latency_seconds", "histogram",
	     "From a request's last byte to its reply.");
	for (i = 0; i <= GP_STATS_BUCKETS; i++) {
		seen += sum->latency[i];
		gp_text_addf(text, NAME "latency_seconds_bucket{le=\"%s\"} %"
			     PRIu64 "\n", i == GP_STATS_BUCKETS ? "+Inf" :
			     buckets[i].seconds, seen);
	}
	gp_text_addf(text, NAME "latency_seconds_sum %" PRIu64 ".%09" PRIu64
		     "\n", sum->nanoseconds / NANOSECONDS,
		     sum->nanoseconds % NANOSECONDS);
	value(text, "latency_seconds_count", seen);
}

void gp_stats_print(const struct gp_stats *stats, unsigned count,
		    int64_t compiled, int64_t now, struct gp_text *text)
{
	struct gp_stats sum;

	add_up(stats, count, &sum);
	head(text, "requests", "counter", "Requests that were answered.");
	value(text, "requests_total", sum.requests);
	print_verdicts(&sum, text);
	print_errors(&sum, text);
	head(text, "accepted", "counter", "Connections that were accepted.");
	value(text, "accepted_total", sum.accepted);
	head(text, "connections", "gauge", "Connections that are open.");
	value(text, "connections", sum.connections);
	head(text, "map_loaded", "gauge", "Whether a map is in force.");
	value(text, "map_loaded", compiled != 0);
	if (compiled != 0) {
		head(text, "map_compiled_seconds", "gauge",
		     "When the map in force was compiled.");
		value(text, "map_compiled_seconds", compiled);
		head(text, "map_age_seconds", "gauge",
		     "How old the map in force is.");
		value(text, "map_age_seconds", now > compiled ?
		      now - compiled : 0);
	}
	print_latency(&sum, text);
	gp_text_add(text, "# EOF\n");
}
