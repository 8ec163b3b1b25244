/* Signals stay the first thread's business: a helper is started with all of
   them blocked, so that a handler never runs in the middle of its work. */

#include <sched.h>
#include <signal.h>
#include "shared/base/thread.h"

unsigned gp_thread_processors(void)
{
	cpu_set_t processors;

	if (sched_getaffinity(0, sizeof(processors), &processors) < 0)
		return 1;
	return CPU_COUNT(&processors);
}

int gp_thread_start(pthread_t *thread, void *(*work)(void *context),
		    void *context)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(thread, NULL, work, context);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0 ? 0 : -1;
}
