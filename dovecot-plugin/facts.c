/* What is known of a login, weighed by who said it. Everything here errs on
   one side: what nobody vouches for is taken for the worse, so that a rule
   which demands something refuses rather than lets in. */

#include "shared/base/text.h"
#include "dovecot-plugin/facts.h"

#include <string.h>

/* The service that Postfix, and other mail servers after it, ask for. */
#define SERVICE_OF_MAIL_SERVERS "smtp"

static void set_transport_of_mail_server(const struct gp_facts *facts,
					 struct gp_request *request)
{
	if (facts->secured == GP_SECURED_NO)
		return;
	/* Neither version nor port is told here; the policy daemon is told
	   both at the next command. */
	request->tls = GP_TLS_UNKNOWN;
	request->tls_version_elsewhere = true;
	request->implicit = GP_ELSEWHERE;
}

static void set_transport(const struct gp_facts *facts,
			  struct gp_request *request)
{
	if (strcmp(facts->service, SERVICE_OF_MAIL_SERVERS) == 0)
		set_transport_of_mail_server(facts, request);
	else if (facts->secured == GP_SECURED_TLS)
		request->tls = GP_TLS_UNKNOWN;
}

static bool was_forwarded(const struct gp_facts *facts)
{
	return facts->remote.known && facts->real_remote.known &&
		!gp_address_equal(&facts->remote, &facts->real_remote);
}

void gp_facts_request(const struct gp_facts *facts, enum gp_service service,
		      struct gp_request *request_r)
{
	memset(request_r, 0, sizeof(*request_r));
	request_r->service = service;
	request_r->authenticated = true;
	request_r->connection = facts->real_remote;
	request_r->client = facts->remote;
	request_r->client_was_forwarded = was_forwarded(facts);
	/* A proxy on this host speaks for clients elsewhere, who may well have
	   come in cleartext: what it forwards is never local. */
	if (!request_r->client_was_forwarded)
		request_r->server = facts->real_local;
	set_transport(facts, request_r);
}

static char translate(const char *translation, char c)
{
	char other = translation == NULL ? 0 : translation[(unsigned char)c];

	return other == 0 ? c : other;
}

bool gp_facts_lost_domain(const struct gp_login_names *names,
			  struct gp_text *typed_r)
{
	bool has_domain = false;

	if (names->typed == NULL || strchr(names->mailbox, '@') != NULL)
		return false;
	for (const char *p = names->typed; *p != '\0'; p++) {
		char c = translate(names->translation, *p);

		has_domain = has_domain || c == '@';
		gp_text_add_char(typed_r, c);
	}
	return has_domain;
}
