/* One loop on plain readiness events. All connections read into one buffer that
   stays in the processor's cache; only the beginning of a request whose rest
   has not come is kept, in a buffer which its connection then has until it
   ends. So memory is bounded by max_clients times (GP_PROTOCOL_REQUEST_MAX and
   less than a kilobyte), whatever is sent, and an ordinary request allocates
   nothing.

   What came together is read together, then answered, then the replies go out.
   So one look at the map serves all, as each request was read before it, and
   what their answers need can be fetched from memory at once. And waking
   whoever waits for a reply costs more than an answer, while one who is awake
   takes the next reply without being woken.

   While a reply cannot be written the connection is not read from: whoever
   sends and never reads is held up in his own socket. */

#include "gatepost-config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <event2/event.h>
#include "postfix-policyd/connection.h"

bool gp_connection_is_idle(const struct connection *c)
{
	return c->held_len == 0 && c->reply_len == 0;
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

void gp_connection_free(struct connection *c)
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

void gp_connection_end(struct connection *c)
{
	struct gp_server *server = c->server;

	LIST_REMOVE(c, entry);
	leave_batch(c);
	server->clients--;
	server->stats->connections--;
	gp_connection_free(c);
	gp_server_has_room(server);
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
			gp_server_complain(c->server, GP_LOG_ERROR, "Out of "
					   "memory: a policy connection is "
					   "closed");
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
	gp_server_complain(c->server, GP_LOG_WARNING, text);
	return -1;
}

/* Answers the requests in data and keeps what is left of it. The last reply is
   still to be sent. Returns 0, or -1 when the connection has to be ended. */
static int serve(struct connection *c, const char *data, size_t len)
{
	struct gp_protocol_request request;
	const char *error;
	size_t at = 0, used;
	int ret = 0;

	if (c->first != NULL) {
		at = c->first_len;
		ret = answer(c, c->first);
		c->first = NULL;
		if (ret < 0)
			return -1;
	}
	while (at < len) {
		/* Of requests that came together each has its reply before the
		   next is answered. */
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

int gp_connection_settle(struct connection *c)
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
	return c->server->draining && gp_connection_is_idle(c) ? -1 : 0;
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

/* Reads the first request of each connection, which mostly is the only one, so
   that it is known what all of them will ask for. */
static int look_ahead(struct connection *c, struct gp_protocol_request *request)
{
	struct gp_server *server = c->server;
	const char *error;
	int ret = gp_protocol_parse(&c->parser, c->received, c->received_len,
				    request, &c->first_len, &error);

	if (ret < 0)
		return refuse(c, error);
	if (ret > 0) {
		c->first = request;
		if (server->options.expect != NULL)
			server->options.expect(server->options.context,
					       request);
	}
	return 0;
}

static void look_ahead_all(struct gp_server *server)
{
	struct gp_protocol_request *request = server->first;
	struct connection *c, *next;

	for (c = TAILQ_FIRST(&server->batch); c != NULL; c = next) {
		next = TAILQ_NEXT(c, batch);
		if (look_ahead(c, request++) < 0)
			gp_connection_end(c);
	}
}

void gp_connection_answer_batch(struct gp_server *server)
{
	struct connection *c, *next;

	if (TAILQ_EMPTY(&server->batch))
		return;
	begin(server);
	look_ahead_all(server);
	for (c = TAILQ_FIRST(&server->batch); c != NULL; c = next) {
		next = TAILQ_NEXT(c, batch);
		if (serve(c, c->received, c->received_len) < 0)
			gp_connection_end(c);
	}
	server->input_len = 0;
	while ((c = TAILQ_FIRST(&server->batch)) != NULL) {
		leave_batch(c);
		if (gp_connection_settle(c) < 0)
			gp_connection_end(c);
	}
	if (server->answered > 0)
		gp_stats_add_latency(server->stats,
				     nanoseconds() - server->read_at,
				     server->answered);
}

int gp_connection_receive(struct connection *c)
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
		gp_connection_answer_batch(server);
	return 0;
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
	struct connection *c = context;

	(void)fd;
	(void)what;
	if (gp_connection_receive(c) < 0)
		gp_connection_end(c);
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
	if (ret < 0 || gp_connection_settle(c) < 0)
		gp_connection_end(c);
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
		gp_connection_free(c);
		return -1;
	}
	LIST_INSERT_HEAD(&server->connections, c, entry);
	server->clients++;
	server->stats->connections++;
	server->stats->accepted++;
	return 0;
}
