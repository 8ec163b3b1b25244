/* liblmdb trusts the bytes of its file: links between pages are followed
   unchecked, and where it notices damage it may call abort(3). So nothing is
   opened here that was not found whole before (mapfile.h), or written a moment
   ago (seal.h), and for the case that somebody writes into the file of an open
   store, its assertions are caught: a look-up is left by longjmp(3), which a
   reader without locks can do, for it holds nothing. A store on which that
   happened is not touched again. What is left is a signal (SIGBUS, SIGSEGV)
   when an open file is cut short or overwritten; only renaming a new file over
   it is safe, as the manual says.

   Readers open with MDB_NOLOCK: the file never changes, and so they need no
   right to write anything. The one read transaction lives as long as the
   store. */

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include "shared/base/memory.h"
#include "shared/map/error.h"
#include "shared/map/store.h"

struct gp_store {
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_cursor *cursor;
	size_t count;
	/* Where an assertion that fails leads to, while guarded. */
	jmp_buf jump;
	bool guarded;
	bool broken;
};

/* Codes of liblmdb are errno's, or its own, which are negative. */
static void set_errno(int rc)
{
	errno = rc > 0 ? rc : EINVAL;
}

static void on_assert(MDB_env *env, const char *text)
{
	struct gp_store *store = mdb_env_get_userctx(env);

	(void)text;
	if (!store->guarded)
		return;
	store->guarded = false;
	store->broken = true;
	longjmp(store->jump, 1);
}

/* By a cursor that stays where it was: a mailbox lies behind its domain, mostly
   on the same page, and is found there without the way from the root. */
static int store_get(struct gp_store *store, MDB_val *key, MDB_val *value)
{
	int rc;

	if (store->broken || _setjmp(store->jump) != 0)
		return MDB_CORRUPTED;
	store->guarded = true;
	rc = mdb_cursor_get(store->cursor, key, value, MDB_SET);
	store->guarded = false;
	return rc;
}

static int store_step(struct gp_store *store, MDB_cursor *cursor,
		      MDB_val *key, MDB_val *value, MDB_cursor_op op)
{
	int rc;

	if (store->broken || _setjmp(store->jump) != 0)
		return MDB_CORRUPTED;
	store->guarded = true;
	rc = mdb_cursor_get(cursor, key, value, op);
	store->guarded = false;
	return rc;
}

static int store_begin(struct gp_store *store)
{
	MDB_stat stat;
	int rc;

	if (_setjmp(store->jump) != 0)
		return MDB_CORRUPTED;
	store->guarded = true;
	rc = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->txn);
	if (rc == 0)
		rc = mdb_dbi_open(store->txn, NULL, 0, &store->dbi);
	if (rc == 0)
		rc = mdb_stat(store->txn, store->dbi, &stat);
	if (rc == 0)
		rc = mdb_cursor_open(store->txn, store->dbi, &store->cursor);
	if (rc == 0)
		store->count = stat.ms_entries;
	store->guarded = false;
	return rc;
}

/* Returns whether the environment has the expected file open. */
static bool is_expected(MDB_env *env, const struct stat *expected)
{
	struct stat found;
	int fd;

	if (mdb_env_get_fd(env, &fd) != 0 || fstat(fd, &found) < 0)
		return false;
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	return found.st_dev == expected->st_dev &&
		found.st_ino == expected->st_ino &&
		found.st_size == expected->st_size;
}

static int store_open_env(struct gp_store *store, const char *path, size_t size)
{
	int rc = mdb_env_create(&store->env);

	if (rc != 0)
		return rc;
	rc = mdb_env_set_userctx(store->env, store);
	if (rc == 0)
		rc = mdb_env_set_assert(store->env, on_assert);
	if (rc == 0)
		rc = mdb_env_set_mapsize(store->env, size);
	if (rc == 0)
		rc = mdb_env_open(store->env, path, MDB_RDONLY |
				  MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOTLS, 0);
	return rc;
}

int gp_store_open(const char *path, const char *name,
		  const struct stat *expected, struct gp_store **store_r,
		  const char **error_r)
{
	struct gp_store *store = gp_alloc(sizeof(*store));
	int rc = store_open_env(store, path, expected->st_size);
	int ret = 1;

	if (rc == 0 && !is_expected(store->env, expected))
		ret = 0;
	else if (rc == 0)
		rc = store_begin(store);
	if (rc != 0) {
		set_errno(rc);
		ret = gp_map_error(error_r, "cannot open map %s: %s%s", name,
				   mdb_strerror(rc), rc == ENOMEM ?
				   " (a process must be able to hold two maps: "
				   "raise Dovecot's vsz_limit)" : "");
	}
	if (ret <= 0) {
		int saved_errno = errno;

		gp_store_close(&store);
		errno = saved_errno;
	}
	*store_r = store;
	return ret;
}

void gp_store_close(struct gp_store **store)
{
	if (*store == NULL)
		return;
	if ((*store)->cursor != NULL)
		mdb_cursor_close((*store)->cursor);
	if ((*store)->txn != NULL)
		mdb_txn_abort((*store)->txn);
	if ((*store)->env != NULL)
		mdb_env_close((*store)->env);
	free(*store);
	*store = NULL;
}

size_t gp_store_count(const struct gp_store *store)
{
	return store->count;
}

int gp_store_get(struct gp_store *store, const char *key, size_t key_len,
		 const void **value_r, size_t *value_len_r)
{
	MDB_val name = { .mv_size = key_len, .mv_data = (void *)key };
	MDB_val value;
	int rc = store_get(store, &name, &value);

	/* No record has an empty key, and liblmdb does not take one. */
	if (rc == MDB_NOTFOUND || rc == MDB_BAD_VALSIZE)
		return 0;
	if (rc != 0)
		return -1;
	*value_r = value.mv_data;
	*value_len_r = value.mv_size;
	return 1;
}

int gp_store_walk(struct gp_store *store, const char *from, size_t from_len,
		  gp_store_each *each, void *context, bool *damaged_r)
{
	MDB_val key = { .mv_size = from_len, .mv_data = (void *)from };
	MDB_cursor_op op = from_len == 0 ? MDB_FIRST : MDB_SET_RANGE;
	MDB_cursor *cursor;
	MDB_val value;
	int rc, ret = 0;

	rc = mdb_cursor_open(store->txn, store->dbi, &cursor);
	*damaged_r = rc != 0;
	if (rc != 0)
		return -1;
	while (ret == 0) {
		rc = store_step(store, cursor, &key, &value, op);
		if (rc != 0)
			break;
		ret = each(context, key.mv_data, key.mv_size,
			   value.mv_data, value.mv_size);
		op = MDB_NEXT;
	}
	mdb_cursor_close(cursor);
	*damaged_r = rc != 0 && rc != MDB_NOTFOUND;
	return *damaged_r ? -1 : ret;
}
