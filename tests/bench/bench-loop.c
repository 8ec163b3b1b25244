/* The policy daemon without a decision: its loop, its connections and its
   parser, and DUNNO for everything. What it takes more than bench-echo is
   theirs; what the daemon takes more than it is the decision's.

   usage: bench-loop unix PATH | tcp PORT */

#include "gatepost-config.h"
#include <signal.h>
#include <stdio.h>
#include <event2/event.h>
#include "postfix-policyd/server.h"
#include "tests/bench/listen.h"

static void answer(void *context, const struct gp_protocol_request *request,
		   struct gp_protocol_reply *reply_r)
{
	(void)context;
	(void)request;
	reply_r->action = GP_PROTOCOL_DUNNO;
}

int main(int argc, char *argv[])
{
	static const struct gp_server_options options = {
		.answer = answer, .max_clients = 10000, .patience = 300
	};
	struct event_base *base = event_base_new();
	struct gp_server *server;
	int listener;

	(void)signal(SIGPIPE, SIG_IGN);
	if (argc != 3 || base == NULL)
		return 64;
	listener = bench_listen(argv[1], argv[2]);
	server = gp_server_new(base, &options);
	if (listener < 0 || server == NULL ||
	    gp_server_add_listener(server, listener) < 0) {
		perror("bench-loop");
		return 1;
	}
	return gp_server_run(server) == 0 ? 0 : 1;
}
