#ifndef GP_RULES_REQUEST_H
#define GP_RULES_REQUEST_H

#include "shared/net/address.h"
#include "shared/net/netset.h"
#include "shared/rules/line.h"

/* What a door knows of a login (or of a submission), decoded once from its
   protocol. A plain value: strings belong to the door and must live as long as
   the request. Zeroed, it is a cleartext login from an unknown address. */

/* A fact that a door may be unable to know. */
enum gp_fact {
	GP_NO = 0,
	GP_YES,
	/* Not known here, and judged by the other door: no check fails for
	   it. */
	GP_ELSEWHERE
};

struct gp_request {
	/* The name to be judged, as the server knows it; may hold any
	   bytes. */
	const char *login;
	size_t login_len;

	/* The protocol that is spoken: imap, pop3, submission or sieve.
	   Whether it speaks for webmail is the decision's business, except
	   that a Postfix service can say so itself (by_context). */
	enum gp_service service;
	bool webmail_by_context;

	/* The TCP peer, or the source in a trusted PROXY header. */
	struct gp_address connection;
	/* The client as the server trusts it: connection, unless it was
	   forwarded (ID, XCLIENT). */
	struct gp_address client;
	bool client_was_forwarded;
	struct gp_address server;

	/* Encryption of the client's connection: GP_TLS_NONE is cleartext (or
	   local), GP_TLS_UNKNOWN is TLS of a version nobody told. */
	enum gp_tls_version tls;
	/* The version is not known here, and judged by the other door. */
	bool tls_version_elsewhere;
	/* TLS from the first byte (RFC 8314). */
	enum gp_fact implicit;
	/* Encryption was judged before; only "off" and "network" are judged
	   (sasl_method=XCLIENT). */
	bool encryption_was_judged;

	/* False for submission without AUTH only; sender is then the envelope
	   sender, NULL or empty for none. */
	bool authenticated;
	const char *sender;
	size_t sender_len;
};

/* What gatepost.conf says that bears on decisions. */
enum gp_disclose {
	GP_DISCLOSE_DOMAIN,
	GP_DISCLOSE_MAILBOX,
	GP_DISCLOSE_NONE
};

struct gp_policy {
	struct gp_netset webmail_networks;
	struct gp_netset exempt_networks;
	bool local_is_encrypted;
	/* GP_TLS_1_0 to GP_TLS_1_3, or GP_TLS_NONE: every tls_min refuses. */
	enum gp_tls_version unknown_tls_version;
	enum gp_disclose disclose;
	/* Without a map: decide by the built-in rule instead of defer. */
	bool builtin_without_map;
};

#endif
