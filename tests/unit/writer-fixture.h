#ifndef GP_TESTS_WRITER_FIXTURE_H
#define GP_TESTS_WRITER_FIXTURE_H

/* What the tests of a map's writer share. System calls pass through it: a test
   can let the n-th one fail, or end the process there. Programs that include it
   are linked with $(WRITER_WRAP). */

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/wait.h>
#include "tests/unit/map-fixture.h"
#include "shared/base/log.h"

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

static inline bool fails(const char *name, const char *argument)
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

static inline void sink(enum gp_log_level level, const char *line)
{
	(void)level;
	(void)line;
	lines_logged++;
}

static inline int setup(void **state)
{
	gp_log_set_sink(sink);
	calls = failing_call = lines_logged = 0;
	before_call = NULL;
	counting = names_all_files = false;
	return fixture_setup(state);
}

static inline const char *map_path(void)
{
	return fixture_path("map.lmdb");
}

static inline bool exists(const char *name)
{
	return access(fixture_path(name), F_OK) == 0;
}

static inline unsigned entries(void)
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
static inline int imap_value(const char *path)
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

/* In a child, whose limits and mounts are its own. Returns its status. */
static inline int in_child(int (*run)(void))
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, \
						   fixture_teardown)

#endif
