/* The supervisor answers nothing and therefore has little to go wrong: it waits
   for signals, passes them on, and replaces workers. Each worker opens the map
   by itself, for an LMDB environment must not be taken across a fork. Workers
   end with the supervisor, however it ends.

   The service manager's watchdog is fed only while the heartbeat of every
   worker goes on, so that one that hangs is noticed. */

#include "gatepost-config.h"
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>
#include "postfix-policyd/notify.h"
#include "postfix-policyd/supervisor.h"
#include "shared/base/clock.h"
#include "shared/base/log.h"

#define WORKERS_MAX 256

/* In memory that all of them share. */
struct shared {
	volatile unsigned heartbeats[WORKERS_MAX];
	struct gp_stats stats[WORKERS_MAX];
};

struct supervisor {
	struct gp_worker_options options;
	struct gp_settings *settings;
	sigset_t signals, old_signals;
	pid_t pid[WORKERS_MAX];
	struct shared *shared;
	unsigned seen[WORKERS_MAX];
	bool ending;
};

/* Only now that it has handlers for them. */
static void let_signals_in(void *context)
{
	const struct supervisor *s = context;

	(void)sigprocmask(SIG_SETMASK, &s->old_signals, NULL);
}

static int run_worker(struct supervisor *s, unsigned number, pid_t parent)
{
	struct gp_settings *settings = s->settings;

	/* A terminal's ^C is for the supervisor alone. */
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	/* The supervisor may have gone before this was asked for. */
	if (getppid() != parent)
		return EX_TEMPFAIL;
	s->options.heartbeat = &s->shared->heartbeats[number];
	s->options.stats = s->shared->stats;
	s->options.number = number;
	return gp_worker_run(&s->options, settings, let_signals_in, s);
}

static void start_worker(struct supervisor *s, unsigned number)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid == 0)
		_exit(run_worker(s, number, parent));
	if (pid < 0)
		gp_log(GP_LOG_ERROR, "fork: %s; trying again",
		       strerror(errno));
	s->pid[number] = pid < 0 ? 0 : pid;
}

static void start_missing(struct supervisor *s)
{
	unsigned i;

	for (i = 0; i < s->options.workers; i++) {
		if (s->pid[i] == 0)
			start_worker(s, i);
	}
}

static bool some_live(const struct supervisor *s)
{
	unsigned i;

	for (i = 0; i < s->options.workers; i++) {
		if (s->pid[i] != 0)
			return true;
	}
	return false;
}

static void tell_all(const struct supervisor *s, int number)
{
	unsigned i;

	for (i = 0; i < s->options.workers; i++) {
		if (s->pid[i] != 0)
			(void)kill(s->pid[i], number);
	}
}

static void tell_one(const struct supervisor *s, int number)
{
	unsigned i;

	for (i = 0; i < s->options.workers; i++) {
		if (s->pid[i] == 0)
			continue;
		(void)kill(s->pid[i], number);
		break;
	}
}

static void reap(struct supervisor *s)
{
	unsigned i;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (i = 0; i < s->options.workers; i++) {
			if (s->pid[i] == pid)
				s->pid[i] = 0;
		}
		if (!s->ending)
			gp_log(GP_LOG_ERROR, "worker %ld ended with %s %d and "
			       "is replaced", (long)pid,
			       WIFSIGNALED(status) ? "signal" : "status",
			       WIFSIGNALED(status) ? WTERMSIG(status) :
			       WEXITSTATUS(status));
	}
}

static void feed_watchdog(struct supervisor *s)
{
	const volatile unsigned *heartbeats = s->shared->heartbeats;
	unsigned i;

	for (i = 0; i < s->options.workers; i++) {
		if (heartbeats[i] == s->seen[i])
			return;
	}
	for (i = 0; i < s->options.workers; i++)
		s->seen[i] = heartbeats[i];
	gp_notify("WATCHDOG=1");
}

/* A worker that is started later takes what the others have. */
static void reload(struct supervisor *s)
{
	struct gp_settings *settings;
	char *error;

	gp_notify_reloading();
	if (gp_settings_load(s->options.config, GP_SETTINGS_GO_ON, &settings,
			     &error) < 0) {
		gp_log_lines(GP_LOG_ERROR, error);
		gp_log(GP_LOG_ERROR, "the settings stay as they were");
		free(error);
	} else {
		gp_settings_free(&s->settings);
		s->settings = settings;
		tell_all(s, SIGHUP);
	}
	gp_notify("READY=1");
}

static void handle(struct supervisor *s, int number)
{
	switch (number) {
	case SIGHUP:
		reload(s);
		break;
	case SIGUSR1:
		tell_one(s, SIGUSR1);
		break;
	case SIGTERM:
	case SIGINT:
		if (!s->ending) {
			gp_notify("STOPPING=1");
			gp_listeners_unlink(s->options.listeners);
		}
		s->ending = true;
		tell_all(s, SIGTERM);
		break;
	case SIGCHLD:
		reap(s);
		break;
	}
}

static void supervise(struct supervisor *s)
{
	/* Often enough that heartbeats are passed on in time, whose interval
	   is a third of the watchdog's. */
	const unsigned beat = gp_notify_watchdog();
	const struct timespec wait = {
		.tv_nsec = (beat == 0 || beat > 1000 ? 500 :
			    (beat + 1) / 2) * 1000000L
	};
	int64_t now, start_at = gp_time_milliseconds() + 1000;
	int number;

	while (!s->ending || some_live(s)) {
		number = sigtimedwait(&s->signals, NULL, &wait);
		if (number > 0)
			handle(s, number);
		now = gp_time_milliseconds();
		if (!s->ending && now >= start_at) {
			start_at = now + 1000;
			start_missing(s);
		}
		if (beat > 0)
			feed_watchdog(s);
	}
}

int gp_supervisor_run(const struct gp_worker_options *options,
		      struct gp_settings *settings, gp_worker_ready *ready,
		      void *context)
{
	struct supervisor s = {
		.options = *options, .settings = settings
	};
	size_t size = sizeof(*s.shared);
	void *shared;

	if (s.options.workers > WORKERS_MAX)
		s.options.workers = WORKERS_MAX;
	shared = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		gp_settings_free(&s.settings);
		gp_log(GP_LOG_ERROR, "mmap: %s", strerror(errno));
		return EX_OSERR;
	}
	s.shared = shared;
	(void)sigemptyset(&s.signals);
	(void)sigaddset(&s.signals, SIGTERM);
	(void)sigaddset(&s.signals, SIGINT);
	(void)sigaddset(&s.signals, SIGHUP);
	(void)sigaddset(&s.signals, SIGUSR1);
	(void)sigaddset(&s.signals, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &s.signals, &s.old_signals);
	/* First, for what the daemon has of its terminal must not go into a
	   worker. The sockets are open. */
	ready(context);
	start_missing(&s);
	supervise(&s);
	gp_settings_free(&s.settings);
	(void)sigprocmask(SIG_SETMASK, &s.old_signals, NULL);
	(void)munmap(shared, size);
	return EX_OK;
}
