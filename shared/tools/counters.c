/* The counters come through the socket that Postfix uses: whoever may ask for a
   verdict may see them, they need no file that two users write, and it shows
   that the socket is served. A daemon that hangs is not waited for. */

#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>
#include "shared/tools/counters.h"

#define PATIENCE 10
#define PAGE_MAX 65536
#define PAGE_END "# EOF\n"

static int try(int family, const struct sockaddr *address, socklen_t len)
{
	static const struct timeval patience = { .tv_sec = PATIENCE };
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int saved_errno;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			 sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
			 sizeof(patience));
	if (connect(fd, address, len) == 0)
		return fd;
	saved_errno = errno;
	close(fd);
	errno = saved_errno;
	return -1;
}

static int connect_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(address.sun_path, path);
	return try(AF_UNIX, (struct sockaddr *)&address, sizeof(address));
}

/* str is HOST:PORT and is written into. */
static int connect_inet(char *str)
{
	static const struct addrinfo hints = {
		.ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_STREAM,
	};
	char *colon = strrchr(str, ':');
	struct addrinfo *found;
	int fd;

	errno = EINVAL;
	if (colon == NULL)
		return -1;
	*colon = '\0';
	if (*str == '[' && colon > str + 1 && colon[-1] == ']') {
		str++;
		colon[-1] = '\0';
	}
	/* As the daemon takes it. */
	if (strcmp(str, "localhost") == 0)
		str = "127.0.0.1";
	if (getaddrinfo(str, colon + 1, &hints, &found) != 0)
		return -1;
	fd = try(found->ai_family, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return fd;
}

static int ask(int fd, struct gp_text *page)
{
	static const char request[] = "request=" GP_COUNTERS_REQUEST "\n\n";
	const size_t end_len = sizeof(PAGE_END) - 1;
	char data[4096];
	ssize_t got;

	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
		return -1;
	while (page->len < PAGE_MAX) {
		got = recv(fd, data, sizeof(data), 0);
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		gp_text_add_mem(page, data, got);
		if (page->len >= end_len && memcmp(page->data + page->len -
						   end_len, PAGE_END,
						   end_len) == 0)
			return 0;
	}
	errno = EPROTO;
	return -1;
}

int gp_counters_ask(const char *setting, struct gp_text *page,
		    struct gp_arena *arena, const char **error_r)
{
	size_t start = strspn(setting, ", \t\r\n");
	size_t len = strcspn(setting + start, ", \t\r\n");
	char *name = gp_arena_strndup(arena, setting + start, len);
	char *where = strncmp(name, "inet:", 5) == 0 ||
		strncmp(name, "unix:", 5) == 0 ? name + 5 : name;
	const char *shown = gp_arena_strdup(arena, name);
	int ret = -1, fd = strncmp(name, "inet:", 5) == 0 ?
		connect_inet(where) : connect_unix(where);

	if (fd >= 0)
		ret = ask(fd, page);
	if (ret < 0 && errno == EAGAIN)
		*error_r = gp_arena_printf(arena, "the daemon on %s does not "
					   "answer within %d seconds", shown,
					   PATIENCE);
	else if (ret < 0)
		*error_r = gp_arena_printf(arena, "cannot ask the daemon on "
					   "%s: %s; is it running?", shown,
					   strerror(errno));
	if (fd >= 0)
		close(fd);
	return ret;
}
