/* Rows, cursors and copies; and what LMDB's errors are called elsewhere. */
#include "zones/store/store_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int
store_errno(int rc)
{
	switch (rc) {
	case MDB_NOTFOUND:
		return -ENOENT;
	case MDB_MAP_FULL:
		return -ENOSPC;
	case MDB_READERS_FULL:
		return -EUSERS;
	case MDB_KEYEXIST:
		return -EEXIST;
	case MDB_BAD_VALSIZE:
		return -EINVAL;
	case MDB_BAD_TXN:
		return -ECANCELED;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
		return -EBADMSG;
	case MDB_PANIC: /* what says which pages are the newest could not be written */
		return -ENOTRECOVERABLE;
	default:
		return rc > 0 ? -rc : rc == 0 ? 0 : -EIO;
	}
}

const char *
store_write_cure(int error)
{
	switch (error) {
	case -EROFS:
		return "; mount its file system read-write again, repaired where the kernel's log tells of "
		       "errors";
	case -ENOSPC:
	case -EDQUOT:
		return "; make room on its file system";
	case -EIO:
		return "; its disk fails: mount another one there, with a copy of what is on it";
	default:
		return "";
	}
}

int
store_result(struct store *store, int rc)
{
	if (rc == MDB_MAP_FULL)
		atomic_store(&store->full, true);
	/* LMDB takes a write that was cut short by a full disk for a failing one. */
	if (rc == EIO && store_file_disk_full(store->paths.directory))
		rc = ENOSPC;
	return store_errno(rc);
}

static MDB_val
to_val(struct bytes bytes)
{
	return (MDB_val){.mv_size = bytes.len, .mv_data = (void *)(uintptr_t)bytes.data};
}

static struct bytes
to_bytes(const MDB_val *val)
{
	return (struct bytes){.data = val->mv_data, .len = val->mv_size};
}

/* "Not there" and "cannot be read" must never be mistaken: the second is damage, and ends the program (rule
 * 8). */
static bool
found(const struct store *store, int rc)
{
	if (store_errno(rc) == -EBADMSG)
		store_die_of_damage(store);
	return rc == 0;
}

bool
store_get(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes *value)
{
	MDB_val from = to_val(key), to;

	if (!found(txn->store, mdb_get(txn->txn, txn->store->dbi[table], &from, &to)))
		return false;
	*value = to_bytes(&to);
	return true;
}

static int
put(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes value, unsigned flags)
{
	MDB_val from = to_val(key), to = to_val(value);

	return store_result(txn->store, mdb_put(txn->txn, txn->store->dbi[table], &from, &to, flags));
}

int
store_put(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes value)
{
	return put(txn, table, key, value, 0);
}

int
store_append(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes value)
{
	return put(txn, table, key, value, MDB_APPEND);
}

int
store_delete(struct store_txn *txn, enum store_table table, struct bytes key)
{
	MDB_val from = to_val(key);
	int rc = mdb_del(txn->txn, txn->store->dbi[table], &from, NULL);

	return rc == MDB_NOTFOUND ? 0 : store_result(txn->store, rc);
}

uint64_t
store_count(struct store_txn *txn, enum store_table table)
{
	MDB_stat stat;

	return mdb_stat(txn->txn, txn->store->dbi[table], &stat) == 0 ? stat.ms_entries : 0;
}

struct store_cursor *
store_cursor_open(struct store_txn *txn, enum store_table table)
{
	struct store_cursor *cursor = malloc(sizeof *cursor);

	if (cursor == NULL)
		return NULL;
	cursor->store = txn->store;
	if (mdb_cursor_open(txn->txn, txn->store->dbi[table], &cursor->cursor) == 0)
		return cursor;
	free(cursor);
	return NULL;
}

void
store_cursor_close(struct store_cursor *cursor)
{
	if (cursor == NULL)
		return;
	mdb_cursor_close(cursor->cursor);
	free(cursor);
}

static bool
step(struct store_cursor *cursor, MDB_cursor_op op, MDB_val *key, struct bytes *at, struct bytes *value)
{
	MDB_val to;

	if (!found(cursor->store, mdb_cursor_get(cursor->cursor, key, &to, op)))
		return false;
	*at = to_bytes(key);
	*value = to_bytes(&to);
	return true;
}

bool
store_cursor_seek(struct store_cursor *cursor, struct bytes key, struct bytes *at, struct bytes *value)
{
	MDB_val from = to_val(key);

	/* LMDB takes no empty key. */
	return step(cursor, key.len > 0 ? MDB_SET_RANGE : MDB_FIRST, &from, at, value);
}

bool
store_cursor_first(struct store_cursor *cursor, struct bytes *at, struct bytes *value)
{
	return step(cursor, MDB_FIRST, &(MDB_val){0}, at, value);
}

bool
store_cursor_last(struct store_cursor *cursor, struct bytes *at, struct bytes *value)
{
	return step(cursor, MDB_LAST, &(MDB_val){0}, at, value);
}

bool
store_cursor_next(struct store_cursor *cursor, struct bytes *at, struct bytes *value)
{
	return step(cursor, MDB_NEXT, &(MDB_val){0}, at, value);
}

bool
store_cursor_previous(struct store_cursor *cursor, struct bytes *at, struct bytes *value)
{
	return step(cursor, MDB_PREV, &(MDB_val){0}, at, value);
}

int
store_cursor_delete(struct store_cursor *cursor)
{
	return store_result(cursor->store, mdb_cursor_del(cursor->cursor, 0));
}

int
store_copy(struct store *store, const char *path)
{
	char *draft = xasprintf("%s.new", path);
	int fd = -1, rc = store_enter(store, STORE_READ); /* LMDB begins a transaction of its own for it */

	if (rc != 0) {
		free(draft);
		return rc;
	}
	fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		rc = -errno;
	else {
		rc = store_errno(mdb_env_copyfd2(store->env, fd, MDB_CP_COMPACT));
		if (rc == 0 && fsync(fd) != 0)
			rc = -errno;
		close(fd);
		if (rc == 0 && rename(draft, path) != 0)
			rc = -errno;
		if (rc != 0)
			unlink(draft);
	}
	store_leave(store);
	free(draft);
	return rc;
}

int
store_save(struct store *store)
{
	char *path = xasprintf("%s/saved.mdb", store->paths.directory);
	int rc = store_copy(store, path);

	free(path);
	return rc;
}
