/* Where connections come from, and how serving begins and ends. Where the
   system has no more descriptors the listeners rest for a second, for a
   readiness event that cannot be served would come again at once. */

#include "gatepost-config.h"
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <event2/event.h>
#include "postfix-policyd/connection.h"

/* How often during the patience connections are looked through. */
#define SWEEPS 8
/* Log lines about misbehaving clients between two sweeps. */
#define COMPLAINTS 20
#define DRAIN_SECONDS 5

void gp_server_complain(struct gp_server *server, enum gp_log_level level,
			const char *text)
{
	if (server->complaints++ < COMPLAINTS)
		gp_log(level, "%s", text);
}

static void end_if_done(struct gp_server *server)
{
	if (LIST_EMPTY(&server->listeners) &&
	    LIST_EMPTY(&server->connections))
		server->done = true;
}

static void listen_again(struct gp_server *server)
{
	struct listener *l;

	if (!server->resting || server->draining ||
	    server->clients >= server->options.max_clients)
		return;
	server->resting = false;
	LIST_FOREACH(l, &server->listeners, entry)
		event_add(l->readable, NULL);
}

static void rest(struct gp_server *server)
{
	struct listener *l;

	server->resting = true;
	LIST_FOREACH(l, &server->listeners, entry)
		event_del(l->readable);
}

void gp_server_has_room(struct gp_server *server)
{
	listen_again(server);
	end_if_done(server);
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	listen_again(context);
}

static void accept_failed(struct gp_server *server)
{
	static const struct timeval second = { .tv_sec = 1 };
	char text[160];

	server->stats->errors[GP_STATS_ACCEPT]++;
	evutil_snprintf(text, sizeof(text), "accept: %s; policy connections "
			"wait, trying again every second", strerror(errno));
	gp_server_complain(server, GP_LOG_ERROR, text);
	rest(server);
	evtimer_add(server->wake, &second);
}

/* One at a time, so that several workers share what comes. Returns true when
   there may be more. */
static bool accept_one(struct gp_server *server, int listener)
{
	int fd;

	if (server->clients >= server->options.max_clients)
		return false;
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return errno != EAGAIN;
		accept_failed(server);
		return false;
	}
	if (gp_server_add_connection(server, fd, fd) < 0) {
		errno = ENOMEM;
		accept_failed(server);
		return false;
	}
	if (server->clients < server->options.max_clients)
		return true;
	gp_server_complain(server, GP_LOG_WARNING, "max_clients is reached: "
			   "further policy connections wait until one ends");
	rest(server);
	return false;
}

static void on_connect(evutil_socket_t fd, short what, void *context)
{
	(void)what;
	(void)accept_one(context, fd);
}

int gp_server_add_listener(struct gp_server *server, int fd)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -1;
	l->fd = fd;
	l->readable = event_new(server->base, fd, EV_READ | EV_PERSIST,
				on_connect, server);
	if (l->readable == NULL || event_add(l->readable, NULL) < 0) {
		if (l->readable != NULL)
			event_free(l->readable);
		free(l);
		return -1;
	}
	LIST_INSERT_HEAD(&server->listeners, l, entry);
	return 0;
}

static void listener_end(struct listener *l)
{
	LIST_REMOVE(l, entry);
	event_free(l->readable);
	close(l->fd);
	free(l);
}

/* Ends what is under way for longer than anybody waits for it. */
static void on_sweep(evutil_socket_t fd, short what, void *context)
{
	struct gp_server *server = context;
	struct connection *c, *next;

	(void)fd;
	(void)what;
	if (server->complaints > COMPLAINTS)
		gp_log(GP_LOG_WARNING, "%u more messages about policy "
		       "connections were left out",
		       server->complaints - COMPLAINTS);
	server->complaints = 0;
	gp_connection_answer_batch(server);
	for (c = LIST_FIRST(&server->connections); c != NULL; c = next) {
		next = LIST_NEXT(c, entry);
		if (gp_connection_is_idle(c) || c->waited++ < SWEEPS)
			continue;
		server->stats->errors[GP_STATS_TIMEOUT]++;
		gp_server_complain(server, GP_LOG_WARNING, c->reply_len > 0 ?
			 "A policy connection is closed: it takes no reply" :
			 "A policy connection is closed: its request does not "
			 "end");
		gp_connection_end(c);
	}
}

static void on_drained(evutil_socket_t fd, short what, void *context)
{
	struct gp_server *server = context;

	(void)fd;
	(void)what;
	server->done = true;
}

struct gp_server *gp_server_new(struct event_base *base,
				const struct gp_server_options *options)
{
	struct gp_server *server = calloc(1, sizeof(*server));
	struct timeval interval;

	if (server == NULL)
		return NULL;
	server->base = base;
	server->options = *options;
	server->stats = options->stats != NULL ? options->stats :
		&server->unshared;
	/* Those of a worker that died are gone. */
	server->stats->connections = 0;
	LIST_INIT(&server->listeners);
	LIST_INIT(&server->connections);
	TAILQ_INIT(&server->batch);
	server->sweep = event_new(base, -1, EV_PERSIST, on_sweep, server);
	server->wake = evtimer_new(base, on_wake, server);
	server->drained = evtimer_new(base, on_drained, server);
	interval.tv_sec = options->patience / SWEEPS;
	interval.tv_usec = options->patience % SWEEPS * (1000000 / SWEEPS);
	if (server->sweep == NULL || server->wake == NULL ||
	    server->drained == NULL || event_add(server->sweep, &interval) < 0)
		gp_server_free(&server);
	return server;
}

void gp_server_free(struct gp_server **_server)
{
	struct gp_server *server = *_server;
	struct connection *c;
	struct listener *l;

	*_server = NULL;
	if (server == NULL)
		return;
	while ((c = LIST_FIRST(&server->connections)) != NULL) {
		LIST_REMOVE(c, entry);
		gp_connection_free(c);
	}
	while ((l = LIST_FIRST(&server->listeners)) != NULL)
		listener_end(l);
	if (server->sweep != NULL)
		event_free(server->sweep);
	if (server->wake != NULL)
		event_free(server->wake);
	if (server->drained != NULL)
		event_free(server->drained);
	free(server);
}

void gp_server_set_max_clients(struct gp_server *server, unsigned max_clients)
{
	server->options.max_clients = max_clients;
	if (server->clients < max_clients)
		listen_again(server);
	else if (!server->resting)
		rest(server);
}

void gp_server_drain(struct gp_server *server)
{
	static const struct timeval grace = { .tv_sec = DRAIN_SECONDS };
	struct connection *c, *next;
	struct listener *l;

	gp_connection_answer_batch(server);
	/* Who stands in the queue may have asked already. */
	LIST_FOREACH(l, &server->listeners, entry) {
		while (accept_one(server, l->fd))
			;
	}
	server->draining = true;
	while ((l = LIST_FIRST(&server->listeners)) != NULL)
		listener_end(l);
	for (c = LIST_FIRST(&server->connections); c != NULL; c = next) {
		next = LIST_NEXT(c, entry);
		if (c->reply_len == 0 && gp_connection_receive(c) < 0)
			gp_connection_end(c);
	}
	gp_connection_answer_batch(server);
	for (c = LIST_FIRST(&server->connections); c != NULL; c = next) {
		next = LIST_NEXT(c, entry);
		if (gp_connection_settle(c) < 0)
			gp_connection_end(c);
	}
	evtimer_add(server->drained, &grace);
	end_if_done(server);
}

int gp_server_turn(struct gp_server *server, bool wait)
{
	/* Without EVLOOP_ONCE it would turn until nothing is left to do. */
	int ret = event_base_loop(server->base, EVLOOP_ONCE |
				  (wait ? 0 : EVLOOP_NONBLOCK));

	gp_connection_answer_batch(server);
	return ret < 0 ? -1 : 0;
}

int gp_server_run(struct gp_server *server)
{
	int ret = 0;

	while (!server->done && ret == 0)
		ret = gp_server_turn(server, true);
	return ret;
}

void gp_server_stop(struct gp_server *server)
{
	server->done = true;
}

unsigned gp_server_clients(const struct gp_server *server)
{
	return server->clients;
}
