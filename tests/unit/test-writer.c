/* Publishing a map: what stands in the folder afterwards, whatever happened on
   the way. System calls pass through the test, which can let the n-th one
   fail. */

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include "tests/unit/map-fixture.h"
#include "shared/base/log.h"
#include "shared/map/summary.h"

#define OFF "* all=off\n"
#define TLS "* all=tls\n"

#define WRAP(ret, name, parameters) \
	ret __real_##name parameters; ret __wrap_##name parameters

WRAP(int, rename, (const char *from, const char *to));
WRAP(int, link, (const char *from, const char *to));
WRAP(int, fsync, (int fd));
WRAP(int, fchown, (int fd, uid_t uid, gid_t gid));
WRAP(int, fchmod, (int fd, mode_t mode));
WRAP(int, ftruncate64, (int fd, off_t size));
WRAP(ssize_t, pwrite64, (int fd, const void *data, size_t len, off_t at));
WRAP(int, open64, (const char *path, int flags, ...));
WRAP(int, linkat, (int from_fd, const char *from, int to_fd, const char *to,
		   int flags));
WRAP(int, mdb_txn_commit, (void *txn));
void mdb_txn_abort(void *txn);

/* Calls that are counted, and the one that fails; 0: none. */
static unsigned calls, failing_call;
static void (*before_call)(const char *name, const char *argument);
static unsigned lines_logged;
/* The file system cannot make files without a name. */
static bool names_all_files;

/* Calls of the fixture itself do not count. */
static bool counting;

static bool fails(const char *name, const char *argument)
{
	if (!counting)
		return false;
	if (before_call != NULL)
		before_call(name, argument);
	errno = EIO;
	return ++calls == failing_call;
}

int __wrap_rename(const char *from, const char *to)
{
	return fails("rename", to) ? -1 : __real_rename(from, to);
}

int __wrap_link(const char *from, const char *to)
{
	return fails("link", to) ? -1 : __real_link(from, to);
}

int __wrap_fsync(int fd)
{
	return fails("fsync", NULL) ? -1 : __real_fsync(fd);
}

int __wrap_fchown(int fd, uid_t uid, gid_t gid)
{
	return fails("fchown", NULL) ? -1 : __real_fchown(fd, uid, gid);
}

int __wrap_fchmod(int fd, mode_t mode)
{
	return fails("fchmod", NULL) ? -1 : __real_fchmod(fd, mode);
}

int __wrap_ftruncate64(int fd, off_t size)
{
	return fails("ftruncate", NULL) ? -1 : __real_ftruncate64(fd, size);
}

ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t at)
{
	return fails("pwrite", NULL) ? -1 :
		__real_pwrite64(fd, data, len, at);
}

/* Only what writes: an old map that cannot be read is replaced. */
int __wrap_open64(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ?
	       va_arg(args, mode_t) : 0;
	va_end(args);
	if (names_all_files && (flags & __O_TMPFILE) != 0) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return (flags & O_ACCMODE) != O_RDONLY && fails("open", path) ? -1 :
		__real_open64(path, flags, mode);
}

int __wrap_linkat(int from_fd, const char *from, int to_fd, const char *to,
		  int flags)
{
	return fails("linkat", to) ? -1 :
		__real_linkat(from_fd, from, to_fd, to, flags);
}

int __wrap_mdb_txn_commit(void *txn)
{
	if (!fails("commit", NULL))
		return __real_mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return EIO;
}

static void sink(enum gp_log_level level, const char *line)
{
	(void)level;
	(void)line;
	lines_logged++;
}

static int setup(void **state)
{
	gp_log_set_sink(sink);
	calls = failing_call = lines_logged = 0;
	before_call = NULL;
	counting = names_all_files = false;
	return fixture_setup(state);
}

static const char *map_path(void)
{
	return fixture_path("map.lmdb");
}

static bool exists(const char *name)
{
	return access(fixture_path(name), F_OK) == 0;
}

static unsigned entries(void)
{
	DIR *dir = opendir(fixture_folder);
	struct dirent *entry;
	unsigned count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

/* What the map says for imap; 0 when there is none that can be read. */
static int imap_value(const char *path)
{
	struct gp_map *map = gp_map_new(path, geteuid());
	const struct gp_source *source;
	struct gp_arena *arena = gp_arena_new();
	struct gp_lines lines;
	const char *error;
	int value = 0;

	source = gp_map_source(map, &error);
	if (source != NULL &&
	    fixture_lines(source, "*", arena, &lines) == 1)
		value = lines.line[0].service[GP_IMAP];
	gp_arena_free(&arena);
	gp_map_free(&map);
	return value;
}

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, \
						   fixture_teardown)

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
		TEST(test_the_lock_clears_up),
		TEST(test_abandoned),
		TEST(test_killed_at_each_call),
		TEST(test_killed_at_any_moment),
		TEST(test_two_writers_and_a_reader),
	};

	return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
