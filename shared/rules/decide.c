/* The decision. Each check is one function that says whether the request
   passes and, if not, which line was in the way; the order stands in one
   place. What a client may be told is a decision of its own: that for a
   mailbox of the same domain which no line names. */

#include <string.h>
#include "shared/rules/decide.h"
#include "shared/rules/resolve.h"

/* The built-in rule: all=tls tls_min=1.2. */
#define BUILTIN_VALUE GP_TLS
#define BUILTIN_TLS_MIN GP_TLS_1_2

struct decision {
	const struct gp_source *source;
	const struct gp_policy *policy;
	const struct gp_request *request;
	struct gp_arena *scratch;
	/* What is being judged; webmail where the connection speaks for it. */
	enum gp_service service;
	bool local;
	/* Trials count as if they were over. */
	bool all_enforced;
	const struct gp_resolved *resolved;
	/* The service's value, and where it stands. */
	enum gp_value value;
	struct gp_origin value_origin;
	/* The outcome. */
	enum gp_cause cause;
	struct gp_origin origin;
	const char *error;
};

static const char *const verdict_names[] = {
	"allow", "trial", "refuse", "defer"
};

static const char *const cause_names[] = {
	"none", "name", "unauthenticated", "off", "network", "cleartext",
	"implicit", "tls_version"
};

const char *gp_verdict_name(enum gp_verdict_kind kind)
{
	return verdict_names[kind];
}

const char *gp_cause_name(enum gp_cause cause)
{
	return cause_names[cause];
}

/* Checks return true when the request passes. */
static bool refuse(struct decision *d, enum gp_cause cause,
		   const struct gp_origin *origin)
{
	d->cause = cause;
	if (origin != NULL)
		d->origin = *origin;
	return false;
}

/* A damaged net neither lets in nor refuses: the decision is void. */
static bool list_contains(struct decision *d, const struct gp_netlist *list,
			  const struct gp_address *address)
{
	struct gp_netset set;
	size_t i;

	if (list->any || gp_netset_contains(&list->own, address))
		return true;
	for (i = 0; i < list->named_count; i++) {
		if (d->source->net(d->source->context, list->named[i], &set,
				   &d->error) <= 0) {
			if (d->error == NULL)
				d->error = "a net is missing in the map";
			return false;
		}
		if (gp_netset_contains(&set, address))
			return true;
	}
	return false;
}

/* A list that softens the service's value, and has the address. */
static bool softened(struct decision *d, enum gp_attribute attr,
		     const struct gp_address *address)
{
	struct gp_origin list;

	gp_resolved_origin(d->resolved, attr, &list);
	return gp_resolved_softens(d->resolved, attr, &list,
				   &d->value_origin) &&
	       list_contains(d, gp_line_nets(list.line, attr), address);
}

static bool check_authenticated(struct decision *d)
{
	struct gp_origin nets;

	if (d->request->authenticated)
		return true;
	gp_resolved_origin(d->resolved, GP_ATTR_UNAUTHENTICATED_NETS, &nets);
	if (nets.line != NULL &&
	    list_contains(d, gp_line_nets(nets.line,
					  GP_ATTR_UNAUTHENTICATED_NETS),
			  &d->request->connection))
		return true;
	return refuse(d, GP_CAUSE_UNAUTHENTICATED, &nets);
}

static bool check_off(struct decision *d)
{
	if (d->value == GP_OFF)
		return refuse(d, GP_CAUSE_OFF, &d->value_origin);
	return true;
}

/* A webmail's client is known only where the webmail forwarded it. */
static bool check_network(struct decision *d)
{
	bool client_known = d->service != GP_WEBMAIL ||
			    d->request->client_was_forwarded;
	struct gp_origin allow;

	gp_resolved_origin(d->resolved, GP_ATTR_ALLOW_NETS, &allow);
	if (client_known && allow.line != NULL &&
	    !list_contains(d, gp_line_nets(allow.line, GP_ATTR_ALLOW_NETS),
			   &d->request->client))
		return refuse(d, GP_CAUSE_NETWORK, &allow);
	if (d->value == GP_TRUSTED &&
	    (!client_known || !softened(d, GP_ATTR_TRUSTED_NETS,
					&d->request->client)))
		return refuse(d, GP_CAUSE_NETWORK, &d->value_origin);
	return true;
}

static bool accepts_cleartext(struct decision *d)
{
	return d->value == GP_CLEARTEXT ||
	       softened(d, GP_ATTR_CLEARTEXT_NETS, &d->request->connection);
}

static bool check_tls_version(struct decision *d)
{
	enum gp_tls_version version = d->request->tls, min = BUILTIN_TLS_MIN;
	struct gp_origin origin;

	if (d->request->tls_version_elsewhere)
		return true;
	gp_resolved_origin(d->resolved, GP_ATTR_TLS_MIN, &origin);
	if (origin.line != NULL)
		min = origin.line->tls_min;
	if (version == GP_TLS_UNKNOWN)
		version = d->policy->unknown_tls_version;
	if (version < min)
		return refuse(d, GP_CAUSE_TLS_VERSION, &origin);
	return true;
}

static bool check_encryption(struct decision *d)
{
	if (d->request->encryption_was_judged || d->local ||
	    accepts_cleartext(d))
		return true;
	if (d->request->tls == GP_TLS_NONE)
		return refuse(d, GP_CAUSE_CLEARTEXT, &d->value_origin);
	if (d->value == GP_IMPLICIT && d->request->implicit == GP_NO)
		return refuse(d, GP_CAUSE_IMPLICIT, &d->value_origin);
	return check_tls_version(d);
}

/* Makes one decision of those the verdict consists of. Returns 0, or -1 when
   the rules are damaged. */
static int decide(struct decision *d, const struct gp_name *name,
		  const struct gp_resolve_for *what)
{
	d->cause = GP_CAUSE_NONE;
	d->error = NULL;
	memset(&d->origin, 0, sizeof(d->origin));
	if (gp_resolve(d->source, name, what, d->scratch, &d->resolved,
		       &d->error) < 0)
		return -1;
	gp_resolved_origin(d->resolved, (enum gp_attribute)d->service,
			   &d->value_origin);
	d->value = d->value_origin.line == NULL ? BUILTIN_VALUE :
		   d->value_origin.line->service[d->service];
	if (check_authenticated(d) && check_off(d) && check_network(d))
		check_encryption(d);
	return d->error == NULL ? 0 : -1;
}

static void copy_text(char *dest, size_t size, const char *str)
{
	size_t len = strnlen(str, size - 1);

	memcpy(dest, str, len);
	dest[len] = '\0';
}

/* The message of the line that decided, unless another one is locked above
   it. */
static const char *message_of(const struct decision *d)
{
	struct gp_origin winner;

	if ((d->origin.line->set & GP_ATTR_BIT(GP_ATTR_MESSAGE)) == 0)
		return "";
	gp_resolved_origin(d->resolved, GP_ATTR_MESSAGE, &winner);
	if (winner.locked && !gp_origin_is_same(&winner, &d->origin))
		return "";
	return d->origin.line->message;
}

/* What is to be remembered of a decision when its rules are gone. */
static void keep_finding(const struct decision *d, struct gp_finding *finding)
{
	const struct gp_line *line = d->origin.line;
	struct gp_origin help;
	struct gp_text key;
	const char *file;

	finding->cause = d->cause;
	gp_resolved_origin(d->resolved, GP_ATTR_HELP, &help);
	if (help.line != NULL)
		copy_text(finding->help, sizeof(finding->help),
			  help.line->help);
	if (line == NULL)
		return;
	gp_text_init_fixed(&key, finding->key, sizeof(finding->key));
	gp_level_print(d->source, d->origin.level, &key);
	file = d->source->file_name(d->source->context, line->file);
	if (file != NULL)
		copy_text(finding->file, sizeof(finding->file), file);
	finding->line = line->number;
	copy_text(finding->message, sizeof(finding->message), message_of(d));
}

static void clear_finding(struct gp_finding *finding)
{
	finding->cause = GP_CAUSE_NONE;
	finding->key[0] = '\0';
	finding->file[0] = '\0';
	finding->line = 0;
	finding->message[0] = '\0';
	finding->help[0] = '\0';
}

/* What a client may be told that has not proven its password. */
static int disclose(struct decision *d, const struct gp_name *name,
		    int64_t now, struct gp_verdict *verdict)
{
	const struct gp_resolve_for what = {
		.unnamed_mailbox = true, .now = now
	};

	switch (d->policy->disclose) {
	case GP_DISCLOSE_NONE:
		return 0;
	case GP_DISCLOSE_MAILBOX:
		verdict->disclosed = true;
		verdict->told = verdict->finding;
		return 0;
	case GP_DISCLOSE_DOMAIN:
		break;
	}
	if (decide(d, name, &what) < 0)
		return -1;
	if (d->cause != GP_CAUSE_NONE) {
		verdict->disclosed = true;
		keep_finding(d, &verdict->told);
	}
	return 0;
}

/* The decision in force, and the one with the lines on trial where there are
   any; or that one alone. */
static int judge(struct decision *d, const struct gp_name *name, int64_t now,
		 struct gp_verdict *verdict)
{
	struct gp_resolve_for what = {
		.now = now, .with_trials = d->all_enforced
	};

	if (decide(d, name, &what) < 0)
		return -1;
	if (d->cause != GP_CAUSE_NONE) {
		verdict->kind = GP_REFUSE;
		keep_finding(d, &verdict->finding);
		return disclose(d, name, now, verdict);
	}
	if (d->all_enforced || !gp_resolved_has_trial(d->resolved))
		return 0;
	what.with_trials = true;
	if (decide(d, name, &what) < 0)
		return -1;
	if (d->cause != GP_CAUSE_NONE) {
		verdict->kind = GP_TRIAL;
		keep_finding(d, &verdict->finding);
	}
	return 0;
}

/* The name whose rules hold: the login's, or the sender's without AUTH. On
   failure the verdict says why. */
static int judged_name(const struct gp_source *source,
		       const struct gp_policy *policy,
		       const struct gp_request *request, struct gp_name *name,
		       struct gp_verdict *verdict)
{
	const char *what;
	int ret;

	if (request->authenticated)
		ret = gp_name_parse(request->login, request->login_len,
				    source->default_domain, name, &what);
	else if (request->sender_len == 0)
		ret = -1;
	else
		ret = gp_name_parse(request->sender, request->sender_len,
				    source->default_domain, name, &what);
	if (ret == 0)
		return 0;
	verdict->kind = GP_REFUSE;
	if (request->authenticated) {
		verdict->finding.cause = GP_CAUSE_NAME;
		return -1;
	}
	/* It hangs on no mailbox, so it says nothing about one. */
	verdict->finding.cause = GP_CAUSE_UNAUTHENTICATED;
	verdict->disclosed = policy->disclose != GP_DISCLOSE_NONE;
	if (verdict->disclosed)
		verdict->told.cause = GP_CAUSE_UNAUTHENTICATED;
	return -1;
}

/* What is known without any rule. Returns false when that settles it. */
static bool begin_verdict(const struct gp_policy *policy,
			  const struct gp_request *request,
			  struct gp_verdict *verdict)
{
	verdict->kind = GP_ALLOW;
	verdict->service = request->service;
	if (request->webmail_by_context ||
	    gp_netset_contains(&policy->webmail_networks,
			       &request->connection))
		verdict->service = GP_WEBMAIL;
	verdict->exempt = gp_netset_contains(&policy->exempt_networks,
					     &request->connection);
	verdict->local = policy->local_is_encrypted &&
			 request->tls == GP_TLS_NONE &&
			 gp_address_equal(&request->connection,
					  &request->server);
	verdict->disclosed = false;
	verdict->error = NULL;
	clear_finding(&verdict->finding);
	clear_finding(&verdict->told);
	return !verdict->exempt;
}

static void decide_for(const struct gp_source *source,
		       const struct gp_policy *policy,
		       const struct gp_request *request, int64_t now,
		       bool all_enforced, struct gp_arena *scratch,
		       struct gp_verdict *verdict_r)
{
	struct decision d;
	struct gp_name name;

	if (!begin_verdict(policy, request, verdict_r) ||
	    judged_name(source, policy, request, &name, verdict_r) < 0)
		return;
	d.source = source;
	d.policy = policy;
	d.request = request;
	d.scratch = scratch;
	d.service = verdict_r->service;
	d.local = verdict_r->local;
	d.all_enforced = all_enforced;
	if (judge(&d, &name, now, verdict_r) < 0) {
		verdict_r->kind = GP_DEFER;
		verdict_r->error = d.error;
		verdict_r->disclosed = false;
		clear_finding(&verdict_r->finding);
		clear_finding(&verdict_r->told);
	}
}

void gp_decide(const struct gp_source *source, const struct gp_policy *policy,
	       const struct gp_request *request, int64_t now,
	       struct gp_arena *scratch, struct gp_verdict *verdict_r)
{
	decide_for(source, policy, request, now, false, scratch, verdict_r);
}

void gp_decide_enforced(const struct gp_source *source,
			const struct gp_policy *policy,
			const struct gp_request *request, int64_t now,
			struct gp_arena *scratch,
			struct gp_verdict *verdict_r)
{
	decide_for(source, policy, request, now, true, scratch, verdict_r);
}

static int find_nothing(void *context, const char *key, size_t key_len,
			struct gp_arena *scratch, struct gp_lines *lines_r,
			const char **error_r)
{
	(void)context;
	(void)key;
	(void)key_len;
	(void)scratch;
	(void)lines_r;
	(void)error_r;
	return 0;
}

void gp_decide_without_rules(const struct gp_policy *policy,
			     const struct gp_request *request,
			     const char *reason, struct gp_arena *scratch,
			     struct gp_verdict *verdict_r)
{
	static const struct gp_source nothing = {
		.find = find_nothing, .default_domain = "",
		.recipient_delimiter = ""
	};

	if (policy->builtin_without_map) {
		gp_decide(&nothing, policy, request, 0, scratch, verdict_r);
		return;
	}
	if (!begin_verdict(policy, request, verdict_r))
		return;
	verdict_r->kind = GP_DEFER;
	verdict_r->error = reason;
}
