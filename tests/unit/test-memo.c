/* What was looked up lately, remembered. */

#include <stdio.h>
#include <string.h>
#include "tests/unit/cmocka-all.h"
#include "shared/map/memo.h"

#define ENTRIES 4096

static bool get(const struct gp_memo *memo, const char *key, size_t key_len,
		const void **value_r, size_t *value_len_r)
{
	return gp_memo_get(memo, gp_memo_hash(key, key_len), key, key_len,
			   value_r, value_len_r);
}

static void put(struct gp_memo *memo, const char *key, size_t key_len,
		const void *value, size_t value_len)
{
	gp_memo_expect(memo, gp_memo_hash(key, key_len));
	gp_memo_put(memo, gp_memo_hash(key, key_len), key, key_len, value,
		    value_len);
}

static void test_keys_are_whole(void **state)
{
	struct gp_memo *memo = gp_memo_new(ENTRIES);
	const void *value;
	size_t len;

	(void)state;
	assert_false(get(memo, "key", 3, &value, &len));
	put(memo, "key", 3, "value", 5);
	assert_true(get(memo, "key", 3, &value, &len));
	assert_string_equal(value, "value");
	assert_int_equal(len, 5);
	assert_false(get(memo, "ke", 2, &value, &len));
	assert_false(get(memo, "kez", 3, &value, &len));
	assert_false(get(memo, "key\0", 4, &value, &len));
	gp_memo_free(&memo);
	assert_null(memo);
	gp_memo_free(&memo);
}

static void test_nothing_is_remembered_too(void **state)
{
	struct gp_memo *memo = gp_memo_new(ENTRIES);
	const void *value = "";
	size_t len;

	(void)state;
	put(memo, "key", 3, NULL, 0);
	assert_true(get(memo, "key", 3, &value, &len));
	assert_null(value);
	put(memo, "key", 3, "value", 5);
	assert_true(get(memo, "key", 3, &value, &len));
	assert_non_null(value);
	gp_memo_free(&memo);
}

static void test_keys_of_any_length(void **state)
{
	struct gp_memo *memo = gp_memo_new(ENTRIES);
	char key[502];
	const void *value;
	size_t len, known = 0, key_len;

	(void)state;
	memset(key, 'k', sizeof(key));
	for (key_len = 0; key_len <= sizeof(key); key_len++) {
		put(memo, key, key_len, key, key_len);
		if (!get(memo, key, key_len, &value, &len))
			continue;
		assert_int_equal(len, key_len);
		known++;
	}
	/* Those of usual length; longer ones, and none at all, are not. */
	assert_in_range(known, 40, 60);
	gp_memo_free(&memo);
}

/* Many more keys than there is room for: what is known is right. */
static void test_more_than_fits(void **state)
{
	static char values[100000];
	struct gp_memo *memo = gp_memo_new(ENTRIES);
	const void *value;
	size_t len, i, known = 0;
	char key[16];

	(void)state;
	for (i = 0; i < sizeof(values); i++) {
		size_t key_len = snprintf(key, sizeof(key), "%zu", i);

		put(memo, key, key_len, &values[i], i);
	}
	for (i = 0; i < sizeof(values); i++) {
		size_t key_len = snprintf(key, sizeof(key), "%zu", i);

		if (!get(memo, key, key_len, &value, &len))
			continue;
		assert_ptr_equal(value, &values[i]);
		assert_int_equal(len, i);
		known++;
	}
	assert_in_range(known, 1000, 10000);
	gp_memo_free(&memo);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_are_whole),
		cmocka_unit_test(test_nothing_is_remembered_too),
		cmocka_unit_test(test_keys_of_any_length),
		cmocka_unit_test(test_more_than_fits),
	};

	return cmocka_run_group_tests_name("memo", tests, NULL, NULL);
}
