/* Clients choose their names, so a line counts only from its beginning: where
   "gatepost: refused: " stands further back, somebody else may have written
   it. Values in the line are escaped and hold no comma. */

#include "shared/tools/log-door.h"

#include <string.h>

#include "shared/tools/log-dovecot.h"

static const struct {
	const char *words;
	enum log_kind kind;
} verdicts[] = {
	{ "refused: ", LOG_REFUSED },
	{ "would be refused: ", LOG_TRIAL },
	{ "deferred: ", LOG_DEFERRED },
	{ "exempt: ", LOG_EXEMPT },
};

static bool take_verdict(struct log_piece *rest, enum log_kind *kind_r)
{
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		if (log_piece_skip(rest, verdicts[i].words)) {
			*kind_r = verdicts[i].kind;
			return true;
		}
	}
	return false;
}

/* "<value>" without its brackets. */
static struct log_piece bare(struct log_piece value)
{
	if (value.len >= 2 && value.data[0] == '<' &&
	    value.data[value.len - 1] == '>') {
		value.data++;
		value.len -= 2;
	}
	return value;
}

static void take_tls(struct log_piece value, struct log_login *login)
{
	login->local = log_piece_is(&value, "local");
	if (login->local || log_piece_is(&value, "none"))
		login->tls = LOG_TLS_NONE;
	else if (log_piece_is(&value, "unknown"))
		login->tls = LOG_TLS_UNKNOWN;
	else
		login->tls = log_tls_version(&value);
}

static enum gp_cause read_cause(const struct log_piece *value)
{
	enum gp_cause cause = GP_CAUSE_NAME;

	for (; cause <= GP_CAUSE_TLS_VERSION; cause++) {
		if (log_piece_is(value, gp_cause_name(cause)))
			return cause;
	}
	return GP_CAUSE_NONE;
}

static void take_field(struct log_piece value, struct log_login *login)
{
	if (log_piece_skip(&value, "user=") ||
	    log_piece_skip(&value, "sender="))
		login->user = bare(value);
	else if (log_piece_skip(&value, "service="))
		login->protocol = value;
	else if (log_piece_skip(&value, "cause="))
		login->door.cause = read_cause(&value);
	else if (log_piece_skip(&value, "rule="))
		login->door.rule = bare(value);
	else if (log_piece_skip(&value, "file="))
		login->door.file = bare(value);
	else if (log_piece_skip(&value, "line="))
		log_piece_number(&value, &login->door.line);
	else if (log_piece_skip(&value, "rip="))
		log_address(&value, &login->client);
	else if (log_piece_skip(&value, "peer="))
		log_address(&value, &login->connection);
	else if (log_piece_skip(&value, "tls="))
		take_tls(value, login);
	else if (log_piece_skip(&value, "session="))
		login->session = bare(value);
	else if (log_piece_skip(&value, "method=")) {
		value = bare(value);
		login->sends_password = log_mechanism_sends_password(&value);
	}
}

static void take_fields(struct log_piece rest, struct log_login *login)
{
	while (rest.len > 0) {
		const char *comma = log_piece_find(&rest, ", ");
		size_t len = comma == NULL ? rest.len :
			     (size_t)(comma - rest.data);
		size_t used = comma == NULL ? len : len + 2;

		take_field((struct log_piece) { rest.data, len }, login);
		rest.data += used;
		rest.len -= used;
	}
}

enum log_result log_door_policyd(const struct log_piece *text,
				 struct log_login *login_r)
{
	struct log_piece rest = *text;
	enum log_kind kind;

	if (!take_verdict(&rest, &kind))
		return LOG_OTHER;
	memset(login_r, 0, sizeof(*login_r));
	login_r->kind = kind;
	login_r->implicit = LOG_IMPLICIT_UNKNOWN;
	login_r->tls = LOG_TLS_MISSING;
	login_r->sends_password = true;
	take_fields(rest, login_r);
	login_r->forwarded = login_r->connection.known;
	if (!login_r->forwarded)
		login_r->connection = login_r->client;
	return login_r->user.data == NULL || login_r->protocol.len == 0 ?
	       LOG_UNREADABLE : LOG_TAKEN;
}

enum log_result log_door_dovecot(const struct log_piece *said,
				 struct log_login *login_r)
{
	struct log_piece rest = *said;

	if (!log_piece_skip(&rest, "auth: "))
		return LOG_OTHER;
	log_dovecot_skip_level(&rest);
	if (!log_piece_skip(&rest, "gatepost: "))
		return LOG_OTHER;
	return log_door_policyd(&rest, login_r);
}

/* The daemon writes its verdict's name there. */
static bool take_short_verdict(struct log_piece *rest, enum log_kind *kind_r)
{
	static const struct {
		const char *word;
		enum log_kind kind;
	} words[] = {
		{ "refuse, ", LOG_REFUSED },
		{ "trial, ", LOG_TRIAL },
		{ "defer, ", LOG_DEFERRED },
		{ "exempt, ", LOG_EXEMPT },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (log_piece_skip(rest, words[i].word)) {
			*kind_r = words[i].kind;
			return true;
		}
	}
	return false;
}

enum log_result log_door_left_out(const struct log_piece *text,
				  struct log_login *login_r)
{
	struct log_piece rest = *text, count;
	const char *end = log_piece_find_last(&rest, ": ");
	enum log_kind kind;

	if (end == NULL || !take_short_verdict(&rest, &kind) ||
	    log_piece_find(&rest, " more lines like this were left out") == NULL)
		return LOG_OTHER;
	memset(login_r, 0, sizeof(*login_r));
	login_r->kind = kind;
	login_r->proven = true;
	count.data = end + 2;
	count.len = (size_t)(text->data + text->len - count.data);
	rest.len = (size_t)(end - rest.data);
	take_fields(rest, login_r);
	/* A long name was cut, and its bracket with it. */
	return rest.len == 0 || rest.data[rest.len - 1] != '>' ||
	       login_r->user.data == NULL || login_r->protocol.len == 0 ||
	       !log_piece_number(&count, &login_r->left_out) ?
	       LOG_UNREADABLE : LOG_TAKEN;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void log_door_unescape(const struct log_piece *value, struct gp_text *text)
{
	const char *p = value->data, *end;

	/* What is not told has no bytes at all. */
	if (value->len == 0)
		return;
	end = p + value->len;
	while (p < end) {
		if (end - p >= 4 && p[0] == '\\' && p[1] == 'x' &&
		    hex_digit(p[2]) >= 0 && hex_digit(p[3]) >= 0) {
			gp_text_add_char(text, (char)(hex_digit(p[2]) * 16 +
						      hex_digit(p[3])));
			p += 4;
		} else {
			gp_text_add_char(text, *p++);
		}
	}
}
