/* A log names the same mailboxes over and over. Open addressing over numbers;
   the bytes lie one behind the other. */

#include "shared/tools/intern.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "shared/base/arena.h"
#include "shared/base/memory.h"

struct item {
	const char *data;
	uint32_t len;
	uint32_t hash;
};

struct intern {
	struct gp_arena *arena;
	struct item *item;
	size_t count;
	size_t size;
	/* Number plus 1; 0 is free. A power of two, at most half full. */
	uint32_t *slot;
	size_t slots;
};

struct intern *intern_new(void)
{
	struct intern *intern = gp_alloc(sizeof(*intern));

	intern->arena = gp_arena_new();
	intern->slots = 1024;
	intern->slot = gp_alloc(intern->slots * sizeof(*intern->slot));
	return intern;
}

void intern_free(struct intern **intern)
{
	if (*intern == NULL)
		return;
	gp_arena_free(&(*intern)->arena);
	free((*intern)->item);
	free((*intern)->slot);
	free(*intern);
	*intern = NULL;
}

static void grow(struct intern *intern)
{
	size_t mask, at;

	free(intern->slot);
	intern->slots *= 2;
	mask = intern->slots - 1;
	intern->slot = gp_alloc(intern->slots * sizeof(*intern->slot));
	for (size_t i = 0; i < intern->count; i++) {
		at = intern->item[i].hash & mask;
		while (intern->slot[at] != 0)
			at = (at + 1) & mask;
		intern->slot[at] = (uint32_t)i + 1;
	}
}

static uint32_t append(struct intern *intern, const void *data, size_t len,
		       uint32_t hash)
{
	struct item *item;

	if (intern->count == intern->size) {
		intern->size = gp_grow(intern->size, intern->count + 1);
		intern->item = gp_realloc(intern->item, intern->size,
					  sizeof(*intern->item));
	}
	item = &intern->item[intern->count];
	item->data = gp_arena_strndup(intern->arena, data, len);
	item->len = (uint32_t)len;
	item->hash = hash;
	return (uint32_t)intern->count++;
}

uint32_t intern_add(struct intern *intern, const void *data, size_t len)
{
	uint32_t hash = (uint32_t)XXH3_64bits(data, len), number;
	size_t mask, at;

	if (intern->count * 2 >= intern->slots)
		grow(intern);
	mask = intern->slots - 1;
	for (at = hash & mask; intern->slot[at] != 0; at = (at + 1) & mask) {
		const struct item *item = &intern->item[intern->slot[at] - 1];

		if (item->hash == hash && item->len == len &&
		    memcmp(item->data, data, len) == 0)
			return intern->slot[at] - 1;
	}
	number = append(intern, data, len, hash);
	intern->slot[at] = number + 1;
	return number;
}

const char *intern_get(const struct intern *intern, uint32_t number,
		       size_t *len_r)
{
	if (len_r != NULL)
		*len_r = intern->item[number].len;
	return intern->item[number].data;
}

uint32_t intern_count(const struct intern *intern)
{
	return (uint32_t)intern->count;
}
