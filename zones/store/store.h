/*
 * store.h -- the LMDB environments under one state directory: opening, transactions, rows.
 *
 * The commands write config/, graycloud-monitor writes health/, graycloud-dnsd writes serving/; every program
 * reads all three. On a node that has joined a cluster graycloud-sync writes config/ and cluster/, and the
 * commands write proposals/. config.h, health.h, serving.h, cluster.h and proposal.h define the rows. This
 * module handles only octets, and no other module uses LMDB. The code cites these rules by number:
 *
 * LMDB rule 1: a reader wakes on inotify; a timer is the fallback. It remembers the transaction that it
 * *read* (mdb_txn_id), never the newest that LMDB announces, which can be ahead of the one that a reader
 * gets. If the two differ, it looks again in 1 ms.
 *
 * LMDB rule 2: only its writer creates a store, with group and modes (lock.mdb 0660, because readers write
 * it). A reader that finds no store treats it as empty.
 *
 * LMDB rule 3: if lock.mdb cannot be written, LMDB reads without locks. Refuse that, unless the pages cannot
 * change.
 *
 * LMDB rule 4: a killed reader can fill the map. Free the slots of dead readers at open, each second, and
 * before the map grows. No read transaction lasts longer than one compile or one command; a command ends it
 * before it prints.
 *
 * LMDB rule 5: open a store once per process: closing a second environment loses the reader slot of the
 * first. All programs share one PID namespace.
 *
 * LMDB rule 6: address space is cheap, so maps are large. Handle growth by another process. Do not use
 * MDB_WRITEMAP.
 *
 * LMDB rule 7: reopen a store whose file was replaced. Until then the old view stays valid.
 *
 * LMDB rule 8: LMDB does not detect damage, it crashes, or writes beyond its memory. Check the header before
 * the open, check all pages in a helper process, check each page before a transaction changes or copies it,
 * and turn a fault in its pages into an error.
 *
 * LMDB rule 9: use local file systems only. Commit the transaction that first opens a table: if it is
 * aborted, its handles are invalid.
 *
 * The environment variable GRAYCLOUD_MAP_MIB sets the initial size of a store's map in MiB, so that tests can
 * see it grow.
 *
 * Errors that a person can cure are sentences in problems; all others are negative errnos. A transaction
 * belongs to the thread that began it.
 */
#ifndef STORE_H
#define STORE_H

#include "zones/base/problem.h"
#include "zones/base/util.h"

#include <sys/types.h>

/* cluster and proposals exist only on a node that has joined a cluster (membership.h). */
enum store_kind {
	STORE_CONFIG,
	STORE_HEALTH,
	STORE_SERVING,
	STORE_CLUSTER,
	STORE_PROPOSALS,
	STORE_SIGNATURES, /* signatures and sets exist only where graycloud-signer runs */
	STORE_SETS,
	STORE_KINDS
};
/* STORE_PEEK, for store_begin: read, without effect on the news that store_poll returns. */
enum store_access { STORE_READ, STORE_WRITE, STORE_PEEK };

/* All named databases of the stores: key -> value. */
enum store_table {
	/* config */
	TABLE_ZONES,        /* zone number, name_to_key of the owner, type -> value of rrset.h */
	TABLE_ZONE_NAMES,   /* lower-case wire name -> struct zone_info */
	TABLE_OBJECTS,      /* kind (1 octet), id -> JSON */
	TABLE_OBJECT_NAMES, /* kind (1 octet), name -> id */
	TABLE_REFERENCES,   /* reference, id of the document -> its kind, see config_rows.h */
	TABLE_RECORD_NOTES, /* ids, comments and tags of records, see config_rows.h */
	TABLE_CHANGES,      /* sequence (8), item (4) -> see config.h */
	TABLE_TOKENS,       /* name of a token of the API -> JSON, see admin/edit/token.h */
	TABLE_PREVIEWS,     /* requests for checks, see previews.h */
	TABLE_META,         /* schema, next zone number, ... */
	/* health, and the first four also of cluster */
	TABLE_STATE,           /* endpoint -> struct health_record */
	TABLE_FLIPS,           /* sequence (8) -> struct health_flip */
	TABLE_BEAT,            /* "beat" -> struct health_beat */
	TABLE_NAMES,           /* hostname -> struct name_record */
	TABLE_PREVIEW_RESULTS, /* id of a preview -> time, JSON; see previews.h */
	/* serving */
	TABLE_SERVING, /* name -> value */
	/* cluster, see cluster.h */
	TABLE_VOTES,       /* endpoint -> need, votes */
	TABLE_VOTE_FLIPS,  /* sequence (8) -> struct cluster_vote_flip */
	TABLE_NODES,       /* name -> struct cluster_node */
	TABLE_ENGINE,      /* "engine" -> struct cluster_engine */
	TABLE_OUTCOMES,    /* 'i', id of a proposal -> struct cluster_outcome; 's', sequence (8) -> id */
	TABLE_SHARED_PINS, /* node, 0, number (2) -> sequence (8), document; "\0" -> the last sequence */
	/* proposals, see proposal.h */
	TABLE_PROPOSALS, /* sequence (8) -> head, entry */
	/* signatures, see signatures.h; the last two also of sets */
	TABLE_SIGNATURES,   /* zone number, name_to_key of the owner, type -> signatures by content */
	TABLE_SIGNED_ZONES, /* zone number -> version, RRsets of its keys */
	TABLE_KEYS,         /* zone number, algorithm, key tag -> struct signing_key */
	TABLE_ROLLOVERS,    /* zone number -> struct rollover */
	TABLE_STEERED,      /* sequence (8) -> a signature of a steered RRset */
	TABLE_SIGNER,       /* "signer" -> struct signer_beat */
	TABLE_COUNT
};

struct store;
struct store_txn;
struct store_cursor;

/*
 * Fork the helper that walks every store before this process opens it, and every store that replaces one
 * later, so that damage crashes the helper. A daemon calls it after it has become its user, and before it
 * starts a thread or opens a store. Commands do not need it: if damage ends them, they print a sentence
 * (store_catch_faults). If begin is not NULL, the helper calls it first. This function also looks up the
 * group of the stores that are created later.
 */
void store_guard_start(void (*begin)(void));

/*
 * From now on, handle SIGSEGV and SIGBUS inside the pages of an open store or in LMDB. A command (survive
 * false) prints one sentence with the store and the cure, and exits with 1. A daemon (survive true)
 * continues, and store_torn returns true. Any other fault ends the process as before. A command also does so
 * for SIGABRT, in LMDB or while a store is open whose pages are damaged.
 */
void store_catch_faults(bool survive);
/*
 * Set a function that runs once before this module ends the process, for example to restore the terminal. It
 * may only make calls that are safe in a signal handler.
 */
void store_set_last_act(void (*act)(void));
/*
 * If a page of this map (of the file at path) cannot be read, print a sentence and replace the map with
 * zeroed memory: this process loses the data. At most four maps at once. Call store_spare_no_more before you
 * unmap it.
 */
void store_spare_faults(void *map, size_t octets, const char *path);
void store_spare_no_more(void *map);

/*
 * From now on, a call that waits for the lock of another process names that process on stderr after one
 * second. After this many seconds it prints a sentence and exits with 1. Only for commands: a daemon waits,
 * and continues to answer.
 */
void store_set_patience(unsigned seconds);

/*
 * Create the state directory and the directory of the store, with group and modes; owner owns the latter. A
 * daemon calls it as root, before it becomes that user. Existing directories are not changed. Returns false
 * with problems filled.
 */
bool store_prepare(const char *state, enum store_kind kind, uid_t owner, struct problems *problems);

/*
 * Open one store under the state directory, at most once per process. Returns NULL with problems filled. For
 * a reader it also returns NULL without an error in problems if there is no store yet (try again later).
 * Writers create missing files. On a read-only file system a command reads without locks, because no process
 * can write, until the file system is writable again; if only the mount is read-only the open is refused,
 * because other processes may write through another mount. health, serving and cluster have only one writer:
 * a second one is refused, with a sentence that names the process that holds the lock.
 *
 * These three are disposable, and damage to them does not prevent a daemon from working. health and cluster
 * are written without fsync. Its writer begins with the rows of the last run, copied into a sound store.
 * After a reboot, or if those rows cannot be read (then with a warning in problems), it begins with the rows
 * of the last store_save, or else empty. serving begins empty, unless it was handed over
 * (store_inherit_lock). If serving cannot be written, its writer gets a store in the state STORE_LOST, with
 * the reason in problems. A reader finds no health or serving store until its writer has begun.
 */
struct store *store_open(
    const char *state, enum store_kind kind, enum store_access access, struct problems *problems);
void store_close(struct store *store);
enum store_kind store_kind(const struct store *store);

/*
 * The lock of the only writer can pass from one process to another without a gap: the next process receives a
 * copy of this descriptor and calls store_inherit_lock with it. Its next store_open for writing keeps the
 * rows that are there. The store owns the returned descriptor; -1 means that there is none.
 */
int store_lock(const struct store *store);
void store_inherit_lock(int fd);
/* The process id that holds the lock of a store's only writer; 0 if no process does or it is unknown. */
long store_holder(const char *state, enum store_kind kind);

/*
 * Check if there is news for a reader. This is cheap: no transaction, and one stat(2) a second.
 *
 * STORE_SAME: nothing changed.
 *
 * STORE_CHANGED: read the changes. It is returned until a transaction of STORE_READ has seen the newest
 * state: if it is still returned after such a transaction, look again in 1 ms.
 *
 * STORE_REPLACED: another file is at the path and the store was reopened: read everything again. A writer of
 * health or serving then begins with an empty store.
 *
 * STORE_LOST: the store vanished, was overwritten by an older copy, or the new one cannot be opened (problems
 * has the reason, once). The rows that were read stay valid.
 *
 * Only one thread may poll and read this way. Any other reader of the same store (a metrics page) uses
 * STORE_PEEK.
 */
enum store_news { STORE_SAME, STORE_CHANGED, STORE_REPLACED, STORE_LOST };
enum store_news store_poll(struct store *store, struct problems *problems);

/* Unmap the pages that were read: the memory is free, and what is read again comes back from the page cache.
 */
void store_unload(const struct store *store);

/*
 * Close and reopen the file. Call it without open transactions. Returns STORE_SAME, or STORE_REPLACED if
 * another file is at the path, or STORE_LOST.
 */
enum store_news store_reopen(struct store *store, struct problems *problems);

/*
 * True if a page could not be read, in a program that survives faults. Then rows that were read since
 * store_poll last returned STORE_SAME may be wrong or may seem to be missing. Call it before the end of each
 * transaction, and discard the results if it returns true. store_poll reopens the store within a second.
 */
bool store_torn(const struct store *store);

/*
 * An inotify descriptor that becomes readable when the store is written, or -1 if there is none. The store
 * owns it.
 */
int store_watch_fd(struct store *store);
/* Read and discard the events of that descriptor. */
void store_watch_clear(struct store *store);

/* Free the slots of dead readers. A writer calls it each second. */
void store_check_readers(struct store *store);

/*
 * Begin a transaction. A write transaction waits for other writers. Returns 0 or a negative errno:
 * -ENOTRECOVERABLE if a failed write prevents all writes until store_reopen, -ENOENT while the store is lost,
 * -ESTALE for a write if another file was copied over the open one, -EAGAIN if another process enlarged the
 * map and this process still has an open transaction.
 */
int store_begin(struct store *store, enum store_access access, struct store_txn **txn);
/* The number of the commit that a transaction reads: it rises with each commit of any process. */
uint64_t store_txn_number(const struct store_txn *txn);
/*
 * Commit a write transaction. Frees txn in every case. Returns 0 or a negative errno (-ENOSPC: disk or map
 * full).
 */
int store_commit(struct store_txn *txn);
/* End a read transaction, or roll back a write transaction. Accepts NULL. */
void store_abort(struct store_txn *txn);
/*
 * True if the last write failed because the map was full. The next store_begin enlarges it: repeat the whole
 * transaction.
 */
bool store_full(const struct store *store);
/* The reason why a transaction could not begin, as the end of a sentence. Valid until the next call. */
const char *store_begin_fault(const struct store *store, int error);
/* The cure for a write that failed with this errno, as the end of a sentence; "" if no cure is known. */
const char *store_write_cure(int error);
/* The number of the transaction that is being read or written. */
uint64_t store_txn_id(const struct store_txn *txn);

/*
 * Read one row. Returns false if there is none. The value is valid until the transaction ends or (in a write
 * transaction) the next change.
 */
bool store_get(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes *value);
int store_put(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes value);
/* The same as store_put, for a key that is larger than every key of the table. */
int store_append(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes value);
/* Returns 0 also if there was no such row. */
int store_delete(struct store_txn *txn, enum store_table table, struct bytes key);
/* The number of rows of the table. */
uint64_t store_count(struct store_txn *txn, enum store_table table);
/* How many rows the transaction wrote or deleted; after a change rows that were read are not valid. */
uint64_t store_writes(const struct store_txn *txn);

/* Open a cursor over the rows in the order of their keys. Returns NULL only if memory is exhausted. */
struct store_cursor *store_cursor_open(struct store_txn *txn, enum store_table table);
void store_cursor_close(struct store_cursor *cursor);
/* Move to the first row whose key is equal to or larger than key. Returns false if there is none. */
bool store_cursor_seek(
    struct store_cursor *cursor, struct bytes key, struct bytes *found, struct bytes *value);
bool store_cursor_first(struct store_cursor *cursor, struct bytes *found, struct bytes *value);
bool store_cursor_last(struct store_cursor *cursor, struct bytes *found, struct bytes *value);
bool store_cursor_next(struct store_cursor *cursor, struct bytes *found, struct bytes *value);
bool store_cursor_previous(struct store_cursor *cursor, struct bytes *found, struct bytes *value);
/* Put a row, and move the cursor to it. Cheaper than store_put if the cursor was near that place. */
int store_cursor_put(struct store_cursor *cursor, struct bytes key, struct bytes value);
/* Delete the row under the cursor. store_cursor_next then returns the row after it. */
int store_cursor_delete(struct store_cursor *cursor);

/*
 * Copy a store into memory, to be edited and discarded: writes to the copy neither wait for other processes
 * nor delay them. If store is NULL the copy is empty. Returns NULL with problems filled. Close it with
 * store_close.
 */
struct store *store_open_copy(struct store *store, enum store_kind kind, struct problems *problems);

/*
 * Write a hot copy of a store to path, completely or not at all, and fsync it. Returns 0 or a negative errno.
 * It may take long.
 */
int store_copy(struct store *store, const char *path);
/* The same into an open file, without fsync. */
int store_copy_to(struct store *store, int fd);
/*
 * Open a store from an open file, as a copy in memory; do not write to it. The file may be anything, from any
 * source. name is its name in the sentences in problems. Returns NULL if it is not a store of this kind, is
 * cut off, or is damaged (a child process tests that). Only for a process without threads.
 */
struct store *store_open_image(int fd, const char *name, enum store_kind kind, struct problems *problems);
/* Write a hot copy to saved.mdb beside the store; its writer looks for it after a crash (store_open). */
int store_save(struct store *store);

/* The version of LMDB, as a text. */
const char *store_library(void);

#endif
