/* Where records lie, remembered. A map is played by an array in which each
   value stands behind its key, as in LMDB's pages. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "tests/unit/cmocka-all.h"
#include "shared/map/memo.h"
#include "shared/map/places.h"

#define RECORDS 100000
#define HEAD 1024

struct record {
	char key[16];
	char value[16];
};

static char *bytes;
static struct record *records;
static struct gp_places *places;

static int setup(void **state)
{
	size_t i;

	(void)state;
	bytes = calloc(1, HEAD + RECORDS * sizeof(*records));
	assert_non_null(bytes);
	records = (void *)(bytes + HEAD);
	for (i = 0; i < RECORDS; i++) {
		snprintf(records[i].key, sizeof(records[i].key), "key-%011zu",
			 i);
		snprintf(records[i].value, sizeof(records[i].value), "%zu", i);
	}
	places = gp_places_new(bytes, RECORDS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gp_places_free(&places);
	assert_null(places);
	gp_places_free(&places);
	free(bytes);
	return 0;
}

static uint64_t hash_of(const struct record *record)
{
	return gp_memo_hash(record->key, sizeof(record->key));
}

static bool put(const struct record *record, size_t value_len)
{
	return gp_places_put(places, hash_of(record), record->key,
			     sizeof(record->key), record->value, value_len);
}

/* Whether it is known; what is known is right. */
static bool is_known(const struct record *record, size_t value_len)
{
	const void *value;
	size_t len;

	if (!gp_places_get(places, hash_of(record), record->key,
			   sizeof(record->key), &value, &len))
		return false;
	assert_ptr_equal(value, record->value);
	assert_int_equal(len, value_len);
	return true;
}

static void test_nearly_all_are_known(void **state)
{
	size_t i, known = 0;

	(void)state;
	assert_false(is_known(&records[0], 1));
	for (i = 0; i < RECORDS; i++) {
		assert_true(put(&records[i], 1 + i % 16));
		assert_true(is_known(&records[i], 1 + i % 16));
	}
	for (i = 0; i < RECORDS; i++)
		known += is_known(&records[i], 1 + i % 16);
	assert_in_range(known, RECORDS * 95 / 100, RECORDS);
}

/* Two keys of one hash: the second does not get the first one's value. */
static void test_a_key_is_compared_in_full(void **state)
{
	const struct record *a = &records[1], *b = &records[2];
	const void *value;
	size_t len;

	(void)state;
	assert_true(put(a, 16));
	assert_false(gp_places_get(places, hash_of(a), b->key, sizeof(b->key),
				   &value, &len));
	/* The end of a key is another key. */
	assert_false(gp_places_get(places, hash_of(a), a->key + 1,
				   sizeof(a->key) - 1, &value, &len));
	assert_false(gp_places_get(places, 0, a->key, 0, &value, &len));
	assert_true(is_known(a, 16));
	/* The same place, and the last that was put there. */
	assert_true(gp_places_put(places, hash_of(a), b->key, sizeof(b->key),
				  b->value, 3));
	assert_true(gp_places_get(places, hash_of(a), b->key, sizeof(b->key),
				  &value, &len));
	assert_ptr_equal(value, b->value);
	assert_false(is_known(a, 16));
}

static void test_what_cannot_be_remembered(void **state)
{
	const struct record *r = &records[3];

	(void)state;
	assert_false(put(r, 512));
	assert_true(put(r, 511));
	assert_true(is_known(r, 511));
	/* A value that does not stand behind its key. */
	assert_false(gp_places_put(places, hash_of(r), r->key, sizeof(r->key),
				   r->value + 1, 5));
	/* One too far away to be of the same map. */
	gp_places_free(&places);
	places = gp_places_new(bytes + (UINT64_C(1) << 45), RECORDS);
	assert_false(put(r, 16));
}

/* More than are taken at once, known and unknown. */
static void test_expecting_changes_nothing(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < 500; i++) {
		if (i % 2 == 0)
			assert_true(put(&records[i], 16));
		gp_places_expect(places, hash_of(&records[i]));
	}
	gp_places_fetch(places);
	gp_places_fetch(places);
	for (i = 0; i < 500; i++)
		assert_int_equal(is_known(&records[i], 16), i % 2 == 0);
}

/* The first and the last record of a map, beside which there is nothing. */
static void test_nothing_but_records_is_touched(void **state)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, 3 * page, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *first, *last;

	(void)state;
	assert_ptr_not_equal(map, MAP_FAILED);
	assert_int_equal(mprotect(map + page, page, PROT_READ | PROT_WRITE),
			 0);
	first = map + page;
	last = map + 2 * page - 4;
	memcpy(first, "a1", 2);
	memcpy(last, "b23", 3);
	gp_places_free(&places);
	places = gp_places_new(first, 2);
	assert_true(gp_places_put(places, gp_memo_hash("a", 1), "a", 1,
				  first + 1, 0));
	assert_true(gp_places_put(places, gp_memo_hash("b", 1), "b", 1,
				  last + 1, 3));
	gp_places_expect(places, gp_memo_hash("a", 1));
	gp_places_expect(places, gp_memo_hash("b", 1));
	gp_places_fetch(places);
	munmap(map, 3 * page);
}

static void test_few_records(void **state)
{
	(void)state;
	gp_places_free(&places);
	places = gp_places_new(bytes, 0);
	assert_true(put(&records[0], 16));
	assert_true(is_known(&records[0], 16));
}

int main(void)
{
#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, setup, teardown)
	static const struct CMUnitTest tests[] = {
		TEST(test_nearly_all_are_known),
		TEST(test_a_key_is_compared_in_full),
		TEST(test_what_cannot_be_remembered),
		TEST(test_expecting_changes_nothing),
		TEST(test_few_records),
		TEST(test_nothing_but_records_is_touched),
	};

	return cmocka_run_group_tests_name("places", tests, NULL, NULL);
}
