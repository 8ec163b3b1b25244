/* Every name that is made on the way is PATH.tmp.SOMETHING: whoever gets the
   lock next removes those, for only a writer that was killed leaves one. The
   old file gets its second name before the rename, so that PATH leads to a
   whole file at every moment.

   What the handler of a signal needs lies in static storage. Whether the new
   file is in place it learns from the file system: the temporary name is gone
   then, and no flag can be too late. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "shared/base/log.h"
#include "shared/map/error.h"
#include "shared/map/publish.h"
#include "shared/map/summary.h"

#define GROUP "gatepost"
#define TEMP_MARK ".tmp."

static char temp_path[GP_PUBLISH_PATH];
static char summary_path[GP_PUBLISH_PATH];
static volatile sig_atomic_t is_working;
static volatile sig_atomic_t is_visible;
static volatile sig_atomic_t summary_is_new;

bool gp_map_write_abandon(void)
{
	if (!is_working)
		return is_visible;
	is_working = 0;
	if (unlink(temp_path) < 0 && errno == ENOENT)
		return true;
	if (summary_is_new)
		unlink(summary_path);
	return false;
}

void gp_publish_summary_is_new(void)
{
	summary_is_new = 1;
}

/* The folder that a path leads to an entry of, and the entry's name. */
static const char *split_path(const char *path, char folder[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : slash - path;

	if (slash == NULL) {
		strcpy(folder, ".");
		return path;
	}
	if (len == 0)
		len = 1;
	memcpy(folder, path, len);
	folder[len] = '\0';
	return slash + 1;
}

static bool is_too_long(const char *path)
{
	return strlen(path) >= PATH_MAX;
}

static void remove_stale(const char *path)
{
	char folder[PATH_MAX];
	const char *name = split_path(path, folder);
	size_t len = strlen(name), mark_len = strlen(TEMP_MARK);
	struct dirent *entry;
	DIR *dir = opendir(folder);

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, name, len) == 0 &&
		    strncmp(entry->d_name + len, TEMP_MARK, mark_len) == 0)
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	closedir(dir);
}

/* Returns the descriptor, locked, or -1 with errno. */
static int lock_file(const char *lock_path)
{
	int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		      0600);
	int saved_errno;

	if (fd < 0)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	gp_log(GP_LOG_INFO, "%s is held by another writer; waiting for it",
	       lock_path);
	while (flock(fd, LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		saved_errno = errno;
		close(fd);
		errno = saved_errno;
		return -1;
	}
	return fd;
}

/* True when the path still leads to the file that is locked: another writer
   removes it when he is done. */
static bool is_current(int fd, const char *lock_path)
{
	struct stat held, found;

	return fstat(fd, &held) == 0 && stat(lock_path, &found) == 0 &&
		held.st_dev == found.st_dev && held.st_ino == found.st_ino;
}

int gp_map_lock(const char *path, const char **error_r)
{
	char lock_path[GP_PUBLISH_PATH];
	int fd;

	errno = ENAMETOOLONG;
	if (is_too_long(path))
		return gp_map_error(error_r, "%s: %s", path, strerror(errno));
	snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
	for (;;) {
		fd = lock_file(lock_path);
		if (fd < 0)
			return gp_map_error(error_r, "cannot lock %s: %s",
					    lock_path, strerror(errno));
		if (is_current(fd, lock_path))
			break;
		close(fd);
	}
	remove_stale(path);
	return fd;
}

void gp_map_unlock(const char *path, int *fd)
{
	char lock_path[GP_PUBLISH_PATH];

	if (*fd < 0)
		return;
	snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
	/* While it is locked, so that nobody removes another's. */
	unlink(lock_path);
	close(*fd);
	*fd = -1;
}

static void choose_access(struct gp_publish *publish,
			  const struct gp_map_options *options)
{
	const struct group *group;
	struct stat old;

	publish->replaces = stat(publish->path, &old) == 0;
	if (publish->replaces && !options->default_access) {
		publish->uid = old.st_uid;
		publish->gid = old.st_gid;
		/* No reader takes a map that others may write. */
		publish->mode = old.st_mode & 0777 & ~022;
		return;
	}
	group = getgrnam(GROUP);
	publish->uid = options->owner == (uid_t)-1 ? 0 : options->owner;
	publish->gid = group == NULL ? 0 : group->gr_gid;
	publish->mode = 0640;
	/* Who may not give files away keeps his own. */
	if (geteuid() != 0) {
		publish->uid = geteuid();
		publish->gid = getegid();
	}
}

int gp_publish_set_access(const struct gp_publish *publish, int fd)
{
	struct stat now;

	if (fstat(fd, &now) < 0)
		return -1;
	if ((now.st_uid != publish->uid || now.st_gid != publish->gid) &&
	    fchown(fd, now.st_uid == publish->uid ? (uid_t)-1 : publish->uid,
		   publish->gid) < 0)
		return -1;
	return (now.st_mode & 07777) == publish->mode ? 0 :
		fchmod(fd, publish->mode);
}

int gp_publish_name(struct gp_publish *publish, const char *path,
		    const struct gp_map_options *options,
		    const char **error_r)
{
	memset(publish, 0, sizeof(*publish));
	publish->fd = -1;
	is_working = is_visible = summary_is_new = 0;
	errno = ENAMETOOLONG;
	if (is_too_long(path))
		return gp_map_error(error_r, "%s: %s", path, strerror(errno));
	strcpy(publish->path, path);
	choose_access(publish, options);
	gp_summary_name(publish->path, publish->summary,
			sizeof(publish->summary));
	return 0;
}

int gp_publish_begin(struct gp_publish *publish, const char *path,
		     const struct gp_map_options *options,
		     const char **error_r)
{
	if (gp_publish_name(publish, path, options, error_r) < 0)
		return -1;
	snprintf(publish->temp, sizeof(publish->temp), "%s" TEMP_MARK "XXXXXX",
		 path);
	publish->fd = mkostemp(publish->temp, O_CLOEXEC);
	if (publish->fd < 0)
		return gp_map_error(error_r, "cannot create a file beside "
				    "%s: %s", path, strerror(errno));
	strcpy(temp_path, publish->temp);
	strcpy(summary_path, publish->summary);
	is_working = 1;
	return 0;
}

/* Losing the way back is no reason not to go on. */
static void keep_previous(const struct gp_publish *publish)
{
	char temp[GP_PUBLISH_PATH], previous[GP_PUBLISH_PATH];

	snprintf(temp, sizeof(temp), "%s" TEMP_MARK "prev", publish->path);
	snprintf(previous, sizeof(previous), "%s.prev", publish->path);
	unlink(temp);
	if (link(publish->path, temp) == 0 && rename(temp, previous) == 0) {
		/* It stays where both names were one file's already, after a
		   writer was killed between two renames. */
		unlink(temp);
		return;
	}
	gp_log(GP_LOG_WARNING, "cannot keep the old map as %s: %s", previous,
	       strerror(errno));
	unlink(temp);
}

static int sync_folder(const char *path)
{
	char folder[PATH_MAX];
	int fd, ret;

	(void)split_path(path, folder);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ret = fsync(fd);
	close(fd);
	return ret;
}

int gp_publish_commit(struct gp_publish *publish, const char **error_r)
{
	if (publish->replaces)
		keep_previous(publish);
	if (rename(publish->temp, publish->path) < 0)
		return gp_map_error(error_r, "cannot rename %s to %s: %s",
				    publish->temp, publish->path,
				    strerror(errno));
	is_visible = 1;
	is_working = 0;
	if (sync_folder(publish->path) < 0)
		gp_log(GP_LOG_WARNING, "cannot sync the folder of %s: %s; "
		       "the map is in force, and may be the old one after a "
		       "crash", publish->path, strerror(errno));
	return 0;
}

/* Old kernels and some file systems cannot exchange; then there is a moment in
   which both names lead to the other file, and none without a map. */
static int exchange_by_links(const char *path, const char *other)
{
	char temp[GP_PUBLISH_PATH];

	snprintf(temp, sizeof(temp), "%s" TEMP_MARK "prev", path);
	unlink(temp);
	if (link(path, temp) < 0)
		return -1;
	if (rename(other, path) < 0) {
		unlink(temp);
		return -1;
	}
	return rename(temp, other);
}

static int exchange(const char *path, const char *other)
{
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return rename(other, path);
	if (renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE) == 0)
		return 0;
	return errno == ENOSYS || errno == EINVAL ?
	       exchange_by_links(path, other) : -1;
}

int gp_publish_exchange(struct gp_publish *publish, const char *other,
			const char **error_r)
{
	if (exchange(publish->path, other) < 0)
		return gp_map_error(error_r, "cannot put %s in the place of "
				    "%s: %s", other, publish->path,
				    strerror(errno));
	if (sync_folder(publish->path) < 0)
		gp_log(GP_LOG_WARNING, "cannot sync the folder of %s: %s",
		       publish->path, strerror(errno));
	return 0;
}

void gp_publish_end(struct gp_publish *publish)
{
	int saved_errno = errno;

	if (is_working)
		(void)gp_map_write_abandon();
	if (publish->fd >= 0)
		close(publish->fd);
	publish->fd = -1;
	errno = saved_errno;
}
