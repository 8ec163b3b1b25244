#ifndef GP_MAP_FILLER_H
#define GP_MAP_FILLER_H

#include <stddef.h>

/* Zeros ahead of somebody who writes a new file from its beginning to its end,
   through a mapping: when he comes to a page, the kernel has found it, made
   room for it in the file system, and mapped it. A second processor does that
   where there is one. */

struct gp_filler;

/* Behind that offset of the file nothing was written yet. start is where it is
   mapped; at most size bytes will be written. */
struct gp_filler *gp_filler_new(int fd, size_t offset, char *start,
				size_t size);
void gp_filler_free(struct gp_filler **filler);

/* Waits until the first len bytes from there on can be written. Returns 0, or
   -1 with errno; after that nothing is filled any more. */
int gp_filler_reach(struct gp_filler *filler, size_t len);

#endif
