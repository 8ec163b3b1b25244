/* What Dovecot remembers of a session is less than a door knew at its login:
   name, service and the client's address, but neither TLS nor who forwarded
   the address. So the decision is asked about each connection that it may have
   been; a session is refused for certain when all of them are. */

#include "shared/tools/kick.h"

#include <string.h>

int kick_filter_read(const char *key, struct kick_filter *filter_r,
		     const char **error_r)
{
	size_t len = strlen(key);
	struct gp_name *name = &filter_r->name;

	*filter_r = (struct kick_filter) { .kind = KICK_ALL };
	if (strcmp(key, "*") == 0)
		return 0;
	if (*key == '.') {
		filter_r->kind = KICK_BELOW;
		return gp_name_parse_domain(key + 1, len - 1, name, error_r);
	}
	if (strcmp(key, "@") == 0) {
		filter_r->kind = KICK_DOMAIN;
		return 0;
	}
	if (memchr(key, '@', len) == NULL) {
		filter_r->kind = KICK_DOMAIN;
		return gp_name_parse_domain(key, len, name, error_r);
	}
	filter_r->kind = KICK_MAILBOX;
	if (key[len - 1] == '@')
		len--;
	return gp_name_parse(key, len, NULL, name, error_r);
}

static bool is_below(const struct gp_name *domain, const struct gp_name *name)
{
	size_t len = domain->domain_len;

	return name->domain_len > len + 1 &&
	       name->key[name->domain_len - len - 1] == '.' &&
	       memcmp(name->key + name->domain_len - len, domain->key,
		      len) == 0;
}

bool kick_filter_has(const struct kick_filter *filter,
		     const struct gp_name *name)
{
	const struct gp_name *wanted = &filter->name;

	switch (filter->kind) {
	case KICK_ALL:
		return true;
	case KICK_BELOW:
		return is_below(wanted, name);
	case KICK_DOMAIN:
		return name->domain_len == wanted->domain_len &&
		       memcmp(name->key, wanted->key,
			      wanted->domain_len) == 0;
	case KICK_MAILBOX:
		break;
	}
	return gp_name_key_len(name) == gp_name_key_len(wanted) &&
	       memcmp(name->key, wanted->key, gp_name_key_len(name)) == 0;
}

/* The connections that the session may be, encryption aside. */
enum connection {
	DIRECT,
	FORWARDED,
	FORWARDED_BY_WEBMAIL,
	CONNECTIONS
};

static bool is_possible(const struct kick_judge *judge, int connection)
{
	if (connection == DIRECT)
		return true;
	return judge->may_be_forwarded &&
	       (connection == FORWARDED ||
		judge->settings->policy.webmail_networks.count > 0);
}

static void set_connection(int connection, struct gp_request *request)
{
	request->connection = (struct gp_address) { .known = false };
	if (connection == DIRECT)
		request->connection = request->client;
	request->client_was_forwarded = connection != DIRECT;
	request->webmail_by_context = connection == FORWARDED_BY_WEBMAIL;
}

/* How many of the possible connections are refused; the first such verdict is
   left in verdict_r. -1 for a deferral. */
static int count_refusals(const struct kick_judge *judge,
			  struct gp_request *request, int *possible_r,
			  struct gp_verdict *verdict_r)
{
	struct gp_verdict verdict;
	int refused = 0;

	*possible_r = 0;
	for (int i = 0; i < CONNECTIONS; i++) {
		if (!is_possible(judge, i))
			continue;
		(*possible_r)++;
		set_connection(i, request);
		gp_decide(judge->source, &judge->settings->policy, request,
			  judge->now, judge->scratch, &verdict);
		if (verdict.kind == GP_DEFER) {
			*verdict_r = verdict;
			return -1;
		}
		if (verdict.kind == GP_REFUSE && refused++ == 0)
			*verdict_r = verdict;
	}
	return refused;
}

enum kick_answer kick_judge_session(const struct kick_judge *judge,
				    const struct gp_session *session,
				    struct gp_verdict *verdict_r)
{
	int service = gp_settings_service(judge->settings, session->service);
	struct gp_request request = {
		.login = session->user,
		.login_len = strlen(session->user),
		.authenticated = true,
		.encryption_was_judged = true,
	};
	int refused, possible;

	if (service < 0)
		return KICK_ALLOWED;
	request.service = (enum gp_service)service;
	(void)gp_address_parse(session->ip, &request.client);
	refused = count_refusals(judge, &request, &possible, verdict_r);
	/* A forwarder may stand in exempt_networks, and is not judged. */
	if (judge->may_be_forwarded &&
	    judge->settings->policy.exempt_networks.count > 0)
		possible++;
	if (refused >= 0 && refused == possible)
		return KICK_REFUSED;
	if (refused == 0) {
		request.encryption_was_judged = false;
		refused = count_refusals(judge, &request, &possible,
					 verdict_r);
	}
	if (refused < 0)
		return KICK_UNKNOWN;
	return refused > 0 ? KICK_PERHAPS : KICK_ALLOWED;
}
