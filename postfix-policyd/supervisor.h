#ifndef GP_POLICYD_SUPERVISOR_H
#define GP_POLICYD_SUPERVISOR_H

#include "postfix-policyd/worker.h"

/* Several workers that share the listening sockets, for more than one
   processor. Serves as gp_worker_run() does, whose options.workers says how
   many; a worker that dies is replaced after a second. The listeners stay the
   caller's. */
int gp_supervisor_run(const struct gp_worker_options *options,
		      struct gp_settings *settings, gp_worker_ready *ready,
		      void *context);

#endif
