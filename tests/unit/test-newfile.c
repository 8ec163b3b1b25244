/* A file without a name, and with one where there must be one: what others see
   of it until it is in place. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include "tests/unit/map-fixture.h"
#include "shared/base/newfile.h"

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

/* What O_TMPFILE says; 0: as the system says. */
static int tmpfile_errno;
static int rename_errno;

int __wrap_open64(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ?
	       va_arg(args, mode_t) : 0;
	va_end(args);
	errno = tmpfile_errno;
	return (flags & __O_TMPFILE) != 0 && tmpfile_errno != 0 ? -1 :
		__real_open64(path, flags, mode);
}

int __wrap_rename(const char *from, const char *to)
{
	errno = rename_errno;
	return rename_errno != 0 ? -1 : __real_rename(from, to);
}

static int setup(void **state)
{
	tmpfile_errno = rename_errno = 0;
	return fixture_setup(state);
}

static bool exists(const char *name)
{
	return access(fixture_path(name), F_OK) == 0;
}

static void open_and_write(struct gp_newfile *file, const char *text)
{
	struct stat stat_now;

	assert_int_equal(gp_newfile_open(file, fixture_path("x.tmp")), 0);
	assert_int_equal(fstat(file->fd, &stat_now), 0);
	assert_int_equal(stat_now.st_mode & 07777, 0600);
	assert_int_equal(write(file->fd, text, strlen(text)), strlen(text));
}

static void assert_text(const char *path, const char *text)
{
	unsigned char *data;
	size_t len = fixture_read(path, &data);

	assert_int_equal(len, strlen(text));
	assert_memory_equal(data, text, len);
	free(data);
}

static void place_and_replace(bool has_name)
{
	struct gp_newfile file;

	open_and_write(&file, "one");
	assert_int_equal(exists("x.tmp"), has_name);
	assert_false(exists("x"));
	/* Others can open it all the same. */
	assert_text(file.opened_by, "one");
	assert_int_equal(gp_newfile_place(&file, fixture_path("x")), 0);
	gp_newfile_close(&file);
	assert_text(fixture_path("x"), "one");

	open_and_write(&file, "two");
	assert_text(fixture_path("x"), "one");
	assert_int_equal(gp_newfile_place(&file, fixture_path("x")), 0);
	gp_newfile_close(&file);
	/* Once more does no harm. */
	gp_newfile_close(&file);
	assert_text(fixture_path("x"), "two");
	assert_false(exists("x.tmp"));
}

static void test_without_a_name(void **state)
{
	(void)state;
	place_and_replace(false);
}

static void test_where_it_must_have_one(void **state)
{
	static const int errors[] = { EOPNOTSUPP, EISDIR, EINVAL, ENOENT };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		unlink(fixture_path("x"));
		tmpfile_errno = errors[i];
		place_and_replace(true);
	}
}

/* Whether or not it has a name: it is gone when it is not put in place. */
static void close_without_placing(void)
{
	struct gp_newfile file;

	open_and_write(&file, "one");
	gp_newfile_close(&file);
	assert_false(exists("x.tmp"));
	assert_false(exists("x"));

	fixture_overwrite(fixture_path("x"), "old", 3);
	open_and_write(&file, "one");
	rename_errno = EIO;
	assert_int_equal(gp_newfile_place(&file, fixture_path("x")), -1);
	assert_int_equal(errno, EIO);
	rename_errno = 0;
	gp_newfile_close(&file);
	assert_false(exists("x.tmp"));
	assert_text(fixture_path("x"), "old");
	unlink(fixture_path("x"));
}

static void test_never_placed(void **state)
{
	(void)state;
	close_without_placing();
	tmpfile_errno = EOPNOTSUPP;
	close_without_placing();
}

/* A symbolic link is replaced, not followed. */
static void test_a_link_is_in_the_place(void **state)
{
	struct gp_newfile file;
	struct stat stat_now;

	(void)state;
	assert_int_equal(symlink("nowhere", fixture_path("x")), 0);
	open_and_write(&file, "one");
	assert_int_equal(gp_newfile_place(&file, fixture_path("x")), 0);
	gp_newfile_close(&file);
	assert_int_equal(lstat(fixture_path("x"), &stat_now), 0);
	assert_true(S_ISREG(stat_now.st_mode));
	assert_false(exists("nowhere"));
}

static void test_abandoned(void **state)
{
	struct gp_newfile first, second, placed;

	(void)state;
	tmpfile_errno = EOPNOTSUPP;
	assert_int_equal(gp_newfile_open(&placed, fixture_path("p.tmp")), 0);
	assert_int_equal(gp_newfile_open(&first, fixture_path("1.tmp")), 0);
	assert_int_equal(gp_newfile_open(&second, fixture_path("2.tmp")), 0);
	assert_int_equal(gp_newfile_place(&placed, fixture_path("p")), 0);
	gp_newfile_abandon_all();
	assert_false(exists("1.tmp"));
	assert_false(exists("2.tmp"));
	assert_true(exists("p"));
	gp_newfile_close(&first);
	gp_newfile_close(&second);
	gp_newfile_close(&placed);
	assert_true(exists("p"));
}

static void test_no_folder(void **state)
{
	struct gp_newfile file;

	(void)state;
	assert_int_equal(gp_newfile_open(&file, fixture_path("no/x.tmp")), -1);
	assert_int_equal(errno, ENOENT);
	gp_newfile_close(&file);
	/* Somebody else's stays his. */
	tmpfile_errno = EOPNOTSUPP;
	fixture_overwrite(fixture_path("x.tmp"), "his", 3);
	assert_int_equal(gp_newfile_open(&file, fixture_path("x.tmp")), -1);
	assert_int_equal(errno, EEXIST);
	gp_newfile_close(&file);
	gp_newfile_abandon_all();
	assert_text(fixture_path("x.tmp"), "his");
}

/* In the folder where the process is. */
static void test_a_name_without_a_folder(void **state)
{
	struct gp_newfile file;

	(void)state;
	assert_int_equal(chdir(fixture_folder), 0);
	assert_int_equal(gp_newfile_open(&file, "x.tmp"), 0);
	assert_false(exists("x.tmp"));
	assert_int_equal(gp_newfile_place(&file, "x"), 0);
	gp_newfile_close(&file);
	assert_true(exists("x"));
	assert_int_equal(chdir("/"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, \
						   fixture_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_without_a_name),
		TEST(test_where_it_must_have_one),
		TEST(test_never_placed),
		TEST(test_a_link_is_in_the_place),
		TEST(test_abandoned),
		TEST(test_no_folder),
		TEST(test_a_name_without_a_folder),
	};

	return cmocka_run_group_tests_name("newfile", tests, NULL, NULL);
}
