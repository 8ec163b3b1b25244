/* From attributes to a verdict. An attribute that is missing or empty satisfies
   no condition, so whatever is left out of a request makes it stricter: no
   sasl_username is not authenticated, no encryption_protocol is cleartext, no
   protocol_state is no state in which a client may still authenticate. Only a
   request that comes from no submission service and names no user is let
   through unseen: that is mail from outside, which Gatepost never touches,
   whatever the state of its map. */

#include <stdlib.h>
#include <string.h>
#include "postfix-policyd/limit.h"
#include "postfix-policyd/policy.h"
#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "shared/map/reader.h"
#include "shared/rules/reply.h"
#include "shared/tools/counters.h"

/* Of what a client sent, as much is shown in the log. */
#define SHOWN_MAX 128

struct gp_policy_door {
	struct gp_settings *settings;
	struct gp_map *map;
	struct gp_arena *scratch;
	bool verbose;
	/* Whether there is a newer map was looked after the request had
	   come. */
	bool looked;
	struct gp_verdict verdict;
	struct gp_text reply;
	char reply_storage[GP_REPLY_MAX + 64];
	struct gp_text line;
	char line_storage[1536];
	struct gp_limit *limit;
	struct gp_stats *stats;
	unsigned stats_count;
	unsigned stats_own;
	struct gp_stats unshared;
	struct gp_text page;
};

static bool is(const struct gp_protocol_value *value, const char *str)
{
	return value->len == strlen(str) &&
		memcmp(value->data, str, value->len) == 0;
}

static bool is_among(const struct gp_protocol_value *value,
		     const char *const *list)
{
	for (; *list != NULL; list++) {
		if (is(value, *list))
			return true;
	}
	return false;
}

/* False for what is not a port. */
static bool port_is_among(const struct gp_protocol_value *value,
			  const unsigned short *list)
{
	unsigned port = 0;
	size_t i;

	if (value->len == 0 || value->len > 5)
		return false;
	for (i = 0; i < value->len; i++) {
		if (value->data[i] < '0' || value->data[i] > '9')
			return false;
		port = port * 10 + (value->data[i] - '0');
	}
	for (; *list != 0; list++) {
		if (*list == port)
			return true;
	}
	return false;
}

static void read_address(const struct gp_protocol_value *value,
			 struct gp_address *address_r)
{
	char str[128];

	if (value->len >= sizeof(str)) {
		memset(address_r, 0, sizeof(*address_r));
		return;
	}
	memcpy(str, value->data, value->len);
	str[value->len] = '\0';
	(void)gp_address_parse(str, address_r);
}

/* SSL is encryption that nobody may rely on, so it counts as none. */
static enum gp_tls_version
read_tls_version(const struct gp_protocol_value *value)
{
	if (value->len == 0 ||
	    (value->len > 3 && memcmp(value->data, "SSL", 3) == 0))
		return GP_TLS_NONE;
	if (is(value, "TLSv1.3"))
		return GP_TLS_1_3;
	if (is(value, "TLSv1.2"))
		return GP_TLS_1_2;
	if (is(value, "TLSv1.1"))
		return GP_TLS_1_1;
	if (is(value, "TLSv1"))
		return GP_TLS_1_0;
	return GP_TLS_UNKNOWN;
}

/* The states that come before a client has to have authenticated. At all
   others, known here or not, a submission service decides. */
static bool can_still_authenticate(const struct gp_protocol_value *state)
{
	static const char *const early[] = {
		"CONNECT", "EHLO", "HELO", "MAIL", NULL
	};

	return is_among(state, early);
}

/* The client's address is the one that XCLIENT or PROXY told Postfix, whose
   peer is not known here. A webmail that hands over the login hands over its
   user's address with it; then the connection's is unknown, and no exemption
   holds for it. */
static void read_addresses(const struct gp_protocol_value *value,
			   struct gp_request *request_r)
{
	read_address(&value[GP_PROTOCOL_CLIENT_ADDRESS], &request_r->client);
	read_address(&value[GP_PROTOCOL_SERVER_ADDRESS], &request_r->server);
	request_r->client_was_forwarded = request_r->webmail_by_context &&
		request_r->encryption_was_judged;
	if (!request_r->client_was_forwarded)
		request_r->connection = request_r->client;
}

bool gp_policy_read(const struct gp_settings *settings,
		    const struct gp_protocol_request *attributes,
		    struct gp_request *request_r)
{
	const struct gp_protocol_value *value = attributes->value;
	const struct gp_protocol_value *context = &value[GP_PROTOCOL_CONTEXT];
	const struct gp_protocol_value *port = &value[GP_PROTOCOL_SERVER_PORT];
	const struct gp_protocol_value *user =
		&value[GP_PROTOCOL_SASL_USERNAME];
	bool webmail = is(context, "webmail"), submission, implicit;

	if (context->len > 0) {
		submission = webmail ||
			is_among(context, settings->submission_contexts);
		implicit = is_among(context, settings->implicit_tls_contexts);
	} else {
		submission = port_is_among(port, settings->submission_ports);
		implicit = port_is_among(port, settings->implicit_tls_ports);
	}
	if (user->len == 0 &&
	    (!submission || can_still_authenticate(&value[GP_PROTOCOL_STATE])))
		return false;

	memset(request_r, 0, sizeof(*request_r));
	request_r->service = GP_SUBMISSION;
	request_r->webmail_by_context = webmail;
	request_r->login = user->data;
	request_r->login_len = user->len;
	request_r->authenticated = user->len > 0;
	request_r->sender = value[GP_PROTOCOL_SENDER].data;
	request_r->sender_len = value[GP_PROTOCOL_SENDER].len;
	request_r->tls = read_tls_version(&value[GP_PROTOCOL_ENCRYPTION]);
	request_r->implicit = implicit ? GP_YES : GP_NO;
	request_r->encryption_was_judged =
		is(&value[GP_PROTOCOL_SASL_METHOD], "XCLIENT");
	read_addresses(value, request_r);
	return true;
}

static void tell_left_out(const char *label, unsigned left_out)
{
	gp_log(GP_LOG_INFO, "%s: %u more lines like this were left out", label,
	       left_out);
}

struct gp_policy_door *gp_policy_door_new(struct gp_settings *settings,
					  bool verbose)
{
	struct gp_limit *limit = gp_limit_new(tell_left_out);
	struct gp_policy_door *door = calloc(1, sizeof(*door));

	if (door == NULL || limit == NULL) {
		free(door);
		gp_limit_free(&limit);
		gp_settings_free(&settings);
		return NULL;
	}
	door->scratch = gp_arena_new();
	door->limit = limit;
	door->verbose = verbose;
	gp_policy_door_count_in(door, &door->unshared, 1, 0);
	gp_text_init(&door->page);
	gp_text_init_fixed(&door->reply, door->reply_storage,
			   sizeof(door->reply_storage));
	gp_text_init_fixed(&door->line, door->line_storage,
			   sizeof(door->line_storage));
	gp_policy_door_set(door, settings);
	return door;
}

void gp_policy_door_free(struct gp_policy_door **_door)
{
	struct gp_policy_door *door = *_door;

	*_door = NULL;
	if (door == NULL)
		return;
	gp_policy_door_sweep(door, true);
	gp_limit_free(&door->limit);
	gp_map_free(&door->map);
	gp_settings_free(&door->settings);
	gp_arena_free(&door->scratch);
	gp_text_deinit(&door->page);
	free(door);
}

/* Opens the map at once and not at the first request: trouble is seen when the
   daemon is started, and connections cannot take the last descriptor first. */
static void open_map(struct gp_policy_door *door,
		     const struct gp_settings *settings)
{
	const char *error;

	gp_map_free(&door->map);
	door->map = gp_map_new(settings->map, settings->map_owner_uid);
	if (gp_map_source(door->map, &error) == NULL)
		gp_log(GP_LOG_ERROR, "%s", error);
}

void gp_policy_door_set(struct gp_policy_door *door,
			struct gp_settings *settings)
{
	struct gp_settings *old = door->settings;

	if (old == NULL || strcmp(old->map, settings->map) != 0 ||
	    old->map_owner_uid != settings->map_owner_uid)
		open_map(door, settings);
	door->settings = settings;
	gp_settings_free(&old);
}

static void add_shown(struct gp_text *line, const char *name,
		      const struct gp_protocol_value *value)
{
	gp_text_addf(line, ", %s=<", name);
	gp_text_add_escaped(line, value->data, value->len, SHOWN_MAX);
	gp_text_add_char(line, '>');
}

/* Who, what and why: of lines alike in these only some are logged. */
static bool may_log(struct gp_policy_door *door,
		    const struct gp_request *request)
{
	const struct gp_verdict *verdict = &door->verdict;
	struct gp_text *label = &door->line;

	gp_text_clear(label);
	gp_text_addf(label, "%s, service=%s, cause=%s, user=<",
		     verdict->exempt ? "exempt" :
		     gp_verdict_name(verdict->kind),
		     gp_service_name(verdict->service),
		     gp_cause_name(verdict->finding.cause));
	if (request->authenticated)
		gp_text_add_escaped(label, request->login, request->login_len,
				    SHOWN_MAX);
	gp_text_add(label, ">");
	return gp_limit_pass(door->limit, label->data, gp_time_now());
}

static void log_verdict(struct gp_policy_door *door,
			const struct gp_request *request,
			const struct gp_protocol_request *attributes)
{
	struct gp_text *line = &door->line;

	/* Here the client has proven its password. */
	door->verdict.disclosed =
		door->settings->policy.disclose != GP_DISCLOSE_NONE;
	if ((door->verdict.kind == GP_ALLOW && !door->verdict.exempt) ||
	    !may_log(door, request))
		return;
	gp_text_clear(line);
	(void)gp_reply_log(&door->verdict, request, line);
	add_shown(line, "from", &attributes->value[GP_PROTOCOL_SENDER]);
	add_shown(line, "to", &attributes->value[GP_PROTOCOL_RECIPIENT]);
	gp_log(door->verdict.kind == GP_DEFER ? GP_LOG_WARNING : GP_LOG_INFO,
	       "%s", line->data);
}

static void log_request(struct gp_policy_door *door,
			const struct gp_protocol_request *attributes,
			const struct gp_protocol_reply *reply)
{
	static const char *const names[] = {
		[GP_PROTOCOL_DEFER] = "defer", [GP_PROTOCOL_DUNNO] = "dunno",
		[GP_PROTOCOL_INFO] = "info", [GP_PROTOCOL_REJECT] = "reject",
		[GP_PROTOCOL_PAGE] = "page",
	};
	const struct gp_protocol_value *value = attributes->value;
	struct gp_text *line = &door->line;

	gp_text_clear(line);
	gp_text_addf(line, "request: action=%s", names[reply->action]);
	add_shown(line, "state", &value[GP_PROTOCOL_STATE]);
	add_shown(line, "context", &value[GP_PROTOCOL_CONTEXT]);
	add_shown(line, "port", &value[GP_PROTOCOL_SERVER_PORT]);
	add_shown(line, "user", &value[GP_PROTOCOL_SASL_USERNAME]);
	add_shown(line, "client", &value[GP_PROTOCOL_CLIENT_ADDRESS]);
	add_shown(line, "tls", &value[GP_PROTOCOL_ENCRYPTION]);
	gp_log(GP_LOG_DEBUG, "%s", line->data);
}

/* On trial, Postfix logs the words that the client would have been told. */
static void reply_trial(struct gp_policy_door *door,
			struct gp_protocol_reply *reply_r)
{
	door->verdict.kind = GP_REFUSE;
	gp_text_clear(&door->reply);
	gp_text_add(&door->reply, "would reject: ");
	(void)gp_reply_smtp(&door->verdict, GP_DISCLOSE_MAILBOX, &door->reply);
	reply_r->action = GP_PROTOCOL_INFO;
	reply_r->text = door->reply.data;
}

static void reply(struct gp_policy_door *door,
		  struct gp_protocol_reply *reply_r)
{
	if (door->verdict.kind == GP_TRIAL) {
		reply_trial(door, reply_r);
		return;
	}
	gp_text_clear(&door->reply);
	switch (gp_reply_smtp(&door->verdict, door->settings->policy.disclose,
			      &door->reply)) {
	case GP_SMTP_DUNNO:
		reply_r->action = GP_PROTOCOL_DUNNO;
		break;
	case GP_SMTP_REJECT:
	case GP_SMTP_DEFER:
		reply_r->action = GP_PROTOCOL_REJECT;
		reply_r->text = door->reply.data;
		break;
	}
}

void gp_policy_door_sweep(struct gp_policy_door *door, bool everything)
{
	gp_limit_sweep(door->limit, gp_time_now(), everything);
}

/* One look for all requests that came together: each was read before it. */
static void judge(struct gp_policy_door *door, const struct gp_request *request)
{
	const struct gp_policy *policy = &door->settings->policy;

	if (door->looked)
		gp_map_judge_held(door->map, policy, request, door->scratch,
				  &door->verdict);
	else
		gp_map_judge(door->map, policy, request, door->scratch,
			     &door->verdict);
	door->looked = true;
	gp_stats_add_verdict(&door->stats[door->stats_own], &door->verdict);
}

void gp_policy_door_count_in(struct gp_policy_door *door,
			     struct gp_stats *all, unsigned count,
			     unsigned own)
{
	door->stats = all;
	door->stats_count = count;
	door->stats_own = own;
}

const char *gp_policy_door_stats(struct gp_policy_door *door)
{
	const char *error;
	const struct gp_source *source = gp_map_source(door->map, &error);

	gp_text_clear(&door->page);
	gp_stats_print(door->stats, door->stats_count,
		       source == NULL ? 0 : source->compiled, gp_time_now(),
		       &door->page);
	return door->page.data;
}

void gp_policy_door_begin(void *context)
{
	struct gp_policy_door *door = context;

	door->looked = false;
}

void gp_policy_door_expect(void *context,
			   const struct gp_protocol_request *attributes)
{
	const struct gp_policy_door *door = context;
	const struct gp_protocol_value *user =
		&attributes->value[GP_PROTOCOL_SASL_USERNAME];

	if (user->len > 0)
		gp_map_expect(door->map, user->data, user->len);
}

void gp_policy_door_answer(void *context,
			   const struct gp_protocol_request *attributes,
			   struct gp_protocol_reply *reply_r)
{
	struct gp_policy_door *door = context;
	struct gp_request request;

	if (is(&attributes->value[GP_PROTOCOL_REQUEST], GP_COUNTERS_REQUEST)) {
		reply_r->action = GP_PROTOCOL_PAGE;
		reply_r->text = gp_policy_door_stats(door);
		return;
	}
	if (!gp_policy_read(door->settings, attributes, &request)) {
		reply_r->action = GP_PROTOCOL_DUNNO;
	} else {
		judge(door, &request);
		log_verdict(door, &request, attributes);
		reply(door, reply_r);
	}
	if (door->verbose)
		log_request(door, attributes, reply_r);
}
