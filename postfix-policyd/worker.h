#ifndef GP_POLICYD_WORKER_H
#define GP_POLICYD_WORKER_H

#include <stdbool.h>
#include "postfix-policyd/listener.h"
#include "postfix-policyd/stats.h"
#include "shared/settings/settings.h"

/* One process that serves: a loop, a server, a door, and the signals that
   concern them. There is one, or a supervisor has several. */

struct gp_worker_options {
	/* To be read again at SIGHUP; absolute. */
	const char *config;
	bool verbose;
	/* max_clients is shared by so many. */
	unsigned workers;
	/* NULL for standard input and output. */
	struct gp_listeners *listeners;
	/* Of a supervised worker: counted up while it works. NULL for the
	   only one, who removes the sockets and talks to the service
	   manager. */
	volatile unsigned *heartbeat;
	/* Of a supervised worker: the counters of all, and which are its
	   own. */
	struct gp_stats *stats;
	unsigned number;
};

/* Called when requests are answered from now on. */
typedef void gp_worker_ready(void *context);

/* Serves until SIGTERM, or until the end of standard input. Takes the settings
   and the listeners' descriptors over. Returns an exit status; errors are
   logged. */
int gp_worker_run(const struct gp_worker_options *options,
		  struct gp_settings *settings, gp_worker_ready *ready,
		  void *context);

#endif
