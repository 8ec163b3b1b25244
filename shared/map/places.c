/* In a map larger than the processor's caches LMDB's way through its pages is a
   chain of reads that each wait for memory: five times as long as all the rest
   of a decision at a million rules. From here it is two reads, the place and
   the record. And as places are known by the key's hash alone, those of
   requests that came together are fetched together and wait only once.

   A record's key lies in front of its value, as LMDB writes them, and is
   compared in full before a place is believed, for names are chosen by clients.

   A bucket is a line of the processor's cache. When it is full one of its
   places is overwritten, and LMDB is asked for that one again. */

#include <stdlib.h>
#include <string.h>
#include "shared/base/memory.h"
#include "shared/map/places.h"

#define LINE 64
#define BUCKET 8
/* 16 MiB: enough for a million records. */
#define BUCKETS_MAX (UINT32_C(1) << 18)
#define EXPECTED 128

/* A place: eight bits of the hash, the lengths of key and value, and the
   distance from the lowest place there can be. 0 for none. */
#define HASH_SHIFT 56
#define KEY_SHIFT 47
#define LEN_SHIFT 38
#define LEN_MAX 511
#define DISTANCE_MAX ((UINT64_C(1) << LEN_SHIFT) - 1)

struct gp_places {
	/* The lowest. */
	uintptr_t origin;
	size_t buckets;
	uint64_t (*bucket)[BUCKET];
	void *memory;
	size_t count;
	uint64_t expected[EXPECTED];
};

static size_t buckets_for(size_t records)
{
	size_t buckets = 1;

	while (buckets < BUCKETS_MAX && buckets * BUCKET < 2 * records)
		buckets *= 2;
	return buckets;
}

struct gp_places *gp_places_new(const void *anchor, size_t records)
{
	struct gp_places *places = gp_alloc(sizeof(*places));

	places->buckets = buckets_for(records);
	places->bucket = gp_alloc_table(places->buckets * LINE,
					&places->memory);
	places->origin = (uintptr_t)anchor - DISTANCE_MAX / 2;
	places->count = 0;
	return places;
}

void gp_places_free(struct gp_places **places)
{
	if (*places == NULL)
		return;
	free((*places)->memory);
	free(*places);
	*places = NULL;
}

static uint64_t *bucket_of(const struct gp_places *places, uint64_t hash)
{
	return places->bucket[hash % places->buckets];
}

/* What of a place is known beforehand. */
static uint64_t tag_of(uint64_t hash, size_t key_len)
{
	return hash >> HASH_SHIFT << (HASH_SHIFT - KEY_SHIFT) | key_len;
}

static const char *value_at(const struct gp_places *places, uint64_t place)
{
	return (const char *)(places->origin +
			      (uintptr_t)(place & DISTANCE_MAX));
}

bool gp_places_get(const struct gp_places *places, uint64_t hash,
		   const char *key, size_t key_len, const void **value_r,
		   size_t *value_len_r)
{
	const uint64_t *bucket = bucket_of(places, hash);
	uint64_t tag = tag_of(hash, key_len);
	const char *value;
	size_t i;

	if (key_len == 0 || key_len > LEN_MAX)
		return false;
	for (i = 0; i < BUCKET; i++) {
		if (bucket[i] >> KEY_SHIFT != tag)
			continue;
		value = value_at(places, bucket[i]);
		if (memcmp(value - key_len, key, key_len) != 0)
			continue;
		*value_r = value;
		*value_len_r = bucket[i] >> LEN_SHIFT & LEN_MAX;
		return true;
	}
	return false;
}

/* Its own, a free one, or one of the others. */
static uint64_t *slot_for(uint64_t *bucket, uint64_t tag)
{
	size_t i;

	for (i = 0; i < BUCKET; i++) {
		if (bucket[i] == 0 || bucket[i] >> KEY_SHIFT == tag)
			return &bucket[i];
	}
	return &bucket[tag / (LEN_MAX + 1) % BUCKET];
}

/* Nothing is remembered of values that have pages of their own: they are long,
   and their keys lie elsewhere. The bytes in front of any value are the map's,
   which begins with pages that hold none. */
bool gp_places_put(struct gp_places *places, uint64_t hash, const char *key,
		   size_t key_len, const void *value, size_t value_len)
{
	uint64_t distance = (uintptr_t)value - places->origin;
	uint64_t tag = tag_of(hash, key_len);

	if (key_len == 0 || key_len > LEN_MAX || value_len > LEN_MAX ||
	    distance > DISTANCE_MAX ||
	    memcmp((const char *)value - key_len, key, key_len) != 0)
		return false;
	*slot_for(bucket_of(places, hash), tag) = tag << KEY_SHIFT |
		(uint64_t)value_len << LEN_SHIFT | distance;
	return true;
}

void gp_places_expect(struct gp_places *places, uint64_t hash)
{
	if (places->count == EXPECTED)
		return;
	__builtin_prefetch(bucket_of(places, hash));
	places->expected[places->count++] = hash;
}

/* Reads the first byte of the record's key and the last of its value, which
   mostly are all its lines. Nothing waits for what is read, so that reads for
   many records are under way at once; and unlike a prefetch it is done also
   where the page's address is not at hand, as it mostly is not in a map. */
static void touch(const struct gp_places *places, uint64_t place)
{
	const volatile char *value = value_at(places, place);

	(void)value[-(ptrdiff_t)(place >> KEY_SHIFT & LEN_MAX)];
	(void)value[(ptrdiff_t)(place >> LEN_SHIFT & LEN_MAX) - 1];
}

static void fetch(const struct gp_places *places, uint64_t hash)
{
	const uint64_t *bucket = bucket_of(places, hash);
	size_t i;

	for (i = 0; i < BUCKET; i++) {
		if (bucket[i] != 0 && bucket[i] >> HASH_SHIFT ==
		    hash >> HASH_SHIFT)
			touch(places, bucket[i]);
	}
}

void gp_places_fetch(struct gp_places *places)
{
	size_t i;

	for (i = 0; i < places->count; i++)
		fetch(places, places->expected[i]);
	places->count = 0;
}
