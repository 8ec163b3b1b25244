/* Half of a small map's look-ups, and the domains' of a large one, are for keys
   that were looked up a moment ago. Finding them here costs a tenth of LMDB's
   way through its pages.

   A key is compared in full, for keys are names that clients choose, and two of
   the same hash are easily made. A client who asks for many names drives others
   out, and does no more harm than that. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "shared/base/memory.h"
#include "shared/map/memo.h"

/* An entry fills a line of the processor's cache; longer keys are left to
   LMDB. */
#define ENTRY_SIZE 64
#define KEY_MAX (ENTRY_SIZE - 1 - sizeof(void *) - sizeof(size_t))

struct entry {
	const void *value;
	size_t value_len;
	/* 0: nothing here. */
	uint8_t key_len;
	char key[KEY_MAX];
};

_Static_assert(sizeof(struct entry) == ENTRY_SIZE, "an entry is a line");

struct gp_memo {
	void *memory;
	struct entry *entries;
	size_t count;
};

struct gp_memo *gp_memo_new(size_t entries)
{
	struct gp_memo *memo = gp_alloc(sizeof(*memo));

	memo->count = entries;
	memo->entries = gp_alloc_table(entries * ENTRY_SIZE, &memo->memory);
	return memo;
}

void gp_memo_free(struct gp_memo **memo)
{
	if (*memo == NULL)
		return;
	free((*memo)->memory);
	free(*memo);
	*memo = NULL;
}

uint64_t gp_memo_hash(const char *key, size_t key_len)
{
	return XXH3_64bits(key, key_len);
}

static struct entry *find(const struct gp_memo *memo, uint64_t hash)
{
	return &memo->entries[hash % memo->count];
}

void gp_memo_expect(const struct gp_memo *memo, uint64_t hash)
{
	__builtin_prefetch(find(memo, hash));
}

bool gp_memo_get(const struct gp_memo *memo, uint64_t hash, const char *key,
		 size_t key_len, const void **value_r, size_t *value_len_r)
{
	const struct entry *entry;

	if (key_len == 0 || key_len > KEY_MAX)
		return false;
	entry = find(memo, hash);
	if (entry->key_len != key_len ||
	    memcmp(entry->key, key, key_len) != 0)
		return false;
	*value_r = entry->value;
	*value_len_r = entry->value_len;
	return true;
}

void gp_memo_put(struct gp_memo *memo, uint64_t hash, const char *key,
		 size_t key_len, const void *value, size_t value_len)
{
	struct entry *entry;

	if (key_len == 0 || key_len > KEY_MAX)
		return;
	entry = find(memo, hash);
	memcpy(entry->key, key, key_len);
	entry->key_len = key_len;
	entry->value = value;
	entry->value_len = value_len;
}
