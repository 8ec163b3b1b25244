/* What else of an smtpd's settings decides whether the rules are obeyed there:
   as what its clients are judged, AUTH, and encryption. */

#include "shared/tools/check.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *context_of(const struct check_postfix *postfix)
{
	return check_smtpd_value(postfix,
				 "smtpd_policy_service_policy_context", "");
}

static bool find_no_context(const struct check_postfix *postfix,
			    struct gp_text *what)
{
	gp_text_add(what, "smtpd_policy_service_policy_context is not set");
	return *context_of(postfix) == '\0';
}

static bool is_submissions(const struct check_postfix *postfix,
			   const char *context)
{
	const struct gp_settings *settings = postfix->check->settings;

	return check_has_word(settings->submission_contexts, context) ||
	       check_has_word(settings->implicit_tls_contexts, context) ||
	       strcmp(context, "webmail") == 0;
}

static bool find_unknown_context(const struct check_postfix *postfix,
				 struct gp_text *what)
{
	const char *context = context_of(postfix);

	gp_text_addf(what, "smtpd_policy_service_policy_context = %s, which "
		     "gatepost.conf does not name", context);
	return *context != '\0' && !is_submissions(postfix, context);
}

static bool find_context_on_25(const struct check_postfix *postfix,
			       struct gp_text *what)
{
	const char *context = context_of(postfix);

	gp_text_addf(what, "smtpd_policy_service_policy_context = %s, for "
		     "mail from outside", context);
	return is_submissions(postfix, context);
}

static bool is_implicit(const struct check_postfix *postfix)
{
	return check_smtpd_is_yes(postfix, "smtpd_tls_wrappermode");
}

static bool says_implicit(const struct check_postfix *postfix)
{
	return check_has_word(postfix->check->settings->implicit_tls_contexts,
			      context_of(postfix));
}

static bool find_not_said_implicit(const struct check_postfix *postfix,
				   struct gp_text *what)
{
	gp_text_addf(what, "smtpd_tls_wrappermode = yes, and the context %s is "
		     "not in implicit_tls_contexts", context_of(postfix));
	return is_implicit(postfix) && *context_of(postfix) != '\0' &&
	       strcmp(context_of(postfix), "webmail") != 0 &&
	       !says_implicit(postfix);
}

static bool find_not_implicit(const struct check_postfix *postfix,
			      struct gp_text *what)
{
	gp_text_addf(what, "the context %s is in implicit_tls_contexts, and "
		     "smtpd_tls_wrappermode = no", context_of(postfix));
	return !is_implicit(postfix) && says_implicit(postfix);
}

static bool has_auth(const struct check_postfix *postfix)
{
	return check_smtpd_is_yes(postfix, "smtpd_sasl_auth_enable");
}

static bool find_auth_on_25(const struct check_postfix *postfix,
			    struct gp_text *what)
{
	gp_text_add(what, "smtpd_sasl_auth_enable = yes, for mail from "
		    "outside");
	return has_auth(postfix);
}

static bool find_no_auth(const struct check_postfix *postfix,
			 struct gp_text *what)
{
	gp_text_add(what, "smtpd_sasl_auth_enable = no");
	return !has_auth(postfix);
}

/* The Dovecot door knows by the name who asks: of its own services it believes
   nothing that Postfix says of TLS. */
static bool find_another_service(const struct check_postfix *postfix,
				 struct gp_text *what)
{
	const char *service = check_smtpd_value(postfix, "smtpd_sasl_service",
						"smtp");

	gp_text_addf(what, "smtpd_sasl_service = %s", service);
	return has_auth(postfix) && strcmp(service, "smtp") != 0;
}

/* Encryption. */

static const char *tls_level(const struct check_postfix *postfix)
{
	const char *level = check_smtpd_value(postfix,
					      "smtpd_tls_security_level", "");

	if (*level != '\0')
		return level;
	if (check_smtpd_is_yes(postfix, "smtpd_enforce_tls"))
		return "encrypt";
	return check_smtpd_is_yes(postfix, "smtpd_use_tls") ? "may" : "none";
}

/* Whether the server itself keeps AUTH from clients without TLS. */
static bool server_demands_tls(const struct check_postfix *postfix)
{
	return is_implicit(postfix) ||
	       strcmp(tls_level(postfix), "encrypt") == 0 ||
	       check_smtpd_is_yes(postfix, "smtpd_tls_auth_only");
}

static const struct check_lines *
cleartext_lines(const struct check_postfix *postfix)
{
	return &postfix->check->rules.cleartext[
		strcmp(context_of(postfix), "webmail") == 0 ? GP_WEBMAIL :
		GP_SUBMISSION];
}

static bool find_password_in_clear(const struct check_postfix *postfix,
				   struct gp_text *what)
{
	gp_text_add(what, "smtpd_tls_auth_only = no, and no rule accepts "
		    "cleartext there");
	return has_auth(postfix) && postfix->check->source != NULL &&
	       cleartext_lines(postfix)->count == 0 &&
	       !server_demands_tls(postfix);
}

static bool find_no_cleartext(const struct check_postfix *postfix,
			      struct gp_text *what)
{
	const struct check_lines *lines = cleartext_lines(postfix);

	if (lines->count == 0 || is_implicit(postfix) ||
	    !server_demands_tls(postfix))
		return false;
	gp_text_addf(what, "%s overrules what %s says of cleartext",
		     strcmp(tls_level(postfix), "encrypt") == 0 ?
		     "smtpd_tls_security_level = encrypt" :
		     "smtpd_tls_auth_only = yes", lines->example);
	return true;
}

static bool find_no_tls(const struct check_postfix *postfix,
			struct gp_text *what)
{
	gp_text_add(what, "smtpd_tls_security_level is not set");
	return strcmp(tls_level(postfix), "none") == 0 &&
	       !is_implicit(postfix);
}

static int version_of(const char *name)
{
	static const char *const names[] = {
		[GP_TLS_1_0] = "TLSv1", [GP_TLS_1_1] = "TLSv1.1",
		[GP_TLS_1_2] = "TLSv1.2", [GP_TLS_1_3] = "TLSv1.3"
	};

	for (int i = GP_TLS_1_0; i <= GP_TLS_1_3; i++) {
		if (strcasecmp(name, names[i]) == 0)
			return i;
	}
	return -1;
}

static unsigned versions_between(int first, int last)
{
	unsigned versions = 0;

	for (int i = first; i <= last; i++)
		versions |= 1U << i;
	return versions;
}

struct protocols {
	unsigned excluded;
	unsigned included;
	bool lists_some;
};

/* "!TLSv1", "TLSv1.2", ">=TLSv1.2" and "<=TLSv1.3". */
static void read_protocol(const char *word, struct protocols *protocols)
{
	int version;

	if (*word == '!') {
		version = version_of(word + 1);
		if (version >= 0)
			protocols->excluded |= 1U << version;
	} else if (strncmp(word, ">=", 2) == 0) {
		version = version_of(word + 2);
		if (version >= 0)
			protocols->excluded |= versions_between(GP_TLS_1_0,
								version - 1);
	} else if (strncmp(word, "<=", 2) == 0) {
		version = version_of(word + 2);
		if (version >= 0)
			protocols->excluded |= versions_between(version + 1,
								GP_TLS_1_3);
	} else {
		protocols->lists_some = true;
		version = version_of(word);
		if (version >= 0)
			protocols->included |= 1U << version;
	}
}

static const char *protocols_parameter(const struct check_postfix *postfix)
{
	return is_implicit(postfix) ||
	       strcmp(tls_level(postfix), "encrypt") == 0 ?
	       "smtpd_tls_mandatory_protocols" : "smtpd_tls_protocols";
}

/* The versions of TLS that the service speaks, a bit each. */
static unsigned spoken(const struct check_postfix *postfix)
{
	struct protocols protocols = { .excluded = 0 };
	struct gp_arena *arena = postfix->check->arena;
	char *list = gp_arena_strdup(arena, check_smtpd_value(
				     postfix, protocols_parameter(postfix),
				     ""));
	const char *word;

	while ((word = strsep(&list, ", \t:")) != NULL) {
		if (*word != '\0')
			read_protocol(word, &protocols);
	}
	return (protocols.lists_some ? protocols.included :
		versions_between(GP_TLS_1_0, GP_TLS_1_3)) &
	       ~protocols.excluded;
}

static bool may_encrypt(const struct check_postfix *postfix)
{
	return is_implicit(postfix) ||
	       strcmp(tls_level(postfix), "none") != 0;
}

/* What both servers say of the same line: below what the server speaks it
   allows nothing, above it nobody gets in. */
static bool find_tls_version(const struct check_postfix *postfix, bool above,
			     struct gp_text *what)
{
	unsigned versions = spoken(postfix);

	if (!may_encrypt(postfix))
		return false;
	for (int i = GP_TLS_1_0; i <= GP_TLS_1_3; i++) {
		const struct check_lines *lines =
			&postfix->check->rules.tls_min[i];
		unsigned reach = above ? versions_between(i, GP_TLS_1_3) :
			versions_between(GP_TLS_1_0, i);

		if (lines->count == 0 || (versions & reach) != 0)
			continue;
		gp_text_addf(what, "%s = %s %s tls_min=%s of %s",
			     protocols_parameter(postfix), check_smtpd_value(
			     postfix, protocols_parameter(postfix), ""),
			     above ? "leaves nothing to" : "overrules",
			     gp_tls_version_name((enum gp_tls_version)i),
			     lines->example);
		return true;
	}
	return false;
}

static bool find_tls_min(const struct check_postfix *postfix,
			 struct gp_text *what)
{
	return !find_tls_version(postfix, true, what) &&
	       find_tls_version(postfix, false, what);
}

static bool find_tls_max(const struct check_postfix *postfix,
			 struct gp_text *what)
{
	return find_tls_version(postfix, true, what);
}

static bool find_xclient(const struct check_postfix *postfix,
			 struct gp_text *what)
{
	const char *hosts = check_smtpd_value(
		postfix, "smtpd_authorized_xclient_hosts", "");
	const char *host;

	while ((host = gp_postconf_next(&hosts,
					postfix->check->arena)) != NULL) {
		const char *slash = strchr(host, '/');

		if (slash == NULL || atoi(slash + 1) >=
		    (strchr(host, ':') != NULL ? 128 : 32))
			continue;
		gp_text_addf(what, "smtpd_authorized_xclient_hosts has %s, "
			     "which is wider than a single host", host);
		return true;
	}
	return false;
}

#define BOTH (CHECK_OUTSIDE | CHECK_SUBMISSION)

const struct check_postfix_row check_smtpd_rows[] = {
	{ "postfix-context", CHECK_SUBMISSION, find_no_context,
	  "the port decides whether it is a submission, which is another one "
	  "behind a port forwarder",
	  "-o smtpd_policy_service_policy_context=submission\n"
	  "or, with smtpd_tls_wrappermode, =submissions" },
	{ "postfix-context-unknown", CHECK_SUBMISSION, find_unknown_context,
	  "mail without AUTH is let through as mail from outside",
	  "-o smtpd_policy_service_policy_context=submission\n"
	  "or that word in submission_contexts" },
	{ "postfix-context-outside", CHECK_OUTSIDE, find_context_on_25,
	  "mail from outside counts as a submission without AUTH: where the "
	  "check stands, it is refused",
	  "-o smtpd_policy_service_policy_context=submission\n"
	  "for the submission services in master.cf alone" },
	{ "postfix-context-wrappermode", CHECK_SUBMISSION,
	  find_not_said_implicit,
	  "rules that say \"implicit\" refuse clients that do as they should",
	  "-o smtpd_policy_service_policy_context=submissions" },
	{ "postfix-context-starttls", CHECK_SUBMISSION, find_not_implicit,
	  "clients without TLS from the first byte count as if they had it",
	  "-o smtpd_tls_wrappermode=yes\n"
	  "or -o smtpd_policy_service_policy_context=submission" },
	{ "postfix-auth-outside", CHECK_OUTSIDE, find_auth_on_25,
	  "passwords can be tried and mail be sent there, where no check "
	  "stands",
	  "smtpd_sasl_auth_enable = no\nin main.cf, and "
	  "-o smtpd_sasl_auth_enable=yes for the submission services" },
	{ "postfix-auth-off", CHECK_SUBMISSION, find_no_auth,
	  "nobody can log in there, and all mail without AUTH is refused",
	  "-o smtpd_sasl_auth_enable=yes" },
	{ "postfix-auth-service", CHECK_SUBMISSION, find_another_service,
	  "SMTP AUTH is not judged in Dovecot, or as if nobody spoke TLS",
	  "smtpd_sasl_service = smtp" },
	{ "postfix-auth-cleartext", CHECK_SUBMISSION, find_password_in_clear,
	  "a client without TLS sends its password before it is refused",
	  "smtpd_tls_auth_only = yes" },
	{ "postfix-cleartext", CHECK_SUBMISSION, find_no_cleartext,
	  "Postfix refuses cleartext before the rules are asked: such a rule "
	  "has no effect there",
	  "-o smtpd_tls_security_level=may\n-o smtpd_tls_auth_only=no\n"
	  "so that Gatepost alone decides" },
	{ "postfix-tls-off", CHECK_SUBMISSION, find_no_tls,
	  "no client can encrypt: every rule but \"cleartext\" refuses all of "
	  "them", "-o smtpd_tls_security_level=encrypt" },
	{ "postfix-tls-min", CHECK_SUBMISSION, find_tls_min,
	  "Postfix ends such a connection in the handshake: the rule has no "
	  "effect there",
	  "smtpd_tls_protocols = >=TLSv1\n"
	  "smtpd_tls_mandatory_protocols = >=TLSv1\n"
	  "(and ciphers that go with it), or a higher tls_min" },
	{ "postfix-tls-max", CHECK_SUBMISSION, find_tls_max,
	  "whom that rule is for has no way in",
	  "smtpd_tls_protocols = >=TLSv1.2\n"
	  "smtpd_tls_mandatory_protocols = >=TLSv1.2\n"
	  "or a lower tls_min" },
	{ "postfix-xclient", BOTH, find_xclient,
	  "every host there can claim any client's address and name, as if it "
	  "had logged in",
	  "smtpd_authorized_xclient_hosts = the addresses, one by one" },
};

const size_t check_smtpd_row_count = CHECK_ROWS(check_smtpd_rows);
