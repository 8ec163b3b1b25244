/* The new file has no name until it is whole (newfile.h). What must have one
   for a moment is called PATH.tmp.SOMETHING: whoever gets the lock next
   removes such names, for only a writer that was killed in that moment leaves
   one. The old file gets its second name before the rename, so that PATH leads
   to a whole file at every moment.

   While names change hands no signal is let in, so that what is said to whoever
   sent it is true; nothing there waits for a disk. */

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

/* For the handler of a signal. */
static char lock_path[GP_PUBLISH_PATH];
static volatile sig_atomic_t is_locked;
static volatile sig_atomic_t is_visible;

bool gp_map_abandon(void)
{
	gp_newfile_abandon_all();
	if (is_locked)
		unlink(lock_path);
	return is_visible;
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
static int lock_file(void)
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
static bool is_current(int fd)
{
	struct stat held, found;

	return fstat(fd, &held) == 0 && stat(lock_path, &found) == 0 &&
		held.st_dev == found.st_dev && held.st_ino == found.st_ino;
}

int gp_map_lock(const char *path, const char **error_r)
{
	int fd;

	errno = ENAMETOOLONG;
	if (is_too_long(path))
		return gp_map_error(error_r, "%s: %s", path, strerror(errno));
	snprintf(lock_path, sizeof(lock_path), "%s.lock", path);
	for (;;) {
		fd = lock_file();
		if (fd < 0)
			return gp_map_error(error_r, "cannot lock %s: %s",
					    lock_path, strerror(errno));
		if (is_current(fd))
			break;
		close(fd);
	}
	is_locked = 1;
	remove_stale(path);
	return fd;
}

void gp_map_unlock(int *fd)
{
	if (*fd < 0)
		return;
	is_locked = 0;
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
	is_visible = 0;
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
	char temp[GP_PUBLISH_PATH];

	if (gp_publish_name(publish, path, options, error_r) < 0)
		return -1;
	snprintf(temp, sizeof(temp), "%s" TEMP_MARK "new", path);
	if (gp_newfile_open(&publish->file, temp) < 0)
		return gp_map_error(error_r, "cannot create a file beside "
				    "%s: %s", path, strerror(errno));
	return 0;
}

int gp_publish_open_summary(struct gp_publish *publish)
{
	int fd = open(publish->summary, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	char temp[GP_PUBLISH_PATH];

	if (fd >= 0 || errno != ENOENT)
		return fd;
	snprintf(temp, sizeof(temp), "%s" TEMP_MARK "summary", publish->path);
	if (gp_newfile_open(&publish->new_summary, temp) < 0)
		return -1;
	return fcntl(publish->new_summary.fd, F_DUPFD_CLOEXEC, 0);
}

static void name_previous(const struct gp_publish *publish, char *previous_r)
{
	snprintf(previous_r, GP_PUBLISH_PATH, "%s.prev", publish->path);
}

/* Losing the way back is no reason not to go on. */
static void keep_previous(const struct gp_publish *publish)
{
	char temp[GP_PUBLISH_PATH], previous[GP_PUBLISH_PATH];

	snprintf(temp, sizeof(temp), "%s" TEMP_MARK "prev", publish->path);
	name_previous(publish, previous);
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

static int place_map(struct gp_publish *publish)
{
	if (publish->replaces)
		keep_previous(publish);
	return gp_newfile_place(&publish->file, publish->path);
}

/* The summary comes first, and a new one goes again when the map does not come
   into force. */
static int put_in_force(struct gp_publish *publish,
			int (*place)(struct gp_publish *publish))
{
	bool is_new = publish->new_summary.is_open;
	int ret = is_new ? gp_newfile_place(&publish->new_summary,
					    publish->summary) : 0;
	int saved_errno;

	if (ret < 0)
		return -1;
	ret = place(publish);
	saved_errno = errno;
	if (ret < 0 && is_new)
		unlink(publish->summary);
	is_visible = ret == 0;
	errno = saved_errno;
	return ret;
}

static int put_in_force_undisturbed(struct gp_publish *publish,
				    int (*place)(struct gp_publish *publish))
{
	sigset_t all, before;
	int ret;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	ret = put_in_force(publish, place);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ret;
}

int gp_publish_commit(struct gp_publish *publish, const char **error_r)
{
	int ret = put_in_force_undisturbed(publish, place_map);

	if (ret < 0)
		gp_map_error(error_r, "cannot put the new map %s in place: %s",
			     publish->path, strerror(errno));
	else if (sync_folder(publish->path) < 0)
		gp_log(GP_LOG_WARNING, "cannot sync the folder of %s: %s; "
		       "the map is in force, and may be the old one after a "
		       "crash", publish->path, strerror(errno));
	return ret;
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

static int exchange(struct gp_publish *publish)
{
	const char *path = publish->path;
	char other[GP_PUBLISH_PATH];

	name_previous(publish, other);
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return rename(other, path);
	if (renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE) == 0)
		return 0;
	return errno == ENOSYS || errno == EINVAL ?
	       exchange_by_links(path, other) : -1;
}

int gp_publish_exchange(struct gp_publish *publish, const char **error_r)
{
	int ret = put_in_force_undisturbed(publish, exchange);

	if (ret < 0)
		gp_map_error(error_r, "cannot put %s.prev in the place of %s: "
			     "%s", publish->path, publish->path,
			     strerror(errno));
	else if (sync_folder(publish->path) < 0)
		gp_log(GP_LOG_WARNING, "cannot sync the folder of %s: %s",
		       publish->path, strerror(errno));
	return ret;
}

void gp_publish_end(struct gp_publish *publish)
{
	gp_newfile_close(&publish->new_summary);
	gp_newfile_close(&publish->file);
}
