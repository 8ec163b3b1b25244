/* Writers of a map that are interrupted or killed at any moment, or meet
   others: what stands in the folder then. */

#include <signal.h>
#include <sys/mman.h>
#include "tests/unit/writer-fixture.h"

static void touch(const char *name)
{
	fixture_overwrite(fixture_path(name), "", 0);
}

static void test_the_lock_clears_up(void **state)
{
	const char *error;
	int fd;

	(void)state;
	fixture_compile(map_path(), OFF);
	touch("map.lmdb.tmp.AbCdEf");
	touch("map.lmdb.tmp.prev");
	touch("map.lmdb.tmpl");
	touch("another.lmdb.tmp.AbCdEf");
	fd = gp_map_lock(map_path(), &error);
	assert_true(fd >= 0);
	assert_false(exists("map.lmdb.tmp.AbCdEf"));
	assert_false(exists("map.lmdb.tmp.prev"));
	assert_true(exists("map.lmdb.tmpl"));
	assert_true(exists("another.lmdb.tmp.AbCdEf"));
	assert_true(exists("map.lmdb.lock"));
	gp_map_unlock(&fd);
	assert_int_equal(fd, -1);
	assert_false(exists("map.lmdb.lock"));
}

static bool signals_are_blocked(void)
{
	sigset_t now;

	sigprocmask(SIG_BLOCK, NULL, &now);
	return sigismember(&now, SIGTERM) != 0;
}

/* Interrupted as by a signal, in the middle of each call or, where none is let
   in, in the next that lets it in. */
static unsigned stop_at;

static void abandon(const char *name, const char *argument)
{
	(void)name;
	(void)argument;
	if (calls >= stop_at && !signals_are_blocked())
		_exit(gp_map_abandon() ? 2 : 1);
}

static int run_abandoned(void)
{
	const char *error;

	counting = true;
	before_call = abandon;
	return fixture_try(map_path(), TLS, &error) < 0 ? 3 : 0;
}

/* Returns after how many calls it was through. */
static unsigned abandon_each_call(bool old_map)
{
	unsigned before;
	int status;

	for (stop_at = 0;; stop_at++) {
		unlink(map_path());
		unlink(fixture_path("map.summary"));
		if (old_map)
			fixture_compile(map_path(), OFF);
		unlink(fixture_path("map.lmdb.prev"));
		before = entries();
		status = in_child(run_abandoned);
		if (status == 0)
			return stop_at;
		assert_in_range(status, 1, 2);
		assert_int_equal(imap_value(map_path()), status == 2 ? GP_TLS :
				 old_map ? GP_OFF : 0);
		assert_int_equal(entries(), status == 2 ? (old_map ? 3 : 2) :
				 before);
	}
}

static void test_abandoned(void **state)
{
	(void)state;
	assert_in_range(abandon_each_call(true), 8, 100);
	assert_in_range(abandon_each_call(false), 8, 100);
	names_all_files = true;
	assert_in_range(abandon_each_call(true), 8, 100);
	assert_in_range(abandon_each_call(false), 8, 100);
}

/* Where it was when it was killed. */
static char *killed_in;

static void die(const char *name, const char *argument)
{
	(void)argument;
	if (calls != stop_at)
		return;
	strcpy(killed_in, name);
	raise(SIGKILL);
}

/* Returns false when it was through before. */
static bool killed_at(unsigned call)
{
	const char *error;
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		counting = true;
		before_call = die;
		stop_at = call;
		_exit(fixture_try(map_path(), TLS, &error) < 0 ? 3 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status);
}

static void clear_up(void)
{
	const char *error;
	int fd = gp_map_lock(map_path(), &error);

	assert_true(fd >= 0);
	gp_map_unlock(&fd);
}

/* A name more than before stands only between two calls that give names, and
   none of those writes or waits. */
static unsigned kill_at_each_call(bool old_map)
{
	unsigned before, now, n;

	for (n = 0;; n++) {
		clear_up();
		unlink(map_path());
		unlink(fixture_path("map.lmdb.prev"));
		unlink(fixture_path("map.summary"));
		if (old_map) {
			/* And one before it. */
			fixture_compile(map_path(), TLS);
			fixture_compile(map_path(), OFF);
		}
		before = entries();
		if (!killed_at(n))
			return n;
		now = entries();
		if (imap_value(map_path()) == GP_TLS && !old_map)
			assert_int_equal(now, 2);
		else if (strcmp(killed_in, "rename") != 0 &&
			 strcmp(killed_in, "linkat") != 0)
			assert_int_equal(now, before);
		else
			assert_in_range(now, before, before + 1);
	}
}

static void test_killed_at_each_call(void **state)
{
	(void)state;
	killed_in = mmap(NULL, 64, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(killed_in != MAP_FAILED);
	assert_in_range(kill_at_each_call(true), 10, 100);
	assert_in_range(kill_at_each_call(false), 8, 100);
	munmap(killed_in, 64);
}

/* Compiles for ever, first one and then the other. */
static int run_writer(void)
{
	const char *error;
	unsigned i;
	int fd;

	for (i = 0;; i++) {
		fd = gp_map_lock(map_path(), &error);
		if (fd < 0 || fixture_try(map_path(), i % 2 == 0 ? TLS : OFF,
					  &error) < 0)
			return 1;
		gp_map_unlock(&fd);
	}
}

static pid_t start_writer(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(run_writer());
	return pid;
}

static void kill_writer(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static void assert_no_litter(void)
{
	clear_up();
	assert_int_equal(entries(), 3);
	assert_true(exists("map.lmdb.prev"));
	assert_true(exists("map.summary"));
}

static void test_killed_at_any_moment(void **state)
{
	unsigned i;
	int value;

	(void)state;
	fixture_compile(map_path(), OFF);
	fixture_compile(map_path(), OFF);
	srandom(4711);
	for (i = 0; i < 100; i++) {
		pid_t pid = start_writer();

		usleep(random() % 5000);
		kill_writer(pid);
		value = imap_value(map_path());
		assert_true(value == GP_OFF || value == GP_TLS);
	}
	assert_no_litter();
}

static void test_two_writers_and_a_reader(void **state)
{
	pid_t one, two;
	unsigned i;
	struct gp_map *map;
	const char *error;

	(void)state;
	fixture_compile(map_path(), OFF);
	fixture_compile(map_path(), OFF);
	one = start_writer();
	two = start_writer();
	map = gp_map_new(map_path(), geteuid());
	for (i = 0; i < 300; i++) {
		if (gp_map_verify(map, &error) < 0)
			fail_msg("%s", error);
		usleep(300);
	}
	assert_int_equal(lines_logged, 0);
	gp_map_free(&map);
	assert_int_equal(waitpid(one, NULL, WNOHANG), 0);
	assert_int_equal(waitpid(two, NULL, WNOHANG), 0);
	kill_writer(one);
	kill_writer(two);
	assert_no_litter();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_the_lock_clears_up),
		TEST(test_abandoned),
		TEST(test_killed_at_each_call),
		TEST(test_killed_at_any_moment),
		TEST(test_two_writers_and_a_reader),
	};

	return cmocka_run_group_tests_name("interrupted", tests, NULL, NULL);
}
