/* The policy protocol: facts of real Postfix first (what it sends, in any
   order, in any pieces), then what must never come out of the encoder. */

#include <stdlib.h>
#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "postfix-policyd/protocol.h"

/* As Postfix 3.7 sent it. */
static const char request_37[] =
	"request=smtpd_access_policy\n"
	"protocol_state=RCPT\n"
	"protocol_name=ESMTP\n"
	"client_address=127.0.0.5\n"
	"client_name=unknown\n"
	"client_port=41234\n"
	"reverse_client_name=unknown\n"
	"server_address=127.0.0.1\n"
	"server_port=587\n"
	"helo_name=client.example\n"
	"sender=alice=tag@example.com\n"
	"recipient=bob@example.net\n"
	"recipient_count=0\n"
	"queue_id=\n"
	"instance=1b5d.6741e2a0.3c2e4.0\n"
	"size=0\n"
	"etrn_domain=\n"
	"stress=\n"
	"sasl_method=PLAIN\n"
	"sasl_username=alice@example.com\n"
	"sasl_sender=\n"
	"ccert_subject=\n"
	"ccert_issuer=\n"
	"ccert_fingerprint=\n"
	"ccert_pubkey_fingerprint=\n"
	"encryption_protocol=TLSv1.3\n"
	"encryption_cipher=TLS_AES_256_GCM_SHA384\n"
	"encryption_keysize=256\n"
	"policy_context=submission\n"
	"\n";

static const char *const expected_37[GP_PROTOCOL_ATTRS] = {
	[GP_PROTOCOL_REQUEST] = "smtpd_access_policy",
	[GP_PROTOCOL_STATE] = "RCPT",
	[GP_PROTOCOL_CONTEXT] = "submission",
	[GP_PROTOCOL_CLIENT_ADDRESS] = "127.0.0.5",
	[GP_PROTOCOL_SERVER_ADDRESS] = "127.0.0.1",
	[GP_PROTOCOL_SERVER_PORT] = "587",
	[GP_PROTOCOL_SENDER] = "alice=tag@example.com",
	[GP_PROTOCOL_RECIPIENT] = "bob@example.net",
	[GP_PROTOCOL_SASL_METHOD] = "PLAIN",
	[GP_PROTOCOL_SASL_USERNAME] = "alice@example.com",
	[GP_PROTOCOL_ENCRYPTION] = "TLSv1.3",
};

#define NAME "request=smtpd_access_policy\n"

static int parse(const char *data, size_t len,
		 struct gp_protocol_request *request_r, const char **error_r)
{
	struct gp_protocol_parser parser;
	size_t used = 0;
	int ret;

	gp_protocol_parser_init(&parser);
	*error_r = NULL;
	ret = gp_protocol_parse(&parser, data, len, request_r, &used, error_r);
	if (ret > 0)
		assert_int_equal(used, len);
	return ret;
}

static void assert_value(const struct gp_protocol_request *request,
			 unsigned attr, const char *expected)
{
	assert_int_equal(request->value[attr].len, strlen(expected));
	assert_memory_equal(request->value[attr].data, expected,
			    strlen(expected));
}

static void assert_expected_37(const struct gp_protocol_request *request)
{
	unsigned i;

	for (i = 0; i < GP_PROTOCOL_ATTRS; i++)
		assert_value(request, i, expected_37[i]);
}

static void test_real_request(void **state)
{
	struct gp_protocol_request request;
	const char *error;

	(void)state;
	assert_int_equal(parse(request_37, strlen(request_37), &request,
			       &error), 1);
	assert_expected_37(&request);
}

/* 3.8 and 3.12 send attributes that 3.7 does not know, and order differs. */
static void test_order_and_unknown_attributes(void **state)
{
	static const char data[] =
		"policy_context=submission\n"
		"tls_sni=mail.example.com\n"
		"compatibility_level=3.8\nmail_version=3.12\n"
		"server_port=587\nsender=alice=tag@example.com\n"
		"tls_sni=twice\nsasl_username=alice@example.com\n"
		"sasl_method=PLAIN\nencryption_protocol=TLSv1.3\n"
		"recipient=bob@example.net\nclient_address=127.0.0.5\n"
		"server_address=127.0.0.1\nprotocol_state=RCPT\n"
		"sende=x\nsenders=x\nSender=x\n" NAME "\n";
	struct gp_protocol_request request;
	const char *error;

	(void)state;
	assert_int_equal(parse(data, strlen(data), &request, &error), 1);
	assert_expected_37(&request);
}

static void test_missing_is_empty(void **state)
{
	struct gp_protocol_request request;
	const char *error;
	unsigned i;

	(void)state;
	assert_int_equal(parse(NAME "\n", strlen(NAME) + 1, &request, &error),
			 1);
	for (i = GP_PROTOCOL_REQUEST + 1; i < GP_PROTOCOL_ATTRS; i++)
		assert_value(&request, i, "");
}

static void test_any_bytes_in_values(void **state)
{
	static const char data[] =
		NAME "sender= =\r\x01\x7f\xff\"<>\\ =\n\n";
	struct gp_protocol_request request;
	const char *error;

	(void)state;
	assert_int_equal(parse(data, strlen(data), &request, &error), 1);
	assert_value(&request, GP_PROTOCOL_SENDER,
		     " =\r\x01\x7f\xff\"<>\\ =");
}

/* One call per byte, the bytes at another place each time. */
static void test_split_at_every_byte(void **state)
{
	struct gp_protocol_request request;
	struct gp_protocol_parser parser;
	size_t len = strlen(request_37), n, used;
	const char *error;
	char *copy = NULL;

	(void)state;
	gp_protocol_parser_init(&parser);
	for (n = 0; n <= len; n++) {
		free(copy);
		copy = malloc(n + 1);
		assert_non_null(copy);
		memcpy(copy, request_37, n);
		assert_int_equal(gp_protocol_parse(&parser, copy, n, &request,
						   &used, &error), n == len);
	}
	assert_expected_37(&request);
	free(copy);
}

static void test_pipelined(void **state)
{
	static const char data[] =
		NAME "sender=a\n\n" NAME "sender=b\n\n" NAME "sender=c\n";
	struct gp_protocol_request request;
	struct gp_protocol_parser parser;
	const char *error, *p = data;
	size_t used, left = strlen(data);

	(void)state;
	gp_protocol_parser_init(&parser);
	assert_int_equal(gp_protocol_parse(&parser, p, left, &request, &used,
					   &error), 1);
	assert_value(&request, GP_PROTOCOL_SENDER, "a");
	p += used;
	left -= used;
	assert_int_equal(gp_protocol_parse(&parser, p, left, &request, &used,
					   &error), 1);
	assert_value(&request, GP_PROTOCOL_SENDER, "b");
	assert_value(&request, GP_PROTOCOL_RECIPIENT, "");
	p += used;
	left -= used;
	assert_int_equal(gp_protocol_parse(&parser, p, left, &request, &used,
					   &error), 0);
}

static void test_no_request(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		const char *error;
	} cases[] = {
#define CASE(data, error) { data, sizeof(data) - 1, error }
		CASE("\n", "request="),
		CASE("sender=a\n\n", "request="),
		CASE("request=\n\n", "request="),
		CASE("request=smtpd_access_policyx\n\n", "request="),
		CASE("request=smtpd_access_polic\n\n", "request="),
		CASE("request=junk\n\n", "request="),
		CASE(NAME "sender\n\n", "no \"=\""),
		CASE("GET / HTTP/1.0\r\n\r\n", "no \"=\""),
		CASE(NAME "\r\n", "no \"=\""),
		CASE(NAME "=x\n\n", "no name"),
		CASE(NAME NAME "\n", "twice"),
		CASE(NAME "sasl_username=a\nsasl_username=a\n\n", "twice"),
		CASE(NAME "sasl_username=\nsasl_username=a\n\n", "twice"),
		CASE(NAME "sender=a\nsize=1\nsender=b\n\n", "twice"),
		CASE(NAME "recipient=a\nrecipient=b\n\n", "twice"),
		CASE(NAME "protocol_state=a\nprotocol_state=b\n\n", "twice"),
		CASE(NAME "policy_context=a\npolicy_context=b\n\n", "twice"),
		CASE(NAME "client_address=a\nclient_address=b\n\n", "twice"),
		CASE(NAME "server_address=a\nserver_address=b\n\n", "twice"),
		CASE(NAME "server_port=25\nserver_port=587\n\n", "twice"),
		CASE(NAME "sasl_method=a\nsasl_method=XCLIENT\n\n", "twice"),
		CASE(NAME "encryption_protocol=\nencryption_protocol=TLSv1.3"
		     "\n\n", "twice"),
		CASE(NAME "sender=a\0b\n\n", "NUL"),
		CASE(NAME "size=a\0b\n\n", "NUL"),
		CASE(NAME "sasl_username=alice\0\nx=y\n\n", "NUL"),
#undef CASE
	};
	struct gp_protocol_request request;
	const char *error;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].data, cases[i].len, &request,
				       &error), -1);
		assert_non_null(strstr(error, cases[i].error));
	}
}

static void test_longest_request(void **state)
{
	static char data[GP_PROTOCOL_REQUEST_MAX + 1];
	struct gp_protocol_request request;
	struct gp_protocol_parser parser;
	const char *error = NULL;
	size_t used;

	(void)state;
	memset(data, 'x', sizeof(data));
	memcpy(data, NAME "sender=", strlen(NAME "sender="));
	memcpy(data + GP_PROTOCOL_REQUEST_MAX - 2, "\n\n", 2);
	assert_int_equal(parse(data, GP_PROTOCOL_REQUEST_MAX, &request,
			       &error), 1);

	memcpy(data + GP_PROTOCOL_REQUEST_MAX - 2, "x\n\n", 3);
	gp_protocol_parser_init(&parser);
	assert_int_equal(gp_protocol_parse(&parser, data,
			GP_PROTOCOL_REQUEST_MAX - 1, &request, &used, &error),
			 0);
	assert_int_equal(gp_protocol_parse(&parser, data, sizeof(data),
					   &request, &used, &error), -1);
	assert_non_null(strstr(error, "too long"));
}

static void assert_reply(enum gp_protocol_action action, const char *text,
			 const char *expected)
{
	struct gp_protocol_reply reply = { .action = action, .text = text };
	char bytes[GP_PROTOCOL_REPLY_MAX];
	size_t len = gp_protocol_encode(&reply, bytes);

	assert_int_equal(len, strlen(expected));
	assert_memory_equal(bytes, expected, len);
}

static void test_replies(void **state)
{
	(void)state;
	assert_reply(GP_PROTOCOL_DUNNO, NULL, "action=DUNNO\n\n");
	assert_reply(GP_PROTOCOL_INFO, "would reject: 550 5.7.1 No",
		     "action=INFO would reject: 550 5.7.1 No\n\n");
	assert_reply(GP_PROTOCOL_REJECT, "550 5.7.1 No",
		     "action=550 5.7.1 No\n\n");
	assert_reply(GP_PROTOCOL_REJECT, "451 4.3.0 Later",
		     "action=451 4.3.0 Later\n\n");
	assert_reply(GP_PROTOCOL_REJECT, "550 5.7.10 A\nB\r\n\n\xc3\xa9\x7f",
		     "action=550 5.7.10 A?B??????\n\n");
}

/* Whatever a reply is made of: what comes out refuses. */
static void test_reject_never_permits(void **state)
{
	static const char *const texts[] = {
		"", "OK", "RELAY", "ok", "DUNNO", "PERMIT", "200", "250 2.0.0 x",
		"5", "55", "550", "550 ", "550 5", "550 5.7.1", "550 5.7.1 ",
		"550 5.7.1  x", "550 4.7.1 x", "450 5.7.1 x", "550 x",
		"550 5.7 x", "550 5..1 x", "550 5.7.1111 x", "5500 5.7.1 x",
		"350 3.0.0 x", "354 go", "\n550 5.7.1 x", " 550 5.7.1 x",
		/* These would end the session, or make clients drop their
		   password. */
		"421 4.7.1 x", "521 5.7.1 x", "535 5.7.8 x", "538 5.7.11 x",
		"FILTER smtp:[192.0.2.1]", "REDIRECT x@example.com",
		"permit_mynetworks", "PREPEND X: y",
	};
	struct gp_protocol_reply zeroed = { 0 };
	char bytes[GP_PROTOCOL_REPLY_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_reply(GP_PROTOCOL_REJECT, texts[i],
			     "action=451 4.3.0 Temporary failure of the "
			     "policy service\n\n");
	assert_reply((enum gp_protocol_action)99, "OK",
		     "action=451 4.3.0 Temporary failure of the policy "
		     "service\n\n");
	gp_protocol_encode(&zeroed, bytes);
	assert_memory_equal(bytes, "action=451 ", 11);
}

static void test_long_text_is_cut(void **state)
{
	struct gp_protocol_reply reply = { .action = GP_PROTOCOL_REJECT };
	char text[1000] = "550 5.7.1 ", bytes[GP_PROTOCOL_REPLY_MAX];
	size_t len;

	(void)state;
	memset(text + 10, 'x', sizeof(text) - 11);
	reply.text = text;
	len = gp_protocol_encode(&reply, bytes);
	assert_int_equal(len, GP_PROTOCOL_REPLY_MAX);
	assert_memory_equal(bytes + len - 3, "x\n\n", 3);
	assert_ptr_equal(memchr(bytes, '\n', len), bytes + len - 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_request),
		cmocka_unit_test(test_order_and_unknown_attributes),
		cmocka_unit_test(test_missing_is_empty),
		cmocka_unit_test(test_any_bytes_in_values),
		cmocka_unit_test(test_split_at_every_byte),
		cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_no_request),
		cmocka_unit_test(test_longest_request),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_reject_never_permits),
		cmocka_unit_test(test_long_text_is_cut),
	};

	return cmocka_run_group_tests_name("protocol", tests, NULL, NULL);
}
