/* A program that does not end must not hang a timer's job: it is a process
   group of its own, and is killed with whatever it has started. */

#include "shared/tools/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shared/base/clock.h"

#define STREAMS 2
/* More is not shown of what a program has to complain. */
#define ERRORS_MAX ((size_t)64 << 10)

extern char **environ;

static char reason[200];

struct stream {
	int fd;
	struct gp_text *text;
	size_t max;
};

static int fail(const char **error_r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int fail(const char **error_r, const char *format, ...)
{
	int saved = errno;
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	*error_r = reason;
	errno = saved;
	return -1;
}

void gp_run_prepare(void)
{
	const char *path = getenv("PATH");
	struct gp_text text;

	gp_text_init(&text);
	if (path != NULL && *path != '\0')
		gp_text_addf(&text, "%s:", path);
	gp_text_add(&text, "/usr/sbin:/usr/bin:/sbin:/bin");
	setenv("PATH", text.data, 1);
	setenv("LC_ALL", "C", 1);
	gp_text_deinit(&text);
}

/* The child gets the writing ends as 1 and 2. Returns what posix_spawnp(3)
   does. */
static int spawn(const char *const argv[], const int writing[STREAMS],
		 pid_t *pid_r)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t signals;
	int error;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY,
					 0);
	for (int i = 0; i < STREAMS; i++)
		posix_spawn_file_actions_adddup2(&actions, writing[i], i + 1);
	posix_spawnattr_init(&attributes);
	/* The commands ignore SIGPIPE; others need not. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGPIPE);
	posix_spawnattr_setsigdefault(&attributes, &signals);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP |
				 POSIX_SPAWN_SETSIGDEF);
	error = posix_spawnp(pid_r, argv[0], &actions, &attributes,
			     (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return error;
}

/* Returns 1 while there may be more, 0 at the end, -1 when it is too much. */
static int take(struct stream *stream)
{
	char buffer[16384];
	ssize_t len = read(stream->fd, buffer, sizeof(buffer));

	if (len < 0)
		return errno == EINTR ? 1 : 0;
	if (len == 0)
		return 0;
	if (stream->text->len + (size_t)len > stream->max)
		return -1;
	gp_text_add_mem(stream->text, buffer, (size_t)len);
	return 1;
}

static int gather(struct stream streams[STREAMS], int64_t deadline,
		  const char **error_r)
{
	struct pollfd polls[STREAMS];
	int open = STREAMS;

	for (int i = 0; i < STREAMS; i++)
		polls[i] = (struct pollfd) { streams[i].fd, POLLIN, 0 };
	while (open > 0) {
		int64_t left = deadline - gp_time_milliseconds();
		int ready = left > 0 ? poll(polls, STREAMS, (int)left) : 0;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return fail(error_r, "it does not end");
		for (int i = 0; i < STREAMS; i++) {
			int more = polls[i].revents != 0 ?
				take(&streams[i]) : 1;

			if (more < 0)
				return fail(error_r, "it writes too much");
			if (more == 0) {
				polls[i].fd = -1;
				polls[i].revents = 0;
				open--;
			}
		}
	}
	return 0;
}

/* It has closed its output and may still not end. Returns 0, or -1 at the
   deadline. */
static int wait_for_end(pid_t pid, int64_t deadline, int *status_r)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	int status;
	pid_t ended;

	while ((ended = waitpid(pid, &status, WNOHANG)) == 0 ||
	       (ended < 0 && errno == EINTR)) {
		if (gp_time_milliseconds() > deadline)
			return -1;
		nanosleep(&pause, NULL);
	}
	if (ended < 0)
		return -1;
	*status_r = WIFEXITED(status) ? WEXITSTATUS(status) :
		128 + WTERMSIG(status);
	return 0;
}

static int attend(pid_t pid, const int reading[STREAMS], int64_t deadline,
		  size_t output_max, struct gp_run *run, const char **error_r)
{
	struct stream streams[STREAMS] = {
		{ reading[0], &run->output, output_max },
		{ reading[1], &run->errors, ERRORS_MAX },
	};
	int ret = gather(streams, deadline, error_r);

	if (ret == 0 && wait_for_end(pid, deadline, &run->status) < 0)
		ret = fail(error_r, "it does not end");
	if (ret < 0) {
		kill(-pid, SIGKILL);
		waitpid(pid, NULL, 0);
		errno = EIO;
	}
	return ret;
}

static int open_pipes(int reading[STREAMS], int writing[STREAMS])
{
	int ends[2];

	for (int i = 0; i < STREAMS; i++) {
		if (pipe2(ends, O_CLOEXEC) < 0)
			return -1;
		reading[i] = ends[0];
		writing[i] = ends[1];
	}
	return 0;
}

static void close_all(int fds[STREAMS])
{
	for (int i = 0; i < STREAMS; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

int gp_run(const char *const argv[], unsigned timeout_seconds,
	   size_t output_max, struct gp_run *run_r, const char **error_r)
{
	int64_t deadline = gp_time_milliseconds() + (int64_t)timeout_seconds * 1000;
	int reading[STREAMS] = { -1, -1 }, writing[STREAMS] = { -1, -1 };
	pid_t pid;
	int ret;

	run_r->status = 0;
	gp_text_init(&run_r->output);
	gp_text_init(&run_r->errors);
	if (open_pipes(reading, writing) < 0) {
		ret = fail(error_r, "%s", strerror(errno));
	} else {
		errno = spawn(argv, writing, &pid);
		close_all(writing);
		ret = errno != 0 ? fail(error_r, "%s", strerror(errno)) :
			attend(pid, reading, deadline, output_max, run_r,
			       error_r);
	}
	close_all(reading);
	close_all(writing);
	if (ret < 0)
		gp_run_deinit(run_r);
	return ret;
}

void gp_run_deinit(struct gp_run *run)
{
	int saved = errno;

	gp_text_deinit(&run->output);
	gp_text_deinit(&run->errors);
	errno = saved;
}
