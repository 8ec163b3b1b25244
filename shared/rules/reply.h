#ifndef GP_RULES_REPLY_H
#define GP_RULES_REPLY_H

#include "shared/base/text.h"
#include "shared/rules/decide.h"

/* The words of a verdict: one place for what clients are told, so that both
   doors and "gatepost explain" say the same. Texts are one line of printable
   ASCII, at most GP_REPLY_MAX bytes, and hold nothing that a client sent. */

#define GP_REPLY_MAX 200

/* What a Dovecot client is told, for a verdict of refuse that is disclosed:
   the response code in brackets for IMAP ("[PRIVACYREQUIRED] ...") and POP3
   ("[AUTH] ..."), the text alone for the others. protocol is the protocol
   spoken, not webmail. Adds nothing when the refusal is not disclosed. For
   POP3, Dovecot's login process adds "[AUTH]" itself: then with_code is
   false. */
void gp_reply_dovecot(const struct gp_verdict *verdict,
		      enum gp_service protocol, bool with_code,
		      struct gp_text *text);

/* The action for Postfix without "action=": "DUNNO", or a 4xx or 5xx code, an
   enhanced status code and text. It can be nothing else. disclose is the
   policy's: under GP_DISCLOSE_NONE the cause is kept back. */
enum gp_smtp_action {
	GP_SMTP_DUNNO,
	GP_SMTP_REJECT,
	GP_SMTP_DEFER
};

enum gp_smtp_action gp_reply_smtp(const struct gp_verdict *verdict,
				  enum gp_disclose disclose,
				  struct gp_text *text);

/* The log line for a refusal, a trial, a deferral or an exempt login, without
   prefix and newline, in name=value form:

   refused: user=<alice@example.com>, service=pop3, cause=off,
   rule=<example.com>, file=</etc/gatepost/rules>, line=7, disclosed=yes,
   rip=192.0.2.1, lip=192.0.2.25, tls=TLSv1.2

   Everything a client sent is escaped. The line has no password, for the
   request has none. Returns false and adds nothing for a plain allow. */
bool gp_reply_log(const struct gp_verdict *verdict,
		  const struct gp_request *request, struct gp_text *text);

#endif
