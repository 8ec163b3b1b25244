/* A small file is put together in memory and written when it is complete. A
   large one is written through a mapping of it, which takes half the memory
   and no copy; a filler (filler.h) sees to it that there is room for each page
   before it is touched. Not every file system keeps what it has promised there
   (a copy-on-write one may want more when the page changes), and then a store
   into memory is a signal: the page is replaced by one that belongs to no file,
   and the commit fails.

   liblmdb does not tell where it maps the file, but it takes one page after the
   other, and the first record shows where they begin. */

#include <errno.h>
#include <lmdb.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "shared/base/memory.h"
#include "shared/map/error.h"
#include "shared/map/filler.h"
#include "shared/map/store.h"

/* The first page that has records, behind those that tell about the others. */
#define FIRST_PAGE 2
/* How many pages are asked for at a time. */
#define PAGES_AT_ONCE 512

struct gp_store_writer {
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_cursor *cursor;
	/* A large file. */
	bool large;
	uint64_t size_max;
	struct sigaction on_fault_before;
	/* From the first record on. */
	struct gp_filler *filler;
	/* How many pages that one took. */
	size_t used;
	/* Of a page. */
	size_t page;
	/* More pages than one record can take besides those of a long value. */
	size_t pages_of_record;
	/* Pages that can be touched, whatever the records are. */
	size_t room;
};

static size_t fault_page;
static volatile sig_atomic_t fault_seen;

static void on_fault(int number, siginfo_t *info, void *context)
{
	uintptr_t page = (uintptr_t)info->si_addr / fault_page * fault_page;

	(void)context;
	fault_seen = 1;
	if (info->si_code != BUS_ADRERR ||
	    mmap((void *)page, fault_page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		signal(number, SIG_DFL);
}

/* Codes of liblmdb are errno's, or its own, which are negative. It says EIO
   when less was written than it wanted to. */
static int write_error(int rc, const char **error_r)
{
	errno = rc > 0 ? rc : EINVAL;
	if (rc == EIO)
		return gp_map_error(error_r, "%s (is the disk full?)",
				    mdb_strerror(rc));
	return gp_map_error(error_r, "%s", mdb_strerror(rc));
}

static int open_env(struct gp_store_writer *writer, const char *path,
		    uint64_t size_max, unsigned flags)
{
	int rc = mdb_env_create(&writer->env);

	if (rc == 0)
		rc = mdb_env_set_mapsize(writer->env, size_max);
	/* The caller syncs, once. */
	if (rc == 0)
		rc = mdb_env_open(writer->env, path, MDB_NOSUBDIR |
				  MDB_NOLOCK | MDB_NOSYNC | flags, 0600);
	if (rc == 0)
		rc = mdb_txn_begin(writer->env, NULL, 0, &writer->txn);
	if (rc == 0)
		rc = mdb_dbi_open(writer->txn, NULL, 0, &writer->dbi);
	if (rc == 0)
		rc = mdb_cursor_open(writer->txn, writer->dbi,
				     &writer->cursor);
	return rc;
}

static int prepare_large(struct gp_store_writer *writer, uint64_t size_max)
{
	struct sigaction action = {
		.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO
	};
	MDB_stat stat;
	int rc = mdb_stat(writer->txn, writer->dbi, &stat);

	if (rc != 0)
		return rc;
	writer->large = true;
	writer->size_max = size_max;
	writer->page = fault_page = stat.ms_psize;
	fault_seen = 0;
	sigaction(SIGBUS, &action, &writer->on_fault_before);
	return 0;
}

static int create(const char *path, uint64_t size_max, bool large,
		  struct gp_store_writer **writer_r, const char **error_r)
{
	struct gp_store_writer *writer = gp_alloc(sizeof(*writer));
	/* Nothing of the file is read, least of all ahead. */
	int rc = open_env(writer, path, size_max, large ?
			  MDB_WRITEMAP | MDB_NORDAHEAD : 0);

	*writer_r = writer;
	if (rc == 0 && large)
		rc = prepare_large(writer, size_max);
	if (rc == 0)
		return 0;
	write_error(rc, error_r);
	gp_store_writer_free(writer_r);
	return -1;
}

int gp_store_create(const char *path, uint64_t size_max,
		    struct gp_store_writer **writer_r, const char **error_r)
{
	return create(path, size_max, false, writer_r, error_r);
}

int gp_store_create_large(const char *path, uint64_t size_max,
			  struct gp_store_writer **writer_r,
			  const char **error_r)
{
	return create(path, size_max, true, writer_r, error_r);
}

/* How many pages have records, or lead to them. */
static int count_pages(struct gp_store_writer *writer, size_t *count_r)
{
	MDB_stat stat;
	int rc = mdb_stat(writer->txn, writer->dbi, &stat);

	if (rc != 0)
		return rc;
	*count_r = stat.ms_branch_pages + stat.ms_leaf_pages +
		stat.ms_overflow_pages;
	/* One at each level, should all be full, and twice that for levels
	   that are new when it comes. */
	writer->pages_of_record = 2 * stat.ms_depth + 4;
	return 0;
}

/* Behind the pages of the first record. */
static int start_filler(struct gp_store_writer *writer)
{
	size_t offset;
	MDB_val key, value;
	char *page;
	int fd, rc = mdb_cursor_get(writer->cursor, &key, &value,
				    MDB_GET_CURRENT);

	if (rc == 0)
		rc = count_pages(writer, &writer->used);
	if (rc == 0)
		rc = mdb_env_get_fd(writer->env, &fd);
	if (rc != 0)
		return rc;
	page = (char *)key.mv_data - (uintptr_t)key.mv_data % writer->page;
	offset = (FIRST_PAGE + writer->used) * writer->page;
	writer->filler = gp_filler_new(fd, offset,
				       page + writer->used * writer->page,
				       writer->size_max - offset);
	return 0;
}

static int take_room(struct gp_store_writer *writer, size_t needed)
{
	size_t used;
	int rc = count_pages(writer, &used);

	if (rc != 0)
		return rc;
	writer->room = needed + PAGES_AT_ONCE;
	used -= writer->used;
	return gp_filler_reach(writer->filler, (used + writer->room) *
			       writer->page) < 0 ? errno : 0;
}

/* Returns an errno, or a code of liblmdb's. */
static int make_room(struct gp_store_writer *writer, size_t value_len)
{
	size_t needed = writer->pages_of_record + value_len / writer->page;
	int rc = 0;

	if (writer->room < needed)
		rc = take_room(writer, needed);
	writer->room -= needed;
	return rc;
}

int gp_store_append(struct gp_store_writer *writer, const char *key,
		    size_t key_len, const void *value, size_t value_len,
		    const char **error_r)
{
	MDB_val name = { .mv_size = key_len, .mv_data = (void *)key };
	MDB_val data = { .mv_size = value_len, .mv_data = (void *)value };
	int rc = 0;

	if (writer->filler != NULL)
		rc = make_room(writer, value_len);
	if (rc == 0)
		rc = mdb_cursor_put(writer->cursor, &name, &data, MDB_APPEND);
	if (rc == 0 && writer->large && writer->filler == NULL)
		rc = start_filler(writer);
	if (rc == 0 && writer->large && fault_seen)
		rc = EIO;
	return rc == 0 ? 0 : write_error(rc, error_r);
}

int gp_store_commit(struct gp_store_writer *writer, uint64_t *size_r,
		    const char **error_r)
{
	MDB_envinfo info;
	MDB_stat stat;
	int rc = writer->filler == NULL ? 0 : make_room(writer, 0);

	if (rc != 0)
		return write_error(rc, error_r);
	mdb_cursor_close(writer->cursor);
	writer->cursor = NULL;
	rc = mdb_txn_commit(writer->txn);
	writer->txn = NULL;
	if (rc == 0 && writer->large && fault_seen)
		rc = EIO;
	if (rc == 0)
		rc = mdb_env_info(writer->env, &info);
	if (rc == 0)
		rc = mdb_env_stat(writer->env, &stat);
	if (rc != 0)
		return write_error(rc, error_r);
	*size_r = ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
	return 0;
}

void gp_store_writer_free(struct gp_store_writer **writer)
{
	int saved_errno = errno;

	if (*writer == NULL)
		return;
	gp_filler_free(&(*writer)->filler);
	if ((*writer)->cursor != NULL)
		mdb_cursor_close((*writer)->cursor);
	if ((*writer)->txn != NULL)
		mdb_txn_abort((*writer)->txn);
	if ((*writer)->env != NULL)
		mdb_env_close((*writer)->env);
	if ((*writer)->large)
		sigaction(SIGBUS, &(*writer)->on_fault_before, NULL);
	free(*writer);
	*writer = NULL;
	/* As many pages as a small file has, which is read again now. */
	malloc_trim(0);
	errno = saved_errno;
}
