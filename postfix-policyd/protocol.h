#ifndef GP_POLICYD_PROTOCOL_H
#define GP_POLICYD_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

/* Postfix's policy delegation protocol (SMTPD_POLICY_README): requests of
   "name=value" lines that end with an empty line, and one "action=" for each.
   Pure: bytes in, values out; no socket, no clock, no heap. */

/* The longest request, its empty line included. Postfix's own, with each of
   its long fields full (a command line has 2048 bytes), stay below 12000. */
#define GP_PROTOCOL_REQUEST_MAX 16384

/* What is read of a request; other attributes are left alone. */
enum gp_protocol_attr {
	GP_PROTOCOL_REQUEST,
	GP_PROTOCOL_STATE,
	GP_PROTOCOL_CONTEXT,
	GP_PROTOCOL_CLIENT_ADDRESS,
	GP_PROTOCOL_SERVER_ADDRESS,
	GP_PROTOCOL_SERVER_PORT,
	GP_PROTOCOL_SENDER,
	GP_PROTOCOL_RECIPIENT,
	GP_PROTOCOL_SASL_METHOD,
	GP_PROTOCOL_SASL_USERNAME,
	GP_PROTOCOL_ENCRYPTION,
	GP_PROTOCOL_ATTRS
};

/* A value as it was sent, with any bytes but NUL and newline, and not
   terminated. An attribute that was not sent has length 0 like one that was
   sent empty: neither satisfies a condition. */
struct gp_protocol_value {
	const char *data;
	size_t len;
};

struct gp_protocol_request {
	struct gp_protocol_value value[GP_PROTOCOL_ATTRS];
};

/* Where the parser stands in a request of which some bytes have come. All
   positions count from the first byte of the request, so that the bytes may
   move between two calls. A plain value. */
struct gp_protocol_parser {
	/* The first line that is not read yet, and how far it was looked
	   through for its end. */
	uint32_t line;
	uint32_t scanned;
	uint32_t seen;
	struct {
		uint32_t start;
		uint32_t len;
	} value[GP_PROTOCOL_ATTRS];
};

/* Before the first byte of each request. */
void gp_protocol_parser_init(struct gp_protocol_parser *parser);

/* data is all that has come of the request, from its first byte. Returns 1
   when it is whole: request_r points into data, used_r is its length, and the
   parser stands before the next. Returns 0 when more is to come. Returns -1
   and the reason, which echoes nothing, when this is no request: the connection
   is of no use any more and is to be closed without a reply, which is what
   the protocol has for trouble. */
int gp_protocol_parse(struct gp_protocol_parser *parser, const char *data,
		      size_t len, struct gp_protocol_request *request_r,
		      size_t *used_r, const char **error_r);

/* What Postfix can be told. Every other action there is ("OK", "RELAY", bare
   digits, nothing at all) permits, and cannot be said. Zeroed, a reply is a
   temporary failure. */
enum gp_protocol_action {
	GP_PROTOCOL_DEFER,
	GP_PROTOCOL_DUNNO,
	/* Lets go on, and Postfix logs the text. */
	GP_PROTOCOL_INFO,
	/* text begins with the code, 4xx or 5xx, and the enhanced code. */
	GP_PROTOCOL_REJECT,
	/* Not for Postfix: to GP_COUNTERS_REQUEST (shared/tools/counters.h),
	   and sent as it is. */
	GP_PROTOCOL_PAGE
};

struct gp_protocol_reply {
	enum gp_protocol_action action;
	/* Of INFO, REJECT and PAGE; lives as long as the reply. */
	const char *text;
};

#define GP_PROTOCOL_REPLY_MAX 320

/* The reply's bytes. What does not fit is cut off the text. A REJECT whose text
   is not what it must be becomes a temporary failure; bytes of a text that are
   not printable ASCII become "?". Returns the length. */
size_t gp_protocol_encode(const struct gp_protocol_reply *reply,
			  char bytes[GP_PROTOCOL_REPLY_MAX]);

#endif
