/* The limit that the policy daemon is measured against: a bare epoll loop that
   reads what there is, parses nothing and answers DUNNO.

   usage: bench-echo unix PATH | tcp PORT */

#include "gatepost-config.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REPLY "action=DUNNO\n\n"

static int listen_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	return fd >= 0 && bind(fd, (struct sockaddr *)&address,
			       sizeof(address)) == 0 ? fd : -1;
}

static int listen_tcp(const char *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(atoi(port)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd >= 0 && bind(fd, (struct sockaddr *)&address,
			       sizeof(address)) == 0 ? fd : -1;
}

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
	listener = strcmp(argv[1], "tcp") == 0 ? listen_tcp(argv[2]) :
		listen_unix(argv[2]);
	epoll = epoll_create1(0);
	if (listener < 0 || epoll < 0 || listen(listener, SOMAXCONN) < 0) {
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
