/* A unix socket stands in a folder of its own inside Postfix's queue directory,
   where a chrooted smtpd can reach it. The folder belongs to the daemon's user,
   who has to remove the socket after root's rights are given up, and lets only
   its group through (Postfix's), as does the socket itself.

   A socket file that a killed daemon left behind would make every start after
   it fail, so one that refuses connections is replaced. The folder is locked
   meanwhile: of two daemons started at once one finds the other listening. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "postfix-policyd/listener.h"
#include "shared/base/log.h"

struct opening {
	struct gp_listener *listener;
	const struct gp_listener_access *access;
	struct gp_arena *arena;
	const char **error_r;
};

static int failed(const struct opening *o, const char *what, const char *name)
{
	*o->error_r = gp_arena_printf(o->arena, "policy_socket: %s %s: %s",
				      what, name, strerror(errno));
	return -1;
}

static int new_socket(const struct opening *o, int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return failed(o, "cannot make a socket for",
			      o->listener->name);
	return fd;
}

/* Splits HOST:PORT, where an IPv6 address stands in brackets. */
static int split_inet(const struct opening *o, const char *str,
		      const char **host_r, const char **port_r)
{
	const char *colon = strrchr(str, ':');
	size_t len = colon == NULL ? 0 : (size_t)(colon - str);

	if (len > 1 && str[0] == '[' && str[len - 1] == ']') {
		str++;
		len -= 2;
	} else if (memchr(str, ':', len) != NULL) {
		len = 0;
	}
	if (len == 0 || colon[1] == '\0') {
		*o->error_r = gp_arena_printf(o->arena, "policy_socket: %s is "
			"not an address; write inet:127.0.0.1:PORT or "
			"inet:[::1]:PORT", o->listener->name);
		return -1;
	}
	*host_r = gp_arena_strndup(o->arena, str, len);
	if (strcmp(*host_r, "localhost") == 0)
		*host_r = "127.0.0.1";
	*port_r = colon + 1;
	return 0;
}

static bool is_loopback(const struct sockaddr *address)
{
	const struct sockaddr_in *in = (const void *)address;
	const struct sockaddr_in6 *in6 = (const void *)address;

	if (address->sa_family == AF_INET)
		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

static void name_inet(const struct opening *o, int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	char host[INET6_ADDRSTRLEN + 32], port[16];
	const struct sockaddr *any = (const struct sockaddr *)&address;

	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0 ||
	    getnameinfo(any, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	o->listener->name = gp_arena_printf(o->arena,
		any->sa_family == AF_INET6 ? "inet:[%s]:%s" : "inet:%s:%s",
		host, port);
	if (!is_loopback(any))
		gp_log(GP_LOG_WARNING, "policy_socket: whoever reaches %s can "
		       "ask for everybody's rules; the protocol knows neither "
		       "passwords nor encryption", o->listener->name);
}

static int open_inet(const struct opening *o, const char *str)
{
	static const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found;
	const char *host, *port;
	int fd, ret, one = 1;

	if (split_inet(o, str, &host, &port) < 0)
		return -1;
	ret = getaddrinfo(host, port, &hints, &found);
	if (ret != 0) {
		*o->error_r = gp_arena_printf(o->arena, "policy_socket: %s: "
			"%s; write a numeric address and port",
			o->listener->name, gai_strerror(ret));
		return -1;
	}
	fd = new_socket(o, found->ai_family);
	if (fd < 0) {
		freeaddrinfo(found);
		return -1;
	}
	/* Connections inherit TCP_NODELAY. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	ret = bind(fd, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	if (ret < 0 || listen(fd, SOMAXCONN) < 0) {
		ret = failed(o, "cannot listen on", o->listener->name);
		close(fd);
		return ret;
	}
	name_inet(o, fd);
	return fd;
}

/* Returns the folder, locked, or -1. */
static int lock_folder(const struct opening *o, const char *path)
{
	const struct gp_listener_access *access = o->access;
	const char *slash = strrchr(path, '/');
	const char *folder = slash == path ? "/" :
		gp_arena_strndup(o->arena, path, slash - path);
	bool made = mkdir(folder, 0750) == 0;
	int fd;

	if (!made && errno != EEXIST)
		return failed(o, "cannot make the folder", folder);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return failed(o, "cannot open the folder", folder);
	/* Whatever the umask is. */
	if ((made && (fchown(fd, access->user, access->group) < 0 ||
		      fchmod(fd, access->group == (gid_t)-1 ?
			     0755 : 0750) < 0)) ||
	    flock(fd, LOCK_EX) < 0) {
		(void)failed(o, "cannot take the folder", folder);
		close(fd);
		return -1;
	}
	return fd;
}

/* Makes room for the socket. */
static int remove_stale(const struct opening *o,
			const struct sockaddr_un *address)
{
	const char *path = address->sun_path;
	struct stat st;
	int fd, ret;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : failed(o, "cannot look at", path);
	if (!S_ISSOCK(st.st_mode)) {
		*o->error_r = gp_arena_printf(o->arena, "policy_socket: %s "
			"stands in the way and is no socket; remove it or "
			"name another path", path);
		return -1;
	}
	fd = new_socket(o, AF_UNIX);
	if (fd < 0)
		return -1;
	ret = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	if (ret == 0 || errno == EAGAIN) {
		*o->error_r = gp_arena_printf(o->arena, "policy_socket: "
			"another process listens on %s; stop it first", path);
		ret = -1;
	} else if (errno != ECONNREFUSED || unlink(path) < 0) {
		ret = failed(o, "cannot replace", path);
	} else {
		ret = 0;
	}
	close(fd);
	return ret;
}

static int bind_unix(const struct opening *o,
		     const struct sockaddr_un *address)
{
	const struct gp_listener_access *access = o->access;
	struct gp_listener *listener = o->listener;
	bool everybody = access->group == (gid_t)-1;
	struct stat st;
	mode_t mask;
	int fd, ret;

	fd = new_socket(o, AF_UNIX);
	if (fd < 0)
		return -1;
	/* Never chmod(2), which follows a link that the folder's owner may put
	   there meanwhile. */
	mask = umask(everybody ? 0111 : 0117);
	ret = bind(fd, (const struct sockaddr *)address, sizeof(*address));
	umask(mask);
	if (ret < 0 || listen(fd, SOMAXCONN) < 0 ||
	    lchown(address->sun_path, access->user, access->group) < 0 ||
	    lstat(address->sun_path, &st) < 0) {
		(void)failed(o, "cannot listen on", listener->name);
		if (ret == 0)
			(void)unlink(address->sun_path);
		close(fd);
		return -1;
	}
	listener->path = gp_arena_strdup(o->arena, address->sun_path);
	listener->name = gp_arena_printf(o->arena, "unix:%s", listener->path);
	listener->dev = st.st_dev;
	listener->ino = st.st_ino;
	return fd;
}

static int open_unix(const struct opening *o, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int folder, fd = -1;

	if (path[0] != '/' || strlen(path) >= sizeof(address.sun_path)) {
		*o->error_r = gp_arena_printf(o->arena, "policy_socket: %s is "
			"not an absolute path of less than %zu bytes",
			o->listener->name, sizeof(address.sun_path));
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path));
	folder = lock_folder(o, path);
	if (folder < 0)
		return -1;
	if (remove_stale(o, &address) == 0)
		fd = bind_unix(o, &address);
	close(folder);
	return fd;
}

static int open_one(const struct opening *o)
{
	const char *name = o->listener->name;

	o->listener->path = NULL;
	if (strncmp(name, "inet:", 5) == 0)
		o->listener->fd = open_inet(o, name + 5);
	else if (strncmp(name, "unix:", 5) == 0)
		o->listener->fd = open_unix(o, name + 5);
	else
		o->listener->fd = open_unix(o, name);
	return o->listener->fd < 0 ? -1 : 0;
}

int gp_listeners_open(struct gp_listeners *listeners, const char *setting,
		      const struct gp_listener_access *access,
		      struct gp_arena *arena, const char **error_r)
{
	static const char separators[] = ", \t\r\n";
	struct opening o = {
		.access = access, .arena = arena, .error_r = error_r
	};
	size_t len;

	*error_r = "policy_socket: no socket is named, or more than 16";
	listeners->count = 0;
	setting += strspn(setting, separators);
	while (*setting != '\0' && listeners->count < GP_LISTENERS_MAX) {
		len = strcspn(setting, separators);
		o.listener = &listeners->listener[listeners->count];
		o.listener->name = gp_arena_strndup(arena, setting, len);
		if (open_one(&o) < 0)
			break;
		listeners->count++;
		setting += len;
		setting += strspn(setting, separators);
	}
	if (*setting == '\0' && listeners->count > 0)
		return 0;
	gp_listeners_unlink(listeners);
	gp_listeners_close(listeners);
	return -1;
}

/* The first descriptor that a service manager hands over. */
#define FIRST_INHERITED 3

static int inherit_one(const struct opening *o, int fd)
{
	struct sockaddr_un address;
	socklen_t len = sizeof(address);
	int listens = 0;
	socklen_t listens_len = sizeof(listens);

	o->listener->path = NULL;
	o->listener->name = "an inherited socket";
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens,
		       &listens_len) < 0 || listens == 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		*o->error_r = gp_arena_printf(o->arena, "LISTEN_FDS: "
			"descriptor %d is no listening stream socket", fd);
		return -1;
	}
	memset(&address, 0, sizeof(address));
	if (getsockname(fd, (struct sockaddr *)&address, &len) == 0 &&
	    address.sun_family == AF_UNIX)
		/* Not ours to remove: path stays NULL. */
		o->listener->name = gp_arena_printf(o->arena, "unix:%.*s",
			(int)sizeof(address.sun_path), address.sun_path);
	else
		name_inet(o, fd);
	o->listener->fd = fd;
	return 0;
}

int gp_listeners_inherit(struct gp_listeners *listeners,
			 struct gp_arena *arena, const char **error_r)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	struct opening o = { .arena = arena, .error_r = error_r };
	int i, count = 0;

	if (pid != NULL && fds != NULL && atol(pid) == (long)getpid())
		count = atoi(fds);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	listeners->count = 0;
	for (i = 0; i < count && i < GP_LISTENERS_MAX; i++) {
		o.listener = &listeners->listener[i];
		if (inherit_one(&o, FIRST_INHERITED + i) < 0)
			return -1;
		listeners->count++;
	}
	return count > 0 ? 1 : 0;
}

void gp_listeners_unlink(struct gp_listeners *listeners)
{
	struct gp_listener *l;
	struct stat st;
	size_t i;

	for (i = 0; i < listeners->count; i++) {
		l = &listeners->listener[i];
		if (l->path != NULL && lstat(l->path, &st) == 0 &&
		    st.st_dev == l->dev && st.st_ino == l->ino &&
		    unlink(l->path) < 0)
			gp_log(GP_LOG_WARNING, "cannot remove %s: %s",
			       l->path, strerror(errno));
		/* Once: the next daemon's socket may get the same inode. */
		l->path = NULL;
	}
}

void gp_listeners_close(struct gp_listeners *listeners)
{
	size_t i;

	for (i = 0; i < listeners->count; i++) {
		if (listeners->listener[i].fd >= 0)
			close(listeners->listener[i].fd);
	}
	listeners->count = 0;
}
