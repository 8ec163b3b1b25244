/* One loop on plain readiness events. All connections read into one buffer that
   stays in the processor's cache; only the beginning of a request whose rest
   has not come is kept, in a buffer which its connection then has until it
   ends. So memory is bounded by max_clients times (GP_PROTOCOL_REQUEST_MAX and
   less than a kilobyte), whatever is sent, and an ordinary request allocates
   nothing.

   What came together is read together, then answered, then the replies go out.
   So one look at the map serves all, as each request was read before it. And
   waking whoever waits for a reply costs more than an answer, while one who is
   awake takes the next reply without being woken.

   While a reply cannot be written the connection is not read from: whoever
   sends and never reads is held up in his own socket. Where the system has no
   more descriptors the listeners rest for a second, for a readiness event that
   cannot be served would come again at once. */

#include "gatepost-config.h"
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <event2/event.h>
#include "postfix-policyd/server.h"
#include "shared/base/log.h"

/* How often during the patience connections are looked through. */
#define SWEEPS 8
/* Log lines about misbehaving clients between two sweeps. */
#define COMPLAINTS 20
#define DRAIN_SECONDS 5
/* How much is read before it is answered. */
#define TOGETHER 32
#define INPUT_SIZE (3 * GP_PROTOCOL_REQUEST_MAX)

struct connection {
	LIST_ENTRY(connection) entry;
	/* While it is one of those that are answered together. */
	TAILQ_ENTRY(connection) batch;
	bool is_in_batch;
	/* There was no room for its reply. */
	bool is_blocked;
	struct gp_server *server;
	int in, out;
	struct event *readable, *writable;
	struct gp_protocol_parser parser;
	/* The unfinished request, and what was sent behind a request whose
	   reply is not taken yet. */
	char *held;
	size_t held_len;
	/* What is not looked at yet, the held request's beginning included. */
	const char *received;
	size_t received_len;
	/* Sweeps since something is under way. */
	unsigned waited;
	size_t reply_len, reply_sent;
	char reply[GP_PROTOCOL_REPLY_MAX];
};

struct listener {
	LIST_ENTRY(listener) entry;
	int fd;
	struct event *readable;
};

struct gp_server {
	struct event_base *base;
	struct gp_server_options options;
	LIST_HEAD(, listener) listeners;
	LIST_HEAD(, connection) connections;
	TAILQ_HEAD(, connection) batch;
	unsigned batch_count;
	unsigned clients;
	unsigned complaints;
	struct gp_stats *stats;
	struct gp_stats unshared;
	/* Of the batch. */
	int64_t read_at;
	unsigned answered;
	bool resting;
	bool draining;
	bool done;
	struct event *sweep, *wake, *drained;
	/* What the batch has sent. */
	size_t input_len;
	char input[INPUT_SIZE];
};

/* For what clients can bring about at will. */
static void complain(struct gp_server *server, enum gp_log_level level,
		     const char *text)
{
	if (server->complaints++ < COMPLAINTS)
		gp_log(level, "%s", text);
}

static bool is_idle(const struct connection *c)
{
	return c->held_len == 0 && c->reply_len == 0;
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

static void on_wake(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	listen_again(context);
}

static void join_batch(struct connection *c)
{
	struct gp_server *server = c->server;

	c->is_in_batch = true;
	TAILQ_INSERT_TAIL(&server->batch, c, batch);
	server->batch_count++;
}

static void leave_batch(struct connection *c)
{
	if (!c->is_in_batch)
		return;
	c->is_in_batch = false;
	c->server->batch_count--;
	TAILQ_REMOVE(&c->server->batch, c, batch);
}

static void connection_free(struct connection *c)
{
	if (c->readable != NULL)
		event_free(c->readable);
	if (c->writable != NULL)
		event_free(c->writable);
	close(c->in);
	if (c->out != c->in)
		close(c->out);
	free(c->held);
	free(c);
}

static void connection_end(struct connection *c)
{
	struct gp_server *server = c->server;

	LIST_REMOVE(c, entry);
	leave_batch(c);
	server->clients--;
	server->stats->connections--;
	connection_free(c);
	listen_again(server);
	end_if_done(server);
}

/* Returns 1 when the reply is out, 0 when the rest has to wait, -1 when there
   is nobody to take it. */
static int send_reply(struct connection *c)
{
	ssize_t sent;

	while (c->reply_sent < c->reply_len) {
		sent = write(c->out, c->reply + c->reply_sent,
			     c->reply_len - c->reply_sent);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN)
			return 0;
		if (sent < 0)
			return -1;
		c->reply_sent += sent;
	}
	c->reply_len = 0;
	c->reply_sent = 0;
	c->waited = 0;
	return 1;
}

/* It fits into a socket's buffer, and who asks for it reads it. */
static int send_page(struct connection *c, const char *text)
{
	ssize_t len = strlen(text);

	return write(c->out, text, len) == len ? 0 : -1;
}

static int answer(struct connection *c,
		  const struct gp_protocol_request *request)
{
	struct gp_server *server = c->server;
	struct gp_protocol_reply reply = { .action = GP_PROTOCOL_DEFER };

	server->options.answer(server->options.context, request, &reply);
	if (reply.action == GP_PROTOCOL_PAGE)
		return send_page(c, reply.text);
	c->reply_len = gp_protocol_encode(&reply, c->reply);
	server->stats->requests++;
	server->answered++;
	return 0;
}

static int hold(struct connection *c, const char *data, size_t len)
{
	c->held_len = len;
	if (len == 0)
		return 0;
	if (c->held == NULL) {
		c->held = malloc(GP_PROTOCOL_REQUEST_MAX);
		if (c->held == NULL) {
			c->server->stats->errors[GP_STATS_MEMORY]++;
			complain(c->server, GP_LOG_ERROR, "Out of memory: "
				 "a policy connection is closed");
			return -1;
		}
	}
	memmove(c->held, data, len);
	return 0;
}

static int refuse(struct connection *c, const char *error)
{
	char text[128];

	evutil_snprintf(text, sizeof(text), "A policy connection is closed: %s",
			error);
	c->server->stats->errors[GP_STATS_MALFORMED]++;
	complain(c->server, GP_LOG_WARNING, text);
	return -1;
}

/* Answers the requests in data and keeps what is left of it. The last reply is
   still to be sent. Returns 0, or -1 when the connection has to be ended. */
static int serve(struct connection *c, const char *data, size_t len)
{
	struct gp_protocol_request request;
	const char *error;
	size_t at = 0, used;
	int ret = 1;

	while (at < len) {
		/* Of requests that came together each has its reply before the
		   next is looked at. */
		if (c->reply_len > 0 && (ret = send_reply(c)) <= 0)
			break;
		ret = gp_protocol_parse(&c->parser, data + at, len - at,
					&request, &used, &error);
		if (ret < 0)
			return refuse(c, error);
		if (ret == 0)
			break;
		at += used;
		if (answer(c, &request) < 0)
			return -1;
	}
	if (ret < 0)
		return -1;
	/* Nothing may have been held, at no address at all. */
	return hold(c, at > 0 ? data + at : data, len - at);
}

/* What is to be done when a reply is out, or has to wait for room. Returns 0,
   or -1 when the connection has to be ended. */
static int settle(struct connection *c)
{
	/* Without a reply it waits on, for the rest of its request. */
	int ret = c->reply_len > 0 ? send_reply(c) : 1;

	if (ret < 0)
		return -1;
	if (ret == 0 && !c->is_blocked) {
		c->is_blocked = true;
		event_del(c->readable);
		event_add(c->writable, NULL);
	}
	if (ret > 0 && c->is_blocked) {
		c->is_blocked = false;
		event_del(c->writable);
		event_add(c->readable, NULL);
	}
	return c->server->draining && is_idle(c) ? -1 : 0;
}

static int64_t nanoseconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void begin(struct gp_server *server)
{
	server->answered = 0;
	if (server->options.begin != NULL)
		server->options.begin(server->options.context);
}

/* Answers what was read, then sends the replies. */
static void answer_batch(struct gp_server *server)
{
	struct connection *c, *next;

	if (TAILQ_EMPTY(&server->batch))
		return;
	begin(server);
	for (c = TAILQ_FIRST(&server->batch); c != NULL; c = next) {
		next = TAILQ_NEXT(c, batch);
		if (serve(c, c->received, c->received_len) < 0)
			connection_end(c);
	}
	server->input_len = 0;
	while ((c = TAILQ_FIRST(&server->batch)) != NULL) {
		leave_batch(c);
		if (settle(c) < 0)
			connection_end(c);
	}
	if (server->answered > 0)
		gp_stats_add_latency(server->stats,
				     nanoseconds() - server->read_at,
				     server->answered);
}

/* Returns 0, or -1 when the connection has to be ended. */
static int receive(struct connection *c)
{
	struct gp_server *server = c->server;
	char *buffer = c->held != NULL ? c->held :
		server->input + server->input_len;
	ssize_t got;

	/* First that; the rest is still there afterwards. */
	if (c->is_in_batch)
		return 0;
	got = read(c->in, buffer + c->held_len,
		   GP_PROTOCOL_REQUEST_MAX - c->held_len);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	if (got == 0)
		return -1;
	c->received = buffer;
	c->received_len = c->held_len + got;
	if (c->held == NULL)
		server->input_len += got;
	if (server->batch_count == 0)
		server->read_at = nanoseconds();
	join_batch(c);
	if (server->batch_count == TOGETHER ||
	    server->input_len > INPUT_SIZE - GP_PROTOCOL_REQUEST_MAX)
		answer_batch(server);
	return 0;
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct connection *c = context;

	(void)fd;
	(void)what;
	if (receive(c) < 0)
		connection_end(c);
}

static void on_writable(evutil_socket_t fd, short what, void *context)
{
	struct connection *c = context;
	int ret = send_reply(c);

	(void)fd;
	(void)what;
	if (ret > 0) {
		begin(c->server);
		ret = serve(c, c->held, c->held_len);
	}
	if (ret < 0 || settle(c) < 0)
		connection_end(c);
}

int gp_server_add_connection(struct gp_server *server, int in, int out)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		close(in);
		if (out != in)
			close(out);
		return -1;
	}
	c->server = server;
	c->in = in;
	c->out = out;
	gp_protocol_parser_init(&c->parser);
	c->readable = event_new(server->base, in, EV_READ | EV_PERSIST,
				on_readable, c);
	c->writable = event_new(server->base, out, EV_WRITE | EV_PERSIST,
				on_writable, c);
	if (c->readable == NULL || c->writable == NULL ||
	    event_add(c->readable, NULL) < 0) {
		connection_free(c);
		return -1;
	}
	LIST_INSERT_HEAD(&server->connections, c, entry);
	server->clients++;
	server->stats->connections++;
	server->stats->accepted++;
	return 0;
}

static void accept_failed(struct gp_server *server)
{
	static const struct timeval second = { .tv_sec = 1 };
	char text[160];

	server->stats->errors[GP_STATS_ACCEPT]++;
	evutil_snprintf(text, sizeof(text), "accept: %s; policy connections "
			"wait, trying again every second", strerror(errno));
	complain(server, GP_LOG_ERROR, text);
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
	complain(server, GP_LOG_WARNING, "max_clients is reached: further "
		 "policy connections wait until one ends");
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
	answer_batch(server);
	for (c = LIST_FIRST(&server->connections); c != NULL; c = next) {
		next = LIST_NEXT(c, entry);
		if (is_idle(c) || c->waited++ < SWEEPS)
			continue;
		server->stats->errors[GP_STATS_TIMEOUT]++;
		complain(server, GP_LOG_WARNING, c->reply_len > 0 ?
			 "A policy connection is closed: it takes no reply" :
			 "A policy connection is closed: its request does not "
			 "end");
		connection_end(c);
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
		connection_free(c);
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

	answer_batch(server);
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
		if (c->reply_len == 0 && receive(c) < 0)
			connection_end(c);
	}
	answer_batch(server);
	for (c = LIST_FIRST(&server->connections); c != NULL; c = next) {
		next = LIST_NEXT(c, entry);
		if (settle(c) < 0)
			connection_end(c);
	}
	evtimer_add(server->drained, &grace);
	end_if_done(server);
}

int gp_server_turn(struct gp_server *server, bool wait)
{
	/* Without EVLOOP_ONCE it would turn until nothing is left to do. */
	int ret = event_base_loop(server->base, EVLOOP_ONCE |
				  (wait ? 0 : EVLOOP_NONBLOCK));

	answer_batch(server);
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
