#ifndef GP_PLUGIN_FACTS_H
#define GP_PLUGIN_FACTS_H

#include "shared/base/text.h"
#include "shared/rules/request.h"
#include "dovecot-plugin/word.h"

/* What Dovecot's auth process knows of a login, turned into the request that
   is judged. Pure, and free of Dovecot's headers. */

/* What the auth client said of encryption. */
enum gp_secured {
	GP_SECURED_NO,
	/* "secured": TLS from Postfix; from Dovecot's own services no more
	   than that nobody else can listen (local, or trusted). */
	GP_SECURED,
	/* "secured=tls" */
	GP_SECURED_TLS
};

struct gp_facts {
	/* As Dovecot names it: "imap", "sieve", "smtp". */
	const char *service;
	enum gp_secured secured;
	/* The client as it is said to be (after PROXY, ID, XCLIENT from those
	   whom Dovecot trusts), and the ends of the TCP connection. */
	struct gp_address remote;
	struct gp_address real_remote;
	struct gp_address real_local;
	/* What the login plugin says of the connection; NULL without it. */
	const struct gp_word *word;
};

/* True for the services of Dovecot itself, whose login processes the plugin is
   in. */
bool gp_facts_can_have_word(const char *service);

/* The request, as yet without a name. */
void gp_facts_request(const struct gp_facts *facts, enum gp_service service,
		      struct gp_request *request_r);

struct gp_login_names {
	/* The mailbox to be entered, as Dovecot knows it. */
	const char *mailbox;
	/* The name as the client typed it, for the mailbox's own user; NULL
	   for a master user, who typed his own. */
	const char *typed;
	/* What auth_username_translation makes of each byte; 0 is itself. NULL
	   where nothing is translated. */
	const char *translation;
};

/* True when Dovecot's format took the domain away, so that the name as typed
   must be judged too. It is then put into typed_r, translated. */
bool gp_facts_lost_domain(const struct gp_login_names *names,
			  struct gp_text *typed_r);

#endif
