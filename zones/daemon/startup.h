/*
 * startup.h -- the start of a daemon, from its options to its first store.
 *
 * Main thread, before any other thread starts.
 */
#ifndef STARTUP_H
#define STARTUP_H

#include "zones/base/problem.h"
#include "zones/daemon/command_line.h"
#include "zones/daemon/seal.h"

#include <sys/types.h>

/* Print the problems. If one of them is an error, exit with status 1, else free them. */
void startup_exit_on(struct problems *problems);

/*
 * Create the state directory and the directory of the daemon's own store, if they do not exist, for this
 * owner
 * ((uid_t)-1: this process's user). Returns false with problems filled.
 */
typedef bool startup_prepare_fn(const char *state, uid_t owner, struct problems *problems);

/*
 * Become the user of --user, else the one that privileges_choose chooses. prepare runs before, if the user
 * changes. Exits with status 1 after a sentence if that is impossible.
 */
void startup_become(const struct daemon_options *options, startup_prepare_fn *prepare);

/*
 * Make the filters of the seal, unless --no-seal is given; files has the files beside the state directory.
 * The state directory must exist for this: prepare runs if it does not, and its problems are dropped, because
 * the code that opens the store reports the same.
 */
void startup_seal(
    const struct daemon_options *options, struct seal_files *files, startup_prepare_fn *prepare);

/* For store_guard_start. */
void startup_seal_guard(void);

#endif
