/* The kernel hands out a file's pages at their first touch and clears each of
   them first. For a map of many rules that takes nearly as long as putting the
   rules there, and another processor can do it at the same time. Writing zeros
   costs no more than the clearing, and a full disk is an error of write(2) then
   and no signal.

   It goes no further ahead than that the writer need not wait. Trouble is the
   writer's only when he comes to where it stopped.

   The disk is not told to begin meanwhile: liblmdb changes every page once more
   when it commits. */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "shared/base/memory.h"
#include "shared/base/thread.h"
#include "shared/map/filler.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* Small pieces are made of pages that were in use a moment ago. */
#define STEP ((size_t)256 << 10)
#define AHEAD ((size_t)4 << 20)

/* Never written to: the kernel has one page for all of it. */
static char zeros[STEP];

struct gp_filler {
	int fd;
	size_t offset;
	char *start;
	size_t size;
	pthread_t thread;
	bool threaded;
	/* The writer's own: up to there he need not ask. */
	size_t reached;

	/* For what follows, and when it changes. */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool ending;
	size_t wanted;
	size_t filled;
	/* Why nothing more is filled; 0: nothing is wrong. */
	int error;
};

/* Returns how many bytes were filled, or -1 with errno. */
static ssize_t fill_at(const struct gp_filler *filler, size_t done)
{
	size_t left = filler->size - done;
	ssize_t put = pwrite(filler->fd, zeros, left < STEP ? left : STEP,
			     (off_t)(filler->offset + done));

	/* Without it the writer maps page by page. */
	if (put > 0)
		(void)madvise(filler->start + done, (size_t)put,
			      MADV_POPULATE_WRITE);
	return put;
}

/* One step; the mutex is given back for it. */
static void fill(struct gp_filler *filler)
{
	size_t done = filler->filled;
	ssize_t put;
	int error;

	pthread_mutex_unlock(&filler->mutex);
	put = fill_at(filler, done);
	error = put < 0 ? errno : 0;
	pthread_mutex_lock(&filler->mutex);
	if (put > 0)
		filler->filled += (size_t)put;
	else if (error != EINTR)
		filler->error = error != 0 ? error : ENOSPC;
	pthread_cond_broadcast(&filler->changed);
}

static bool wants_more(const struct gp_filler *filler)
{
	return filler->filled < filler->wanted && filler->error == 0;
}

static void *work(void *context)
{
	struct gp_filler *filler = context;

	pthread_mutex_lock(&filler->mutex);
	while (!filler->ending) {
		if (wants_more(filler))
			fill(filler);
		else
			pthread_cond_wait(&filler->changed, &filler->mutex);
	}
	pthread_mutex_unlock(&filler->mutex);
	return NULL;
}

struct gp_filler *gp_filler_new(int fd, size_t offset, char *start,
				size_t size)
{
	struct gp_filler *filler = gp_alloc(sizeof(*filler));

	filler->fd = fd;
	filler->offset = offset;
	filler->start = start;
	filler->size = size;
	pthread_mutex_init(&filler->mutex, NULL);
	pthread_cond_init(&filler->changed, NULL);
	filler->threaded = gp_thread_processors() > 1 &&
		gp_thread_start(&filler->thread, work, filler) == 0;
	return filler;
}

void gp_filler_free(struct gp_filler **filler_p)
{
	struct gp_filler *filler = *filler_p;

	if (filler == NULL)
		return;
	*filler_p = NULL;
	pthread_mutex_lock(&filler->mutex);
	filler->ending = true;
	pthread_cond_broadcast(&filler->changed);
	pthread_mutex_unlock(&filler->mutex);
	if (filler->threaded)
		pthread_join(filler->thread, NULL);
	pthread_cond_destroy(&filler->changed);
	pthread_mutex_destroy(&filler->mutex);
	free(filler);
}

/* As far ahead as there is memory; without a thread, no further than asked. */
static size_t ahead_of(const struct gp_filler *filler, size_t len)
{
	size_t wanted = filler->threaded ? len + AHEAD : len;

	return wanted < filler->size ? wanted : filler->size;
}

int gp_filler_reach(struct gp_filler *filler, size_t len)
{
	int error = 0;

	if (len <= filler->reached)
		return 0;
	pthread_mutex_lock(&filler->mutex);
	filler->wanted = ahead_of(filler, len);
	pthread_cond_broadcast(&filler->changed);
	while (filler->filled < len && wants_more(filler)) {
		if (filler->threaded)
			pthread_cond_wait(&filler->changed, &filler->mutex);
		else
			fill(filler);
	}
	if (filler->filled < len)
		error = filler->error != 0 ? filler->error : ENOSPC;
	/* Asked again while there is enough to go on with. */
	filler->reached = filler->filled > len + AHEAD / 2 ?
			  filler->filled - AHEAD / 2 : len;
	pthread_mutex_unlock(&filler->mutex);
	if (error == 0)
		return 0;
	errno = error;
	return -1;
}
