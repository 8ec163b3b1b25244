/* One place where memory runs out. There is nothing to do then but to end: a
   door that goes on without a rule might let somebody in. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include "shared/base/log.h"
#include "shared/base/memory.h"

void gp_out_of_memory(size_t size)
{
	gp_log(GP_LOG_ERROR, "out of memory (%zu bytes wanted)", size);
	exit(EX_OSERR);
}

void *gp_alloc(size_t size)
{
	void *data = calloc(1, size == 0 ? 1 : size);

	if (data == NULL)
		gp_out_of_memory(size);
	return data;
}

#define CACHE_LINE 64
/* What the processor finds by one entry of its tables of addresses. */
#define LARGE_PAGE ((size_t)1 << 21)

void *gp_alloc_table(size_t size, void **memory_r)
{
	size_t align = size < LARGE_PAGE ? CACHE_LINE : LARGE_PAGE;
	uintptr_t start;

	if (size > SIZE_MAX - align)
		gp_out_of_memory(size);
	*memory_r = gp_alloc(size + align);
	start = (uintptr_t)*memory_r + align - 1;
	start -= start % align;
	/* Without it everything works as well, and more slowly. */
	if (align == LARGE_PAGE)
		(void)madvise((void *)start, size, MADV_HUGEPAGE);
	return (void *)start;
}

void *gp_realloc(void *old, size_t count, size_t element_size)
{
	void *data;

	if (count == 0)
		count = 1;
	data = reallocarray(old, count, element_size);
	if (data == NULL)
		gp_out_of_memory(count > SIZE_MAX / element_size ?
				 SIZE_MAX : count * element_size);
	return data;
}

char *gp_strdup(const char *str)
{
	size_t size = strlen(str) + 1;

	return memcpy(gp_alloc(size), str, size);
}

size_t gp_grow(size_t count, size_t needed)
{
	if (count > SIZE_MAX / 2)
		gp_out_of_memory(SIZE_MAX);
	count = count < 8 ? 16 : count * 2;
	return count < needed ? needed : count;
}
