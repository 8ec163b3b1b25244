/* The connections of the policy daemon: what it does not take. The timer that
   looks after connections is set off by the tests, so that no machine is too
   slow for them. */

#include "gatepost-config.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <time.h>
#include "tests/unit/server-fixture.h"

/* A patience in seconds that no test lives to see. */
#define NEVER 86400

static struct event *sweeper;

struct event *__real_event_new(struct event_base *event_base, int fd,
			       short what, event_callback_fn callback,
			       void *context);
struct event *__wrap_event_new(struct event_base *event_base, int fd,
			       short what, event_callback_fn callback,
			       void *context);

/* It is the only one that comes again without a descriptor. */
struct event *__wrap_event_new(struct event_base *event_base, int fd,
			       short what, event_callback_fn callback,
			       void *context)
{
	struct event *event = __real_event_new(event_base, fd, what, callback,
					       context);

	if (fd < 0 && what == EV_PERSIST)
		sweeper = event;
	return event;
}

static void sweep(unsigned times)
{
	while (times-- > 0) {
		event_active(sweeper, EV_TIMEOUT, 1);
		pump();
	}
}

static void test_complaints_are_bounded(void **state)
{
	unsigned i;
	int fd;

	(void)state;
	start(10, NEVER);
	for (i = 0; i < 1000; i++) {
		fd = connect_pair();
		put_str(fd, "\n");
		assert_closed(fd);
	}
	assert_int_equal(logged, 20);
	sweep(1);
	assert_int_equal(logged, 21);
	assert_string_equal(last_log, "980 more messages about policy "
			    "connections were left out");
	sweep(1);
	assert_int_equal(logged, 21);
}

/* Of eight sweeps each is an eighth of the patience. */
static void test_patience(void **state)
{
	int idle, half, deaf, size = 1;
	char byte;

	(void)state;
	start(10, NEVER);
	idle = connect_pair();
	half = connect_pair();
	deaf = connect_pair();
	put_str(idle, NAME "\n");
	assert_get(idle, DUNNO);
	put_str(half, NAME "sen");
	(void)setsockopt(deaf, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	while (send(deaf, NAME "\n", strlen(NAME) + 1, MSG_NOSIGNAL) > 0)
		pump();
	sweep(8);
	assert_int_equal(gp_server_clients(server), 3);
	/* One more byte is no excuse. */
	put(half, "d", 1);
	sweep(1);
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
	time_t begun_at;
	int fd, i;

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
	/* It rests, and does not spin. */
	begun_at = time(NULL);
	for (i = 0; i < 1000; i++)
		pump();
	assert_in_range(logged, 1, 2 + time(NULL) - begun_at);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (answered == 0)
		assert_int_equal(gp_server_turn(server, true), 0);
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

int main(void)
{
#define TEST(function) cmocka_unit_test_teardown(function, stop)
	static const struct CMUnitTest tests[] = {
		TEST(test_complaints_are_bounded),
		TEST(test_patience),
		TEST(test_max_clients),
		TEST(test_out_of_descriptors),
		TEST(test_drain),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("server-limits", tests, NULL,
					   NULL);
}
