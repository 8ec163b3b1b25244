#ifndef GP_BASE_THREAD_H
#define GP_BASE_THREAD_H

#include <pthread.h>

/* Threads that help the first one with work that can be divided. */

/* How many processors this process may use; at least one. */
unsigned gp_thread_processors(void);

/* Returns 0, or -1 where there can be no further thread. */
int gp_thread_start(pthread_t *thread, void *(*work)(void *context),
		    void *context);

#endif
