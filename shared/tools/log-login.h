#ifndef GP_TOOLS_LOG_LOGIN_H
#define GP_TOOLS_LOG_LOGIN_H

#include "shared/net/address.h"
#include "shared/rules/decide.h"
#include "shared/tools/log-line.h"

/* What a mail log says of one login. A plain value; pieces hold as long as
   the bytes they were read from. */

/* The transport, as far as the log tells; the first are enum
   gp_tls_version's. */
enum log_tls {
	LOG_TLS_NONE = GP_TLS_NONE,
	/* TLS of a version that the log does not tell. */
	LOG_TLS_UNKNOWN = GP_TLS_UNKNOWN,
	/* Postfix logged no TLS; cleartext if it logs TLS at all. */
	LOG_TLS_UNLOGGED,
	/* The log does not tell whether it was encrypted. */
	LOG_TLS_MISSING,
	LOG_TLS_KINDS
};

enum log_implicit {
	LOG_STARTTLS,
	LOG_IMPLICIT,
	LOG_IMPLICIT_UNKNOWN
};

enum log_kind {
	/* Let in, as the mail server tells. */
	LOG_LOGIN,
	/* As a door of Gatepost tells. */
	LOG_REFUSED,
	LOG_TRIAL,
	LOG_DEFERRED,
	LOG_EXEMPT,
	LOG_KINDS
};

/* What a door says of its verdict. */
struct log_door {
	enum gp_cause cause;
	/* As logged, still escaped; empty for the built-in rule. */
	struct log_piece rule;
	struct log_piece file;
	uint32_t line;
};

struct log_login {
	enum log_kind kind;
	/* As the server logged it; a door's escapes are still in it. */
	struct log_piece user;
	/* Dovecot's name: "imap", "managesieve". A door tells the service it
	   judged instead. */
	struct log_piece protocol;
	struct log_piece session;
	/* What the client calls itself, or its host's name. */
	struct log_piece client_name;
	struct gp_address client;
	/* The other end of the connection, where somebody else speaks for the
	   client. */
	struct gp_address connection;
	bool forwarded;
	/* It crossed no network. */
	bool local;
	/* 0 where it is not told. */
	uint32_t port;
	enum log_tls tls;
	enum log_implicit implicit;
	/* The mechanism sends the password itself, or it is not told which
	   one it was. */
	bool sends_password;
	/* The password was right; a door of Dovecot's decides before it is
	   looked at. */
	bool proven;
	/* It stands for so many more of those that a door logged before; 0 for
	   a line of its own. */
	uint32_t left_out;
	struct log_door door;
};

/* What a parser made of a line. */
enum log_result {
	/* About something else. */
	LOG_OTHER,
	LOG_TAKEN,
	/* A login, without facts that are needed. */
	LOG_UNREADABLE
};

/* An address, or the unknown one. */
void log_address(const struct log_piece *piece, struct gp_address *address_r);
/* "TLSv1.2", and what is behind it; LOG_TLS_MISSING when it is no version. */
enum log_tls log_tls_version(const struct log_piece *piece);
/* Whether who listens in learns the password from this mechanism. */
bool log_mechanism_sends_password(const struct log_piece *mechanism);

#endif
