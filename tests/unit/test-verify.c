/* A new map is read again before it is visible: each test has the store write
   something else than it was told to, sealed as if nothing had happened. */

#include <errno.h>
#include "tests/unit/map-fixture.h"
#include "shared/map/record.h"
#include "shared/map/store.h"

#define RULES "* all=tls\nexample.com pop3=off\nbob@example.com imap=off\n" \
	"bob@example.com imap=tls until=2027-01-01T00:00:00Z\n"
#define KEY "example.com\0bob"
#define KEY_LEN (sizeof(KEY) - 1)

#define APPEND (struct gp_store_writer *writer, const char *key, \
		size_t key_len, const void *value, size_t value_len, \
		const char **error_r)

int __real_gp_store_append APPEND;
int __wrap_gp_store_append APPEND;

static enum { NOTHING, LEAVE_OUT, CHANGE_BYTE, CUT_LINE, NO_CHECK } fault;

/* The record of another rule, whose check is right. */
static void change(const void *value, size_t value_len, struct gp_text *text)
{
	gp_text_add_mem(text, value, value_len);
	if (fault == CHANGE_BYTE)
		/* imap=off to imap=trusted. */
		text->data[12] = GP_TRUSTED;
	else if (fault == CUT_LINE)
		text->len--;
	if (fault == NO_CHECK)
		text->data[0] ^= 1;
	else
		gp_record_end(text, KEY, KEY_LEN);
}

int __wrap_gp_store_append APPEND
{
	struct gp_text text;
	int ret;

	if (fault == NOTHING || key_len != KEY_LEN ||
	    memcmp(key, KEY, KEY_LEN) != 0)
		return __real_gp_store_append(writer, key, key_len, value,
					      value_len, error_r);
	if (fault == LEAVE_OUT)
		return 0;
	gp_text_init(&text);
	change(value, value_len, &text);
	ret = __real_gp_store_append(writer, key, key_len, text.data, text.len,
				     error_r);
	gp_text_deinit(&text);
	return ret;
}

static void test_what_was_written_is_taken(void **state)
{
	const char *error;

	(void)state;
	fault = NOTHING;
	assert_int_equal(fixture_try(fixture_path("map.lmdb"), RULES, &error),
			 0);
}

static void test_anything_else_is_not(void **state)
{
	const char *path = fixture_path("map.lmdb");
	const char *error;

	(void)state;
	for (fault = LEAVE_OUT; fault <= NO_CHECK; fault++) {
		error = NULL;
		assert_int_equal(fixture_try(path, RULES, &error), -1);
		assert_non_null(strstr(error, "is not what was written"));
		/* By the name that it would have had. */
		assert_non_null(strstr(error, path));
		assert_null(strstr(error, "/proc/"));
		assert_int_equal(access(path, F_OK), -1);
		assert_int_equal(errno, ENOENT);
	}
}

/* Another map stays where it is. */
static void test_the_old_map_stays(void **state)
{
	const char *path = fixture_path("map.lmdb");
	unsigned char *before, *after;
	const char *error;
	size_t len;

	(void)state;
	fault = NOTHING;
	fixture_compile(path, "* all=off\n");
	len = fixture_read(path, &before);
	fault = CHANGE_BYTE;
	assert_int_equal(fixture_try(path, RULES, &error), -1);
	assert_int_equal(fixture_read(path, &after), len);
	assert_memory_equal(after, before, len);
	free(before);
	free(after);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, \
						   fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_was_written_is_taken),
		TEST(test_anything_else_is_not),
		TEST(test_the_old_map_stays)
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
