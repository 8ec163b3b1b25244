#ifndef GP_MAP_MAPFILE_H
#define GP_MAP_MAPFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* The file around a store: whose it is, and whether each of its bytes is what
   was written. Behind the last page of LMDB stands one more page with the
   file's format, the length of LMDB's part and a digest of everything before
   it. LMDB does not look there. */

/* Opens a file for reading; nothing but a regular file is waited for or
   touched. Returns a descriptor, or -1 with the reason and open(2)'s errno. */
int gp_mapfile_open(const char *path, struct stat *stat_r,
		    const char **error_r);

/* Whether the file may be believed: a regular file of root or of owner, not
   writable by others. name is what it is called in reasons, here and below.
   Returns 0, or -1 with the reason; errno is EINVAL. */
int gp_mapfile_check_access(const char *name, const struct stat *stat,
			    uid_t owner, const char **error_r);

/* Reads the whole file and compares. Returns 0, or -1 with the reason; errno
   is EINVAL when the bytes are not those of a map. */
int gp_mapfile_check_bytes(int fd, const char *name, const struct stat *stat,
			   const char **error_r);

/* Cuts a file behind what LMDB wrote, size bytes, and the page that is to
   follow. Returns 0, or -1 with errno. */
int gp_mapfile_cut(int fd, uint64_t size);
/* Writes that page, and so makes of it a whole file. Returns 0, or -1 with the
   reason and errno. */
int gp_mapfile_seal(int fd, uint64_t size, const char **error_r);

/* Whether two looks saw the same file, unchanged. */
bool gp_mapfile_is_same(const struct stat *a, const struct stat *b);

#endif
