/* Rows and cursors. */
#include "zones/store/store_inner.h"

#include <errno.h>
#include <stdlib.h>

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

/*
 * Never confuse a row that does not exist with one that cannot be read: the latter is damage, and ends a
 * command (LMDB rule 8). In a daemon the row then seems to be missing, and the store is torn.
 */
static bool
found(struct store *store, int rc, const MDB_val *value)
{
	if (rc == 0 && value != NULL && store->access == STORE_READ &&
	    !store_fault_within(store, value->mv_data, value->mv_size)) {
		atomic_store(&store->torn, true);
		rc = MDB_CORRUPTED;
	}
	if (store_errno(rc) == -EBADMSG)
		store_damage_found(store);
	return rc == 0;
}

bool
store_get(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes *value)
{
	MDB_val from = to_val(key), to = {0, NULL};
	struct store_call call = {
	    CALL_GET, .txn = txn->txn, .dbi = txn->store->dbi[table], .key = &from, .value = &to};

	if (!found(txn->store, store_call(txn->store, &call), &to))
		return false;
	*value = to_bytes(&to);
	return true;
}

static int
put(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes value, unsigned flags)
{
	MDB_val from = to_val(key), to = to_val(value);

	struct store_call call = {CALL_PUT, .txn = txn->txn, .dbi = txn->store->dbi[table], .key = &from,
	    .value = &to, .flags = flags};

	if (!store_check_row(txn, table, key, false))
		return -EBADMSG;
	txn->writes++;
	return store_result(txn->store, store_call(txn->store, &call));
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
	struct store_call call = {CALL_DELETE, .txn = txn->txn, .dbi = txn->store->dbi[table], .key = &from};
	int rc;

	if (!store_check_row(txn, table, key, true))
		return -EBADMSG;
	txn->writes++;
	rc = store_call(txn->store, &call);
	return rc == MDB_NOTFOUND ? 0 : store_result(txn->store, rc);
}

uint64_t
store_writes(const struct store_txn *txn)
{
	return txn->writes;
}

uint64_t
store_count(struct store_txn *txn, enum store_table table)
{
	MDB_stat stat;

	struct store_call call = {CALL_STAT, .txn = txn->txn, .dbi = txn->store->dbi[table], .stat = &stat};

	return store_call(txn->store, &call) == 0 ? stat.ms_entries : 0;
}

struct store_cursor *
store_cursor_open(struct store_txn *txn, enum store_table table)
{
	struct store_cursor *cursor = xmalloc(sizeof *cursor);
	struct store_call call = {CALL_CURSOR_OPEN, .txn = txn->txn, .dbi = txn->store->dbi[table]};

	cursor->store = txn->store;
	cursor->txn = txn;
	cursor->table = table;
	if (store_call(txn->store, &call) == 0) {
		cursor->cursor = call.cursor;
		cursor->at_len = cursor->steps = 0;
		cursor->nahead = cursor->passed = 0;
		return cursor;
	}
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

/* LMDB's order of keys. */
static int
compare_keys(struct bytes a, struct bytes b)
{
	int order = memcmp(a.data, b.data, MIN(a.len, b.len));

	return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len;
}

static struct bytes
key_before(const struct store_cursor *cursor)
{
	return cursor->passed > 0 ? to_bytes(&cursor->keys[cursor->passed - 1])
				  : (struct bytes){cursor->at, cursor->at_len};
}

/* Damaged pages can make a walk endless, so check that the keys rise. */
static bool
in_order(struct bytes before, MDB_cursor_op op, struct bytes wanted, struct bytes key)
{
	if (key.len == 0 || key.len > STORE_KEY_MAX)
		return false;
	if (op == MDB_SET_RANGE)
		return compare_keys(key, wanted) >= 0;
	if (before.len == 0 || (op != MDB_NEXT && op != MDB_PREV))
		return true;
	return op == MDB_NEXT ? compare_keys(key, before) > 0 : compare_keys(key, before) < 0;
}

static bool
damaged_row(struct store_cursor *cursor)
{
	atomic_store(&cursor->store->torn, true);
	store_damage_found(cursor->store);
	return false;
}

/* Release pages now and then: otherwise a walk over all rows would make the whole file resident. */
static void
count_steps(struct store_cursor *cursor, size_t steps)
{
	size_t before = cursor->steps / STORE_STEPS_KEPT;

	cursor->steps += steps;
	if (cursor->steps / STORE_STEPS_KEPT != before)
		store_fault_release(cursor->store);
}

static bool
step(
    struct store_cursor *cursor, MDB_cursor_op op, struct bytes wanted, struct bytes *at, struct bytes *value)
{
	MDB_val key = to_val(wanted), to = {0, NULL};
	struct store_call call = {
	    CALL_CURSOR_GET, .cursor = cursor->cursor, .key = &key, .value = &to, .flags = op};

	if (!found(cursor->store, store_call(cursor->store, &call), &to) || !found(cursor->store, 0, &key))
		return false;
	if (!in_order(key_before(cursor), op, wanted, to_bytes(&key)))
		return damaged_row(cursor);
	count_steps(cursor, 1);
	cursor->nahead = cursor->passed = 0;
	*at = to_bytes(&key);
	cursor->at_len = at->len;
	memcpy(cursor->at, at->data, at->len);
	*value = to_bytes(&to);
	return true;
}

static bool
lies_within(struct bytes map, const MDB_val *value)
{
	size_t at = (uintptr_t)value->mv_data - (uintptr_t)map.data;

	return at <= map.len && value->mv_size <= map.len - at;
}

/*
 * Read the next rows: one, then twice as many each time, because many walks are short. Their keys are checked
 * here, so that a row costs little more than LMDB takes for it.
 */
static bool
read_ahead(struct store_cursor *cursor)
{
	struct bytes before = key_before(cursor);
	struct store_call call = {CALL_CURSOR_NEXT, .cursor = cursor->cursor, .key = cursor->keys,
	    .value = cursor->values, .count = MIN(MAX(2 * cursor->nahead, 1u), (unsigned)STORE_AHEAD)};
	uint8_t kept[STORE_KEY_MAX];
	struct bytes map;
	bool known;

	memcpy(kept, before.data, before.len);
	before.data = kept;
	if (!found(cursor->store, store_call(cursor->store, &call), NULL))
		return false;
	known = store_fault_map(cursor->store, (const uint8_t **)&map.data, &map.len);
	for (unsigned i = 0; i < call.count; i++) {
		struct bytes key = to_bytes(&cursor->keys[i]);

		if ((known &&
			!(lies_within(map, &cursor->keys[i]) && lies_within(map, &cursor->values[i]))) ||
		    !in_order(before, MDB_NEXT, before, key))
			return damaged_row(cursor);
		before = key;
	}
	cursor->nahead = call.count;
	cursor->passed = 0;
	count_steps(cursor, call.count);
	return true;
}

/* LMDB's cursor goes back to the row where this one is. */
static bool
go_back(struct store_cursor *cursor)
{
	struct bytes before = key_before(cursor), at, value;

	return cursor->passed == cursor->nahead || step(cursor, MDB_SET_RANGE, before, &at, &value);
}

bool
store_cursor_seek(struct store_cursor *cursor, struct bytes key, struct bytes *at, struct bytes *value)
{
	/* LMDB does not accept an empty key. */
	return step(cursor, key.len > 0 ? MDB_SET_RANGE : MDB_FIRST, key, at, value);
}

bool
store_cursor_first(struct store_cursor *cursor, struct bytes *at, struct bytes *value)
{
	return step(cursor, MDB_FIRST, (struct bytes){0}, at, value);
}

bool
store_cursor_last(struct store_cursor *cursor, struct bytes *at, struct bytes *value)
{
	return step(cursor, MDB_LAST, (struct bytes){0}, at, value);
}

bool
store_cursor_next(struct store_cursor *cursor, struct bytes *at, struct bytes *value)
{
	if (cursor->store->access != STORE_READ)
		return step(cursor, MDB_NEXT, (struct bytes){0}, at, value);
	if (cursor->passed == cursor->nahead && !read_ahead(cursor))
		return false;
	*at = to_bytes(&cursor->keys[cursor->passed]);
	*value = to_bytes(&cursor->values[cursor->passed]);
	cursor->passed++;
	return true;
}

bool
store_cursor_previous(struct store_cursor *cursor, struct bytes *at, struct bytes *value)
{
	return go_back(cursor) && step(cursor, MDB_PREV, (struct bytes){0}, at, value);
}

int
store_cursor_put(struct store_cursor *cursor, struct bytes key, struct bytes value)
{
	MDB_val from = to_val(key), to = to_val(value);
	struct store_call call = {CALL_CURSOR_PUT, .cursor = cursor->cursor, .key = &from, .value = &to};
	int rc;

	if (!store_check_row(cursor->txn, cursor->table, key, false))
		return -EBADMSG;
	cursor->txn->writes++;
	if ((rc = store_call(cursor->store, &call)) == 0) {
		cursor->at_len = key.len;
		memcpy(cursor->at, key.data, key.len);
	}
	return store_result(cursor->store, rc);
}

int
store_cursor_delete(struct store_cursor *cursor)
{
	struct store_call call = {CALL_CURSOR_DELETE, .cursor = cursor->cursor};

	if (!store_check_row(cursor->txn, cursor->table, (struct bytes){cursor->at, cursor->at_len}, true))
		return -EBADMSG;
	cursor->txn->writes++;
	return store_result(cursor->store, store_call(cursor->store, &call));
}
