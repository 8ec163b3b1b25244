/* A large map is written through a mapping, with the help of a thread that goes
   ahead (filler.h), and read again by two: what comes out is what the plain way
   makes, and where the quicker way cannot be gone, the plain one is. */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "tests/unit/map-fixture.h"
#include "shared/map/image-data.h"
#include "shared/map/record.h"
#include "shared/map/store.h"

#define WRAP(ret, name, parameters) \
	ret __real_##name parameters; ret __wrap_##name parameters

#define COUNT 300000
#define CHANGED "d000123.example\0user12345"
#define CHANGED_LEN (sizeof(CHANGED) - 1)

#define CREATE (const char *path, uint64_t size_max, \
		struct gp_store_writer **writer_r, const char **error_r)
#define APPEND (struct gp_store_writer *writer, const char *key, \
		size_t key_len, const void *value, size_t value_len, \
		const char **error_r)

WRAP(int, gp_store_create, CREATE);
WRAP(int, gp_store_create_large, CREATE);
WRAP(int, gp_store_append, APPEND);
WRAP(ssize_t, pwrite64, (int fd, const void *data, size_t len, off_t at));
WRAP(int, pthread_create, (pthread_t *thread, const pthread_attr_t *attr,
			   void *(*start)(void *), void *context));
WRAP(int, gp_mapfile_check_bytes, (int fd, const char *name,
				   const struct stat *stat,
				   const char **error_r));

/* How often a file was written in either way. */
static unsigned mapped, plain;
/* What becomes of zeros that are written ahead. */
static enum { WORKS, CANNOT_FILL, FORGETS_TO_FILL } filling;
static bool no_threads;
/* What happens to the map between being written and being checked. */
static enum { NO_DAMAGE, OTHER_RULE, OTHER_BYTE } damage;

int __wrap_gp_store_create CREATE
{
	plain++;
	return __real_gp_store_create(path, size_max, writer_r, error_r);
}

int __wrap_gp_store_create_large CREATE
{
	mapped++;
	return __real_gp_store_create_large(path, size_max, writer_r, error_r);
}

/* The filler's. */
ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t at)
{
	if (len < 65536 || filling == WORKS)
		return __real_pwrite64(fd, data, len, at);
	errno = EIO;
	return filling == CANNOT_FILL ? -1 : (ssize_t)len;
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
			  void *(*start)(void *), void *context)
{
	return no_threads ? EAGAIN :
	       __real_pthread_create(thread, attr, start, context);
}

int __wrap_gp_store_append APPEND
{
	char copy[64];
	struct gp_text text;

	if (damage != OTHER_RULE || key_len != CHANGED_LEN ||
	    memcmp(key, CHANGED, CHANGED_LEN) != 0)
		return __real_gp_store_append(writer, key, key_len, value,
					      value_len, error_r);
	gp_text_init_fixed(&text, copy, sizeof(copy));
	gp_text_add_mem(&text, value, value_len);
	/* The last byte: imap=off to imap=trusted. */
	text.data[text.len - 1] = GP_TRUSTED;
	gp_record_end(&text, key, key_len);
	return __real_gp_store_append(writer, key, key_len, text.data,
				      text.len, error_r);
}

int __wrap_gp_mapfile_check_bytes(int fd, const char *name,
				  const struct stat *stat,
				  const char **error_r)
{
	if (damage == OTHER_BYTE)
		assert_int_equal(pwrite(fd, "x", 1, stat->st_size / 2), 1);
	return __real_gp_mapfile_check_bytes(fd, name, stat, error_r);
}

static struct gp_image *large_image(void)
{
	struct gp_text rules;
	struct gp_image *image;
	unsigned i;

	gp_text_init(&rules);
	gp_text_add(&rules, "* all=tls allow_nets=big\nnet:big");
	for (i = 0; i < 100000; i++)
		gp_text_addf(&rules, " 10.%u.%u.%u", i >> 15, i >> 7 & 255,
			     i << 1 & 255);
	gp_text_add(&rules, "\n");
	for (i = 0; i < COUNT; i++)
		gp_text_addf(&rules, "user%05u@d%06u.example imap=off\n", i,
			     i / 100);
	image = fixture_image(rules.data);
	gp_text_deinit(&rules);
	return image;
}

/* Parsed once. */
static struct gp_image *image;

static int try_write(const char *name, const char **error_r)
{
	struct gp_map_options options;

	mapped = plain = 0;
	fixture_options(&options);
	return gp_map_write(fixture_path(name), image, &options, error_r);
}

static void must_write(const char *name)
{
	const char *error;

	if (try_write(name, &error) < 0)
		fail_msg("%s", error);
}

/* Every rule, by the way of a door. */
static void assert_whole(const char *name)
{
	struct gp_map *map = gp_map_new(fixture_path(name), geteuid());
	const char *error;

	if (gp_map_verify(map, &error) < 0)
		fail_msg("%s", error);
	assert_int_equal(gp_map_meta(map)->lines, COUNT + 1);
	gp_map_free(&map);
}

static off_t size_of(const char *name)
{
	struct stat found;

	assert_int_equal(stat(fixture_path(name), &found), 0);
	return found.st_size;
}

static bool exists(const char *name)
{
	return access(fixture_path(name), F_OK) == 0;
}

static int setup(void **state)
{
	filling = WORKS;
	no_threads = false;
	damage = NO_DAMAGE;
	return fixture_setup(state);
}

static void test_both_ways_write_the_same(void **state)
{
	(void)state;
	must_write("one.lmdb");
	assert_int_equal(mapped, 1);
	assert_int_equal(plain, 0);
	assert_whole("one.lmdb");
	filling = CANNOT_FILL;
	must_write("two.lmdb");
	assert_int_equal(mapped, 1);
	assert_int_equal(plain, 1);
	assert_whole("two.lmdb");
	assert_int_equal(size_of("one.lmdb"), size_of("two.lmdb"));
}

static void test_without_threads(void **state)
{
	(void)state;
	no_threads = true;
	must_write("map.lmdb");
	assert_int_equal(plain, 0);
	assert_whole("map.lmdb");
}

static int run_on_one_processor(void)
{
	cpu_set_t now, one;
	const char *error;
	int i = 0;

	if (sched_getaffinity(0, sizeof(now), &now) < 0)
		return 1;
	while (!CPU_ISSET(i, &now))
		i++;
	CPU_ZERO(&one);
	CPU_SET(i, &one);
	if (sched_setaffinity(0, sizeof(one), &one) < 0)
		return 2;
	return try_write("map.lmdb", &error) == 0 && plain == 0 ? 0 : 3;
}

/* In a child, whose limits and mounts are its own. Returns its status. */
static int in_child(int (*run)(void))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(run());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_on_one_processor(void **state)
{
	(void)state;
	assert_int_equal(in_child(run_on_one_processor), 0);
	assert_whole("map.lmdb");
}

/* Found by the walk over the rules. */
static void test_another_rule(void **state)
{
	const char *error;

	(void)state;
	for (no_threads = false;; no_threads = true) {
		damage = OTHER_RULE;
		assert_int_equal(try_write("map.lmdb", &error), -1);
		assert_non_null(strstr(error, "is not what was written"));
		assert_int_equal(errno, EINVAL);
		assert_false(exists("map.lmdb"));
		if (no_threads)
			break;
	}
}

/* Found by the digest. */
static void test_another_byte(void **state)
{
	const char *error;

	(void)state;
	for (no_threads = false;; no_threads = true) {
		damage = OTHER_BYTE;
		assert_int_equal(try_write("map.lmdb", &error), -1);
		assert_non_null(strstr(error, "is not what was written"));
		assert_non_null(strstr(error, "damaged"));
		assert_int_equal(errno, EINVAL);
		assert_false(exists("map.lmdb"));
		if (no_threads)
			break;
	}
}

/* The limit allows what is needed in the end, not what may be. */
static int run_with_a_limit(void)
{
	struct rlimit limit = { 32 << 20, 32 << 20 };
	const char *error;

	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return 1;
	return try_write("map.lmdb", &error) == 0 && plain == 1 ? 0 : 2;
}

static void test_a_limit_of_file_size(void **state)
{
	(void)state;
	assert_int_equal(in_child(run_with_a_limit), 0);
	assert_whole("map.lmdb");
	assert_in_range(size_of("map.lmdb"), 16 << 20, 32 << 20);
}

#define CANNOT_MOUNT 77

static int mount_small(const char *size)
{
	return unshare(CLONE_NEWNS) < 0 ||
		mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("none", fixture_folder, "tmpfs", 0, size) < 0 ?
		CANNOT_MOUNT : 0;
}

static bool fails_cleanly(void)
{
	struct sigaction before, now;
	const char *error;

	sigaction(SIGBUS, NULL, &before);
	if (try_write("map.lmdb", &error) == 0 ||
	    (errno != ENOSPC && errno != EIO) ||
	    strstr(error, "cannot write map") == NULL || exists("map.lmdb") ||
	    exists("map.summary"))
		return false;
	sigaction(SIGBUS, NULL, &now);
	return now.sa_handler == before.sa_handler;
}

static int run_on_a_full_disk(void)
{
	if (mount_small("size=4m") != 0)
		return CANNOT_MOUNT;
	if (!fails_cleanly())
		return 1;
	/* Nothing was promised, and the memory is not there: a signal. */
	filling = FORGETS_TO_FILL;
	return fails_cleanly() && mapped == 1 && plain == 1 ? 0 : 2;
}

static void test_a_full_disk(void **state)
{
	int status;

	(void)state;
	status = in_child(run_on_a_full_disk);
	if (status == CANNOT_MOUNT)
		skip();
	assert_int_equal(status, 0);
}

/* There is room for the map, and not for what goes ahead of it. */
static int run_on_a_nearly_full_disk(void)
{
	char size[32];
	const char *error;

	must_write("map.lmdb");
	snprintf(size, sizeof(size), "size=%lldk",
		 (long long)size_of("map.lmdb") / 1024 + 8);
	if (mount_small(size) != 0)
		return CANNOT_MOUNT;
	return try_write("map.lmdb", &error) == 0 && plain == 1 ? 0 : 1;
}

static void test_a_nearly_full_disk(void **state)
{
	int status;

	(void)state;
	status = in_child(run_on_a_nearly_full_disk);
	if (status == CANNOT_MOUNT)
		skip();
	assert_int_equal(status, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, \
						   fixture_teardown)

static int setup_all(void **state)
{
	(void)state;
	image = large_image();
	return 0;
}

static int teardown_all(void **state)
{
	(void)state;
	gp_image_free(&image);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_both_ways_write_the_same),
		TEST(test_without_threads),
		TEST(test_on_one_processor),
		TEST(test_another_rule),
		TEST(test_another_byte),
		TEST(test_a_limit_of_file_size),
		TEST(test_a_full_disk),
		TEST(test_a_nearly_full_disk),
	};

	return cmocka_run_group_tests_name("large-map", tests, setup_all,
					   teardown_all);
}
