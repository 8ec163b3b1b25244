/* What is known of a login, weighed by who said it. Everything here errs on
   one side: what nobody vouches for is taken for the worse, so that a rule
   which demands something refuses rather than lets in. */

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
	if (!gp_facts_can_have_word(facts->service))
		set_transport_of_mail_server(facts, request);
	else if (facts->secured == GP_SECURED_TLS)
		request->tls = GP_TLS_UNKNOWN;
}

bool gp_facts_can_have_word(const char *service)
{
	return strcmp(service, SERVICE_OF_MAIL_SERVERS) != 0;
}

static bool differ(const struct gp_address *a, const struct gp_address *b)
{
	return a->known && b->known && !gp_address_equal(a, b);
}

/* Without the plugin the connection is TCP's. A proxy on this host speaks for
   clients elsewhere, who may well have come in cleartext: what it forwards is
   never local. */
static void set_connection(const struct gp_facts *facts,
			   struct gp_request *request)
{
	request->connection = facts->real_remote;
	if (!differ(&facts->remote, &facts->real_remote))
		request->server = facts->real_local;
	set_transport(facts, request);
}

static void set_connection_as_told(const struct gp_word *word,
				   struct gp_request *request)
{
	request->connection = word->connection;
	request->server = word->server;
	request->tls = word->version;
	request->implicit = word->implicit ? GP_YES : GP_NO;
}

void gp_facts_request(const struct gp_facts *facts, enum gp_service service,
		      struct gp_request *request_r)
{
	memset(request_r, 0, sizeof(*request_r));
	request_r->service = service;
	request_r->authenticated = true;
	if (facts->word != NULL)
		set_connection_as_told(facts->word, request_r);
	else
		set_connection(facts, request_r);
	request_r->client = facts->remote;
	request_r->client_was_forwarded =
		differ(&facts->remote, &request_r->connection);
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
