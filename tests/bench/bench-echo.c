/* The limit that the policy daemon is measured against: a bare epoll loop that
   reads what there is, parses nothing and answers DUNNO.

   usage: bench-echo unix PATH | tcp PORT */

#include "gatepost-config.h"
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/bench/listen.h"

#define REPLY "action=DUNNO\n\n"

static void watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		perror("epoll_ctl");
}

static void echo(int fd)
{
	char input[16384];

	if (read(fd, input, sizeof(input)) <= 0 ||
	    write(fd, REPLY, sizeof(REPLY) - 1) < 0)
		close(fd);
}

int main(int argc, char *argv[])
{
	struct epoll_event events[64];
	int listener, epoll, count, i;

	(void)signal(SIGPIPE, SIG_IGN);
	if (argc != 3)
		return 64;
	listener = bench_listen(argv[1], argv[2]);
	epoll = epoll_create1(0);
	if (listener < 0 || epoll < 0) {
		perror("bench-echo");
		return 1;
	}
	watch(epoll, listener);
	for (;;) {
		count = epoll_wait(epoll, events, 64, -1);
		for (i = 0; i < count; i++) {
			if (events[i].data.fd == listener)
				watch(epoll, accept4(listener, NULL, NULL,
						     SOCK_NONBLOCK));
			else
				echo(events[i].data.fd);
		}
	}
}
