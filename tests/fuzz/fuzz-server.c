/* Whole connections, several at once: bytes, pauses, full sockets and sudden
   ends in the order that the input says, over real socket pairs. Each reply
   bears a number, so that it is seen that every request has one reply and no
   more, in order, and that nothing but replies ever comes.

   The input is a byte that says whether patience ends soon, and a list of
   steps: a byte for what is done and on which connection, and for OP_SEND a
   length and so many bytes. */

#include "gatepost-config.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/event.h>
#include "postfix-policyd/server.h"
#include "shared/base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) \
	do { if (!(condition)) abort(); } while (0)
#define REPLY "action=550 5.7.1 %08u\n\n"
#define REPLY_LEN 27
#define NAME "request=smtpd_access_policy\n"
#define CONNECTIONS 3
#define ANSWERS_MAX 65536

enum { OP_SEND, OP_REQUEST, OP_READ, OP_PUMP, OP_SHUTDOWN, OP_DRAIN, OPS };

struct peer {
	int fd;
	/* The beginning of a reply whose rest was not read yet. */
	char reply[REPLY_LEN];
	size_t reply_len;
	/* The number of the next reply is higher than the last one's. */
	unsigned next;
};

static struct event_base *base;
static struct peer peers[CONNECTIONS];
static unsigned answered, taken;
static bool is_taken[ANSWERS_MAX];
/* Since the last begin. */
static struct {
	const struct gp_protocol_request *request;
	uint32_t sum;
} expected[64];
static unsigned expected_count;
static bool may_expect;

static uint32_t sum_of(const struct gp_protocol_request *request)
{
	uint32_t sum = 0;
	size_t i, j;

	for (i = 0; i < GP_PROTOCOL_ATTRS; i++) {
		for (j = 0; j < request->value[i].len; j++)
			sum = sum * 31 + (uint8_t)request->value[i].data[j];
	}
	return sum;
}

static void begin(void *context)
{
	(void)context;
	expected_count = 0;
	may_expect = true;
}

static void expect(void *context, const struct gp_protocol_request *request)
{
	(void)context;
	REQUIRE(may_expect && expected_count < 64);
	expected[expected_count].request = request;
	expected[expected_count++].sum = sum_of(request);
}

/* What was expected is the same when it is answered. */
static void answer(void *context, const struct gp_protocol_request *request,
		   struct gp_protocol_reply *reply_r)
{
	static char text[48];
	unsigned i;

	(void)context;
	REQUIRE(request->value[GP_PROTOCOL_REQUEST].len > 0);
	REQUIRE(answered < ANSWERS_MAX);
	for (i = 0; i < expected_count; i++)
		REQUIRE(request != expected[i].request ||
			sum_of(request) == expected[i].sum);
	may_expect = false;
	is_taken[answered] = false;
	snprintf(text, sizeof(text), "550 5.7.1 %08u", answered++);
	reply_r->action = GP_PROTOCOL_REJECT;
	reply_r->text = text;
}

static void log_nothing(enum gp_log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static void pump(struct gp_server *server)
{
	gp_server_turn(server, false);
	gp_server_turn(server, false);
}

static void take_reply(struct peer *peer)
{
	unsigned long number = strtoul(peer->reply + 17, NULL, 10);
	char whole[48];

	REQUIRE(number < answered && number >= peer->next);
	REQUIRE(!is_taken[number]);
	snprintf(whole, sizeof(whole), REPLY, (unsigned)number);
	REQUIRE(memcmp(peer->reply, whole, REPLY_LEN) == 0);
	is_taken[number] = true;
	taken++;
	peer->next = number + 1;
	peer->reply_len = 0;
}

/* Reads at most max bytes. Returns false when there was none. */
static bool take(struct peer *peer, size_t max)
{
	char data[4096];
	ssize_t got, i;

	got = recv(peer->fd, data, max < sizeof(data) ? max : sizeof(data), 0);
	for (i = 0; i < got; i++) {
		peer->reply[peer->reply_len++] = data[i];
		if (peer->reply_len == REPLY_LEN)
			take_reply(peer);
	}
	return got > 0;
}

static size_t step(struct gp_server *server, const uint8_t *data, size_t size)
{
	struct peer *peer = &peers[data[0] / OPS % CONNECTIONS];
	size_t len;

	switch (data[0] % OPS) {
	case OP_SEND:
		len = size > 1 ? data[1] : 0;
		if (len > size - 1 - (size > 1))
			len = size - 1 - (size > 1);
		(void)send(peer->fd, data + 2, len, MSG_NOSIGNAL);
		return 1 + (size > 1) + len;
	case OP_REQUEST:
		(void)send(peer->fd, NAME "\n", sizeof(NAME), MSG_NOSIGNAL);
		break;
	case OP_READ:
		(void)take(peer, 1 + data[0]);
		break;
	case OP_PUMP:
		pump(server);
		break;
	case OP_SHUTDOWN:
		(void)shutdown(peer->fd, SHUT_WR);
		break;
	case OP_DRAIN:
		gp_server_drain(server);
		break;
	}
	return 1;
}

static void connect_peer(struct gp_server *server, struct peer *peer)
{
	int fds[2], small = 1;

	memset(peer, 0, sizeof(*peer));
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	(void)setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	REQUIRE(gp_server_add_connection(server, fds[1], fds[1]) == 0);
	peer->fd = fds[0];
}

/* Takes what there is, until nothing comes any more. */
static void take_rest(struct gp_server *server)
{
	bool more;
	size_t i;

	do {
		pump(server);
		more = false;
		for (i = 0; i < CONNECTIONS; i++)
			more |= take(&peers[i], SIZE_MAX);
	} while (more);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_server_options options = {
		.answer = answer, .begin = begin, .expect = expect,
		.max_clients = CONNECTIONS,
		/* 0 is over at the ninth turn of the loop. */
		.patience = size > 0 && data[0] % 2 != 0 ? 0 : 300,
	};
	struct gp_server *server;
	size_t len, i;

	(void)signal(SIGPIPE, SIG_IGN);
	gp_log_set_sink(log_nothing);
	if (base == NULL)
		base = event_base_new();
	server = gp_server_new(base, &options);
	answered = taken = 0;
	may_expect = false;
	REQUIRE(base != NULL && server != NULL);
	for (i = 0; i < CONNECTIONS; i++)
		connect_peer(server, &peers[i]);
	for (i = 1; i < size; i += len)
		len = step(server, data + i, size - i);
	take_rest(server);
	/* Either all replies came, or a connection was ended: then those that
	   were not taken are lost with it. */
	REQUIRE(taken == answered || gp_server_clients(server) < CONNECTIONS);
	for (i = 0; i < CONNECTIONS; i++)
		close(peers[i].fd);
	gp_server_free(&server);
	return 0;
}
