#ifndef GP_TESTS_SERVER_FIXTURE_H
#define GP_TESTS_SERVER_FIXTURE_H

/* A server over real sockets, with an answer that tells which request it
   belongs to: DUNNO, or "550 5.7.1 SENDER". It runs only while it is
   pumped. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/event.h>
#include "tests/unit/cmocka-all.h"
#include "postfix-policyd/server.h"
#include "shared/base/log.h"

#define NAME "request=smtpd_access_policy\n"
#define DUNNO "action=DUNNO\n\n"

static struct event_base *base;
static struct gp_server *server;
static unsigned begun, expected, answered, logged;
/* How many were expected when the first was answered. */
static unsigned answered_first;
static char last_log[256];

static inline void answer(void *context,
			  const struct gp_protocol_request *request,
			  struct gp_protocol_reply *reply_r)
{
	const struct gp_protocol_value *sender =
		&request->value[GP_PROTOCOL_SENDER];
	static char text[64];

	assert_string_equal(context, "context");
	answered++;
	if (answered_first == 0)
		answered_first = expected;
	reply_r->action = GP_PROTOCOL_DUNNO;
	if (sender->len > 0 && sender->len < 20) {
		snprintf(text, sizeof(text), "550 5.7.1 %.*s",
			 (int)sender->len, sender->data);
		reply_r->action = GP_PROTOCOL_REJECT;
		reply_r->text = text;
	}
}

static inline void begin(void *context)
{
	assert_string_equal(context, "context");
	begun++;
}

/* Who is expected is answered later, and together with the others. */
static inline void expect(void *context,
			  const struct gp_protocol_request *request)
{
	assert_string_equal(context, "context");
	assert_true(request->value[GP_PROTOCOL_REQUEST].len > 0);
	expected++;
}

static inline void note_log(enum gp_log_level level, const char *line)
{
	(void)level;
	logged++;
	snprintf(last_log, sizeof(last_log), "%s", line);
}

static inline void start(unsigned max_clients, unsigned patience)
{
	struct gp_server_options options = {
		.answer = answer, .begin = begin, .expect = expect,
		.context = "context",
		.max_clients = max_clients, .patience = patience,
	};

	base = event_base_new();
	assert_non_null(base);
	server = gp_server_new(base, &options);
	assert_non_null(server);
	begun = expected = answered = answered_first = logged = 0;
	last_log[0] = '\0';
	gp_log_set_sink(note_log);
}

static inline int stop(void **state)
{
	(void)state;
	gp_server_free(&server);
	if (base != NULL)
		event_base_free(base);
	base = NULL;
	gp_log_set_sink(NULL);
	return 0;
}

/* Lets the server do what it can without waiting. */
static inline void pump(void)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		assert_int_equal(gp_server_turn(server, false), 0);
}

static inline int connect_pair(void)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
				    fds), 0);
	assert_int_equal(gp_server_add_connection(server, fds[1], fds[1]), 0);
	return fds[0];
}

static inline void put(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

static inline void put_str(int fd, const char *str)
{
	put(fd, str, strlen(str));
}

static inline void assert_nothing(int fd)
{
	char byte;

	pump();
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
}

static inline void assert_get(int fd, const char *expected)
{
	char data[4096];
	ssize_t got;

	pump();
	got = recv(fd, data, sizeof(data), 0);
	assert_int_equal(got, strlen(expected));
	assert_memory_equal(data, expected, got);
}

static inline void assert_closed(int fd)
{
	char byte;
	ssize_t got;

	pump();
	got = recv(fd, &byte, 1, 0);
	/* Reset, where it was closed before all was read. */
	assert_true(got == 0 || (got < 0 && errno == ECONNRESET));
	close(fd);
}

#endif
