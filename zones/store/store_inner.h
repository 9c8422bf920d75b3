/*
 * store_inner.h -- what the files of the store share. Nobody else includes it, or LMDB.
 *
 * store.c opens and has the transactions, store_news.c looks for changes, store_rows.c reads and writes rows,
 * store_call.c makes LMDB's calls, store_fault.c handles faults in them, store_wait.c bounds them,
 * store_copy.c and store_walk.c copy and check whole stores, store_file.c knows the files, store_errno.c the
 * errors.
 */
#ifndef STORE_INNER_H
#define STORE_INNER_H

#include "zones/store/store.h"
#include "zones/store/store_file.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

enum { STORE_MAX_TABLES = 16, STORE_KEY_MAX = 511, STORE_STEPS_KEPT = 4096 };

struct store {
	enum store_kind kind;
	enum store_access access;
	char *state;
	struct store_paths paths;
	bool private;   /* a file that nobody else knows; no locks */
	int lock_fd;    /* of the only writer, or -1 */
	bool inherited; /* the lock was, and so are the rows */
	int watch_fd;
	int watch;

	pthread_mutex_t
	    mutex;    /* env and active; the environment is replaced or resized only while active is 0 */
	MDB_env *env; /* NULL while what lies at the path cannot be opened */
	MDB_dbi dbi[TABLE_COUNT];
	unsigned active; /* transactions of this process */
	bool unlocked; /* it lies on a read-only file system, and is read without locks until that is writable
			*/
	int fault;     /* its place among the ranges below, or -1 */

	_Atomic uint64_t last_read;    /* UINT64_MAX: nothing yet */
	uint64_t next_look;            /* boot_ms of the next stat */
	uint64_t behind_ms, behind_of; /* since when a newest transaction could not be read, and which */
	bool lost;
	char *told;       /* the sentence about that, which is not repeated each second; NULL: none */
	atomic_bool full; /* the map was; see store_begin */
	/* A page could not be read: the file was damaged, cut off or overwritten in place. What was read
	 * since the last opening is in doubt. */
	atomic_bool torn;
};

struct store_txn {
	struct store *store;
	MDB_txn *txn;
};

struct store_cursor {
	struct store *store;
	MDB_cursor *cursor;
	/* A copy of the key of the last row that was met; no length: none yet. */
	size_t at_len, steps;
	uint8_t at[STORE_KEY_MAX];
};

/* Open or close the files; news.c does it for a store that was replaced. open_files returns false without an
 * error in problems if a reader finds nothing yet. */
bool store_open_files(struct store *store, struct problems *problems);
void store_close_environment(struct store *store);
/* Open a file that nobody else knows, for writing. */
struct store *store_open_private(const char *path, enum store_kind kind, struct problems *problems);
/* True if the pages cannot change, so that the store may be read without locks. */
bool store_needs_no_locks(const struct store *store);
/* Put the saved copy of health in the place of the store, or nothing. */
void store_set_aside(struct store *store);

/* One call of LMDB, with the arguments that its operation takes; cursor is also a result. */
struct store_call {
	enum {
		CALL_GET,
		CALL_PUT,
		CALL_DELETE,
		CALL_STAT,
		CALL_CURSOR_OPEN,
		CALL_CURSOR_GET,
		CALL_CURSOR_DELETE,
		CALL_COMMIT,
		CALL_ABORT
	} op;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_cursor *cursor;
	MDB_val *key, *value;
	unsigned flags; /* of LMDB; for CALL_CURSOR_GET the MDB_cursor_op */
	MDB_stat *stat;
};
/* Make the call. A fault within it gives MDB_CORRUPTED, and the store is torn. */
int store_call(struct store *store, struct store_call *call);
/* Counts: odd while a call of LMDB runs that should be short. */
extern _Atomic uint64_t store_calls;
/* In a signal handler, or LMDB's assertion: leave the call of this thread and do not return; false if there
 * is none. */
bool store_call_escape(void);
bool store_call_running(void);

/* LMDB's errors as negative errnos. */
int store_errno(int rc);
/* The same after a write: remembers that the map was full, so that the next begin makes it larger. */
int store_result(struct store *store, int rc);

/* Take part in the environment, which then stays what it is; -ENOENT where there is none at present. */
int store_enter(struct store *store, enum store_access access);
void store_leave(struct store *store);

/*
 * The work of the guard, in a process that may die of it; 0 is a good end. "walk DIRECTORY": read all rows of
 * the store. "rebuild FILE": copy its rows into FILE.new, a store whose pages and free list are sound.
 */
int store_guarded(const char *request);

/* A call that may wait for another process: for the lock of writers, of the table of readers, or of lock.mdb
 * as a whole. See store_set_patience. */
enum store_wait { STORE_WAIT_WRITE, STORE_WAIT_READ, STORE_WAIT_OPEN };
void store_wait_begin(const struct store *store, enum store_wait what);
void store_wait_end(void);
/* A sentence about readers that took all places, without its end. */
void store_readers_full(const struct store *store, char *out, size_t size);

/* Run what store_set_last_act set, and exit with 1. */
void store_end_process(void) __attribute__((noreturn));

/* Where the store is mapped, for store_catch_faults: after opening and after each change of the map's size.
 */
void store_fault_register(struct store *store);
void store_fault_find_map(struct store *store);
void store_fault_forget(struct store *store);
/* Damage that LMDB found itself: the same end, except in a daemon, where it returns. */
void store_damage_found(const struct store *store);
/* Give back the memory of the pages that were read. They stay where they are, and are read again if need be.
 */
void store_fault_release(const struct store *store);
/* True if the bytes lie in the map of the store. */
bool store_fault_within(const struct store *store, const void *data, size_t len);
/* The sentence of the first store that is open, and the end. */
void store_die_of_damage(void) __attribute__((noreturn));
void store_assertion_failed(MDB_env *env, const char *message);

#endif
