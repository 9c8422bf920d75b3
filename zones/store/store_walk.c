/* Work on a whole store, in a process that may crash from it (LMDB rule 8). */
#include "zones/store/store_inner.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int
walk_table(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_cursor *cursor;
	MDB_val key, value, before = {0, NULL};
	MDB_stat stat;
	size_t rows = 0;
	volatile uint8_t sink = 0;
	int rc = mdb_stat(txn, dbi, &stat);

	if (rc != 0 || (rc = mdb_cursor_open(txn, dbi, &cursor)) != 0)
		return rc;
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		/* Keys that do not rise, or more rows than the table claims: the pages are damaged. */
		if (++rows > stat.ms_entries ||
		    (before.mv_data != NULL && dbi > 1 && mdb_cmp(txn, dbi, &before, &key) >= 0)) {
			rc = MDB_CORRUPTED;
			break;
		}
		for (size_t i = 0; i < value.mv_size; i += 4096)
			sink = (uint8_t)(sink + ((const uint8_t *)value.mv_data)[i]);
		before = key;
	}
	mdb_cursor_close(cursor);
	return rc != MDB_NOTFOUND ? rc : rows == stat.ms_entries ? 0 : MDB_CORRUPTED;
}

static int
walk_named_tables(MDB_txn *txn)
{
	enum { FREE_LIST = 0, NAMES = 1 };
	MDB_cursor *cursor;
	MDB_val key, value;
	int rc = walk_table(txn, FREE_LIST);

	if (rc != 0 || (rc = walk_table(txn, NAMES)) != 0 || (rc = mdb_cursor_open(txn, NAMES, &cursor)) != 0)
		return rc;
	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
		char name[64];
		MDB_dbi dbi;

		if (key.mv_size >= sizeof name)
			return MDB_CORRUPTED;
		memcpy(name, key.mv_data, key.mv_size);
		name[key.mv_size] = '\0';
		if ((rc = mdb_dbi_open(txn, name, 0, &dbi)) != 0 || (rc = walk_table(txn, dbi)) != 0)
			return rc;
	}
	return rc == MDB_NOTFOUND ? 0 : rc;
}

/*
 * The check of the pages finds all that a walk over the rows by LMDB would find. Only if the writer has
 * meanwhile written over the head of this transaction, the rows are walked.
 */
static int
check_store(MDB_env *env, MDB_txn *txn)
{
	switch (store_check_image(env, txn)) {
	case PAGE_TREES_SOUND:
		return 0;
	case PAGE_TREES_DAMAGED:
		break;
	case PAGE_TREES_OTHER:
		return walk_named_tables(txn);
	}
	return MDB_CORRUPTED;
}

static int
walk_path(const char *path, unsigned flags)
{
	char lock[PATH_MAX + 16];
	MDB_env *env;
	MDB_txn *txn;
	int rc;

	if (mdb_env_create(&env) != 0 || mdb_env_set_maxdbs(env, STORE_MAX_TABLES) != 0)
		return 1;
	/*
	 * A rebuilt store has no lock file yet. LMDB would create one with a mode that locks out the daemon's
	 * user.
	 */
	snprintf(lock, sizeof lock, "%s/lock.mdb", path);
	if (!(flags & MDB_NOSUBDIR) && access(lock, F_OK) < 0)
		flags |= MDB_NOLOCK;
	rc = mdb_env_open(env, path, MDB_RDONLY | MDB_NOTLS | flags, 0640);
	if (rc == 0 && (rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn)) == 0) {
		rc = check_store(env, txn);
		mdb_txn_abort(txn);
	}
	mdb_env_close(env);
	return rc;
}

/* Copy all rows of the tables. Damage in the free list or in an unused page is not copied. */
static int
rebuild(const char *path)
{
	char made[PATH_MAX];
	MDB_env *env;
	int fd, rc;

	snprintf(made, sizeof made, "%s.new", path);
	unlink(made);
	fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (fd < 0 || fchmod(fd, 0640) != 0 || mdb_env_create(&env) != 0)
		return 1;
	rc = mdb_env_open(env, path, MDB_RDONLY | MDB_NOSUBDIR | MDB_NOLOCK, 0);
	if (rc == 0)
		rc = mdb_env_copyfd2(env, fd, MDB_CP_COMPACT);
	mdb_env_close(env);
	close(fd);
	return rc != 0 ? rc : walk_path(made, MDB_NOSUBDIR | MDB_NOLOCK);
}

int
store_guarded(const char *request)
{
	if (strncmp(request, "rebuild ", 8) == 0)
		return rebuild(request + 8);
	if (strncmp(request, "image ", 6) == 0)
		return walk_path(request + 6, MDB_NOSUBDIR | MDB_NOLOCK);
	return walk_path(request + 5, 0);
}
