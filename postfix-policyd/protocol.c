/* The policy protocol. Requests are read line by line where they lie, without
   copying: Postfix keeps one request outstanding, so the bytes stay in place
   until it is answered. The parser remembers where it stands, so that a request
   that comes byte by byte costs no more than one that comes whole. It fails by
   refusing the request, never by guessing: an attribute that is read and given
   twice could mean one thing to us and another to whoever put it there. */

#include <stdbool.h>
#include <string.h>
#include "postfix-policyd/protocol.h"
#include "shared/tools/counters.h"

#define REQUEST_NAME "smtpd_access_policy"
#define REPLY_DUNNO "action=DUNNO\n\n"
#define REPLY_DEFER \
	"action=451 4.3.0 Temporary failure of the policy service\n\n"

#define IS(str) (memcmp(name, str, sizeof(str) - 1) == 0)

/* By length first: of the two dozen attributes of a request most are told
   apart by it. */
static int attr_from_name(const char *name, size_t len)
{
	switch (len) {
	case 6:
		return IS("sender") ? GP_PROTOCOL_SENDER : -1;
	case 7:
		return IS("request") ? GP_PROTOCOL_REQUEST : -1;
	case 9:
		return IS("recipient") ? GP_PROTOCOL_RECIPIENT : -1;
	case 11:
		return IS("server_port") ? GP_PROTOCOL_SERVER_PORT :
			IS("sasl_method") ? GP_PROTOCOL_SASL_METHOD : -1;
	case 13:
		return IS("sasl_username") ? GP_PROTOCOL_SASL_USERNAME : -1;
	case 14:
		return IS("protocol_state") ? GP_PROTOCOL_STATE :
			IS("client_address") ? GP_PROTOCOL_CLIENT_ADDRESS :
			IS("server_address") ? GP_PROTOCOL_SERVER_ADDRESS :
			IS("policy_context") ? GP_PROTOCOL_CONTEXT : -1;
	case 19:
		return IS("encryption_protocol") ? GP_PROTOCOL_ENCRYPTION : -1;
	default:
		return -1;
	}
}

#undef IS

void gp_protocol_parser_init(struct gp_protocol_parser *parser)
{
	parser->line = 0;
	parser->scanned = 0;
	parser->seen = 0;
}

/* Reads one line that is not empty, without its newline. */
static int parse_line(struct gp_protocol_parser *parser, const char *data,
		      size_t len, const char **error_r)
{
	const char *line = data + parser->line;
	const char *equals = memchr(line, '=', len);
	int attr;

	if (equals == NULL) {
		*error_r = "a line of the request has no \"=\"";
		return -1;
	}
	if (equals == line) {
		*error_r = "an attribute of the request has no name";
		return -1;
	}
	attr = attr_from_name(line, equals - line);
	if (attr < 0)
		return 0;
	if ((parser->seen & (UINT32_C(1) << attr)) != 0) {
		*error_r = "the request has an attribute twice";
		return -1;
	}
	parser->seen |= UINT32_C(1) << attr;
	parser->value[attr].start = equals + 1 - data;
	parser->value[attr].len = len - (equals + 1 - line);
	return 0;
}

static void fill_request(const struct gp_protocol_parser *parser,
			 const char *data,
			 struct gp_protocol_request *request_r)
{
	unsigned i;

	for (i = 0; i < GP_PROTOCOL_ATTRS; i++) {
		if ((parser->seen & (UINT32_C(1) << i)) != 0) {
			request_r->value[i].data =
				data + parser->value[i].start;
			request_r->value[i].len = parser->value[i].len;
		} else {
			request_r->value[i].data = "";
			request_r->value[i].len = 0;
		}
	}
}

static bool is_named(const struct gp_protocol_value *name, const char *str)
{
	return name->len == strlen(str) &&
		memcmp(name->data, str, name->len) == 0;
}

static int check_request(const struct gp_protocol_request *request,
			 const char *data, size_t len, const char **error_r)
{
	const struct gp_protocol_value *name =
		&request->value[GP_PROTOCOL_REQUEST];

	if (memchr(data, '\0', len) != NULL) {
		*error_r = "the request has a NUL byte";
		return -1;
	}
	if (!is_named(name, REQUEST_NAME) &&
	    !is_named(name, GP_COUNTERS_REQUEST)) {
		*error_r = "this is not \"request=" REQUEST_NAME "\"";
		return -1;
	}
	return 0;
}

int gp_protocol_parse(struct gp_protocol_parser *parser, const char *data,
		      size_t len, struct gp_protocol_request *request_r,
		      size_t *used_r, const char **error_r)
{
	size_t max = len < GP_PROTOCOL_REQUEST_MAX ?
		len : GP_PROTOCOL_REQUEST_MAX;
	const char *newline;
	size_t line_len;

	while ((newline = memchr(data + parser->scanned, '\n',
				 max - parser->scanned)) != NULL) {
		line_len = newline - (data + parser->line);
		if (line_len == 0) {
			*used_r = parser->line + 1;
			fill_request(parser, data, request_r);
			gp_protocol_parser_init(parser);
			return check_request(request_r, data, *used_r,
					     error_r) < 0 ? -1 : 1;
		}
		if (parse_line(parser, data, line_len, error_r) < 0)
			return -1;
		parser->line += line_len + 1;
		parser->scanned = parser->line;
	}
	parser->scanned = max;
	if (max == GP_PROTOCOL_REQUEST_MAX) {
		*error_r = "the request is too long";
		return -1;
	}
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One number of an enhanced status code: at most three digits. */
static size_t number_len(const char *str)
{
	size_t len = 0;

	while (len < 3 && is_digit(str[len]))
		len++;
	return len;
}

/* "4xx 4.y.z text" or "5xx 5.y.z text"; not 421 and 521, which would end the
   session, and not 535 and 538, at which mail programs drop the password they
   have stored. */
static bool is_reject_text(const char *str)
{
	const char *p = str + 6;
	size_t subject, detail;

	if ((str[0] != '4' && str[0] != '5') || !is_digit(str[1]) ||
	    !is_digit(str[2]) || str[3] != ' ' || str[4] != str[0] ||
	    str[5] != '.')
		return false;
	if (memcmp(str + 1, "21", 2) == 0 || memcmp(str, "535", 3) == 0 ||
	    memcmp(str, "538", 3) == 0)
		return false;
	subject = number_len(p);
	if (subject == 0 || p[subject] != '.')
		return false;
	p += subject + 1;
	detail = number_len(p);
	return detail > 0 && p[detail] == ' ' && p[detail + 1] > ' ';
}

static size_t encode_text(const char *prefix, const char *text,
			  char bytes[GP_PROTOCOL_REPLY_MAX])
{
	/* Room for the two newlines. */
	const size_t max = GP_PROTOCOL_REPLY_MAX - 2;
	size_t len = strlen(prefix);

	memcpy(bytes, prefix, len);
	for (; *text != '\0' && len < max; text++)
		bytes[len++] = *text >= ' ' && *text <= '~' ? *text : '?';
	bytes[len++] = '\n';
	bytes[len++] = '\n';
	return len;
}

size_t gp_protocol_encode(const struct gp_protocol_reply *reply,
			  char bytes[GP_PROTOCOL_REPLY_MAX])
{
	switch (reply->action) {
	case GP_PROTOCOL_DUNNO:
		memcpy(bytes, REPLY_DUNNO, sizeof(REPLY_DUNNO) - 1);
		return sizeof(REPLY_DUNNO) - 1;
	case GP_PROTOCOL_INFO:
		return encode_text("action=INFO ", reply->text, bytes);
	case GP_PROTOCOL_REJECT:
		if (is_reject_text(reply->text))
			return encode_text("action=", reply->text, bytes);
		break;
	case GP_PROTOCOL_DEFER:
	case GP_PROTOCOL_PAGE:
		break;
	}
	memcpy(bytes, REPLY_DEFER, sizeof(REPLY_DEFER) - 1);
	return sizeof(REPLY_DEFER) - 1;
}
