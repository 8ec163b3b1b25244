/* The kernel hands out a file's pages at their first touch and clears each of
   them first. For a map of many rules that takes nearly as long as putting the
   rules there, and another processor can do it at the same time. Writing zeros
   costs no more than the clearing, and a full disk is an error of write(2) then
   and no signal.

   It goes no further ahead than that the writer need not wait. Trouble is the
   writer's only when he comes to where it stopped.

   What is finished is unmapped before it is sent to the disk: otherwise the
   kernel has to tell the writer's processor of each page that it is clean. A
   page that is touched again after all comes back as it was. */

#include <errno.h>
#include <fcntl.h>
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
/* What is sent to the disk at a time. */
#define BEHIND ((size_t)8 << 20)

/* Never written to: the kernel has one page for all of it. */
static char zeros[STEP];

struct gp_filler {
	int fd;
	size_t offset;
	char *start;
	size_t size;
	pthread_t thread;
	bool threaded;
	/* The writer's own: no need to ask. */
	size_t reached;

	/* For what follows, and when it changes. */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool ending;
	size_t wanted;
	size_t filled;
	size_t finished;
	size_t sent;
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

/* What goes wrong here, fsync(2) says at the end. */
static void send(struct gp_filler *filler)
{
	size_t sent = filler->sent;

	filler->sent += BEHIND;
	pthread_mutex_unlock(&filler->mutex);
	(void)madvise(filler->start + sent, BEHIND, MADV_DONTNEED);
	(void)sync_file_range(filler->fd, (off_t)(filler->offset + sent),
			      BEHIND, SYNC_FILE_RANGE_WRITE);
	pthread_mutex_lock(&filler->mutex);
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
		else if (filler->finished - filler->sent >= BEHIND)
			send(filler);
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
	pthread_mutex_unlock(&filler->mutex);
	if (error != 0) {
		errno = error;
		return -1;
	}
	filler->reached = len;
	return 0;
}

void gp_filler_finished(struct gp_filler *filler, size_t len)
{
	pthread_mutex_lock(&filler->mutex);
	filler->finished = len;
	pthread_mutex_unlock(&filler->mutex);
}
