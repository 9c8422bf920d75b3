/*
 * guard.h -- a helper process for work that damage in a file can crash.
 *
 * LMDB does not detect damage, it crashes. So a daemon forks a helper before it has threads or open stores.
 * The helper forks a child for each request; the exit status of the child is the result.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stdbool.h>

/* The work, which runs in the child. Returns 0 if the file or directory at path is sound. */
typedef int guard_work_fn(const char *path);

/*
 * Fork the helper. It ends with this process and closes the descriptors of this process. Call it at most
 * once. If begin is not NULL, the helper calls it first.
 */
void guard_start(guard_work_fn *work, void (*begin)(void));

/* True if there is a helper. */
bool guard_running(void);

/*
 * Have work done on path: by the helper, or if there is none, in a child of this process (only safe in a
 * process without threads). Returns true if the work returned 0. Blocks. Any thread may call it; calls run
 * one at a time.
 */
bool guard_ask(guard_work_fn *work, const char *path);

#endif
