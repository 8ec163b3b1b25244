/* Blocks in a list, filled from the front; the newest is filled, the others are
   full. Each is twice as large as the one before, up to a limit, so that small
   arenas stay small and large ones take few calls of malloc(3).

   A reset of an arena that has grown joins its blocks into one of the same
   size: after its largest request a door allocates no more. */

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shared/base/arena.h"
#include "shared/base/memory.h"

#define FIRST_BLOCK_SIZE 2000
#define LARGEST_STEP ((size_t)1 << 20)
#define ALIGNMENT _Alignof(max_align_t)

struct block {
	struct block *older;
	size_t size;
	size_t used;
	_Alignas(max_align_t) char data[];
};

struct gp_arena {
	struct block *newest;
	size_t total;
};

static struct block *block_new(size_t size, struct block *older)
{
	struct block *block;

	if (size > SIZE_MAX / 2)
		gp_out_of_memory(size);
	block = malloc(sizeof(*block) + size);
	if (block == NULL)
		gp_out_of_memory(size);
	block->older = older;
	block->size = size;
	block->used = 0;
	return block;
}

static void arena_grow(struct gp_arena *arena, size_t needed)
{
	size_t size = arena->newest->size * 2;

	if (size > LARGEST_STEP)
		size = LARGEST_STEP;
	if (size < needed)
		size = needed;
	arena->newest = block_new(size, arena->newest);
	arena->total += size;
}

static void arena_free_blocks(struct gp_arena *arena)
{
	struct block *block, *older;

	for (block = arena->newest; block != NULL; block = older) {
		older = block->older;
		free(block);
	}
}

struct gp_arena *gp_arena_new(void)
{
	struct gp_arena *arena = gp_alloc(sizeof(*arena));

	arena->newest = block_new(FIRST_BLOCK_SIZE, NULL);
	arena->total = FIRST_BLOCK_SIZE;
	return arena;
}

void gp_arena_free(struct gp_arena **_arena)
{
	struct gp_arena *arena = *_arena;

	if (arena == NULL)
		return;
	*_arena = NULL;
	arena_free_blocks(arena);
	free(arena);
}

void gp_arena_reset(struct gp_arena *arena)
{
	if (arena->newest->older != NULL) {
		arena_free_blocks(arena);
		arena->newest = block_new(arena->total, NULL);
	}
	arena->newest->used = 0;
}

size_t gp_arena_size(const struct gp_arena *arena)
{
	return arena->total;
}

/* Where in the newest block the next piece may start; behind its end when it
   is full. */
static size_t next_aligned(const struct block *block)
{
	return (block->used + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void *gp_arena_alloc(struct gp_arena *arena, size_t size)
{
	size_t start = next_aligned(arena->newest);
	void *data;

	if (size == 0)
		size = 1;
	if (start > arena->newest->size ||
	    size > arena->newest->size - start) {
		arena_grow(arena, size);
		start = 0;
	}
	data = arena->newest->data + start;
	arena->newest->used = start + size;
	return memset(data, 0, size);
}

void *gp_arena_bytes(struct gp_arena *arena, size_t size)
{
	void *data;

	if (size == 0)
		size = 1;
	if (size > arena->newest->size - arena->newest->used)
		arena_grow(arena, size);
	data = arena->newest->data + arena->newest->used;
	arena->newest->used += size;
	return data;
}

char *gp_arena_strndup(struct gp_arena *arena, const char *str, size_t len)
{
	char *copy;

	if (len == SIZE_MAX)
		gp_out_of_memory(len);
	copy = gp_arena_bytes(arena, len + 1);
	if (len > 0)
		memcpy(copy, str, len);
	copy[len] = '\0';
	return copy;
}

char *gp_arena_strdup(struct gp_arena *arena, const char *str)
{
	return gp_arena_strndup(arena, str, strlen(str));
}

char *gp_arena_printf(struct gp_arena *arena, const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		gp_out_of_memory(INT32_MAX);
	text = gp_arena_bytes(arena, (size_t)len + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return text;
}
