/* The policy daemon's door with a real map: what an answer takes of the heap.
   The calls of malloc(3) and its like are counted by the linker's --wrap. */

#include <stdlib.h>
#include "tests/unit/map-fixture.h"
#include "postfix-policyd/policy.h"
#include "shared/base/log.h"

#define REQUEST \
	"request=smtpd_access_policy\nprotocol_state=RCPT\n" \
	"client_address=192.0.2.17\nserver_address=192.0.2.25\n" \
	"sender=someone@example.com\nrecipient=somebody@example.net\n" \
	"sasl_method=PLAIN\n"

static unsigned allocated;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);

void *__wrap_malloc(size_t size)
{
	allocated++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	allocated++;
	return __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	allocated++;
	return __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	allocated++;
	return __real_reallocarray(old, count, size);
}

static void log_nothing(enum gp_log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static struct gp_policy_door *open_door(void)
{
	struct gp_settings *settings = gp_settings_default();

	fixture_compile(fixture_path("map"),
			"net:office 192.0.2.0/24\n"
			"profile:sales submission=trusted trusted_nets=office\n"
			"* all=tls help=https://help.example.com/\n"
			"off@example.com all=off message=\"ask the admin\"\n"
			"trial@example.com submission=off mode=trial\n"
			"carol@example.com profile=sales\n"
			".example.com tls_min=1.2\n"
			"example.org same_as=example.com\n");
	settings->map = gp_arena_strdup(settings->arena, fixture_path("map"));
	settings->map_owner_uid = geteuid();
	return gp_policy_door_new(settings, false);
}

/* As the server does it, from the request's bytes to the reply's. */
static void ask(struct gp_policy_door *door, const char *rest,
		const char *answer)
{
	struct gp_protocol_reply reply = { .action = GP_PROTOCOL_DEFER };
	struct gp_protocol_parser parser;
	struct gp_protocol_request request;
	char bytes[GP_PROTOCOL_REPLY_MAX + 1], data[1024];
	const char *error;
	size_t used;
	int len = snprintf(data, sizeof(data), REQUEST "%s\n\n", rest);

	gp_protocol_parser_init(&parser);
	assert_int_equal(gp_protocol_parse(&parser, data, len, &request, &used,
					   &error), 1);
	gp_policy_door_begin(door);
	gp_policy_door_expect(door, &request);
	gp_policy_door_answer(door, &request, &reply);
	bytes[gp_protocol_encode(&reply, bytes)] = '\0';
	assert_memory_equal(bytes, answer, strlen(answer));
}

static void ask_all(struct gp_policy_door *door, unsigned number)
{
	static const struct {
		const char *user;
		const char *answer;
	} cases[] = {
		{ "alice@example.com", "action=DUNNO\n" },
		{ "Alice+tag@Sub.Example.COM", "action=DUNNO\n" },
		{ "carol@example.org", "action=DUNNO\n" },
		{ "off@example.com", "action=550 5.7.1 ask the admin" },
		{ "off@example.org", "action=550 5.7.1 ask the admin" },
		{ "trial@example.com", "action=INFO would reject: 550 5.7.1 " },
		{ "no@name@example.com", "action=550 5.7.1 " },
		{ "", "action=530 5.7.0 " },
	};
	char rest[256];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(rest, sizeof(rest), "policy_context=submission\n"
			 "encryption_protocol=TLSv1.3\nsasl_username=%s",
			 cases[i].user);
		ask(door, rest, cases[i].answer);
	}
	/* Names that were never asked about. */
	snprintf(rest, sizeof(rest), "server_port=587\n"
		 "encryption_protocol=TLSv1.1\nsasl_username=u%u@d%u.example",
		 number, number % 1000);
	ask(door, rest, "action=550 5.7.10 ");
	ask(door, "server_port=25", "action=DUNNO\n");
}

static void test_no_allocation_per_request(void **state)
{
	struct gp_policy_door *door = open_door();
	unsigned i, before;

	(void)state;
	assert_non_null(door);
	gp_log_set_sink(log_nothing);
	for (i = 0; i < 100; i++)
		ask_all(door, i);
	assert_true(allocated > 0);
	before = allocated;
	for (; i < 10000; i++)
		ask_all(door, i);
	assert_int_equal(allocated, before);
	gp_policy_door_free(&door);
	gp_log_set_sink(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_allocation_per_request,
						fixture_setup,
						fixture_teardown),
	};

	return cmocka_run_group_tests_name("door", tests, NULL, NULL);
}
