#ifndef GP_MAP_STORE_H
#define GP_MAP_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

/* LMDB, wrapped once: files that are written in one go and only read
   afterwards. What is a rule in them, nobody here knows. */

struct gp_store;

/* Opens a file for reading. mapfile.h has looked at it before, or it was just
   written: expected is the file that was found whole, name what it is called
   in reasons. Returns 1; 0 when the path leads to another file by now; or -1
   with the reason. */
int gp_store_open(const char *path, const char *name,
		  const struct stat *expected, struct gp_store **store_r,
		  const char **error_r);
void gp_store_close(struct gp_store **store);

/* How many records there are. */
size_t gp_store_count(const struct gp_store *store);

/* Returns 1 with the value, in place until the store is closed; 0 when there
   is none; -1 when the file is damaged. */
int gp_store_get(struct gp_store *store, const char *key, size_t key_len,
		 const void **value_r, size_t *value_len_r);

typedef int gp_store_each(void *context, const char *key, size_t key_len,
			  const void *value, size_t value_len);

/* Calls each for every record at or after the key, in the order of keys, until
   it returns other than 0. Returns 0 or what each returned; -1, with damaged_r
   set, when the file is damaged. */
int gp_store_walk(struct gp_store *store, const char *from, size_t from_len,
		  gp_store_each *each, void *context, bool *damaged_r);

/* Writing: into an empty file that exists. size_max bounds what it can grow
   to; it costs address space only. Records come in the order of their keys. All
   return 0, or -1 with the reason and errno. */
struct gp_store_writer;

int gp_store_create(const char *path, uint64_t size_max,
		    struct gp_store_writer **writer_r, const char **error_r);
/* The same, quicker for a large file. It takes up to 8 MiB more on the disk
   until the caller cuts the file, and not every file system and limit allows
   it; so whatever fails may be tried again in the other way. One at a time. */
int gp_store_create_large(const char *path, uint64_t size_max,
			  struct gp_store_writer **writer_r,
			  const char **error_r);
int gp_store_append(struct gp_store_writer *writer, const char *key,
		    size_t key_len, const void *value, size_t value_len,
		    const char **error_r);
/* Writes everything, without a sync. size_r is the length of what counts in
   the file. */
int gp_store_commit(struct gp_store_writer *writer, uint64_t *size_r,
		    const char **error_r);
void gp_store_writer_free(struct gp_store_writer **writer);

#endif
