/* Programs that end well, badly, never, or do not exist. */

#include <errno.h>
#include <string.h>
#include <time.h>
#include "tests/unit/cmocka-all.h"
#include "shared/tools/run.h"

static int shell(const char *script, unsigned seconds, size_t max,
		 struct gp_run *run_r, const char **error_r)
{
	const char *const argv[] = { "sh", "-c", script, NULL };

	return gp_run(argv, seconds, max, run_r, error_r);
}

static void output_and_status(void **state)
{
	struct gp_run run;
	const char *error;

	(void)state;
	gp_run_prepare();
	assert_int_equal(shell("echo out; echo err >&2; exit 7", 10, 100, &run,
			       &error), 0);
	assert_string_equal(run.output.data, "out\n");
	assert_string_equal(run.errors.data, "err\n");
	assert_int_equal(run.status, 7);
	gp_run_deinit(&run);
	assert_int_equal(shell("kill -9 $$", 10, 100, &run, &error), 0);
	assert_int_equal(run.status, 128 + 9);
	gp_run_deinit(&run);
	/* Nothing to read, and more than a pipe holds to write. */
	assert_int_equal(shell("cat; head -c 300000 /dev/zero", 10, 300000,
			       &run, &error), 0);
	assert_int_equal(run.output.len, 300000);
	gp_run_deinit(&run);
}

static void no_such_program(void **state)
{
	const char *const argv[] = { "/no/such/program", NULL };
	struct gp_run run;
	const char *error = NULL;

	(void)state;
	assert_int_equal(gp_run(argv, 10, 100, &run, &error), -1);
	assert_int_equal(errno, ENOENT);
	assert_non_null(error);
}

static void without_end(void **state)
{
	static const char *const scripts[] = {
		"sleep 1000", "sleep 1000 & wait", "exec >&- 2>&-; sleep 1000",
	};
	time_t begin = time(NULL);
	struct gp_run run;
	const char *error;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(shell(scripts[i], 1, 100, &run, &error), -1);
		assert_string_equal(error, "it does not end");
	}
	assert_int_equal(shell("yes", 60, 100000, &run, &error), -1);
	assert_string_equal(error, "it writes too much");
	assert_true(time(NULL) - begin < 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_status),
		cmocka_unit_test(no_such_program),
		cmocka_unit_test(without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
