/*
 * LMDB rule 8: the pages that a transaction is going to change, or a copy to read, are checked before. LMDB
 * itself would write beyond its memory, which may be noticed much later, or never.
 */
#include "zones/store/page_trees.h"
#include "zones/store/store_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

static bool
damaged(struct store *store)
{
	atomic_store(&store->torn, true);
	store_damage_found(store);
	return false;
}

/* Returns false if the pages are damaged. If nothing can be concluded, there are no trees to check with. */
static bool
begin(struct store *store, uint64_t transaction, enum page_trees_scope scope, struct page_trees **out)
{
	struct page_trees *trees;
	enum page_trees_state state;
	const uint8_t *map;
	size_t octets;

	*out = NULL;
	if (!store_fault_map(store, &map, &octets))
		return true;
	trees = xmalloc(sizeof *trees);
	state = page_trees_begin(trees, map, octets, transaction, scope);
	if (state == PAGE_TREES_SOUND) {
		*out = trees;
		return true;
	}
	page_trees_end(trees);
	free(trees);
	return state == PAGE_TREES_OTHER || damaged(store);
}

static void
end(struct page_trees *trees)
{
	if (trees != NULL)
		page_trees_end(trees);
	free(trees);
}

bool
store_check_begin(struct store_txn *txn)
{
	/* A transaction that writes has the number of its commit. */
	return begin(txn->store, mdb_txn_id(txn->txn) - 1, PAGE_TREES_CHANGES, &txn->trees);
}

bool
store_check_row(struct store_txn *txn, enum store_table table, struct bytes key, bool deleted)
{
	return txn->trees == NULL || page_trees_check_row(txn->trees, table, key, deleted) ||
	    damaged(txn->store);
}

void
store_check_end(struct store_txn *txn)
{
	end(txn->trees);
	txn->trees = NULL;
}

int
store_result(struct store *store, int rc)
{
	if (rc == MDB_MAP_FULL)
		atomic_store(&store->full, true);
	/* A full disk cuts a write short; LMDB reports that as an I/O error. */
	if (rc == EIO && store_file_disk_full(store->paths.directory))
		rc = ENOSPC;
	/* LMDB, or the C library, may have been left in the midst of its work: a command uses them no more.
	 */
	if (store_errno(rc) == -EBADMSG)
		store_damage_found(store);
	return store_errno(rc);
}

bool
store_check_before_opening(const struct store *store, MDB_txn *txn, bool creates)
{
	struct page_trees trees;
	enum page_trees_state state;
	const uint8_t *map;
	size_t octets;

	if (!store_fault_map(store, &map, &octets))
		return true;
	state = page_trees_begin(
	    &trees, map, octets, mdb_txn_id(txn) - creates, creates ? PAGE_TREES_CHANGES : PAGE_TREES_NAMES);
	page_trees_end(&trees);
	return state != PAGE_TREES_DAMAGED;
}

bool
store_check_whole(struct store *store)
{
	struct page_trees *trees = NULL;
	MDB_txn *txn;
	bool sound;

	if (mdb_txn_begin(store->env, NULL, MDB_RDONLY, &txn) != 0)
		return true; /* the copy gets the same error, and reports it */
	sound = begin(store, mdb_txn_id(txn), PAGE_TREES_ALL, &trees);
	mdb_txn_abort(txn);
	end(trees);
	return sound;
}

enum page_trees_state
store_check_image(MDB_env *env, MDB_txn *txn)
{
	struct page_trees trees;
	enum page_trees_state state;
	mdb_filehandle_t fd;
	struct stat file;
	uint8_t *map;

	if (mdb_env_get_fd(env, &fd) != 0 || fstat(fd, &file) != 0)
		return PAGE_TREES_OTHER;
	map = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return PAGE_TREES_OTHER;
	state = page_trees_begin(&trees, map, (size_t)file.st_size, mdb_txn_id(txn), PAGE_TREES_ALL);
	page_trees_end(&trees);
	munmap(map, (size_t)file.st_size);
	return state;
}
