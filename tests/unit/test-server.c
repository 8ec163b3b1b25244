/* The connections of the policy daemon: what is said on them. */

#include "gatepost-config.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include "tests/unit/server-fixture.h"

static unsigned allocated;

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
	/* Of each connection the first, before any answer. */
	assert_int_equal(expected, 10);
	assert_int_equal(answered_first, 10);
	put_str(fd[0], NAME);
	assert_nothing(fd[0]);
	put_str(fd[0], "\n");
	assert_get(fd[0], DUNNO);
	assert_int_equal(begun, 3);
	assert_int_equal(expected, 11);
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

/* He sends as long as the kernel takes it and reads nothing; afterwards every
   reply is there, once, in order. */
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
		TEST(test_pipes),
		TEST(test_no_allocation_per_request),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("server", tests, NULL, NULL);
}
