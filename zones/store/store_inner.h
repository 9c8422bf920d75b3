/*
 * store_inner.h -- declarations that the files of the store share. No other file includes it, or LMDB.
 *
 * store.c opens stores and has the transactions, store_news.c looks for changes, store_rows.c reads and
 * writes rows, store_call.c makes LMDB's calls, store_fault.c handles faults in them, store_wait.c limits how
 * long they wait, store_check.c checks the pages that a write or a copy is going to use, store_copy.c and
 * store_walk.c copy and check whole stores, store_file.c handles the files, store_tables.c has the names of
 * the tables, store_errno.c the errors.
 */
#ifndef STORE_INNER_H
#define STORE_INNER_H

#include "zones/store/page_trees.h"
#include "zones/store/store.h"
#include "zones/store/store_file.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

enum { STORE_MAX_TABLES = 16, STORE_KEY_MAX = 511, STORE_STEPS_KEPT = 4096, STORE_AHEAD = 32 };

struct store {
	enum store_kind kind;
	enum store_access access;
	char *state;
	struct store_paths paths;
	bool private;   /* a file that no other process knows; no locks */
	int lock_fd;    /* descriptor of the only writer's lock, or -1 */
	bool inherited; /* the lock was handed over, and the rows with it */
	int watch_fd;
	int watch;

	pthread_mutex_t mutex; /* protects env and active; the environment is replaced or resized only while
				  active is 0 */
	MDB_env *env;          /* NULL while the file at the path cannot be opened */
	MDB_dbi dbi[TABLE_COUNT];
	unsigned active; /* number of open transactions of this process */
	bool unlocked;   /* the file system is read-only: read without locks until it is writable */
	int fault;       /* index in the table of ranges of store_fault.c, or -1 */

	_Atomic uint64_t last_read;    /* UINT64_MAX: nothing was read yet */
	uint64_t next_look;            /* boot_ms of the next stat(2) */
	uint64_t behind_ms, behind_of; /* since when a newest transaction could not be read, and its number */
	bool lost, vanished;
	char *logged_error; /* the last reported reason, to report it once and not each second; NULL: none */
	atomic_bool full;   /* the map was full; see store_begin */
	/*
	 * A page could not be read: the file was damaged, cut off or overwritten in place. The rows that were
	 * read since the last opening may be wrong.
	 */
	atomic_bool torn;
};

struct store_txn {
	struct store *store;
	MDB_txn *txn;
	uint64_t writes;          /* rows that it wrote or deleted */
	struct page_trees *trees; /* the pages that were checked before a write; NULL: no check */
};

struct store_cursor {
	struct store *store;
	struct store_txn *txn;
	enum store_table table;
	MDB_cursor *cursor;
	/* A copy of the key of the last row; at_len 0: no row yet. */
	size_t at_len, steps;
	uint8_t at[STORE_KEY_MAX];
	/*
	 * Rows that were read ahead in one call, if the store is only read: nahead of them, of which the
	 * cursor has passed `passed`. LMDB's cursor is at the last of them.
	 */
	unsigned nahead, passed;
	MDB_val keys[STORE_AHEAD], values[STORE_AHEAD];
};

/*
 * Open or close the files; store_news.c also calls them for a store that was replaced. store_open_files
 * returns false without an error in problems if a reader finds no store yet.
 */
bool store_open_files(struct store *store, struct problems *problems);
void store_close_environment(struct store *store);
/* Open a file that no other process knows, for writing. Returns NULL with problems filled. */
struct store *store_open_private(const char *path, enum store_kind kind, struct problems *problems);
/* True if the pages cannot change, so that the store may be read without locks. */
bool store_needs_no_locks(const struct store *store);
/* Move the store out of the way. The saved copy of health takes its place, if there is one. */
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
		CALL_CURSOR_NEXT, /* several rows */
		CALL_CURSOR_PUT,
		CALL_CURSOR_DELETE,
		CALL_COMMIT,
		CALL_ABORT
	} op;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_cursor *cursor;
	MDB_val *key, *value;
	unsigned flags; /* flags of LMDB; for CALL_CURSOR_GET the MDB_cursor_op */
	MDB_stat *stat;
	unsigned count; /* of CALL_CURSOR_NEXT: the maximum, then how many were read into key and value */
};
/* Make the call. If it faults it returns MDB_CORRUPTED, and the store is torn. */
int store_call(struct store *store, struct store_call *call);
/* A counter that is odd while a call of LMDB runs that should be short. */
extern _Atomic uint64_t store_calls;
/*
 * Leave LMDB's call of this thread and do not return. For a signal handler and LMDB's assertion. Returns
 * false if this thread is not in a call.
 */
bool store_call_escape(void);
bool store_call_running(void);

/*
 * LMDB rule 8: check the pages before LMDB changes them. All of these return false if they are damaged: then
 * a command has ended with its sentence, and in a daemon the store is torn. A write transaction that begins
 * checks what each write uses, then the pages of each row that it changes. store_check_end accepts any
 * transaction.
 */
bool store_check_begin(struct store_txn *txn);
bool store_check_row(struct store_txn *txn, enum store_table table, struct bytes key, bool deleted);
void store_check_end(struct store_txn *txn);
/* Check the pages that are used to open the tables, or to create them. A command does not end. */
bool store_check_before_opening(const struct store *store, MDB_txn *txn, bool creates);
/* Check all pages, before they are copied. Call it after store_enter. */
bool store_check_whole(struct store *store);
/* Check all pages of a store that was opened without this module. */
enum page_trees_state store_check_image(MDB_env *env, MDB_txn *txn);

/* Convert an error of LMDB to a negative errno. */
int store_errno(int rc);
/*
 * The same after a write. If the map was full it is noted, so that the next store_begin enlarges the map. If
 * the pages are damaged, a command ends.
 */
int store_result(struct store *store, int rc);

/*
 * Enter the environment: until store_leave it is neither replaced nor resized. Returns -ENOENT if it is not
 * open.
 */
int store_enter(struct store *store, enum store_access access);
void store_leave(struct store *store);

/*
 * The work of the guard, in a process that may crash. Returns 0 on success. "walk DIRECTORY": check all pages
 * of the store. "rebuild FILE": copy its rows into FILE.new, a store whose pages and free list are sound.
 */
int store_guarded(const char *request);

/*
 * Mark a call that may wait for another process: for the lock of writers, of the table of readers, or of
 * lock.mdb as a whole. See store_set_patience.
 */
enum store_wait { STORE_WAIT_WRITE, STORE_WAIT_READ, STORE_WAIT_OPEN };
void store_wait_begin(const struct store *store, enum store_wait what);
void store_wait_end(void);
/* Write a sentence, without its end, about readers that took all slots. */
void store_readers_full(const struct store *store, char *out, size_t size);

/* Run the function of store_set_last_act, and exit with 1. */
void store_end_process(void) __attribute__((noreturn));

/*
 * Record where the store is mapped, for store_catch_faults: after opening, and after each change of the map's
 * size.
 */
void store_fault_register(struct store *store);
void store_fault_find_map(struct store *store);
void store_fault_forget(struct store *store);
/* The map of the store. Returns false if it is unknown. */
bool store_fault_map(const struct store *store, const uint8_t **start, size_t *octets);
/* Report damage that LMDB found itself. It ends the process as a fault does; in a daemon it returns. */
void store_damage_found(const struct store *store);
/* Release the memory of the pages that were read. They stay mapped and are read again when needed. */
void store_fault_release(const struct store *store);
/* True if the octets are within the map of the store. */
bool store_fault_within(const struct store *store, const void *data, size_t len);
/* Print the sentence of the first open store, and end the process. */
void store_die_of_damage(void) __attribute__((noreturn));
void store_assertion_failed(MDB_env *env, const char *message);

#endif
