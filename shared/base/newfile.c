/* O_TMPFILE gives a file without a name, and linkat(2) of what /proc/self/fd
   shows gives it one; that needs no privilege. linkat(2) does not replace, so
   where something stands already the file gets a name on the way after all, for
   as long as it takes to call rename(2).

   Why a file without a name cannot be made is of no interest: the other way is
   tried then, and says what is wrong when that fails as well. */

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "shared/base/newfile.h"

/* Those that are not in place, for the handler of a signal. */
static struct gp_newfile *volatile open_files;

static void remember(struct gp_newfile *file)
{
	file->next = open_files;
	/* The handler may come in between: whom it finds must be whole. */
	atomic_signal_fence(memory_order_release);
	open_files = file;
}

static void forget(const struct gp_newfile *file)
{
	struct gp_newfile *before = open_files;

	if (before == file) {
		open_files = file->next;
		return;
	}
	while (before != NULL && before->next != file)
		before = before->next;
	if (before != NULL)
		before->next = file->next;
}

static int open_folder_of(const char *temp)
{
	char folder[GP_NEWFILE_PATH];
	char *slash;

	snprintf(folder, sizeof(folder), "%s", temp);
	slash = strrchr(folder, '/');
	if (slash == NULL)
		strcpy(folder, ".");
	else
		slash[slash == folder ? 1 : 0] = '\0';
	return open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

static int open_nameless(struct gp_newfile *file)
{
	struct stat own, found;

	file->fd = open_folder_of(file->temp);
	if (file->fd < 0)
		return -1;
	snprintf(file->opened_by, sizeof(file->opened_by), "/proc/self/fd/%d",
		 file->fd);
	if (fstat(file->fd, &own) == 0 && stat(file->opened_by, &found) == 0 &&
	    own.st_dev == found.st_dev && own.st_ino == found.st_ino)
		return 0;
	close(file->fd);
	return -1;
}

static int open_named(struct gp_newfile *file)
{
	strcpy(file->opened_by, file->temp);
	file->has_name = true;
	file->fd = open(file->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
			0600);
	return file->fd < 0 ? -1 : 0;
}

int gp_newfile_open(struct gp_newfile *file, const char *temp)
{
	file->has_name = false;
	snprintf(file->temp, sizeof(file->temp), "%s", temp);
	/* Before there is a name: a signal may come right behind it. */
	remember(file);
	file->is_open = open_nameless(file) == 0 || open_named(file) == 0;
	if (!file->is_open)
		forget(file);
	return file->is_open ? 0 : -1;
}

static int give_name(struct gp_newfile *file, const char *name)
{
	return linkat(AT_FDCWD, file->opened_by, AT_FDCWD, name,
		      AT_SYMLINK_FOLLOW);
}

static int place(struct gp_newfile *file, const char *path)
{
	if (!file->has_name) {
		if (give_name(file, path) == 0)
			return 0;
		if (errno != EEXIST || give_name(file, file->temp) < 0)
			return -1;
		file->has_name = true;
	}
	return rename(file->temp, path);
}

int gp_newfile_place(struct gp_newfile *file, const char *path)
{
	if (place(file, path) < 0)
		return -1;
	forget(file);
	file->has_name = false;
	return 0;
}

void gp_newfile_close(struct gp_newfile *file)
{
	int saved_errno = errno;

	if (!file->is_open)
		return;
	forget(file);
	if (file->has_name)
		unlink(file->temp);
	close(file->fd);
	file->is_open = false;
	errno = saved_errno;
}

void gp_newfile_abandon_all(void)
{
	const struct gp_newfile *file;

	/* Whether it has that name already, or no longer, cannot be told when
	   a signal comes in the middle. */
	for (file = open_files; file != NULL; file = file->next)
		unlink(file->temp);
}
