/* Publishing a map: what stands in the folder afterwards, and what does when one
   of the system calls fails. */

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include "tests/unit/writer-fixture.h"
#include "shared/map/summary.h"

static void test_what_stands_there(void **state)
{
	(void)state;
	fixture_compile(map_path(), OFF);
	assert_int_equal(imap_value(map_path()), GP_OFF);
	assert_true(exists("map.summary"));
	assert_int_equal(entries(), 2);
	fixture_compile(map_path(), TLS);
	assert_int_equal(imap_value(map_path()), GP_TLS);
	assert_int_equal(imap_value(fixture_path("map.lmdb.prev")), GP_OFF);
	assert_int_equal(entries(), 3);
	fixture_compile(map_path(), OFF);
	assert_int_equal(imap_value(fixture_path("map.lmdb.prev")), GP_TLS);
	assert_int_equal(entries(), 3);
	assert_int_equal(lines_logged, 0);
	/* Without .lmdb at the end. */
	fixture_compile(fixture_path("other"), OFF);
	assert_true(exists("other.summary"));
}

static mode_t mode_of(const char *name)
{
	struct stat stat_now;

	assert_int_equal(stat(fixture_path(name), &stat_now), 0);
	return stat_now.st_mode & 07777;
}

static void test_access(void **state)
{
	struct gp_map_options options;
	struct gp_image *image;
	struct stat stat_now;
	const char *error;

	(void)state;
	umask(077);
	fixture_compile(map_path(), OFF);
	assert_int_equal(mode_of("map.lmdb"), 0640);
	assert_int_equal(mode_of("map.summary"), 0640);
	/* An old map's is kept, except that nobody else may write. */
	assert_int_equal(chmod(map_path(), 0664), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(map_path(), 0, 12345), 0);
	fixture_compile(map_path(), OFF);
	assert_int_equal(mode_of("map.lmdb"), 0644);
	assert_int_equal(mode_of("map.summary"), 0644);
	assert_int_equal(stat(map_path(), &stat_now), 0);
	if (geteuid() == 0)
		assert_int_equal(stat_now.st_gid, 12345);
	/* Unless it shall be as for a new one. */
	fixture_options(&options);
	options.default_access = true;
	options.changed = true;
	image = fixture_image(OFF);
	assert_int_equal(gp_map_write(map_path(), image, &options, &error),
			 0);
	gp_image_free(&image);
	assert_int_equal(mode_of("map.lmdb"), 0640);
}

static void test_another_owner(void **state)
{
	struct gp_map_options options;
	struct stat stat_now;
	struct gp_image *image = fixture_image(OFF);
	const char *error;

	(void)state;
	if (geteuid() != 0) {
		gp_image_free(&image);
		skip();
	}
	fixture_options(&options);
	options.owner = 12345;
	assert_int_equal(gp_map_write(map_path(), image, &options, &error),
			 0);
	assert_int_equal(stat(map_path(), &stat_now), 0);
	assert_int_equal(stat_now.st_uid, 12345);
	gp_image_free(&image);
}

static void test_meta_and_all_kinds_of_records(void **state)
{
	static const char rules[] =
		"net:a 192.0.2.0/24\nnet:b 192.0.2.1\n"
		"profile:p imap=off\nprofile:q pop3=off\n"
		"profile:p pop3=off from=2030-01-01T00:00:00Z\n"
		"* all=tls allow_nets=a,b\n@ imap=off\nalice@ imap=off\n"
		"x@example.com profile=q,p\n"
		"x@example.com imap=off until=2030-01-01T00:00:00Z\n";
	struct gp_map_options options;
	struct gp_image *image = fixture_image(rules);
	struct gp_map *map;
	const char *error;

	(void)state;
	fixture_options(&options);
	options.changed = true;
	assert_int_equal(gp_map_write(map_path(), image, &options, &error),
			 0);
	gp_image_free(&image);
	map = gp_map_new(map_path(), geteuid());
	assert_int_equal(gp_map_verify(map, &error), 0);
	assert_true(gp_map_meta(map)->changed);
	assert_int_equal(gp_map_meta(map)->lines, 5);
	assert_int_equal(gp_map_meta(map)->keys, 4);
	gp_map_free(&map);
}

/* A value larger than a page, and a net of many megabytes. */
static void test_large_values(void **state)
{
	static const unsigned count = 100000;
	struct gp_text rules;
	struct gp_netset set;
	struct gp_map *map;
	const struct gp_source *source;
	const char *error;
	unsigned i;

	(void)state;
	gp_text_init(&rules);
	gp_text_add(&rules, "* all=tls allow_nets=big\nnet:big");
	for (i = 0; i < count; i++)
		gp_text_addf(&rules, " 10.%u.%u.%u", i >> 15, i >> 7 & 255,
			     i << 1 & 255);
	gp_text_add(&rules, "\n");
	fixture_compile(map_path(), rules.data);
	map = gp_map_new(map_path(), geteuid());
	source = fixture_source(map);
	assert_int_equal(source->net(source->context, 0, &set, &error), 1);
	assert_int_equal(set.count, count);
	assert_int_equal(gp_map_verify(map, &error), 0);
	gp_map_free(&map);
	gp_text_deinit(&rules);
}

static void test_an_empty_map(void **state)
{
	struct gp_map *map;
	const char *error;

	(void)state;
	fixture_compile(map_path(), "");
	map = gp_map_new(map_path(), geteuid());
	assert_int_equal(gp_map_verify(map, &error), 0);
	gp_map_free(&map);
}

static struct gp_summary seen_summary;
static unsigned char seen_bytes[GP_SUMMARY_MAX];
static int seen_result;

static void see_summary(const char *name, const char *argument)
{
	if (strcmp(name, "rename") == 0 && argument != NULL &&
	    strcmp(argument, map_path()) == 0)
		seen_result = gp_summary_read(fixture_path("map.summary"),
					      seen_bytes, &seen_summary);
}

static bool accepts(const char *address)
{
	struct gp_address parsed;

	assert_int_equal(gp_address_parse(address, &parsed), 0);
	return seen_summary.anywhere ||
		gp_netset_contains(&seen_summary.networks, &parsed);
}

#define NETS(address) "* all=tls cleartext_nets=" address "\n"

/* While either map may be read, the summary covers both. */
static void test_the_summary_comes_first(void **state)
{
	(void)state;
	fixture_compile(map_path(), NETS("192.0.2.1"));
	counting = true;
	before_call = see_summary;
	seen_result = -2;
	fixture_compile(map_path(), NETS("192.0.2.9"));
	counting = false;
	assert_int_equal(seen_result, 0);
	assert_true(accepts("192.0.2.1"));
	assert_true(accepts("192.0.2.9"));
	assert_false(accepts("192.0.2.5"));
	assert_int_equal(gp_summary_read(fixture_path("map.summary"),
					 seen_bytes, &seen_summary), 0);
	assert_false(accepts("192.0.2.1"));
	assert_true(accepts("192.0.2.9"));
}

/* A login process holds it open. */
static void test_the_summary_stays_the_same_file(void **state)
{
	struct stat before, after;

	(void)state;
	fixture_compile(map_path(), NETS("192.0.2.1"));
	assert_int_equal(stat(fixture_path("map.summary"), &before), 0);
	fixture_compile(map_path(), NETS("192.0.2.9"));
	assert_int_equal(stat(fixture_path("map.summary"), &after), 0);
	assert_int_equal(after.st_ino, before.st_ino);
}

/* Nobody knows what the old rules come to: anywhere, until they are gone. */
static void test_an_old_summary_that_is_torn(void **state)
{
	(void)state;
	fixture_compile(map_path(), NETS("192.0.2.1"));
	assert_int_equal(truncate(fixture_path("map.summary"), 20), 0);
	counting = true;
	before_call = see_summary;
	fixture_compile(map_path(), TLS);
	counting = false;
	assert_int_equal(seen_result, 0);
	assert_true(seen_summary.anywhere);
	assert_int_equal(gp_summary_read(fixture_path("map.summary"),
					 seen_bytes, &seen_summary), 0);
	assert_false(seen_summary.anywhere);
}

/* Lets one call after the other fail. Returns how many there were. */
static unsigned fail_each_call(bool old_map)
{
	const char *error = NULL;
	unsigned before, n;
	int ret;

	for (n = 1;; n++) {
		unlink(fixture_path("map.lmdb.prev"));
		if (old_map) {
			fixture_compile(map_path(), OFF);
		} else {
			unlink(map_path());
			unlink(fixture_path("map.summary"));
		}
		unlink(fixture_path("map.lmdb.prev"));
		before = entries();
		calls = 0;
		failing_call = n;
		counting = true;
		ret = fixture_try(map_path(), TLS, &error);
		counting = false;
		if (ret < 0) {
			assert_int_equal(errno, EIO);
			assert_non_null(strstr(error, fixture_folder));
			assert_int_equal(imap_value(map_path()),
					 old_map ? GP_OFF : 0);
			/* A way back that was made already may stay. */
			unlink(fixture_path("map.lmdb.prev"));
			assert_int_equal(entries(), before);
		} else {
			assert_int_equal(imap_value(map_path()), GP_TLS);
		}
		if (calls < n)
			return calls;
	}
}

static void test_each_call_fails_once(void **state)
{
	(void)state;
	assert_in_range(fail_each_call(true), 10, 100);
	assert_in_range(fail_each_call(false), 8, 100);
	names_all_files = true;
	assert_in_range(fail_each_call(true), 10, 100);
	assert_in_range(fail_each_call(false), 8, 100);
}

static struct gp_text *many_rules(void)
{
	static struct gp_text rules;
	unsigned i;

	gp_text_init(&rules);
	gp_text_add(&rules, TLS);
	for (i = 0; i < 5000; i++)
		gp_text_addf(&rules, "user%u@example.com imap=off\n", i);
	return &rules;
}

/* liblmdb says EIO where it wrote a part. */
static bool failed_cleanly(const char *path, int error_number)
{
	struct gp_text *rules = many_rules();
	unsigned before = entries();
	const char *error;
	int ret = fixture_try(path, rules->data, &error);
	int found = errno;

	gp_text_deinit(rules);
	return ret < 0 && (found == error_number || found == EIO) &&
		entries() == before && imap_value(path) == GP_OFF;
}

static int run_with_a_limit(void)
{
	struct rlimit limit = { 65536, 65536 };
	struct sigaction now;

	setrlimit(RLIMIT_FSIZE, &limit);
	if (!failed_cleanly(map_path(), EFBIG))
		return 1;
	/* The caller's own handling of the signal is what it was. */
	sigaction(SIGXFSZ, NULL, &now);
	return now.sa_handler == SIG_DFL ? 0 : 2;
}

static void test_a_limit_of_file_size(void **state)
{
	(void)state;
	fixture_compile(map_path(), OFF);
	assert_int_equal(in_child(run_with_a_limit), 0);
	assert_int_equal(imap_value(map_path()), GP_OFF);
}

#define CANNOT_MOUNT 77

static int run_on_a_full_disk(void)
{
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", fixture_folder, "tmpfs", 0, "size=80k") < 0)
		return CANNOT_MOUNT;
	fixture_compile(map_path(), OFF);
	return failed_cleanly(map_path(), ENOSPC) ? 0 : 1;
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

static void test_a_folder_that_is_missing(void **state)
{
	const char *error;

	(void)state;
	assert_int_equal(fixture_try(fixture_path("no/map.lmdb"), OFF,
				     &error), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(gp_map_lock(fixture_path("no/map.lmdb"), &error),
			 -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(entries(), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_what_stands_there),
		TEST(test_access),
		TEST(test_another_owner),
		TEST(test_meta_and_all_kinds_of_records),
		TEST(test_large_values),
		TEST(test_an_empty_map),
		TEST(test_the_summary_comes_first),
		TEST(test_the_summary_stays_the_same_file),
		TEST(test_an_old_summary_that_is_torn),
		TEST(test_each_call_fails_once),
		TEST(test_a_limit_of_file_size),
		TEST(test_a_full_disk),
		TEST(test_a_folder_that_is_missing),
	};

	return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
