#ifndef GP_POLICYD_SERVER_H
#define GP_POLICYD_SERVER_H

#include <stdbool.h>
#include "postfix-policyd/protocol.h"
#include "postfix-policyd/stats.h"

/* Connections that carry the policy protocol: one event loop, one reply per
   request and never a byte beside, and no memory taken for a request. What a
   request means is the answer callback's business.

   A connection without a request under way is never closed, for each close
   costs a mail one second. A request that does not end, or a reply that is not
   taken, is given up after the patience. */

struct event_base;
struct gp_server;

/* Must set reply_r. Its text must hold until the next call. */
typedef void gp_server_answer(void *context,
			      const struct gp_protocol_request *request,
			      struct gp_protocol_reply *reply_r);

/* Requests have been read and are to be answered now, at once: what they shall
   see must be looked for after this. */
typedef void gp_server_begin(void *context);

/* Between the two: a request that is answered soon, together with others. */
typedef void gp_server_expect(void *context,
			      const struct gp_protocol_request *request);

struct gp_server_options {
	gp_server_answer *answer;
	/* Both may be NULL. */
	gp_server_begin *begin;
	gp_server_expect *expect;
	void *context;
	/* Further connections wait in the listening socket's queue. */
	unsigned max_clients;
	/* In seconds. Longer than Postfix waits for an answer. */
	unsigned patience;
	/* Where it counts. NULL: in itself. */
	struct gp_stats *stats;
};

struct gp_server *gp_server_new(struct event_base *base,
				const struct gp_server_options *options);
void gp_server_free(struct gp_server **server);

/* Both take non-blocking descriptors, which the server closes. in and out may
   be the same. Return 0, or -1 when the event loop does not take them. */
int gp_server_add_listener(struct gp_server *server, int fd);
int gp_server_add_connection(struct gp_server *server, int in, int out);

/* Serves until there is neither a listener nor a connection left, or until
   gp_server_stop(). Returns 0, or -1 when the event loop fails. */
int gp_server_run(struct gp_server *server);
void gp_server_stop(struct gp_server *server);
/* One turn of the loop: what there is to do, and if nothing is and wait is set,
   what comes next. */
int gp_server_turn(struct gp_server *server, bool wait);

void gp_server_set_max_clients(struct gp_server *server, unsigned max_clients);

/* Listens no more, answers what was asked, and closes each connection that has
   nothing under way; after a few seconds all of them. */
void gp_server_drain(struct gp_server *server);

unsigned gp_server_clients(const struct gp_server *server);

#endif
