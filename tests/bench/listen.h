#ifndef GP_BENCH_LISTEN_H
#define GP_BENCH_LISTEN_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Sockets of the services that the policy daemon is compared with:
   "unix" PATH, or "tcp" PORT. */

static inline int bench_bind_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	return fd >= 0 && bind(fd, (struct sockaddr *)&address,
			       sizeof(address)) == 0 ? fd : -1;
}

static inline int bench_bind_tcp(const char *port)
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

static inline int bench_listen(const char *kind, const char *where)
{
	int fd = strcmp(kind, "tcp") == 0 ? bench_bind_tcp(where) :
		bench_bind_unix(where);

	return fd >= 0 && listen(fd, SOMAXCONN) == 0 ? fd : -1;
}

#endif
