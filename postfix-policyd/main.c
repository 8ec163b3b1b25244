/* gatepost-policyd: options, the way from root to an unprivileged process that
   serves, and signals. What needs root's rights (folders, sockets, pid file,
   limits) comes before they are given up; the map is opened after, so that a
   map which the daemon's user cannot read is noticed, not served. A failure
   before the sockets are open ends the start with its reason and an exit
   status of sysexits.h; after it the daemon lives until it is told to end. */

#include "gatepost-config.h"
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <syslog.h>
#include <unistd.h>
#include <event2/event.h>
#include "postfix-policyd/listener.h"
#include "postfix-policyd/policy.h"
#include "postfix-policyd/process.h"
#include "postfix-policyd/server.h"
#include "shared/base/log.h"

#define PROGRAM "gatepost-policyd"
/* Three times what Postfix waits for an answer by default. */
#define PATIENCE 300
/* Descriptors beside the connections': sockets, map, log, loop. */
#define SPARE_DESCRIPTORS 64

struct options {
	const char *config;
	const char *pid_file;
	const char *user;
	const char *group;
	bool foreground;
	bool verbose;
};

struct daemon {
	struct options options;
	struct gp_arena *arena;
	struct gp_settings *settings;
	struct gp_listeners listeners;
	int pid_fd;
	unsigned max_clients;
	struct event_base *base;
	struct gp_policy_door *door;
	struct gp_server *server;
	struct event *on_term, *on_int, *on_hup;
	bool ending;
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
	fputs("Usage: " PROGRAM " [-fv] [-c CONFIG] [-g GROUP] [-p PIDFILE]"
	      " [-u USER]\n"
	      "Answers Postfix's policy requests by Gatepost's rules.\n\n"
	      "  -c, --config=CONFIG     settings [" GP_SETTINGS_PATH "]\n"
	      "  -f, --foreground        stay there and log to standard error\n"
	      "  -g, --group=GROUP       who may connect to unix sockets"
	      " [postfix]\n"
	      "  -p, --pid-file=PIDFILE  write the process id there\n"
	      "  -u, --user=USER         whom to become when started by root"
	      " [gatepost]\n"
	      "  -v, --verbose           log each request\n"
	      "  -h, --help              show this text\n"
	      "  -V, --version           show the version\n\n"
	      "SIGHUP: read the settings again. SIGTERM: finish what was asked"
	      " and end.\n", to);
}

/* Returns -1 to go on, else the exit status. */
static int parse_options(int argc, char *argv[], struct options *options_r)
{
	static const struct option names[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "foreground", no_argument, NULL, 'f' },
		{ "group", required_argument, NULL, 'g' },
		{ "help", no_argument, NULL, 'h' },
		{ "pid-file", required_argument, NULL, 'p' },
		{ "user", required_argument, NULL, 'u' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 }
	};
	int option;

	*options_r = (struct options){
		.config = GP_SETTINGS_PATH, .user = "gatepost",
		.group = "postfix",
	};
	while ((option = getopt_long(argc, argv, "c:fg:hp:u:vV", names,
				     NULL)) != -1) {
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

/* Logs each line of a text that was allocated for it. */
static void log_lines(char *text)
{
	char *line, *rest = text;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (*line != '\0')
			gp_log(GP_LOG_ERROR, "%s", line);
	}
	free(text);
}

/* How many clients there can be, so that the daemon's own descriptors are always
   left: a new map has to be opened however many clients there are. */
static unsigned possible_clients(const struct gp_settings *settings)
{
	unsigned wanted = settings->max_clients + SPARE_DESCRIPTORS;
	unsigned has = gp_process_descriptors(wanted);
	unsigned clients = has > SPARE_DESCRIPTORS ?
		has - SPARE_DESCRIPTORS : 1;

	if (has >= wanted)
		return settings->max_clients;
	gp_log(GP_LOG_WARNING, "max_clients = %u needs %u descriptors, and the "
	       "system allows %u (ulimit -n): %u clients are served",
	       settings->max_clients, wanted, has, clients);
	return clients;
}

static void on_hup(evutil_socket_t fd, short what, void *context)
{
	struct daemon *d = context;
	struct gp_settings *settings;
	unsigned max_clients;
	char *error;

	(void)fd;
	(void)what;
	if (gp_settings_load(d->options.config, GP_SETTINGS_GO_ON, &settings,
			     &error) < 0) {
		log_lines(error);
		gp_log(GP_LOG_ERROR, "the settings stay as they were");
		return;
	}
	max_clients = possible_clients(settings);
	if (strcmp(settings->policy_socket, d->settings->policy_socket) != 0)
		gp_log(GP_LOG_WARNING, "policy_socket was changed, which needs "
		       "a restart");
	gp_policy_door_set(d->door, settings);
	d->settings = settings;
	gp_server_set_max_clients(d->server, max_clients);
	gp_log(GP_LOG_INFO, "settings read again");
}

static void on_end(evutil_socket_t fd, short what, void *context)
{
	struct daemon *d = context;

	(void)fd;
	(void)what;
	/* Asked twice, it ends at once. */
	if (d->ending) {
		event_base_loopbreak(d->base);
		return;
	}
	d->ending = true;
	gp_listeners_unlink(&d->listeners);
	gp_server_drain(d->server);
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
	if (d->options.foreground)
		free(error);
	else
		log_lines(error);
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
		/* A path: there is a unix socket. */
		if (strchr(d->settings->policy_socket, '/') != NULL &&
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
	if (gp_listeners_open(&d->listeners, d->settings->policy_socket,
			      &access, d->arena, error_r) < 0)
		return EX_UNAVAILABLE;
	d->max_clients = possible_clients(d->settings);
	if (is_root && gp_process_become(&user, d->arena, error_r) < 0)
		return EX_NOPERM;
	return EX_OK;
}

static struct event *on_signal(struct daemon *d, int number,
			       event_callback_fn callback)
{
	struct event *event = evsignal_new(d->base, number, callback, d);

	if (event != NULL && event_add(event, NULL) < 0) {
		event_free(event);
		event = NULL;
	}
	return event;
}

static int make_server(struct daemon *d, const char **error_r)
{
	struct gp_server_options options = {
		.answer = gp_policy_door_answer,
		.max_clients = d->max_clients,
		.patience = PATIENCE,
	};
	size_t i;

	*error_r = "cannot make the event loop";
	d->base = event_base_new();
	if (d->base == NULL)
		return EX_OSERR;
	d->door = gp_policy_door_new(d->settings, d->options.verbose);
	options.context = d->door;
	d->server = gp_server_new(d->base, &options);
	d->on_term = on_signal(d, SIGTERM, on_end);
	d->on_int = on_signal(d, SIGINT, on_end);
	d->on_hup = on_signal(d, SIGHUP, on_hup);
	if (d->server == NULL || d->on_term == NULL || d->on_int == NULL ||
	    d->on_hup == NULL)
		return EX_OSERR;
	for (i = 0; i < d->listeners.count; i++) {
		if (gp_server_add_listener(d->server,
					   d->listeners.listener[i].fd) < 0)
			return EX_OSERR;
		d->listeners.listener[i].fd = -1;
	}
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

static int start(struct daemon *d)
{
	const char *error = NULL;
	int status = load_settings(d);
	size_t i;

	if (status != EX_OK)
		return status;
	d->options.config = absolute(d, d->options.config);
	d->options.pid_file = absolute(d, d->options.pid_file);
	if (!d->options.foreground &&
	    gp_process_detach(d->arena, &error) < 0)
		status = EX_OSERR;
	if (status == EX_OK)
		status = open_sockets(d, &error);
	if (status == EX_OK)
		status = make_server(d, &error);
	if (status != EX_OK) {
		start_failed(d, error);
		return status;
	}
	for (i = 0; i < d->listeners.count; i++)
		gp_log(GP_LOG_INFO, "listening on %s",
		       d->listeners.listener[i].name);
	gp_process_ready();
	return EX_OK;
}

static void cleanup(struct daemon *d)
{
	struct event *const events[] = { d->on_term, d->on_int, d->on_hup };
	size_t i;

	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (events[i] != NULL)
			event_free(events[i]);
	}
	gp_server_free(&d->server);
	gp_listeners_unlink(&d->listeners);
	gp_listeners_close(&d->listeners);
	gp_process_pid_file_close(d->options.pid_file, &d->pid_fd);
	/* The door has taken the settings over. */
	if (d->door == NULL)
		gp_settings_free(&d->settings);
	gp_policy_door_free(&d->door);
	if (d->base != NULL)
		event_base_free(d->base);
	gp_arena_free(&d->arena);
}

int main(int argc, char *argv[])
{
	struct daemon d = { .pid_fd = -1 };
	int status = parse_options(argc, argv, &d.options);

	if (status >= 0)
		return status;
	log_debug = d.options.verbose;
	if (d.options.foreground) {
		gp_log_set_sink(log_to_stderr);
	} else {
		openlog(PROGRAM, LOG_PID | LOG_NDELAY, LOG_MAIL);
		gp_log_set_sink(log_to_syslog);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	d.arena = gp_arena_new();
	status = start(&d);
	if (status == EX_OK && event_base_dispatch(d.base) < 0)
		status = EX_OSERR;
	cleanup(&d);
	return status;
}
