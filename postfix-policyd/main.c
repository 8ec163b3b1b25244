/* gatepost-policyd: options, the way from root to an unprivileged process that
   serves, and signals. What needs root's rights (folders, sockets, pid file,
   limits) comes before they are given up; the map is opened after, so that a
   map which the daemon's user cannot read is noticed, not served. A failure
   before the sockets are open ends the start with its reason and an exit
   status of sysexits.h; after it the daemon lives until it is told to end. */

#include "gatepost-config.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <syslog.h>
#include <unistd.h>
#include "postfix-policyd/listener.h"
#include "postfix-policyd/notify.h"
#include "postfix-policyd/process.h"
#include "postfix-policyd/supervisor.h"
#include "postfix-policyd/worker.h"
#include "shared/base/log.h"
#include "shared/tools/counters.h"

#define PROGRAM "gatepost-policyd"
/* An option without a letter. */
#define STATS 256

struct options {
	const char *config;
	const char *pid_file;
	const char *user;
	const char *group;
	bool foreground;
	bool stdio;
	bool stats;
	bool verbose;
};

struct daemon {
	struct options options;
	struct gp_arena *arena;
	struct gp_settings *settings;
	struct gp_listeners listeners;
	/* They came from the service manager. */
	int inherited;
	int pid_fd;
};

static bool log_debug;

static void log_to_stderr(enum gp_log_level level, const char *line)
{
	static const char *const prefixes[] = {
		[GP_LOG_DEBUG] = "debug: ", [GP_LOG_INFO] = "",
		[GP_LOG_WARNING] = "warning: ", [GP_LOG_ERROR] = "error: ",
	};

	if (level != GP_LOG_DEBUG || log_debug)
		fprintf(stderr, PROGRAM ": %s%s\n", prefixes[level], line);
}

static void log_to_syslog(enum gp_log_level level, const char *line)
{
	static const int priorities[] = {
		[GP_LOG_DEBUG] = LOG_DEBUG, [GP_LOG_INFO] = LOG_INFO,
		[GP_LOG_WARNING] = LOG_WARNING, [GP_LOG_ERROR] = LOG_ERR,
	};
	static const char *const prefixes[] = {
		[GP_LOG_DEBUG] = "", [GP_LOG_INFO] = "",
		[GP_LOG_WARNING] = "warning: ", [GP_LOG_ERROR] = "error: ",
	};

	if (level != GP_LOG_DEBUG || log_debug)
		syslog(priorities[level], "%s%s", prefixes[level], line);
}

/* Before the daemon is ready: to whoever starts it, and to the log. */
static void start_failed(const struct daemon *d, const char *error)
{
	fprintf(stderr, PROGRAM ": error: %s\n", error);
	if (!d->options.foreground)
		log_to_syslog(GP_LOG_ERROR, error);
}

static void usage(FILE *to)
{
	fputs("Usage: " PROGRAM " [-fSv] [-c CONFIG] [-g GROUP] [-p PIDFILE]"
	      " [-u USER]\n"
	      "       " PROGRAM " --stats [-c CONFIG]\n"
	      "Answers Postfix's policy requests by Gatepost's rules.\n\n"
	      "  -c, --config=CONFIG     settings [" GP_SETTINGS_PATH "]\n"
	      "  -f, --foreground        stay there and log to standard error\n"
	      "  -g, --group=GROUP       who may connect to unix sockets"
	      " [postfix]\n"
	      "  -p, --pid-file=PIDFILE  write the process id there\n"
	      "  -S, --stdio             serve standard input and output"
	      " (spawn(8))\n"
	      "      --stats             show what the running daemon has"
	      " counted\n"
	      "  -u, --user=USER         whom to become when started by root"
	      " [gatepost]\n"
	      "  -v, --verbose           log each request\n"
	      "  -h, --help              show this text\n"
	      "  -V, --version           show the version\n\n"
	      "SIGHUP: read the settings again. SIGUSR1: log what was"
	      " counted.\nSIGTERM: finish what was asked"
	      " and end.\n", to);
}

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "foreground", no_argument, NULL, 'f' },
	{ "group", required_argument, NULL, 'g' },
	{ "help", no_argument, NULL, 'h' },
	{ "pid-file", required_argument, NULL, 'p' },
	{ "stats", no_argument, NULL, STATS },
	{ "stdio", no_argument, NULL, 'S' },
	{ "user", required_argument, NULL, 'u' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 }
};

/* Returns -1 to go on, else the exit status. */
static int parse_options(int argc, char *argv[], struct options *options_r)
{
	int option;

	*options_r = (struct options){
		.config = GP_SETTINGS_PATH, .user = "gatepost",
		.group = "postfix",
	};
	while ((option = getopt_long(argc, argv, "c:fg:hp:Su:vV",
				     long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			options_r->config = optarg;
			break;
		case 'f':
			options_r->foreground = true;
			break;
		case 'g':
			options_r->group = optarg;
			break;
		case 'h':
			usage(stdout);
			return EX_OK;
		case 'p':
			options_r->pid_file = optarg;
			break;
		case 'S':
			options_r->stdio = true;
			break;
		case STATS:
			options_r->stats = true;
			break;
		case 'u':
			options_r->user = optarg;
			break;
		case 'v':
			options_r->verbose = true;
			break;
		case 'V':
			puts(PROGRAM " (Gatepost) " PACKAGE_VERSION);
			return EX_OK;
		default:
			usage(stderr);
			return EX_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	usage(stderr);
	return EX_USAGE;
}

static int load_settings(struct daemon *d)
{
	char *error;
	int status;

	if (gp_settings_load(d->options.config, GP_SETTINGS_GO_ON,
			     &d->settings, &error) == 0)
		return EX_OK;
	status = errno == ENOENT ? EX_NOINPUT : EX_CONFIG;
	fprintf(stderr, "%s%s", error,
		error[strlen(error) - 1] == '\n' ? "" : "\n");
	if (!d->options.foreground && !d->options.stats)
		gp_log_lines(GP_LOG_ERROR, error);
	free(error);
	return status;
}

/* Asks the daemon that runs by these settings. */
static int show_stats(struct daemon *d)
{
	struct gp_text page;
	const char *error;
	int status = EX_OK;

	gp_text_init(&page);
	if (gp_counters_ask(d->settings->policy_socket, &page, d->arena,
			    &error) < 0) {
		fprintf(stderr, PROGRAM ": error: %s\n", error);
		status = EX_UNAVAILABLE;
	} else if (fwrite(page.data, page.len, 1, stdout) != 1 ||
		   fflush(stdout) != 0) {
		fprintf(stderr, PROGRAM ": error: standard output: %s\n",
			strerror(errno));
		status = EX_IOERR;
	}
	gp_text_deinit(&page);
	return status;
}

/* What only root can do, and then to be root no more. */
static int open_sockets(struct daemon *d, const char **error_r)
{
	struct gp_listener_access access = { (uid_t)-1, (gid_t)-1 };
	struct gp_process_user user;
	bool is_root = geteuid() == 0;

	if (is_root) {
		if (gp_process_find_user(d->options.user, &user, d->arena,
					 error_r) < 0)
			return EX_NOUSER;
		access.user = user.uid;
		/* A path: there is a unix socket to be made. */
		if (d->inherited == 0 &&
		    strchr(d->settings->policy_socket, '/') != NULL &&
		    gp_process_find_group(d->options.group, &access.group,
					  d->arena, error_r) < 0)
			return EX_NOUSER;
	}
	if (d->options.pid_file != NULL) {
		d->pid_fd = gp_process_pid_file(d->options.pid_file, d->arena,
						error_r);
		if (d->pid_fd < 0)
			return EX_CANTCREAT;
	}
	if (d->inherited == 0 &&
	    gp_listeners_open(&d->listeners, d->settings->policy_socket,
			      &access, d->arena, error_r) < 0)
		return EX_UNAVAILABLE;
	if (is_root && gp_process_become(&user, d->arena, error_r) < 0)
		return EX_NOPERM;
	return EX_OK;
}

/* The path as it stays right when the folder is left. */
static const char *absolute(struct daemon *d, const char *path)
{
	char *folder;

	if (path == NULL || path[0] == '/')
		return path;
	folder = getcwd(NULL, 0);
	if (folder == NULL)
		return path;
	path = gp_arena_printf(d->arena, "%s/%s", folder, path);
	free(folder);
	return path;
}

/* Everything up to where it can serve. */
static int prepare(struct daemon *d)
{
	const char *error = NULL;
	int status = load_settings(d);

	if (status != EX_OK || d->options.stdio || d->options.stats)
		return status;
	d->inherited = gp_listeners_inherit(&d->listeners, d->arena, &error);
	if (d->inherited < 0)
		status = EX_UNAVAILABLE;
	d->options.pid_file = absolute(d, d->options.pid_file);
	if (status == EX_OK && !d->options.foreground &&
	    gp_process_detach(d->arena, &error) < 0)
		status = EX_OSERR;
	if (status == EX_OK)
		status = open_sockets(d, &error);
	if (status != EX_OK)
		start_failed(d, error);
	return status;
}

static void on_ready(void *context)
{
	const struct daemon *d = context;
	size_t i;

	for (i = 0; i < d->listeners.count; i++)
		gp_log(GP_LOG_INFO, "listening on %s",
		       d->listeners.listener[i].name);
	gp_process_ready();
	gp_notify("READY=1");
}

static int serve(struct daemon *d)
{
	struct gp_worker_options options = {
		.config = d->options.config,
		.verbose = d->options.verbose,
		.workers = d->options.stdio ? 1 : d->settings->workers,
		.listeners = d->options.stdio ? NULL : &d->listeners,
	};
	struct gp_settings *settings = d->settings;

	d->settings = NULL;
	if (options.workers > 1)
		return gp_supervisor_run(&options, settings, on_ready, d);
	return gp_worker_run(&options, settings, on_ready, d);
}

static int check_standard_files(const struct options *options)
{
	if (options->stdio && !gp_process_has_standard_files()) {
		fprintf(stderr, PROGRAM ": error: standard input or output is "
			"closed, and -S serves them\n");
		return EX_USAGE;
	}
	if (options->stats && fcntl(STDOUT_FILENO, F_GETFD) < 0) {
		fprintf(stderr, PROGRAM ": error: standard output: %s\n",
			strerror(errno));
		return EX_IOERR;
	}
	gp_process_fill_standard_files();
	return EX_OK;
}

int main(int argc, char *argv[])
{
	struct daemon d = { .pid_fd = -1 };
	int status = parse_options(argc, argv, &d.options);

	if (status >= 0)
		return status;
	status = check_standard_files(&d.options);
	if (status != EX_OK)
		return status;
	log_debug = d.options.verbose;
	if (d.options.foreground || d.options.stats) {
		gp_log_set_sink(log_to_stderr);
	} else {
		openlog(PROGRAM, LOG_PID | LOG_NDELAY, LOG_MAIL);
		gp_log_set_sink(log_to_syslog);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	gp_notify_init();
	d.arena = gp_arena_new();
	d.options.config = absolute(&d, d.options.config);
	status = prepare(&d);
	if (status == EX_OK)
		status = d.options.stats ? show_stats(&d) : serve(&d);
	gp_settings_free(&d.settings);
	gp_listeners_unlink(&d.listeners);
	gp_listeners_close(&d.listeners);
	gp_process_pid_file_close(d.options.pid_file, &d.pid_fd);
	gp_arena_free(&d.arena);
	return status;
}
