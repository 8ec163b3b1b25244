/* A rules file is its administrator's: whose it is, who may read it, and what
   labels hang on it stays. A symbolic link stays one, its target is replaced.
   A file that cannot be given to its owner again is not written at all. */

#include "shared/tools/change-files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "shared/tools/program.h"

#define TEMP_MARK ".gatepost."

static int failed(const char *path)
{
	int error = errno;

	gp_program_error("%s: %s", path, strerror(error));
	return error == ENOSPC || error == EDQUOT ? EX_IOERR :
	       gp_program_exit_code(error);
}

static int read_whole(int fd, const char *path, struct gp_text *data)
{
	static char piece[256 * 1024];
	ssize_t got;

	while ((got = read(fd, piece, sizeof(piece))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return failed(path);
		gp_text_add_mem(data, piece, (size_t)got);
	}
	return 0;
}

/* What a writer that was killed left beside the file. The lock is held. */
static void remove_stale(const char *real)
{
	char folder[PATH_MAX], mark[PATH_MAX];
	const struct dirent *entry;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s", real);
	snprintf(mark, sizeof(mark), ".%s" TEMP_MARK,
		 strrchr(real, '/') + 1);
	dir = opendir(dirname(folder));
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, mark, strlen(mark)) == 0)
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
}

int change_file_read(struct change_file *file)
{
	int fd, status;

	gp_text_init(&file->data);
	gp_text_init(&file->now);
	if (realpath(file->path, file->real) == NULL)
		return failed(file->path);
	fd = open(file->real, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return failed(file->path);
	if (fstat(fd, &file->st) < 0 || !S_ISREG(file->st.st_mode)) {
		close(fd);
		gp_program_error("%s: only a regular file can be edited",
				 file->path);
		return EX_CANTCREAT;
	}
	status = read_whole(fd, file->path, &file->data);
	close(fd);
	if (status == 0)
		remove_stale(file->real);
	return status;
}

void change_file_deinit(struct change_file *file)
{
	gp_newfile_close(&file->new);
	gp_ruletext_free(&file->text);
	gp_text_deinit(&file->data);
	gp_text_deinit(&file->now);
}

static int copy_attribute(int from, int to, const char *name)
{
	char value[64 * 1024];
	ssize_t len = fgetxattr(from, name, value, sizeof(value));

	if (len < 0)
		return -1;
	return fsetxattr(to, name, value, (size_t)len, 0);
}

/* Labels and access lists. What the system does not let us set it sets
   itself (security.selinux by its own policy). */
static int copy_attributes(const char *real, int to)
{
	char names[16 * 1024];
	int from = open(real, O_RDONLY | O_CLOEXEC);
	ssize_t len = from < 0 ? -1 : flistxattr(from, names, sizeof(names));
	int ret = len < 0 && errno != ENOTSUP ? -1 : 0;

	for (ssize_t i = 0; i < len && ret == 0;
	     i += (ssize_t)strlen(names + i) + 1) {
		ret = copy_attribute(from, to, names + i);
		if (ret < 0 && (errno == ENOTSUP ||
				(errno == EPERM &&
				 strncmp(names + i, "user.", 5) != 0)))
			ret = 0;
	}
	if (from >= 0)
		close(from);
	return ret;
}

static int copy_access(const struct change_file *file, int fd)
{
	struct stat now;

	if (fstat(fd, &now) < 0)
		return -1;
	if ((now.st_uid != file->st.st_uid || now.st_gid != file->st.st_gid) &&
	    fchown(fd, file->st.st_uid, file->st.st_gid) < 0)
		return -1;
	if (fchmod(fd, file->st.st_mode & 07777) < 0)
		return -1;
	return copy_attributes(file->real, fd);
}

static int write_whole(int fd, const struct gp_text *text)
{
	for (size_t at = 0; at < text->len; ) {
		ssize_t done = write(fd, text->data + at, text->len - at);

		if (done < 0 && errno != EINTR)
			return -1;
		at += done > 0 ? (size_t)done : 0;
	}
	return fsync(fd);
}

int change_file_prepare(struct change_file *file)
{
	const char *name = strrchr(file->real, '/') + 1;
	char temp[GP_NEWFILE_PATH];

	snprintf(temp, sizeof(temp), "%.*s.%s" TEMP_MARK "new",
		 (int)(name - file->real), file->real, name);
	if (gp_newfile_open(&file->new, temp) < 0) {
		gp_program_error("cannot create a file beside %s: %s",
				 file->path, strerror(errno));
		return EX_CANTCREAT;
	}
	if (copy_access(file, file->new.fd) < 0) {
		int error = errno;

		gp_program_error("%s: its owner, group and labels cannot be "
				 "given to the new file: %s; run this as root",
				 file->path, strerror(error));
		return gp_program_exit_code(error);
	}
	return write_whole(file->new.fd, &file->now) < 0 ?
	       failed(file->path) : 0;
}
