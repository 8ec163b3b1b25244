/* What runs when everything that needs rights or can fail early is done. From
   here on nothing but a signal ends the process: trouble with settings or map
   leaves those that were good in force. */

#include "gatepost-config.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#include <event2/event.h>
#include "postfix-policyd/notify.h"
#include "postfix-policyd/policy.h"
#include "postfix-policyd/process.h"
#include "postfix-policyd/server.h"
#include "postfix-policyd/worker.h"
#include "shared/base/log.h"

/* Descriptors beside the connections': sockets, map, log, loop. */
#define SPARE_DESCRIPTORS 64

/* How often the door is looked after. */
#define SWEEP_SECONDS 10

enum { ON_TERM, ON_INT, ON_HUP, ON_USR1, ON_SWEEP, ON_BEAT, EVENTS };

struct worker {
	const struct gp_worker_options *options;
	/* The door's. */
	struct gp_settings *settings;
	struct event_base *base;
	struct gp_policy_door *door;
	struct gp_server *server;
	struct event *events[EVENTS];
	/* Of the only worker. */
	struct gp_stats stats;
	bool ending;
};

/* How many clients there can be, so that the worker's own descriptors are left:
   a new map has to be opened however many clients there are. */
static unsigned possible_clients(const struct worker *w,
				 const struct gp_settings *settings)
{
	unsigned workers = w->options->workers;
	unsigned share = (settings->max_clients + workers - 1) / workers;
	unsigned wanted = share + SPARE_DESCRIPTORS;
	unsigned has = gp_process_descriptors(wanted);
	unsigned clients = has > SPARE_DESCRIPTORS ?
		has - SPARE_DESCRIPTORS : 1;

	if (has >= wanted)
		return share;
	gp_log(GP_LOG_WARNING, "max_clients = %u needs %u descriptors, and the "
	       "system allows %u (ulimit -n): %u clients are served",
	       settings->max_clients, wanted, has, clients);
	return clients;
}

static void reload(struct worker *w)
{
	struct gp_settings *settings;
	unsigned max_clients;
	char *error;

	if (gp_settings_load(w->options->config, GP_SETTINGS_GO_ON, &settings,
			     &error) < 0) {
		gp_log_lines(GP_LOG_ERROR, error);
		gp_log(GP_LOG_ERROR, "the settings stay as they were");
		free(error);
		return;
	}
	max_clients = possible_clients(w, settings);
	if (strcmp(settings->policy_socket, w->settings->policy_socket) != 0 ||
	    settings->workers != w->settings->workers ||
	    settings->request_timeout != w->settings->request_timeout)
		gp_log(GP_LOG_WARNING, "policy_socket, workers or "
		       "request_timeout was changed, which needs a restart");
	gp_policy_door_set(w->door, settings);
	w->settings = settings;
	gp_server_set_max_clients(w->server, max_clients);
	gp_log(GP_LOG_INFO, "settings read again");
}

static void on_hup(evutil_socket_t fd, short what, void *context)
{
	struct worker *w = context;

	(void)fd;
	(void)what;
	if (w->options->heartbeat == NULL)
		gp_notify_reloading();
	reload(w);
	if (w->options->heartbeat == NULL)
		gp_notify("READY=1");
}

static void on_usr1(evutil_socket_t fd, short what, void *context)
{
	struct worker *w = context;
	const char *line = gp_policy_door_stats(w->door);
	size_t len;

	(void)fd;
	(void)what;
	for (; *line != '\0'; line += len + 1) {
		len = strcspn(line, "\n");
		if (*line != '#')
			gp_log(GP_LOG_INFO, "%.*s", (int)len, line);
	}
}

static void on_end(evutil_socket_t fd, short what, void *context)
{
	struct worker *w = context;

	(void)fd;
	(void)what;
	/* Asked twice, it ends at once. */
	if (w->ending) {
		gp_server_stop(w->server);
		return;
	}
	w->ending = true;
	if (w->options->heartbeat == NULL) {
		gp_notify("STOPPING=1");
		if (w->options->listeners != NULL)
			gp_listeners_unlink(w->options->listeners);
	}
	gp_server_drain(w->server);
}

static void on_sweep(evutil_socket_t fd, short what, void *context)
{
	struct worker *w = context;

	(void)fd;
	(void)what;
	gp_policy_door_sweep(w->door, false);
}

static void on_beat(evutil_socket_t fd, short what, void *context)
{
	struct worker *w = context;

	(void)fd;
	(void)what;
	if (w->options->heartbeat == NULL)
		gp_notify("WATCHDOG=1");
	else
		(*w->options->heartbeat)++;
}

/* poll(2) takes what epoll does not: standard input from a file. */
static struct event_base *make_base(bool for_standard_input)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (config == NULL)
		return NULL;
	if (for_standard_input)
		event_config_avoid_method(config, "epoll");
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

static int add_events(struct worker *w)
{
	static const struct timeval sweep = { .tv_sec = SWEEP_SECONDS };
	unsigned beat = gp_notify_watchdog();
	struct timeval interval = {
		.tv_sec = beat / 1000, .tv_usec = beat % 1000 * 1000
	};
	const struct timeval *const intervals[EVENTS] = {
		[ON_SWEEP] = &sweep, [ON_BEAT] = &interval
	};
	struct event **event = w->events;
	size_t i;

	event[ON_TERM] = evsignal_new(w->base, SIGTERM, on_end, w);
	event[ON_INT] = evsignal_new(w->base, SIGINT, on_end, w);
	event[ON_HUP] = evsignal_new(w->base, SIGHUP, on_hup, w);
	event[ON_USR1] = evsignal_new(w->base, SIGUSR1, on_usr1, w);
	event[ON_SWEEP] = event_new(w->base, -1, EV_PERSIST, on_sweep, w);
	event[ON_BEAT] = event_new(w->base, -1, EV_PERSIST, on_beat, w);
	for (i = 0; i < EVENTS; i++) {
		if (event[i] == NULL || ((i != ON_BEAT || beat > 0) &&
		    event_add(event[i], intervals[i]) < 0))
			return -1;
	}
	return 0;
}

static int add_sockets(struct worker *w)
{
	struct gp_listeners *listeners = w->options->listeners;
	size_t i;

	if (listeners == NULL) {
		(void)fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
		(void)fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
		return gp_server_add_connection(w->server, STDIN_FILENO,
						STDOUT_FILENO);
	}
	for (i = 0; i < listeners->count; i++) {
		if (gp_server_add_listener(w->server,
					   listeners->listener[i].fd) < 0)
			return -1;
		listeners->listener[i].fd = -1;
	}
	return 0;
}

static int make_server(struct worker *w)
{
	struct gp_server_options options = {
		.answer = gp_policy_door_answer,
		.begin = gp_policy_door_begin,
		.expect = gp_policy_door_expect, .context = w->door,
		.patience = w->settings->request_timeout,
	};
	struct gp_stats *all = w->options->stats != NULL ?
		w->options->stats : &w->stats;

	options.stats = &all[w->options->number];
	gp_policy_door_count_in(w->door, all, w->options->workers,
				w->options->number);
	options.max_clients = possible_clients(w, w->settings);
	w->base = make_base(w->options->listeners == NULL);
	if (w->base == NULL)
		return -1;
	w->server = gp_server_new(w->base, &options);
	if (w->server == NULL || add_events(w) < 0)
		return -1;
	return add_sockets(w);
}

static void worker_deinit(struct worker *w)
{
	size_t i;

	for (i = 0; i < EVENTS; i++) {
		if (w->events[i] != NULL)
			event_free(w->events[i]);
	}
	gp_server_free(&w->server);
	gp_policy_door_free(&w->door);
	if (w->base != NULL)
		event_base_free(w->base);
}

int gp_worker_run(const struct gp_worker_options *options,
		  struct gp_settings *settings, gp_worker_ready *ready,
		  void *context)
{
	struct worker w = { .options = options, .settings = settings };
	int status = EX_OK;

	w.door = gp_policy_door_new(settings, options->verbose);
	if (w.door == NULL || make_server(&w) < 0) {
		gp_log(GP_LOG_ERROR, "cannot make the event loop: %s",
		       strerror(errno));
		status = EX_OSERR;
	} else {
		ready(context);
		if (gp_server_run(w.server) < 0)
			status = EX_OSERR;
	}
	worker_deinit(&w);
	return status;
}
