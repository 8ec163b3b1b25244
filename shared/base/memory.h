#ifndef GP_BASE_MEMORY_H
#define GP_BASE_MEMORY_H

#include <stddef.h>

/* The heap. Running out of memory ends the process with a message (exit status
   71, EX_OSERR): no caller checks for NULL. */

/* Zeroed; to be given to free(3). */
void *gp_alloc(size_t size);
/* The same for a table that is read here and there: it begins with a line of
   the processor's cache and, where it is large, lies in large pages, for
   the processor looks up each small one in memory, too. What is to be
   given to free(3) is memory_r. */
void *gp_alloc_table(size_t size, void **memory_r);
/* Room for count elements; what was there is kept. */
void *gp_realloc(void *old, size_t count, size_t element_size);
/* A copy, to be given to free(3). */
char *gp_strdup(const char *str);
/* The next larger count for a growing array: doubled, at least needed. */
size_t gp_grow(size_t count, size_t needed);

void gp_out_of_memory(size_t size) __attribute__((noreturn));

#endif
