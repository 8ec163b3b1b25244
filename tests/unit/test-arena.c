/* Memory that is given back at once. */

#include <stdalign.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/unit/cmocka-all.h"
#include "shared/base/arena.h"

static int arena_setup(void **state)
{
	*state = gp_arena_new();
	return 0;
}

static int arena_teardown(void **state)
{
	gp_arena_free((struct gp_arena **)state);
	return 0;
}

static void free_clears_the_pointer(void **state)
{
	struct gp_arena *arena = gp_arena_new();

	(void)state;
	gp_arena_free(&arena);
	assert_null(arena);
	gp_arena_free(&arena);
	assert_null(arena);
}

static void alloc_is_zeroed_and_aligned(void **state)
{
	struct gp_arena *arena = *state;
	unsigned char *data, zero[500] = { 0 };
	size_t size, round;

	for (round = 0; round < 2; round++) {
		for (size = 0; size < sizeof(zero); size += 7) {
			gp_arena_bytes(arena, 1);
			data = gp_arena_alloc(arena, size);
			assert_int_equal((uintptr_t)data %
					 alignof(max_align_t), 0);
			assert_memory_equal(data, zero, size);
			memset(data, 0xaa, size);
		}
		gp_arena_reset(arena);
	}
}

static void pieces_do_not_overlap(void **state)
{
	struct gp_arena *arena = *state;
	unsigned char *piece[2000];
	size_t i, size;

	for (i = 0; i < 2000; i++) {
		size = i % 97;
		piece[i] = i % 2 == 0 ? gp_arena_alloc(arena, size) :
			gp_arena_bytes(arena, size);
		memset(piece[i], (int)(i & 0xff), size);
	}
	for (i = 0; i < 2000; i++) {
		for (size = 0; size < i % 97; size++)
			assert_int_equal(piece[i][size], i & 0xff);
	}
}

static void bytes_are_packed(void **state)
{
	struct gp_arena *arena = *state;
	char *first = gp_arena_bytes(arena, 3);
	char *second = gp_arena_bytes(arena, 5);

	assert_ptr_equal(first + 3, second);
}

static void large_pieces_fit(void **state)
{
	struct gp_arena *arena = *state;
	size_t large = (size_t)5 << 20;
	char *data = gp_arena_alloc(arena, large);

	memset(data, 1, large);
	assert_true(gp_arena_size(arena) >= large);
}

static void strings_are_copied(void **state)
{
	struct gp_arena *arena = *state;
	char storage[] = "one\0two";
	char *copy = gp_arena_strdup(arena, storage);

	storage[0] = 'x';
	assert_string_equal(copy, "one");
	copy = gp_arena_strndup(arena, storage + 2, 4);
	assert_memory_equal(copy, "e\0tw", 5);
	assert_string_equal(gp_arena_strndup(arena, NULL, 0), "");
	assert_string_equal(gp_arena_printf(arena, "%s-%05d", "a", 42),
			    "a-00042");
	copy = gp_arena_printf(arena, "%5000s", "end");
	assert_int_equal(strlen(copy), 5000);
	assert_string_equal(copy + 4997, "end");
}

static void reset_keeps_room_for_the_largest_request(void **state)
{
	struct gp_arena *arena = *state;
	size_t i, size;

	for (i = 0; i < 100; i++)
		gp_arena_alloc(arena, 1000);
	size = gp_arena_size(arena);
	gp_arena_reset(arena);
	assert_int_equal(gp_arena_size(arena), size);
	for (i = 0; i < 100; i++)
		gp_arena_alloc(arena, 1000);
	assert_int_equal(gp_arena_size(arena), size);
}

static void out_of_memory_ends_the_process(void **state)
{
	struct gp_arena *arena = *state;
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		close(STDERR_FILENO);
		gp_arena_bytes(arena, SIZE_MAX - 100);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 71);
}

#define ARENA_TEST(test) \
	cmocka_unit_test_setup_teardown(test, arena_setup, arena_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(free_clears_the_pointer),
		ARENA_TEST(alloc_is_zeroed_and_aligned),
		ARENA_TEST(pieces_do_not_overlap),
		ARENA_TEST(bytes_are_packed),
		ARENA_TEST(large_pieces_fit),
		ARENA_TEST(strings_are_copied),
		ARENA_TEST(reset_keeps_room_for_the_largest_request),
		ARENA_TEST(out_of_memory_ends_the_process),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
