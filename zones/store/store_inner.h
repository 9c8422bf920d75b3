/*
 * store_inner.h -- what the files of the store share: store.c (opening, news, transactions),
 * store_rows.c, store_walk.c, store_fault.c.  Nobody else includes it, or LMDB.
 */
#ifndef STORE_INNER_H
#define STORE_INNER_H

#include "zones/store/store.h"
#include "zones/store/store_file.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

enum { STORE_MAX_TABLES = 16 };

struct store {
	enum store_kind kind;
	enum store_access access;
	char *state;
	struct store_paths paths;
	int lock_fd; /* of the only writer, or -1 */
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

	_Atomic uint64_t last_read; /* UINT64_MAX: nothing yet */
	uint64_t next_look;         /* boot_ms of the next stat */
	bool lost, told;
	atomic_bool full; /* the map was; see store_begin */
};

struct store_txn {
	struct store *store;
	MDB_txn *txn;
};

struct store_cursor {
	struct store *store;
	MDB_cursor *cursor;
};

/* LMDB's errors as negative errnos. */
int store_errno(int rc);
/* The same after a write: remembers that the map was full, so that the next begin makes it larger. */
int store_result(struct store *store, int rc);

/* Take part in the environment, which then stays what it is; -ENOENT where there is none at present. */
int store_enter(struct store *store, enum store_access access);
void store_leave(struct store *store);

/* The work of the guard: walk all rows of the store in directory, in a process that may die of it.  0: sound.
 */
int store_walk(const char *directory);

/* A call that may wait for another process: for the lock of writers, of the table of readers, or of lock.mdb
 * as a whole. See store_set_patience. */
enum store_wait { STORE_WAIT_WRITE, STORE_WAIT_READ, STORE_WAIT_OPEN };
void store_wait_begin(const struct store *store, enum store_wait what);
void store_wait_end(void);
/* A sentence about readers that took all places, without its end. */
void store_readers_full(const struct store *store, char *out, size_t size);

/* Where the store is mapped, for store_catch_faults: after opening and after each change of the map's size.
 */
void store_fault_register(struct store *store);
void store_fault_find_map(struct store *store);
void store_fault_forget(struct store *store);
/* Damage that LMDB found itself: the same end. */
void store_die_of_damage(const struct store *store) __attribute__((noreturn));
void store_assertion_failed(MDB_env *env, const char *message);

#endif
