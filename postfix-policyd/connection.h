#ifndef GP_POLICYD_CONNECTION_H
#define GP_POLICYD_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include "postfix-policyd/server.h"
#include "shared/base/log.h"

/* The two halves of the server: connection.c has what happens on connections,
   server.c where they come from and how all of it begins and ends. */

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
	/* What is not answered yet, the held request's beginning included. */
	const char *received;
	size_t received_len;
	/* The first request of it, where it is read already. */
	const struct gp_protocol_request *first;
	size_t first_len;
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
	struct gp_protocol_request first[TOGETHER];
	bool resting;
	bool draining;
	bool done;
	struct event *sweep, *wake, *drained;
	/* What the batch has sent. */
	size_t input_len;
	char input[INPUT_SIZE];
};

/* Of connection.c. */
bool gp_connection_is_idle(const struct connection *c);
void gp_connection_free(struct connection *c);
void gp_connection_end(struct connection *c);
/* Both return 0, or -1 when the connection has to be ended. */
int gp_connection_receive(struct connection *c);
/* What is to be done when a reply is out, or has to wait for room. */
int gp_connection_settle(struct connection *c);
/* Answers what was read, then sends the replies. */
void gp_connection_answer_batch(struct gp_server *server);

/* Of server.c: for what clients can bring about at will; and what is to be done
   when a connection has ended. */
void gp_server_complain(struct gp_server *server, enum gp_log_level level,
			const char *text);
void gp_server_has_room(struct gp_server *server);

#endif
