/*
 * store.h -- the LMDB environments under one state directory: opening, transactions, rows.
 *
 * config/ is written by the commands, health/ by graycloud-monitor, serving/ by graycloud-dnsd; every
 * program reads all three.  What the rows mean is in config.h, health.h and serving.h; this module
 * knows only octets and is the only one that sees LMDB.  The code cites these rules by number:
 *
 * LMDB rule 1: a reader wakes on inotify, with a timer as a net.  It remembers the transaction that it *read*
 *     (mdb_txn_id), never the newest that LMDB announces, which can be ahead of what a reader gets; if the
 * two differ it looks again in 1 ms. LMDB rule 2: a store is created only by its writer, with group and modes
 * (lock.mdb 0660: readers write it).  A reader that finds none treats it as empty. LMDB rule 3: if lock.mdb
 * cannot be written, LMDB reads without locks: refuse, unless pages cannot change. LMDB rule 4: a killed
 * reader can fill the map: its slot is freed at open, each second and before the map grows.  No read
 * transaction outlives one compile or one command; a command ends it before it prints. LMDB rule 5: one open
 * for each store and process: closing a second one loses the reader's slot of the first. All programs share
 * one PID namespace. LMDB rule 6: address space is cheap, so maps are large; growth by another process is
 * handled.  No MDB_WRITEMAP. LMDB rule 7: a store whose file was replaced is reopened; until then the old
 * view stays. LMDB rule 8: LMDB does not detect damage, it crashes: check the header before the open, walk a
 * store in a helper process, and turn a fault in its pages into an error. LMDB rule 9: local file systems
 * only.  Commit the transaction that first opens a table: an aborted one voids its handles.
 *
 * The environment's GRAYCLOUD_MAP_MIB makes the first map of a store that large, so that tests see it grow.
 *
 * One open per store and process.  Transactions belong to the thread that began them.  Failures
 * that a person can cure come as a sentence in problems, the others as a negative errno.
 */
#ifndef STORE_H
#define STORE_H

#include "zones/base/problem.h"
#include "zones/base/util.h"

#include <sys/types.h>

enum store_kind { STORE_CONFIG, STORE_HEALTH, STORE_SERVING };
/* STORE_PEEK, in store_begin: read, but without effect on what store_poll calls news. */
enum store_access { STORE_READ, STORE_WRITE, STORE_PEEK };

/* Every named database of the three stores. */
enum store_table {
	/* config */
	TABLE_ZONES,        /* zone number, name_to_key of the owner, type -> value of rrset.h */
	TABLE_ZONE_NAMES,   /* lower-case wire name -> struct zone_info */
	TABLE_OBJECTS,      /* kind (1 octet), id -> JSON */
	TABLE_OBJECT_NAMES, /* kind (1 octet), name -> id */
	TABLE_CHANGES,      /* sequence (8), item (4) -> see config.h */
	TABLE_META,         /* schema, next zone number, ... */
	/* health */
	TABLE_STATE, /* endpoint -> struct health_record */
	TABLE_FLIPS, /* sequence (8) -> struct health_flip */
	TABLE_BEAT,  /* "beat" -> struct health_beat */
	TABLE_NAMES, /* hostname -> struct name_record */
	/* serving */
	TABLE_SERVING, /* name -> value */
	TABLE_COUNT
};

struct store;
struct store_txn;
struct store_cursor;

/*
 * Fork the helper that walks every store before this process opens it (and every store that
 * replaces one later), so that damage kills the helper.  Daemons call it when they have become their user,
 * before any thread and any open; commands do not need it (their death by damage is a sentence, below).
 * The helper calls begin first, if it is not NULL. The group of stores that are made later is looked up here.
 */
void store_guard_start(void (*begin)(void));

/*
 * From now on SIGSEGV or SIGBUS inside the pages of an open store, or in LMDB, prints one sentence that names
 * the store and the cure, and exits with 1; with survive, for a daemon, the program goes on and store_torn is
 * true. Any other fault dies as before.
 */
void store_catch_faults(bool survive);
/* Before the process ends by itself inside a call of this module, act runs once: for example to give the
 * terminal back.  It makes only calls that a signal handler may. */
void store_set_last_act(void (*act)(void));
/*
 * If a page of this map (of the file at path) cannot be had, say so and go on with zeros in memory: its data
 * are lost for this process.  At most two maps at once; call store_spare_no_more before a map goes.
 */
void store_spare_faults(void *map, size_t octets, const char *path);
void store_spare_no_more(void *map);

/*
 * From now on a call that waits for another process's lock names that process on stderr after a second, and
 * ends this process with a sentence and 1 after so many seconds. For commands; a daemon waits, and goes on
 * answering.
 */
void store_set_patience(unsigned seconds);

/*
 * Create the state directory and the store's with group and modes, the latter owned by owner: what a daemon
 * does as root before it becomes that user.  What is there already is left as it is.
 */
bool store_prepare(const char *state, enum store_kind kind, uid_t owner, struct problems *problems);

/*
 * Open one store under the state directory.  Returns NULL with problems filled; or NULL without an
 * error in problems where a reader finds no store yet (try again later).  Writers create what is
 * missing.  On a read-only file system a command reads without locks, as nobody writes there, until it is
 * writable; where the mount alone is read-only it is refused, for somebody may write by another one.  The
 * writer of health and of serving is alone: a second one is refused, and the sentence names the process that
 * holds it.
 *
 * health and serving are disposable, and no damage of theirs keeps a daemon from its work. health is written
 * without fsync: its writer begins with the rows of the last run, copied into a sound store; after another
 * boot, or if they cannot be read (a warning in problems), with those of the last store_save; else empty.
 * serving begins empty, and if it cannot be written its writer gets a store that is lost for now, with the
 * reason in problems. A reader finds none until its writer has begun.
 */
struct store *store_open(
    const char *state, enum store_kind kind, enum store_access access, struct problems *problems);
void store_close(struct store *store);

/*
 * The lock of the only writer can go from one process to another without a moment in which nobody has it: the
 * next process gets a copy of this descriptor, gives it to store_inherit_lock, and its next store_open for
 * writing goes on with the rows that are there. The descriptor stays the store's; -1: there is none.
 */
int store_lock(const struct store *store);
void store_inherit_lock(int fd);
/* The process that holds the lock of a store's only writer; 0: nobody does, or it cannot be told. */
long store_holder(const char *state, enum store_kind kind);

/*
 * Has a reader something to read?  Cheap: no transaction, no system call but one stat a second.
 * STORE_REPLACED: the file behind the path is another one by now and the store was reopened; all of
 * it is to be read anew.  For a writer too, who then begins with an empty store.  STORE_LOST: it vanished,
 * was overwritten by an older copy, or the new one cannot be opened (problems says why, once); what was read
 * so far stays good.  STORE_CHANGED lasts until a transaction of STORE_READ has seen the newest state: where
 * it still says so after one, look again in 1 ms.  One thread polls and reads so; whoever else looks into the
 * store (a metrics page) begins with STORE_PEEK.
 */
enum store_news { STORE_SAME, STORE_CHANGED, STORE_REPLACED, STORE_LOST };
enum store_news store_poll(struct store *store, struct problems *problems);

/*
 * Close and open the file again, so that the pages that were read leave our memory.  No transaction is open.
 * Answers as store_poll does: STORE_SAME, or STORE_REPLACED where it is another file by now, or STORE_LOST.
 */
enum store_news store_reopen(struct store *store, struct problems *problems);

/*
 * Only in a program that survives faults: a page could not be read, so what was read since the last
 * STORE_SAME of store_poll is in doubt, and rows seemed to be missing. Ask before the end of the transaction
 * and believe nothing if it is so; store_poll opens the store again, within a second.
 */
bool store_torn(const struct store *store);

/* An inotify descriptor that becomes readable when the store is written; -1 where there is none.  Owned by
 * store. */
int store_watch_fd(struct store *store);
/* Empty the descriptor above. */
void store_watch_clear(struct store *store);

/* Free the slots of dead readers: writers call it each second. */
void store_check_readers(struct store *store);

/*
 * Begin a transaction.  A write transaction waits for other writers.  0 or a negative errno: -ENOTRECOVERABLE
 * where a write has failed so that nothing can be written before store_reopen, -ENOENT while the store is
 * lost, -ESTALE for a write if another file was copied over the open one, -EAGAIN where another process made
 * the map larger and a transaction of ours is still open.
 */
int store_begin(struct store *store, enum store_access access, struct store_txn **txn);
/* Commit a write transaction; frees txn in every case.  0 or a negative errno (-ENOSPC: disk or map full). */
int store_commit(struct store_txn *txn);
/* End a read transaction, or drop a write transaction.  NULL is accepted. */
void store_abort(struct store_txn *txn);
/* Did the last write fail because the map was full?  The next store_begin makes it larger: do it all again.
 */
bool store_full(const struct store *store);
/* Why a transaction could not begin, as the end of a sentence. Valid until the next call. */
const char *store_begin_fault(const struct store *store, int error);
/* After a write failed with this errno: what people can do about it; "" where nothing is known. */
const char *store_write_cure(int error);
/* The number of the transaction that is being read or written. */
uint64_t store_txn_id(const struct store_txn *txn);

/* One row.  The bytes are valid until the transaction ends or (in a write) the next change. */
bool store_get(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes *value);
int store_put(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes value);
/* The same where key is known to be larger than every key of the table. */
int store_append(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes value);
/* 0 also where there was none. */
int store_delete(struct store_txn *txn, enum store_table table, struct bytes key);
/* How many rows the table has. */
uint64_t store_count(struct store_txn *txn, enum store_table table);

/* Walk rows in the order of their keys.  NULL only where memory is exhausted. */
struct store_cursor *store_cursor_open(struct store_txn *txn, enum store_table table);
void store_cursor_close(struct store_cursor *cursor);
/* Go to the first row whose key is key or larger.  False where there is none. */
bool store_cursor_seek(
    struct store_cursor *cursor, struct bytes key, struct bytes *found, struct bytes *value);
bool store_cursor_first(struct store_cursor *cursor, struct bytes *found, struct bytes *value);
bool store_cursor_last(struct store_cursor *cursor, struct bytes *found, struct bytes *value);
bool store_cursor_next(struct store_cursor *cursor, struct bytes *found, struct bytes *value);
bool store_cursor_previous(struct store_cursor *cursor, struct bytes *found, struct bytes *value);
/* Delete the row that the cursor stands on; store_cursor_next then gives the one after it. */
int store_cursor_delete(struct store_cursor *cursor);

/*
 * A copy of a store in memory, to be edited and forgotten: what is written there waits for nobody and keeps
 * nobody waiting. store may be NULL: the copy is empty. NULL with problems filled. Closed as every store.
 */
struct store *store_open_copy(struct store *store, enum store_kind kind, struct problems *problems);

/* Write a hot copy of a store to path, whole or not at all, and fsync it.  0 or a negative errno.  May take
 * long. */
int store_copy(struct store *store, const char *path);
/* The same into an open file, which is not synchronised. */
int store_copy_to(struct store *store, int fd);
/*
 * Open a store from an open file, as a copy in memory that is read only by custom: the file may be anything,
 * and from anywhere. name is what the sentences in problems call it. NULL: it is no store of this kind, is
 * cut off, or is damaged, which a process of its own found out. Only in a process without threads.
 */
struct store *store_open_image(int fd, const char *name, enum store_kind kind, struct problems *problems);
/* The same to saved.mdb beside the store, where its writer looks for it after a crash; see store_open. */
int store_save(struct store *store);

/* The version of LMDB. */
const char *store_library(void);

#endif
