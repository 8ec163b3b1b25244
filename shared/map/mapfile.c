/* A digest of the whole file is read at each open, before liblmdb sees a page:
   some 10 ms for a million rules, and the price of never following a damaged
   link inside Dovecot's auth process. The file is read rather than mapped, so
   that one which is cut short meanwhile is an error and no signal.

   XXH3 with 128 bits finds any accident; against people the owner and the mode
   stand guard. */

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>
#include "shared/base/memory.h"
#include "shared/map/error.h"
#include "shared/map/mapfile.h"
#include "shared/map/record.h"

#define PAGE 4096
#define DIGEST_LEN 16
#define MAGIC "Gatepost map\r\n\x1a"
#define READ_SIZE ((size_t)256 * 1024)

/* The last page of a file. */
struct trailer {
	char magic[16];
	uint32_t format;
	uint32_t zero;
	/* Of LMDB's part. */
	uint64_t size;
	char zeros[PAGE - 16 - 8 - 8 - DIGEST_LEN];
	uint8_t digest[DIGEST_LEN];
};

_Static_assert(sizeof(struct trailer) == PAGE, "the trailer is a page");

int gp_mapfile_open(const char *path, struct stat *stat_r,
		    const char **error_r)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return gp_map_error(error_r, "cannot open map %s: %s%s", path,
				    strerror(errno), errno != EACCES ? "" :
				    " (run this as root, or as a member of its "
				    "group)");
	if (fstat(fd, stat_r) < 0) {
		gp_map_error(error_r, "cannot look at map %s: %s", path,
			     strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

int gp_mapfile_check_access(const char *name, const struct stat *stat,
			    uid_t owner, const char **error_r)
{
	errno = EINVAL;
	if (!S_ISREG(stat->st_mode))
		return gp_map_error(error_r, "map %s is not a regular file",
				    name);
	if (stat->st_uid != 0 && stat->st_uid != owner)
		return gp_map_error(error_r, "map %s belongs to user id %u "
				    "and not to root or map_owner; chown it, "
				    "or set map_owner in gatepost.conf",
				    name, (unsigned)stat->st_uid);
	if ((stat->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return gp_map_error(error_r, "map %s is writable by others "
				    "than its owner (mode %04o); "
				    "chmod go-w it", name,
				    (unsigned)stat->st_mode & 07777);
	return 0;
}

static int read_at(int fd, void *data, size_t len, uint64_t offset)
{
	char *pos = data;

	while (len > 0) {
		ssize_t got = pread(fd, pos, len, offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			errno = EINVAL;
		if (got <= 0)
			return -1;
		pos += got;
		offset += got;
		len -= got;
	}
	return 0;
}

/* Adds the first size bytes of the file. */
static int digest_file(int fd, uint64_t size, XXH3_state_t *state)
{
	char *buffer = gp_alloc(READ_SIZE);
	uint64_t offset = 0;
	int ret = 0;

	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	while (ret == 0 && offset < size) {
		size_t len = size - offset < READ_SIZE ? size - offset :
			READ_SIZE;

		ret = read_at(fd, buffer, len, offset);
		if (ret == 0)
			XXH3_128bits_update(state, buffer, len);
		offset += len;
	}
	free(buffer);
	return ret;
}

/* The digest of LMDB's part and of the trailer up to the digest. */
static int compute_digest(int fd, const struct trailer *trailer,
			  uint8_t digest_r[DIGEST_LEN])
{
	XXH3_state_t *state = XXH3_createState();
	XXH128_canonical_t canonical;
	int ret;

	if (state == NULL)
		gp_out_of_memory(0);
	XXH3_128bits_reset(state);
	ret = digest_file(fd, le64toh(trailer->size), state);
	XXH3_128bits_update(state, trailer, PAGE - DIGEST_LEN);
	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(state));
	memcpy(digest_r, canonical.digest, DIGEST_LEN);
	XXH3_freeState(state);
	return ret;
}

static int damaged(const char *name, const char **error_r)
{
	errno = EINVAL;
	return gp_map_error(error_r, "map %s is damaged, or was never a map; "
			    "compile the rules again with gatemap", name);
}

static int read_error(const char *name, const char **error_r)
{
	/* Shorter than it was a moment ago. */
	if (errno == EINVAL)
		return damaged(name, error_r);
	return gp_map_error(error_r, "cannot read map %s: %s", name,
			    strerror(errno));
}

int gp_mapfile_check_bytes(int fd, const char *name, const struct stat *stat,
			   const char **error_r)
{
	uint64_t size = stat->st_size;
	uint8_t digest[DIGEST_LEN];
	struct trailer trailer;
	uint32_t format;

	if (size <= PAGE || size % PAGE != 0)
		return damaged(name, error_r);
	if (read_at(fd, &trailer, PAGE, size - PAGE) < 0)
		return read_error(name, error_r);
	if (memcmp(trailer.magic, MAGIC, sizeof(MAGIC)) != 0)
		return damaged(name, error_r);
	format = le32toh(trailer.format);
	errno = EINVAL;
	if (format != GP_RECORD_FORMAT)
		return gp_map_error(error_r, "map %s has format %u and this "
				    "program knows format %u; compile the "
				    "rules with the gatemap of this version",
				    name, (unsigned)format, GP_RECORD_FORMAT);
	if (le64toh(trailer.size) != size - PAGE)
		return damaged(name, error_r);
	if (compute_digest(fd, &trailer, digest) < 0)
		return read_error(name, error_r);
	if (memcmp(digest, trailer.digest, DIGEST_LEN) != 0)
		return damaged(name, error_r);
	return 0;
}

static int write_at(int fd, const void *data, size_t len, uint64_t offset)
{
	const char *pos = data;

	while (len > 0) {
		ssize_t put = pwrite(fd, pos, len, offset);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		pos += put;
		offset += put;
		len -= put;
	}
	return 0;
}

int gp_mapfile_cut(int fd, uint64_t size)
{
	/* Nothing of LMDB's file stands behind its last page, and where it
	   left that page unwritten, zeros are read. */
	return ftruncate(fd, size) < 0 ? -1 : ftruncate(fd, size + PAGE);
}

int gp_mapfile_seal(int fd, uint64_t size, const char **error_r)
{
	struct trailer trailer;

	memset(&trailer, 0, sizeof(trailer));
	memcpy(trailer.magic, MAGIC, sizeof(MAGIC));
	trailer.format = htole32(GP_RECORD_FORMAT);
	trailer.size = htole64(size);
	if (compute_digest(fd, &trailer, trailer.digest) == 0 &&
	    write_at(fd, &trailer, PAGE, size) == 0)
		return 0;
	return gp_map_error(error_r, "%s", strerror(errno));
}

bool gp_mapfile_is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
		a->st_size == b->st_size &&
		a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
		a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
		a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
		a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}
