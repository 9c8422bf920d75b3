/*
 * store_file.h -- the files of a store: directory and modes, header, the writer's lock, the boot.
 *
 * This is all that can be known of a store without LMDB. Only the files of the store use it.
 */
#ifndef STORE_FILE_H
#define STORE_FILE_H

#include "zones/base/problem.h"
#include "zones/store/store.h"

#include <limits.h>

/* The files of one store. */
struct store_paths {
	char directory[PATH_MAX - 32];
	char data[PATH_MAX];
};

const char *store_kind_text(enum store_kind kind);
/* The cure for a damaged store of this kind, as the end of a sentence. */
const char *store_kind_cure(enum store_kind kind);

/* True if commands write it: it is written with fsync, and nobody holds a lock of the only writer. */
bool store_is_durable(enum store_kind kind);

bool store_paths_make(
    struct store_paths *paths, const char *state, enum store_kind kind, struct problems *problems);

/*
 * Look up the group of the stores. A daemon calls it before it seals itself, because /etc/group is closed
 * then.
 */
void store_file_learn_group(void);

/*
 * Create the state directory and the directory of the store with group and modes, and its files, empty, with
 * theirs. Returns false with problems filled.
 */
bool store_file_create(const char *state, const struct store_paths *paths, struct problems *problems);

/*
 * The same for the directories only. owner owns the directory of the store; (uid_t)-1 leaves the owner
 * unchanged. Returns false with problems filled.
 */
bool store_file_directories(
    const char *state, const struct store_paths *paths, uid_t owner, struct problems *problems);

enum store_file_state {
	STORE_FILE_ABSENT, /* no file, or an empty one */
	STORE_FILE_SOUND,
	STORE_FILE_SHORT, /* the file has fewer pages than its header claims: rarely valid, mostly cut off */
	STORE_FILE_BAD    /* problems has the reason */
};

/* LMDB rule 8: check magic, version and size. */
enum store_file_state store_file_check(
    const struct store_paths *paths, enum store_kind kind, struct problems *problems);

/*
 * Read the number of the newest transaction from an open file, without LMDB's map. Returns BAD or SHORT if
 * the file is damaged or cut off.
 */
enum store_file_state store_file_newest(int fd, uint64_t *transaction);

/*
 * Take the lock of the only writer. Returns its descriptor, which stays open while the process writes; or a
 * negative errno with problems filled: -EBUSY if another process has the lock.
 */
int store_file_lock(const struct store_paths *paths, enum store_kind kind, struct problems *problems);
/* Write the id of this process into the lock file. Returns 0 or a negative errno. */
int store_file_sign_lock(int fd);

/* True if this descriptor is still the lock file at the path. */
bool store_file_lock_holds(const struct store_paths *paths, int fd);

/* True if the store was last written before the machine was rebooted. */
bool store_file_other_boot(const struct store_paths *paths);
void store_file_note_boot(const struct store_paths *paths);

/* True if the file system of path has nearly no space left. */
bool store_file_disk_full(const char *path);

/*
 * Refuse a store if its directory or one of its files is a symbolic link. Returns false with problems filled.
 */
bool store_file_refuse_links(const struct store_paths *paths, struct problems *problems);

/*
 * True if path is on a mount that is read-only while its file system is not. Also true if that cannot be
 * determined.
 */
bool store_file_mount_alone(const char *path);

#endif
