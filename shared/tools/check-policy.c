/* Where check_policy_service stands in a service's restrictions, and how it is
   written. What lets somebody through in front of it is a way round every
   rule. */

#include "shared/tools/check.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Restriction classes name other lists. */
#define CLASS_DEPTH_MAX 4
/* Two times that long is what a client waits when the daemon hangs. */
#define TIMEOUT_MAX_SECONDS 30

static const char relay_list[] = "smtpd_relay_restrictions";
static const char recipient_list[] = "smtpd_recipient_restrictions";
static const char relay_default[] =
	"permit_mynetworks, permit_sasl_authenticated, "
	"defer_unauth_destination";

static const char *queue_directory(const struct check_postfix *postfix)
{
	return gp_postconf_value(&postfix->conf, NULL, "queue_directory",
				 "/var/spool/postfix");
}

static bool is_chrooted(const struct check_postfix *postfix)
{
	return strcmp(postfix->service->chroot, "y") == 0;
}

/* The path that smtpd, chrooted or not, reaches by that endpoint, or NULL for
   one that is no path. */
static const char *socket_path(const struct check_postfix *postfix,
			       const char *endpoint)
{
	const char *path = endpoint;
	bool inside = is_chrooted(postfix);

	if (strncmp(endpoint, "unix:", 5) != 0)
		return NULL;
	path += 5;
	if (*path == '/' && !inside)
		return path;
	return gp_arena_printf(postfix->check->arena, "%s%s%s",
			       queue_directory(postfix),
			       *path == '/' ? "" : "/", path);
}

/* "unix:private/policyd", where master.cf has a policyd that spawns the
   daemon. */
static bool is_spawned(const struct check_postfix *postfix,
		       const char *endpoint)
{
	const struct gp_postconf_service *service;

	if (strncmp(endpoint, "unix:private/", 13) != 0)
		return false;
	service = gp_postconf_service(&postfix->conf, "unix", endpoint + 13);
	return service != NULL && strcmp(service->command, "spawn") == 0 &&
	       strstr(service->arguments, "gatepost-policyd") != NULL;
}

/* Whether gatepost-policyd listens there, as gatepost.conf or master.cf
   says. */
static bool is_our_socket(const struct check_postfix *postfix,
			  const char *endpoint)
{
	const char *sockets = postfix->check->settings->policy_socket, *name;
	const char *path = socket_path(postfix, endpoint);

	if (is_spawned(postfix, endpoint))
		return true;
	while ((name = gp_dove_next_word(&sockets,
					 postfix->check->arena)) != NULL) {
		if (strncmp(name, "unix:", 5) == 0)
			name += 5;
		if (strcmp(name, path != NULL ? path : endpoint) == 0)
			return true;
	}
	return false;
}

static bool lets_through(const char *restriction)
{
	return strncmp(restriction, "permit", 6) == 0;
}

/* "{ ENDPOINT, NAME=VALUE, { NAME = VALUE } }", or the endpoint alone. */
static void read_policy(const struct check_postfix *postfix,
			const char *element, struct check_policy *policy)
{
	struct gp_arena *arena = postfix->check->arena;
	const char *list = gp_postconf_unbrace(element, arena);
	const char *word = gp_postconf_next(&list, arena);

	policy->endpoint = word != NULL ? word : "";
	while ((word = gp_postconf_next(&list, arena)) != NULL) {
		const char *value;

		value = gp_postconf_named(word, "default_action", arena);
		if (value != NULL)
			policy->default_action = value;
		value = gp_postconf_named(word, "timeout", arena);
		if (value != NULL)
			policy->timeout = value;
		value = gp_postconf_named(word, "try_limit", arena);
		if (value != NULL)
			policy->try_limit = value;
	}
}

static bool is_class(const struct check_postfix *postfix, const char *name)
{
	const char *classes = gp_postconf_value(&postfix->conf, NULL,
						"smtpd_restriction_classes",
						"");
	const char *class;

	while ((class = gp_postconf_next(&classes,
					 postfix->check->arena)) != NULL) {
		if (strcmp(class, name) == 0)
			return true;
	}
	return false;
}

static void scan_policy(const struct check_postfix *postfix, const char *word,
			struct check_policy *policy)
{
	read_policy(postfix, word, policy);
	policy->found = is_our_socket(postfix, policy->endpoint) ||
			strstr(policy->endpoint, "gatepost") != NULL;
}

/* "check_client_access hash:/etc/postfix/trusted" */
static void scan_table(const struct check_postfix *postfix,
		       const char *restriction, const char *table,
		       struct check_policy *policy)
{
	const char *entry;

	if (policy->behind != NULL)
		return;
	entry = check_table_permits(postfix, table);
	if (entry != NULL)
		policy->behind = gp_arena_printf(
			postfix->check->arena, "%s %s, which says %s",
			restriction, table, entry);
}

static bool is_access(const char *word)
{
	size_t len = strlen(word);

	return strncmp(word, "check_", 6) == 0 && len > 7 &&
	       strcmp(word + len - 7, "_access") == 0;
}

static void scan(const struct check_postfix *postfix, const char *list,
		 int depth, struct check_policy *policy)
{
	struct gp_arena *arena = postfix->check->arena;
	const char *word, *argument;

	while (!policy->found &&
	       (word = gp_postconf_next(&list, arena)) != NULL) {
		if (strcmp(word, "check_policy_service") == 0) {
			argument = gp_postconf_next(&list, arena);
			if (argument != NULL)
				scan_policy(postfix, argument, policy);
		} else if (is_access(word)) {
			argument = gp_postconf_next(&list, arena);
			if (argument != NULL && depth < CLASS_DEPTH_MAX)
				scan_table(postfix, word, argument, policy);
		} else if (depth < CLASS_DEPTH_MAX && is_class(postfix, word)) {
			scan(postfix, check_smtpd_value(postfix, word, ""),
			     depth + 1, policy);
		} else if (policy->behind == NULL && lets_through(word)) {
			policy->behind = word;
		}
	}
}

const char *check_permit_in_list(const struct check_postfix *postfix,
				 const char *list)
{
	struct check_policy policy = { .list = "" };

	/* A table of a class that is named in a table is looked at no more. */
	scan(postfix, list, CLASS_DEPTH_MAX - 1, &policy);
	return policy.behind;
}

static void find_policy(const struct check_postfix *postfix, const char *name,
			const char *missing, struct check_policy *policy_r)
{
	*policy_r = (struct check_policy) { .list = name };
	scan(postfix, check_smtpd_value(postfix, name, missing), 0, policy_r);
}

void check_find_policies(struct check_postfix *postfix)
{
	static const char *const others[] = {
		"smtpd_client_restrictions", "smtpd_helo_restrictions",
		"smtpd_sender_restrictions", "smtpd_data_restrictions",
		"smtpd_end_of_data_restrictions"
	};

	find_policy(postfix, relay_list, relay_default, &postfix->relay);
	find_policy(postfix, recipient_list, "", &postfix->recipient);
	postfix->any = postfix->recipient.found ? postfix->recipient :
		postfix->relay;
	for (size_t i = 0; i < CHECK_ROWS(others) && !postfix->any.found; i++)
		find_policy(postfix, others[i], "", &postfix->any);
}

/* The rows. */

static bool find_none(const struct check_postfix *postfix,
		      struct gp_text *what)
{
	gp_text_add(what, "neither ");
	gp_text_add(what, relay_list);
	gp_text_add(what, " nor ");
	gp_text_add(what, recipient_list);
	gp_text_add(what, " has the check");
	if (gp_postconf_overrides(postfix->service, recipient_list))
		gp_text_add(what, " (master.cf overrides what main.cf says)");
	return !postfix->relay.found && !postfix->recipient.found;
}

static bool is_asked(const struct check_policy *policy)
{
	return policy->found && policy->behind == NULL;
}

/* Whoever one list permits still meets the other. */
static bool find_behind(const struct check_postfix *postfix,
			struct gp_text *what)
{
	const struct check_policy *policy = postfix->recipient.found ?
		&postfix->recipient : &postfix->relay;

	if (!policy->found || is_asked(&postfix->recipient) ||
	    is_asked(&postfix->relay))
		return false;
	gp_text_addf(what, "in %s the check stands behind %s", policy->list,
		     policy->behind);
	return true;
}

static bool find_not_in_relay(const struct check_postfix *postfix,
			      struct gp_text *what)
{
	gp_text_addf(what, "%s does not begin with the check", relay_list);
	return postfix->recipient.found && !is_asked(&postfix->relay);
}

static bool find_early(const struct check_postfix *postfix,
		       struct gp_text *what)
{
	struct check_policy policy;

	find_policy(postfix, "smtpd_client_restrictions", "", &policy);
	gp_text_addf(what, "the check stands in %s", policy.list);
	return policy.found;
}

static bool find_on_25(const struct check_postfix *postfix,
		       struct gp_text *what)
{
	gp_text_addf(what, "the check stands in %s, for mail from outside",
		     postfix->any.list);
	return postfix->any.found;
}

static const char *default_action(const struct check_postfix *postfix)
{
	return postfix->any.default_action != NULL ?
		postfix->any.default_action :
		check_smtpd_value(postfix,
				  "smtpd_policy_service_default_action", "");
}

static bool find_no_action(const struct check_postfix *postfix,
			   struct gp_text *what)
{
	gp_text_add(what, "the check has no default_action");
	return postfix->any.found && postfix->any.default_action == NULL &&
	       *default_action(postfix) == '\0';
}

static bool begins_with_code(const char *action, char class)
{
	return action[0] == class && isdigit((unsigned char)action[1]) &&
	       isdigit((unsigned char)action[2]) &&
	       (action[3] == ' ' || action[3] == '\t');
}

static bool find_permitting_action(const struct check_postfix *postfix,
				   struct gp_text *what)
{
	const char *action = default_action(postfix);

	if (!postfix->any.found ||
	    (*action == '\0' && postfix->any.default_action == NULL) ||
	    begins_with_code(action, '4') || begins_with_code(action, '5') ||
	    strncasecmp(action, "defer", 5) == 0 ||
	    strncasecmp(action, "reject", 6) == 0)
		return false;
	gp_text_addf(what, "the check has default_action = %s", action);
	return true;
}

static bool find_permanent_action(const struct check_postfix *postfix,
				  struct gp_text *what)
{
	const char *action = default_action(postfix);

	gp_text_addf(what, "the check has default_action = %s", action);
	return postfix->any.found && (begins_with_code(action, '5') ||
				      strncasecmp(action, "reject", 6) == 0);
}

/* "10s", "1m"; seconds where no unit is written. */
static unsigned long seconds(const char *time)
{
	char *unit;
	unsigned long number = strtoul(time, &unit, 10);

	switch (*unit) {
	case 'm':
		return number * 60;
	case 'h':
		return number * 3600;
	case 'd':
		return number * 86400;
	case 'w':
		return number * 604800;
	default:
		return number;
	}
}

static bool find_timeout(const struct check_postfix *postfix,
			 struct gp_text *what)
{
	const char *timeout = postfix->any.timeout;

	if (timeout == NULL)
		timeout = check_smtpd_value(postfix,
					    "smtpd_policy_service_timeout",
					    "100s");
	gp_text_addf(what, "Postfix waits %s for an answer to the check",
		     timeout);
	return postfix->any.found && seconds(timeout) > TIMEOUT_MAX_SECONDS;
}

static bool find_try_limit(const struct check_postfix *postfix,
			   struct gp_text *what)
{
	const char *limit = postfix->any.try_limit;

	if (limit == NULL)
		limit = check_smtpd_value(postfix,
					  "smtpd_policy_service_try_limit",
					  "2");
	gp_text_addf(what, "the check has try_limit = %s", limit);
	return postfix->any.found && strcmp(limit, "1") == 0;
}

static bool find_chroot(const struct check_postfix *postfix,
			struct gp_text *what)
{
	gp_text_addf(what, "the check names %s, and the service is chrooted",
		     postfix->any.found ? postfix->any.endpoint : "");
	return postfix->any.found && is_chrooted(postfix) &&
	       strncmp(postfix->any.endpoint, "unix:/", 6) == 0;
}

static bool find_private(const struct check_postfix *postfix,
			 struct gp_text *what)
{
	const char *endpoint = postfix->any.found ? postfix->any.endpoint : "";

	gp_text_addf(what, "the check names %s, in Postfix's private folder",
		     endpoint);
	return strncmp(endpoint, "unix:private/", 13) == 0 &&
	       !is_spawned(postfix, endpoint);
}

static bool find_other_socket(const struct check_postfix *postfix,
			      struct gp_text *what)
{
	if (!postfix->any.found || find_chroot(postfix, what) ||
	    find_private(postfix, what) ||
	    is_our_socket(postfix, postfix->any.endpoint))
		return false;
	gp_text_clear(what);
	gp_text_addf(what, "master.cf, %s: the check names %s, and "
		     "policy_socket in %s is %s", postfix->service->name,
		     postfix->any.endpoint, postfix->check->conf,
		     postfix->check->settings->policy_socket);
	return true;
}

#define CHECK_TEXT \
	"smtpd_recipient_restrictions =\n" \
	"    check_policy_service { unix:gatepost/policy, timeout=10s,\n" \
	"        { default_action = 451 4.3.0 Policy service unavailable } },\n"
#define ACTION_TEXT \
	"{ default_action = 451 4.3.0 Policy service unavailable }\n" \
	"with its braces, inside those of the check"
#define BOTH (CHECK_OUTSIDE | CHECK_SUBMISSION)

const struct check_postfix_row check_policy_rows[] = {
	{ "postfix-check-missing", CHECK_SUBMISSION, find_none,
	  "what is sent there is judged by Dovecot at AUTH at most: mail "
	  "without AUTH, the version of TLS and sessions that stay open are "
	  "not", CHECK_TEXT "    permit_mynetworks, "
	  "permit_sasl_authenticated,\n    reject_unauth_destination" },
	{ "postfix-check-behind", CHECK_SUBMISSION, find_behind,
	  "it is never asked about those clients: a way round every rule",
	  CHECK_TEXT "    permit_mynetworks, permit_sasl_authenticated, ...\n"
	  "with the check in front of all that permits" },
	{ "postfix-check-relay", CHECK_SUBMISSION, find_not_in_relay,
	  "relay restrictions come first: a client without AUTH is told "
	  "\"Relay access denied\" and not that AUTH is missing",
	  "-o smtpd_relay_restrictions=$submission_recipient_restrictions\n"
	  "with the check in front" },
	{ "postfix-check-client", BOTH, find_early,
	  "the log says \"Client host rejected\", at which fail2ban's stock "
	  "filter bans the client",
	  "the check in smtpd_relay_restrictions and "
	  "smtpd_recipient_restrictions instead" },
	{ "postfix-check-outside", CHECK_OUTSIDE, find_on_25,
	  "when gatepost-policyd is stopped, all mail from outside is "
	  "deferred",
	  "the check in restrictions of the submission services alone, by -o "
	  "in master.cf" },
	{ "postfix-default-action", BOTH, find_no_action,
	  "when gatepost-policyd is stopped, clients are told \"451 4.3.5 "
	  "Server configuration problem\", which misleads whoever reads it",
	  ACTION_TEXT },
	{ "postfix-default-action-permits", BOTH, find_permitting_action,
	  "everybody is let in while gatepost-policyd is stopped",
	  ACTION_TEXT },
	{ "postfix-default-action-final", BOTH, find_permanent_action,
	  "mail is refused for good, not deferred, while gatepost-policyd is "
	  "stopped", ACTION_TEXT },
	{ "postfix-timeout", BOTH, find_timeout,
	  "when gatepost-policyd hangs, each recipient takes twice as long "
	  "and a second, longer than mail programs wait",
	  "timeout=10s\ninside the braces of the check" },
	{ "postfix-try-limit", BOTH, find_try_limit,
	  "after a restart of gatepost-policyd the next request of each smtpd "
	  "fails, and the one behind it", "no try_limit" },
	{ "postfix-socket-chroot", BOTH, find_chroot,
	  "smtpd does not find the socket: 451 for every mail",
	  "check_policy_service { unix:gatepost/policy, ... }\n"
	  "relative to the queue directory" },
	{ "postfix-socket-private", BOTH, find_private,
	  "only Postfix gets there: the daemon cannot listen, and every mail "
	  "is answered with 451",
	  "check_policy_service { unix:gatepost/policy, ... }" },
	{ "postfix-socket", BOTH, find_other_socket,
	  "smtpd asks where nobody listens: 451 for every mail",
	  "the same place in both; for a socket below the queue directory the "
	  "check names it relative to that" },
};

const size_t check_policy_row_count = CHECK_ROWS(check_policy_rows);
