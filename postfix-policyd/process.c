/* The parent of a daemon waits on a pipe: one byte says that the sockets are
   open, the end of the file that the daemon has failed before. So "started" in
   a start script means that Postfix can connect, and a failure is seen by whom
   it concerns, with its reason. */

#include "gatepost-config.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include "postfix-policyd/process.h"

static int ready_fd = -1;

int gp_process_find_user(const char *name, struct gp_process_user *user_r,
			 struct gp_arena *arena, const char **error_r)
{
	const struct passwd *entry = getpwnam(name);

	if (entry == NULL) {
		*error_r = gp_arena_printf(arena, "there is no user \"%s\"; "
			"make it (useradd --system %s) or name another with "
			"--user", name, name);
		return -1;
	}
	user_r->name = gp_arena_strdup(arena, entry->pw_name);
	user_r->uid = entry->pw_uid;
	user_r->gid = entry->pw_gid;
	return 0;
}

int gp_process_find_group(const char *name, gid_t *gid_r,
			  struct gp_arena *arena, const char **error_r)
{
	const struct group *entry = getgrnam(name);

	if (entry == NULL) {
		*error_r = gp_arena_printf(arena, "there is no group \"%s\", "
			"whose members connect to unix sockets; name Postfix's "
			"with --group", name);
		return -1;
	}
	*gid_r = entry->gr_gid;
	return 0;
}

int gp_process_become(const struct gp_process_user *user,
		      struct gp_arena *arena, const char **error_r)
{
	if (initgroups(user->name, user->gid) < 0 || setgid(user->gid) < 0 ||
	    setuid(user->uid) < 0) {
		*error_r = gp_arena_printf(arena, "cannot become user %s: %s",
					   user->name, strerror(errno));
		return -1;
	}
	if (user->uid != 0 && setuid(0) == 0) {
		*error_r = "root's rights cannot be given up";
		return -1;
	}
	return 0;
}

static void wait_for_child(pid_t pid, int fd)
{
	int status;
	ssize_t got;
	char byte;

	do {
		got = read(fd, &byte, 1);
	} while (got < 0 && errno == EINTR);
	if (got == 1)
		_exit(0);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ?
	      WEXITSTATUS(status) : 1);
}

bool gp_process_has_standard_files(void)
{
	return fcntl(STDIN_FILENO, F_GETFD) >= 0 &&
		fcntl(STDOUT_FILENO, F_GETFD) >= 0;
}

void gp_process_fill_standard_files(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int cannot_detach(struct gp_arena *arena, const char **error_r)
{
	*error_r = gp_arena_printf(arena, "cannot detach: %s", strerror(errno));
	return -1;
}

int gp_process_detach(struct gp_arena *arena, const char **error_r)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		return cannot_detach(arena, error_r);
	if (pid > 0) {
		close(fds[1]);
		wait_for_child(pid, fds[0]);
	}
	close(fds[0]);
	ready_fd = fds[1];
	(void)setsid();
	return chdir("/") < 0 ? cannot_detach(arena, error_r) : 0;
}

void gp_process_ready(void)
{
	int null;

	if (ready_fd < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
	/* A parent that is gone is no reason to stop. */
	if (write(ready_fd, "", 1) < 0)
		errno = 0;
	close(ready_fd);
	ready_fd = -1;
}

int gp_process_pid_file(const char *path, struct gp_arena *arena,
			const char **error_r)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	    ftruncate(fd, 0) == 0 && dprintf(fd, "%ld\n", (long)getpid()) > 0)
		return fd;
	if (fd >= 0 && errno == EWOULDBLOCK)
		*error_r = gp_arena_printf(arena, "%s is held by another "
			"daemon; stop it first", path);
	else
		*error_r = gp_arena_printf(arena, "cannot write the pid file "
			"%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

void gp_process_pid_file_close(const char *path, int *fd)
{
	if (*fd < 0)
		return;
	if (unlink(path) < 0 && ftruncate(*fd, 0) < 0)
		errno = 0;
	close(*fd);
	*fd = -1;
}

unsigned gp_process_descriptors(unsigned wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	if (limit.rlim_cur >= wanted)
		return limit.rlim_cur;
	limit.rlim_cur = wanted;
	if (limit.rlim_max < wanted)
		limit.rlim_max = wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return wanted;
	/* Without root's rights up to the hard limit only. */
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur;
}
