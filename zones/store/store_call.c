/*
 * LMDB's calls that read or change pages.
 *
 * LMDB does not detect damage, it crashes: on a page number outside of the map, on an assertion, on a page
 * that the disk or a truncated file no longer has. This file turns such a crash into an error of the call,
 * MDB_CORRUPTED.
 */
#include "zones/store/store_inner.h"

#include <errno.h>
#include <setjmp.h>

static _Thread_local sigjmp_buf *fault_point;
_Atomic uint64_t store_calls;

bool
store_call_running(void)
{
	return fault_point != NULL;
}

bool
store_call_escape(void)
{
	if (fault_point != NULL)
		siglongjmp(*fault_point, 1);
	return false;
}

/* The end of the table is an error only if there is no row before it. */
static int
next_rows(struct store_call *call)
{
	unsigned most = call->count;
	int rc = 0;

	for (call->count = 0; call->count < most; call->count++)
		if ((rc = mdb_cursor_get(
			 call->cursor, &call->key[call->count], &call->value[call->count], MDB_NEXT)) != 0)
			break;
	return rc == MDB_NOTFOUND && call->count > 0 ? 0 : rc;
}

static int
run(struct store_call *call)
{
	switch (call->op) {
	case CALL_GET:
		return mdb_get(call->txn, call->dbi, call->key, call->value);
	case CALL_PUT:
		return mdb_put(call->txn, call->dbi, call->key, call->value, call->flags);
	case CALL_DELETE:
		return mdb_del(call->txn, call->dbi, call->key, NULL);
	case CALL_STAT:
		return mdb_stat(call->txn, call->dbi, call->stat);
	case CALL_CURSOR_OPEN:
		return mdb_cursor_open(call->txn, call->dbi, &call->cursor);
	case CALL_CURSOR_GET:
		return mdb_cursor_get(call->cursor, call->key, call->value, (MDB_cursor_op)call->flags);
	case CALL_CURSOR_NEXT:
		return next_rows(call);
	case CALL_CURSOR_PUT:
		return mdb_cursor_put(call->cursor, call->key, call->value, call->flags);
	case CALL_CURSOR_DELETE:
		return mdb_cursor_del(call->cursor, 0);
	case CALL_COMMIT:
		return mdb_txn_commit(call->txn);
	case CALL_ABORT:
		mdb_txn_abort(call->txn);
		return 0;
	}
	return MDB_CORRUPTED;
}

int
store_call(struct store *store, struct store_call *call)
{
	sigjmp_buf point;
	volatile int rc = MDB_CORRUPTED;

	/* Do not save the signal mask: the handler blocks no signals. */
	if (sigsetjmp(point, 0) == 0) {
		fault_point = &point;
		if (call->op != CALL_COMMIT) /* a commit waits for the disk */
			atomic_fetch_add(&store_calls, 1);
		rc = run(call);
	}
	fault_point = NULL;
	if (call->op != CALL_COMMIT)
		atomic_fetch_add(&store_calls, 1);
	if (store_errno(rc) == -EBADMSG)
		atomic_store(&store->torn, true);
	return rc;
}
