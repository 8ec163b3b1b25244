/* sd_notify(3) without libsystemd: one datagram to the socket that the
   environment names. It fails silently: the daemon serves Postfix, and a
   service manager that cannot be told is none of Postfix's trouble. */

#include "gatepost-config.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "postfix-policyd/notify.h"

static struct sockaddr_un address;
static socklen_t address_len;
static int notify_fd = -1;
static unsigned watchdog;

static void read_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");

	if (usec != NULL && (pid == NULL || atol(pid) == (long)getpid()))
		watchdog = strtoul(usec, NULL, 10) / 3000;
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

void gp_notify_init(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path == NULL ? 0 : strlen(path);

	if (len > 1 && len < sizeof(address.sun_path) &&
	    (path[0] == '/' || path[0] == '@')) {
		address.sun_family = AF_UNIX;
		memcpy(address.sun_path, path, len);
		if (path[0] == '@')
			address.sun_path[0] = '\0';
		address_len = offsetof(struct sockaddr_un, sun_path) + len;
		notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		read_watchdog();
	}
	unsetenv("NOTIFY_SOCKET");
}

void gp_notify(const char *state)
{
	if (notify_fd >= 0)
		(void)sendto(notify_fd, state, strlen(state),
			     MSG_NOSIGNAL | MSG_DONTWAIT,
			     (const struct sockaddr *)&address, address_len);
}

void gp_notify_reloading(void)
{
	struct timespec now;
	char state[80];

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
		 (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	gp_notify(state);
}

unsigned gp_notify_watchdog(void)
{
	return watchdog;
}
