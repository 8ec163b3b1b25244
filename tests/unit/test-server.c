/* The connections of the policy daemon over real sockets, with an answer that
   tells which request it belongs to: DUNNO, or "550 5.7.1 SENDER". */

#include "gatepost-config.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <event2/event.h>
#include "tests/unit/cmocka-all.h"
#include "postfix-policyd/server.h"
#include "shared/base/log.h"

#define NAME "request=smtpd_access_policy\n"
#define DUNNO "action=DUNNO\n\n"

static struct event_base *base;
static struct gp_server *server;
static unsigned begun, answered, allocated, logged;
static char last_log[256];

static void answer(void *context, const struct gp_protocol_request *request,
		   struct gp_protocol_reply *reply_r)
{
	const struct gp_protocol_value *sender =
		&request->value[GP_PROTOCOL_SENDER];
	static char text[64];

	assert_string_equal(context, "context");
	answered++;
	reply_r->action = GP_PROTOCOL_DUNNO;
	if (sender->len > 0 && sender->len < 20) {
		snprintf(text, sizeof(text), "550 5.7.1 %.*s",
			 (int)sender->len, sender->data);
		reply_r->action = GP_PROTOCOL_REJECT;
		reply_r->text = text;
	}
}

static void begin(void *context)
{
	assert_string_equal(context, "context");
	begun++;
}

static void note_log(enum gp_log_level level, const char *line)
{
	(void)level;
	logged++;
	snprintf(last_log, sizeof(last_log), "%s", line);
}

/* The server's own calls of malloc are counted by the linker's --wrap,
   libevent's through its functions. */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

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

static void *counted_realloc(void *old, size_t size)
{
	allocated++;
	return realloc(old, size);
}

static void start(unsigned max_clients, unsigned patience)
{
	struct gp_server_options options = {
		.answer = answer, .begin = begin, .context = "context",
		.max_clients = max_clients, .patience = patience,
	};

	base = event_base_new();
	assert_non_null(base);
	server = gp_server_new(base, &options);
	assert_non_null(server);
	begun = answered = logged = 0;
	last_log[0] = '\0';
	gp_log_set_sink(note_log);
}

static int stop(void **state)
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
static void pump(void)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		assert_int_equal(gp_server_turn(server, false), 0);
}

static void pump_for(unsigned milliseconds)
{
	unsigned i;

	for (i = 0; i < milliseconds / 10; i++) {
		usleep(10000);
		pump();
	}
}

static int connect_pair(void)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
				    fds), 0);
	assert_int_equal(gp_server_add_connection(server, fds[1], fds[1]), 0);
	return fds[0];
}

static void put(int fd, const void *data, size_t len)
{
	assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

static void put_str(int fd, const char *str)
{
	put(fd, str, strlen(str));
}

static void assert_nothing(int fd)
{
	char byte;

	pump();
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
}

static void assert_get(int fd, const char *expected)
{
	char data[4096];
	ssize_t got;

	pump();
	got = recv(fd, data, sizeof(data), 0);
	assert_int_equal(got, strlen(expected));
	assert_memory_equal(data, expected, got);
}

static void assert_closed(int fd)
{
	char byte;
	ssize_t got;

	pump();
	got = recv(fd, &byte, 1, 0);
	/* Reset, where it was closed before all was read. */
	assert_true(got == 0 || (got < 0 && errno == ECONNRESET));
	close(fd);
}

static void test_one_reply_per_request(void **state)
{
	int fd, i;

	(void)state;
	start(10, 300);
	fd = connect_pair();
	assert_nothing(fd);
	for (i = 0; i < 100; i++) {
		put_str(fd, NAME "sender=a\n\n");
		assert_get(fd, "action=550 5.7.1 a\n\n");
		assert_nothing(fd);
	}
	assert_int_equal(answered, 100);
	put_str(fd, NAME "\n");
	assert_get(fd, DUNNO);
	close(fd);
	pump();
	assert_int_equal(gp_server_clients(server), 0);
}

static void test_split_at_every_byte(void **state)
{
	static const char data[] = NAME "sender=b\nsize=1\n\n";
	size_t at, len = strlen(data);
	int fd;

	(void)state;
	start(10, 300);
	fd = connect_pair();
	for (at = 1; at < len; at++) {
		put(fd, data, at);
		assert_nothing(fd);
		put(fd, data + at, len - at);
		assert_get(fd, "action=550 5.7.1 b\n\n");
	}
	for (at = 0; at < len; at++) {
		assert_nothing(fd);
		put(fd, data + at, 1);
	}
	assert_get(fd, "action=550 5.7.1 b\n\n");
	assert_int_equal(answered, len);
	close(fd);
}

static void test_disconnect_at_every_byte(void **state)
{
	static const char data[] = NAME "sender=b\n\n";
	size_t at;
	int fd;

	(void)state;
	start(10, 300);
	for (at = 0; at < strlen(data); at++) {
		fd = connect_pair();
		put(fd, data, at);
		pump();
		close(fd);
		pump();
		assert_int_equal(gp_server_clients(server), 0);
	}
	assert_int_equal(answered, 0);
	/* Gone before it reads the reply. */
	fd = connect_pair();
	put_str(fd, data);
	close(fd);
	pump();
	assert_int_equal(answered, 1);
	assert_int_equal(gp_server_clients(server), 0);
}

static void test_pipelined(void **state)
{
	int fd;

	(void)state;
	start(10, 300);
	fd = connect_pair();
	put_str(fd, NAME "sender=a\n\n" NAME "\n" NAME "sender=c\n\n" NAME);
	assert_get(fd, "action=550 5.7.1 a\n\n" DUNNO "action=550 5.7.1 c\n\n");
	put_str(fd, "sender=d\n\n");
	assert_get(fd, "action=550 5.7.1 d\n\n");
	close(fd);
}

/* He sends as long as the kernel takes it and reads nothing; afterwards every
   reply is there, once, in order. */
/* One look for what came together, and a new one for what comes later. */
static void test_begins_once_for_all(void **state)
{
	int fd[100];
	unsigned i;

	(void)state;
	start(100, 300);
	for (i = 0; i < 10; i++) {
		fd[i] = connect_pair();
		put_str(fd[i], NAME "\n" NAME "\n");
	}
	for (i = 0; i < 10; i++)
		assert_get(fd[i], DUNNO DUNNO);
	assert_int_equal(answered, 20);
	assert_int_equal(begun, 1);
	put_str(fd[0], NAME);
	assert_nothing(fd[0]);
	put_str(fd[0], "\n");
	assert_get(fd[0], DUNNO);
	assert_int_equal(begun, 3);
	for (i = 0; i < 10; i++)
		close(fd[i]);
}

/* More than are answered together, and more bytes than are read together; some
   of those who asked have gone. */
static void test_many_at_once(void **state)
{
	static char big[GP_PROTOCOL_REQUEST_MAX];
	int fd[100];
	unsigned i;

	(void)state;
	start(100, 300);
	memset(big, 'x', sizeof(big));
	memcpy(big, "helo_name=", 10);
	memcpy(big + sizeof(big) - strlen(NAME) - 2, "\n" NAME "\n",
	       strlen(NAME) + 2);
	for (i = 0; i < 100; i++) {
		fd[i] = connect_pair();
		if (i % 3 == 0)
			put(fd[i], big, sizeof(big));
		else
			put_str(fd[i], NAME "sender=a\n\n");
		if (i % 10 == 9)
			close(fd[i]);
	}
	for (i = 0; i < 100; i++) {
		if (i % 10 == 9)
			continue;
		assert_get(fd[i], i % 3 == 0 ? DUNNO :
			   "action=550 5.7.1 a\n\n");
		close(fd[i]);
	}
	pump();
	assert_int_equal(answered, 100);
	assert_int_equal(gp_server_clients(server), 0);
}

static void test_client_that_never_reads(void **state)
{
	char data[4096], expected[64];
	unsigned sent = 0, read_back = 0, full = 0, rounds;
	size_t have = 0, len;
	ssize_t got;
	int fd, size = 4096;

	(void)state;
	start(10, 300);
	fd = connect_pair();
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size,
				    sizeof(size)), 0);
	while (full < 10 && sent < 1000000) {
		snprintf(data, sizeof(data), NAME "sender=%u\n\n", sent);
		if (send(fd, data, strlen(data), MSG_NOSIGNAL) < 0) {
			full++;
			pump();
			continue;
		}
		sent++;
	}
	assert_true(full == 10);
	assert_true(answered < sent);

	for (rounds = 0; read_back < sent && rounds < 1000000; rounds++) {
		pump();
		got = recv(fd, data + have, sizeof(data) - have, 0);
		if (got > 0)
			have += got;
		for (;;) {
			len = snprintf(expected, sizeof(expected),
				       "action=550 5.7.1 %u\n\n", read_back);
			if (read_back == sent || have < len)
				break;
			assert_memory_equal(data, expected, len);
			have -= len;
			memmove(data, data + len, have);
			read_back++;
		}
	}
	assert_int_equal(read_back, sent);
	assert_int_equal(have, 0);
	assert_int_equal(answered, sent);
	close(fd);
}

static void test_no_request_is_closed_without_reply(void **state)
{
	static const char *const data[] = {
		"GET / HTTP/1.0\r\n\r\n", "\n", NAME NAME "\n",
		NAME "sasl_username=a\nsasl_username=b\n\n",
	};
	size_t i;
	int fd;

	(void)state;
	start(10, 300);
	for (i = 0; i < sizeof(data) / sizeof(data[0]); i++) {
		fd = connect_pair();
		put_str(fd, data[i]);
		assert_closed(fd);
		assert_int_equal(logged, i + 1);
	}
	assert_int_equal(answered, 0);

	/* What was asked before stays answered, what comes after is not. */
	fd = connect_pair();
	put_str(fd, NAME "\n" "junk\n\n" NAME "\n");
	assert_get(fd, DUNNO);
	assert_closed(fd);
	assert_int_equal(answered, 1);
}

static void test_nothing_sent_is_logged(void **state)
{
	int fd;

	(void)state;
	start(10, 300);
	fd = connect_pair();
	put_str(fd, "\x1b[31mevil\n\n");
	assert_closed(fd);
	assert_null(strstr(last_log, "evil"));
	assert_null(strchr(last_log, 033));
}

/* Sends len bytes of a repeated piece or until the server has enough. Returns
   how many it took. */
static size_t flood(int fd, const char *piece, size_t len)
{
	size_t sent = 0;
	ssize_t ret;

	while (sent < len) {
		ret = send(fd, piece, strlen(piece), MSG_NOSIGNAL);
		if (ret < 0 && errno == EAGAIN)
			pump();
		else if (ret < 0)
			break;
		else
			sent += ret;
	}
	return sent;
}

static void test_floods(void **state)
{
	static const char *const pieces[] = { "x", "x=y\n", "sender=" };
	size_t i;
	int fd;

	(void)state;
	start(10, 300);
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		fd = connect_pair();
		assert_true(flood(fd, pieces[i], 10 * 1000 * 1000) <
			    1000 * 1000);
		pump();
		assert_int_equal(gp_server_clients(server), 0);
		close(fd);
	}
	assert_non_null(strstr(last_log, "too long"));
	assert_int_equal(answered, 0);
}

static void test_complaints_are_bounded(void **state)
{
	unsigned i;
	int fd;

	(void)state;
	start(10, 1);
	for (i = 0; i < 1000; i++) {
		fd = connect_pair();
		put_str(fd, "\n");
		assert_closed(fd);
	}
	assert_in_range(logged, 1, 200);
	pump_for(300);
	assert_non_null(strstr(last_log, "left out"));
}

static void test_patience(void **state)
{
	int idle, half, deaf, size = 1;
	char byte;

	(void)state;
	start(10, 1);
	idle = connect_pair();
	half = connect_pair();
	deaf = connect_pair();
	put_str(idle, NAME "\n");
	assert_get(idle, DUNNO);
	put_str(half, NAME "sen");
	(void)setsockopt(deaf, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	while (send(deaf, NAME "\n", strlen(NAME) + 1, MSG_NOSIGNAL) > 0)
		pump();
	pump_for(700);
	/* One more byte is no excuse. */
	put(half, "d", 1);
	pump_for(800);
	assert_int_equal(gp_server_clients(server), 1);
	assert_int_equal(logged, 2);
	assert_closed(half);
	assert_int_equal(recv(deaf, &byte, 1, 0), 1);
	put_str(idle, NAME "\n");
	assert_get(idle, DUNNO);
	close(idle);
	close(deaf);
}

static struct sockaddr_un address = { .sun_family = AF_UNIX };

/* In the abstract name space, where the kernel finds a free name. */
static void listen_here(void)
{
	socklen_t len = sizeof(address);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address,
			      sizeof(address.sun_family)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len),
			 0);
	assert_int_equal(listen(fd, 100), 0);
	assert_int_equal(gp_server_add_listener(server, fd), 0);
}

static int connect_here(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address,
				 sizeof(address.sun_family) + 6), 0);
	return fd;
}

static void test_max_clients(void **state)
{
	int first, second, third;

	(void)state;
	start(2, 300);
	listen_here();
	first = connect_here();
	second = connect_here();
	third = connect_here();
	put_str(first, NAME "\n");
	put_str(second, NAME "\n");
	put_str(third, NAME "\n");
	assert_get(first, DUNNO);
	assert_get(second, DUNNO);
	assert_nothing(third);
	assert_int_equal(gp_server_clients(server), 2);
	assert_non_null(strstr(last_log, "max_clients"));
	close(first);
	assert_get(third, DUNNO);

	/* Raised and lowered while it runs. */
	first = connect_here();
	put_str(first, NAME "\n");
	assert_nothing(first);
	gp_server_set_max_clients(server, 3);
	assert_get(first, DUNNO);
	gp_server_set_max_clients(server, 1);
	put_str(third, NAME "\n");
	assert_get(third, DUNNO);
	close(second);
	second = connect_here();
	put_str(second, NAME "\n");
	assert_nothing(second);
	close(first);
	close(third);
	assert_get(second, DUNNO);
	close(second);
}

static void test_out_of_descriptors(void **state)
{
	struct rlimit limit, low;
	int fd;

	(void)state;
	start(10, 300);
	listen_here();
	fd = connect_here();
	put_str(fd, NAME "\n");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_nothing(fd);
	assert_int_equal(logged, 1);
	pump_for(300);
	/* It rests, and does not spin. */
	assert_int_equal(logged, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	pump_for(1200);
	assert_get(fd, DUNNO);
	close(fd);
}

static void test_drain(void **state)
{
	int idle, half, queued;

	(void)state;
	start(10, 300);
	listen_here();
	idle = connect_here();
	half = connect_here();
	put_str(idle, NAME "\n");
	assert_get(idle, DUNNO);
	put_str(half, NAME);
	assert_nothing(half);
	queued = connect_here();
	put_str(queued, NAME "sender=q\n\n");

	gp_server_drain(server);
	assert_get(queued, "action=550 5.7.1 q\n\n");
	assert_closed(queued);
	assert_closed(idle);
	put_str(half, "sender=h\n\n");
	/* Ends by itself when the last is answered. */
	assert_int_equal(gp_server_run(server), 0);
	assert_get(half, "action=550 5.7.1 h\n\n");
	assert_closed(half);
	assert_int_equal(gp_server_clients(server), 0);
}

static void test_pipes(void **state)
{
	int in[2], out[2];

	(void)state;
	start(10, 300);
	assert_int_equal(pipe2(in, O_NONBLOCK), 0);
	assert_int_equal(pipe2(out, O_NONBLOCK), 0);
	assert_int_equal(gp_server_add_connection(server, in[0], out[1]), 0);
	assert_int_equal(write(in[1], NAME "\n", strlen(NAME) + 1),
			 strlen(NAME) + 1);
	close(in[1]);
	assert_int_equal(gp_server_run(server), 0);
	{
		char data[64];

		assert_int_equal(read(out[0], data, sizeof(data)),
				 strlen(DUNNO));
		assert_memory_equal(data, DUNNO, strlen(DUNNO));
	}
	close(out[0]);
}

static void test_no_allocation_per_request(void **state)
{
	unsigned i, before;
	int fd[10];

	(void)state;
	event_set_mem_functions(__wrap_malloc, counted_realloc, free);
	start(10, 300);
	for (i = 0; i < 10; i++)
		fd[i] = connect_pair();
	/* A connection that has once sent a request in pieces keeps the
	   buffer it was given. */
	put_str(fd[0], NAME);
	assert_nothing(fd[0]);
	put_str(fd[0], "\n");
	assert_get(fd[0], DUNNO);
	assert_true(allocated > 0);
	before = allocated;
	for (i = 0; i < 10000; i++) {
		put_str(fd[i % 10], NAME "sender=a\n\n");
		assert_get(fd[i % 10], "action=550 5.7.1 a\n\n");
		put_str(fd[0], NAME);
		assert_nothing(fd[0]);
		put_str(fd[0], "\n");
		assert_get(fd[0], DUNNO);
	}
	assert_int_equal(allocated, before);
	for (i = 0; i < 10; i++)
		close(fd[i]);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_teardown(function, stop)
	static const struct CMUnitTest tests[] = {
		TEST(test_one_reply_per_request),
		TEST(test_split_at_every_byte),
		TEST(test_disconnect_at_every_byte),
		TEST(test_pipelined),
		TEST(test_begins_once_for_all),
		TEST(test_many_at_once),
		TEST(test_client_that_never_reads),
		TEST(test_no_request_is_closed_without_reply),
		TEST(test_nothing_sent_is_logged),
		TEST(test_floods),
		TEST(test_complaints_are_bounded),
		TEST(test_patience),
		TEST(test_max_clients),
		TEST(test_out_of_descriptors),
		TEST(test_drain),
		TEST(test_pipes),
		TEST(test_no_allocation_per_request),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
