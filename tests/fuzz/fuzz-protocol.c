/* The parser of policy requests: the bytes whole, and again in pieces, must
   give the same requests or the same end. What was parsed is then encoded as a
   reply's text, which must come out as one reply that does not permit. */

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "postfix-policyd/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) \
	do { if (!(condition)) abort(); } while (0)

static void check_reply(enum gp_protocol_action action,
			const struct gp_protocol_value *value)
{
	char text[600], bytes[GP_PROTOCOL_REPLY_MAX];
	struct gp_protocol_reply reply = { .action = action, .text = text };
	size_t len = value->len < sizeof(text) ? value->len : sizeof(text) - 1;

	memcpy(text, value->data, len);
	text[len] = '\0';
	len = gp_protocol_encode(&reply, bytes);
	REQUIRE(len > 9 && len <= sizeof(bytes));
	REQUIRE(memchr(bytes, '\n', len) == bytes + len - 2);
	REQUIRE(bytes[len - 1] == '\n' && memcmp(bytes, "action=", 7) == 0);
	if (action == GP_PROTOCOL_INFO)
		REQUIRE(memcmp(bytes + 7, "INFO ", 5) == 0);
	else
		REQUIRE((bytes[7] == '4' || bytes[7] == '5') &&
			bytes[10] == ' ' && bytes[11] == bytes[7]);
}

static void check_request(const struct gp_protocol_request *request,
			  const char *data, size_t len)
{
	const struct gp_protocol_value *value;
	unsigned i;

	for (i = 0; i < GP_PROTOCOL_ATTRS; i++) {
		value = &request->value[i];
		if (value->len == 0)
			continue;
		REQUIRE(value->data > data &&
			value->data + value->len < data + len);
		REQUIRE(memchr(value->data, '\n', value->len) == NULL);
		REQUIRE(memchr(value->data, '\0', value->len) == NULL);
		check_reply(GP_PROTOCOL_REJECT, value);
		check_reply(GP_PROTOCOL_INFO, value);
	}
}

/* Feeds the bytes in pieces of that size, each time in a copy of exactly that
   length. Returns what the parser said last. */
static int parse_in_pieces(const char *data, size_t size, size_t piece,
			   size_t *used_r)
{
	struct gp_protocol_request request;
	struct gp_protocol_parser parser;
	const char *error;
	size_t n = 0;
	char *copy;
	int ret = 0;

	gp_protocol_parser_init(&parser);
	while (ret == 0 && n < size) {
		n = size - n < piece ? size : n + piece;
		copy = malloc(n);
		REQUIRE(copy != NULL);
		memcpy(copy, data, n);
		ret = gp_protocol_parse(&parser, copy, n, &request, used_r,
					&error);
		REQUIRE(ret >= 0 || error != NULL);
		if (ret > 0)
			check_request(&request, copy, *used_r);
		free(copy);
	}
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const char *data = (const char *)bytes;
	size_t used = 0, again = 0, piece;
	int ret;

	if (size < 2)
		return 0;
	piece = 1 + bytes[0] % 64;
	data++;
	size--;
	while (size > 0) {
		ret = parse_in_pieces(data, size, size, &used);
		REQUIRE(parse_in_pieces(data, size, piece, &again) == ret);
		REQUIRE(ret != 0 || size < GP_PROTOCOL_REQUEST_MAX);
		if (ret <= 0)
			break;
		REQUIRE(used == again && used > 0 && used <= size);
		data += used;
		size -= used;
	}
	return 0;
}
