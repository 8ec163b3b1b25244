#ifndef GP_PLUGIN_WORD_H
#define GP_PLUGIN_WORD_H

#include <stdbool.h>
#include "shared/net/address.h"
#include "shared/rules/request.h"
#include "dovecot-plugin/proof.h"

/* The login plugin's word: what it alone knows of a client's connection, on
   its way to the auth module as forwarded fields of the login. */

#define GP_WORD_PREFIX "gatepost_"

struct gp_word {
	/* The client's own connection is encrypted. */
	bool tls;
	/* GP_TLS_UNKNOWN when a proxy has ended the TLS; GP_TLS_NONE without
	   TLS. */
	enum gp_tls_version version;
	/* OpenSSL's name; empty when it is not known. */
	char cipher[64];
	/* TLS from the first byte. */
	bool implicit;
	/* The ends of the connection: TCP's, or those in a PROXY header. */
	struct gp_address connection;
	struct gp_address server;
};

/* OpenSSL's name for a version ("TLSv1.3"). What is not known counts as the
   oldest. */
enum gp_tls_version gp_word_version(const char *name);

/* Hands over each field with its name, prefix included. The session binds the
   word to this login; the key must be known. */
typedef void gp_word_add(void *context, const char *name, const char *value);
void gp_word_send(const struct gp_word *word, const struct gp_proof_key *key,
		  const char *session, gp_word_add *add, void *context);

/* The value of a field, or NULL. */
typedef const char *gp_word_find(void *context, const char *name);
/* Returns 1, 0 when there is no word, or -1 when there is one that is not the
   plugin's. */
int gp_word_receive(const struct gp_proof_key *key, const char *session,
		    gp_word_find *find, void *context, struct gp_word *word_r);

#endif
