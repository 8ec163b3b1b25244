/* The words of a verdict. A reply is put together from constants and from what
   the rules say, never from what a client sent. The Postfix action has a type
   of its own, so that "OK" cannot be said by mistake: it would let everybody
   relay. */

#include <string.h>
#include "shared/rules/reply.h"

#define SEE "; see "

static const char *const protocol_names[GP_SERVICES] = {
	"IMAP", "POP3", "Sending mail", "ManageSieve", "Webmail"
};

/* Cause and what to do, without help. */
static void add_reason(const struct gp_finding *finding,
		       enum gp_service service, struct gp_text *text)
{
	switch (finding->cause) {
	case GP_CAUSE_OFF:
		gp_text_addf(text, "%s is switched off for this mailbox; ask "
			     "your mail administrator",
			     protocol_names[service]);
		break;
	case GP_CAUSE_NETWORK:
		gp_text_add(text, "Login from your network is not allowed; "
			    "connect from an allowed one or ask your mail "
			    "administrator");
		break;
	case GP_CAUSE_CLEARTEXT:
		gp_text_add(text, "Login without encryption is not allowed; "
			    "switch on SSL/TLS or STARTTLS in your mail "
			    "program");
		break;
	case GP_CAUSE_IMPLICIT:
		gp_text_add(text, "STARTTLS is not enough; choose SSL/TLS in "
			    "your mail program");
		break;
	case GP_CAUSE_TLS_VERSION:
		gp_text_add(text, "Your TLS version is too old; update your "
			    "mail program or device");
		break;
	case GP_CAUSE_NAME:
		gp_text_add(text, "This is no valid login name; write it as "
			    "your full mail address");
		break;
	case GP_CAUSE_UNAUTHENTICATED:
		gp_text_add(text, "Authentication required");
		break;
	case GP_CAUSE_NONE:
		break;
	}
}

static void add_help(const struct gp_finding *finding, struct gp_text *text,
		     size_t start)
{
	size_t used = text->len - start;

	if (finding->help[0] == '\0' ||
	    used + strlen(SEE) + strlen(finding->help) > GP_REPLY_MAX)
		return;
	gp_text_add(text, SEE);
	gp_text_add(text, finding->help);
}

/* reason stands instead of the words of the cause, unless it is NULL. */
static void add_words(const struct gp_finding *finding,
		      enum gp_service service, const char *reason,
		      struct gp_text *text)
{
	size_t start = text->len;

	if (finding->message[0] != '\0') {
		gp_text_add(text, finding->message);
		return;
	}
	if (reason != NULL)
		gp_text_add(text, reason);
	else
		add_reason(finding, service, text);
	add_help(finding, text, start);
}

static const char *imap_code(enum gp_cause cause)
{
	switch (cause) {
	case GP_CAUSE_CLEARTEXT:
	case GP_CAUSE_IMPLICIT:
	case GP_CAUSE_TLS_VERSION:
		return "[PRIVACYREQUIRED] ";
	default:
		return "[CONTACTADMIN] ";
	}
}

void gp_reply_dovecot(const struct gp_verdict *verdict,
		      enum gp_service protocol, bool with_code,
		      struct gp_text *text)
{
	if (verdict->kind != GP_REFUSE || !verdict->disclosed)
		return;
	if (with_code && protocol == GP_IMAP)
		gp_text_add(text, imap_code(verdict->told.cause));
	else if (with_code && protocol == GP_POP3)
		gp_text_add(text, "[AUTH] ");
	add_words(&verdict->told, verdict->service, NULL, text);
}

static void add_smtp_refusal(const struct gp_verdict *verdict,
			     enum gp_disclose disclose, struct gp_text *text)
{
	const struct gp_finding *finding = &verdict->finding;
	const char *code = "550 5.7.1 ", *reason = NULL;

	/* A client that has not logged in learns nothing from being told to. */
	if (disclose == GP_DISCLOSE_NONE &&
	    finding->cause != GP_CAUSE_UNAUTHENTICATED) {
		gp_text_add(text, "550 5.7.1 Not permitted; ask your mail "
			    "administrator");
		return;
	}
	switch (finding->cause) {
	case GP_CAUSE_UNAUTHENTICATED:
		code = "530 5.7.0 ";
		break;
	case GP_CAUSE_NETWORK:
		code = "554 5.7.1 ";
		break;
	case GP_CAUSE_CLEARTEXT:
		code = "530 5.7.0 ";
		reason = "Must issue a STARTTLS command first";
		break;
	case GP_CAUSE_IMPLICIT:
	case GP_CAUSE_TLS_VERSION:
		code = "550 5.7.10 ";
		break;
	default:
		break;
	}
	gp_text_add(text, code);
	add_words(finding, verdict->service, reason, text);
}

enum gp_smtp_action gp_reply_smtp(const struct gp_verdict *verdict,
				  enum gp_disclose disclose,
				  struct gp_text *text)
{
	switch (verdict->kind) {
	case GP_ALLOW:
	case GP_TRIAL:
		gp_text_add(text, "DUNNO");
		return GP_SMTP_DUNNO;
	case GP_REFUSE:
		add_smtp_refusal(verdict, disclose, text);
		return GP_SMTP_REJECT;
	case GP_DEFER:
		break;
	}
	gp_text_add(text, "451 4.3.0 The access rules cannot be read at "
		    "present; try again later");
	return GP_SMTP_DEFER;
}

static void add_address(const char *name, const struct gp_address *address,
			struct gp_text *text)
{
	if (!address->known)
		return;
	gp_text_addf(text, ", %s=", name);
	gp_address_print(address, text);
}

static void add_client_name(const char *name, const char *str, size_t len,
			    struct gp_text *text)
{
	gp_text_addf(text, "%s=<", name);
	if (len > 0)
		gp_text_add_escaped(text, str, len, 255);
	gp_text_add_char(text, '>');
}

static void add_tls(const struct gp_verdict *verdict,
		    const struct gp_request *request, struct gp_text *text)
{
	if (verdict->local)
		gp_text_add(text, ", tls=local");
	else if (request->tls == GP_TLS_NONE)
		gp_text_add(text, ", tls=none");
	else if (request->tls == GP_TLS_UNKNOWN)
		gp_text_add(text, ", tls=unknown");
	else
		gp_text_addf(text, ", tls=TLSv%s",
			     gp_tls_version_name(request->tls));
}

static void add_rule(const struct gp_finding *finding, struct gp_text *text)
{
	gp_text_addf(text, ", cause=%s", gp_cause_name(finding->cause));
	if (finding->line == 0)
		return;
	gp_text_add(text, ", ");
	add_client_name("rule", finding->key, strlen(finding->key), text);
	gp_text_add(text, ", ");
	add_client_name("file", finding->file, strlen(finding->file), text);
	gp_text_addf(text, ", line=%u", finding->line);
}

bool gp_reply_log(const struct gp_verdict *verdict,
		  const struct gp_request *request, struct gp_text *text)
{
	static const char *const words[] = {
		[GP_TRIAL] = "would be refused: ", [GP_REFUSE] = "refused: ",
		[GP_DEFER] = "deferred: "
	};

	if (verdict->kind == GP_ALLOW && !verdict->exempt)
		return false;
	gp_text_add(text, verdict->exempt ? "exempt: " : words[verdict->kind]);
	if (request->authenticated)
		add_client_name("user", request->login, request->login_len,
				text);
	else
		add_client_name("sender", request->sender,
				request->sender_len, text);
	gp_text_addf(text, ", service=%s", gp_service_name(verdict->service));
	if (verdict->service != request->service)
		gp_text_addf(text, ", protocol=%s",
			     gp_service_name(request->service));
	if (verdict->kind == GP_REFUSE || verdict->kind == GP_TRIAL)
		add_rule(&verdict->finding, text);
	if (verdict->kind == GP_REFUSE)
		gp_text_addf(text, ", disclosed=%s",
			     verdict->disclosed ? "yes" : "no");
	add_address("rip", &request->client, text);
	if (!gp_address_equal(&request->client, &request->connection))
		add_address("peer", &request->connection, text);
	add_address("lip", &request->server, text);
	add_tls(verdict, request, text);
	if (verdict->kind == GP_DEFER)
		gp_text_addf(text, ", error=%s", verdict->error);
	return true;
}
