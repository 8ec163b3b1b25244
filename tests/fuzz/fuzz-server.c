/* A whole connection: bytes, pauses, a full socket and a sudden end in the
   order that the input says, over a real socket pair. Between them each whole
   request must have had one reply, no more, and nothing but replies may ever
   come.

   The input is a list of steps: an opcode, and for OP_SEND a length and so many
   bytes. */

#include "gatepost-config.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
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
#define REPLY "action=DUNNO\n\n"
#define REPLY_LEN (sizeof(REPLY) - 1)
#define NAME "request=smtpd_access_policy\n"

enum { OP_SEND, OP_REQUEST, OP_READ, OP_PUMP, OP_SHUTDOWN, OP_DRAIN, OPS };

static struct event_base *base;
static size_t answered;

static void answer(void *context, const struct gp_protocol_request *request,
		   struct gp_protocol_reply *reply_r)
{
	(void)context;
	REQUIRE(request->value[GP_PROTOCOL_REQUEST].len > 0);
	answered++;
	reply_r->action = GP_PROTOCOL_DUNNO;
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

/* Reads at most max bytes and compares them with the replies there must be. */
static void take(int fd, size_t max, size_t *taken)
{
	char data[4096];
	ssize_t got, i;

	got = recv(fd, data, max < sizeof(data) ? max : sizeof(data), 0);
	for (i = 0; i < got; i++) {
		REQUIRE(data[i] == REPLY[*taken % REPLY_LEN]);
		(*taken)++;
	}
	REQUIRE(*taken <= answered * REPLY_LEN);
}

static size_t step(struct gp_server *server, int fd, const uint8_t *data,
		   size_t size, size_t *taken)
{
	size_t len;

	switch (data[0] % OPS) {
	case OP_SEND:
		len = size > 1 ? data[1] : 0;
		if (len > size - 1 - (size > 1))
			len = size - 1 - (size > 1);
		(void)send(fd, data + 2, len, MSG_NOSIGNAL);
		return 1 + (size > 1) + len;
	case OP_REQUEST:
		(void)send(fd, NAME "\n", sizeof(NAME), MSG_NOSIGNAL);
		break;
	case OP_READ:
		take(fd, 1 + data[0], taken);
		break;
	case OP_PUMP:
		pump(server);
		break;
	case OP_SHUTDOWN:
		(void)shutdown(fd, SHUT_WR);
		break;
	case OP_DRAIN:
		gp_server_drain(server);
		break;
	}
	return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct gp_server_options options = {
		.answer = answer, .max_clients = 2, .patience = 300,
	};
	struct gp_server *server;
	size_t taken = 0, before;
	int fds[2], small = 1;

	(void)signal(SIGPIPE, SIG_IGN);
	gp_log_set_sink(log_nothing);
	if (base == NULL)
		base = event_base_new();
	server = gp_server_new(base, &options);
	answered = 0;
	REQUIRE(base != NULL && server != NULL);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
	(void)setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	REQUIRE(gp_server_add_connection(server, fds[1], fds[1]) == 0);
	while (size > 0) {
		before = step(server, fds[0], data, size, &taken);
		data += before;
		size -= before;
	}
	do {
		before = taken;
		pump(server);
		take(fds[0], SIZE_MAX, &taken);
	} while (taken > before);
	/* Either all replies came, or the connection was ended: then those that
	   were not taken are lost with it. */
	REQUIRE(taken == answered * REPLY_LEN ||
		gp_server_clients(server) == 0);
	close(fds[0]);
	gp_server_free(&server);
	return 0;
}
