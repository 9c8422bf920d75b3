/*
 * store_file.h -- the files of a store: directory and modes, header, the writer's lock, the boot.
 *
 * What can be known of a store without LMDB; only store.c uses it.
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
/* What to do when the store is damaged, as the end of a sentence. */
const char *store_kind_cure(enum store_kind kind);

bool store_paths_make(
    struct store_paths *paths, const char *state, enum store_kind kind, struct problems *problems);

/* Look up the group of the stores. A daemon does it before it seals itself: /etc/group is closed then. */
void store_file_learn_group(void);

/* Create the state directory and the store's with group and modes, and empty files with theirs. */
bool store_file_create(const char *state, const struct store_paths *paths, struct problems *problems);

/* The same for the directories alone, owned by a user and its group (gid -1: as for every store). */
bool store_file_directories(
    const char *state, const struct store_paths *paths, uid_t owner, struct problems *problems);

enum store_file_state {
	STORE_FILE_ABSENT, /* nothing there, or nothing in it yet */
	STORE_FILE_SOUND,
	STORE_FILE_SHORT, /* fewer pages than it claims: rarely fine, mostly cut off */
	STORE_FILE_BAD    /* told in problems */
};

/* LMDB rule 8: magic, version and size. */
enum store_file_state store_file_check(
    const struct store_paths *paths, enum store_kind kind, struct problems *problems);

/* The number of the newest transaction in an open file, without LMDB's map of it. BAD or SHORT: the file is
 * damaged or cut off. */
enum store_file_state store_file_newest(int fd, uint64_t *transaction);

/*
 * Take the lock of the only writer. Returns its descriptor, kept open while it writes; or a negative errno
 * with problems, -EBUSY if another process has it.
 */
int store_file_lock(const struct store_paths *paths, enum store_kind kind, struct problems *problems);
/* Note in the lock that this process has it. 0 or a negative errno. */
int store_file_sign_lock(int fd);

/* Is the lock of this descriptor still the one at the path? */
bool store_file_lock_holds(const struct store_paths *paths, int fd);

/* Was the store last written under another boot of the machine? */
bool store_file_other_boot(const struct store_paths *paths);
void store_file_note_boot(const struct store_paths *paths);

/* Has the file system of path next to no room left? */
bool store_file_disk_full(const char *path);

/* Refuse a store whose directory is a link, or has a link in the place of a file. */
bool store_file_refuse_links(const struct store_paths *paths, struct problems *problems);

/* Is the mount that path lies on read-only, and its file system not?  True too where that cannot be told. */
bool store_file_mount_alone(const char *path);

#endif
