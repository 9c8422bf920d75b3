/*
 * guard.h -- a helper process for work that damage in a file can kill.
 *
 * LMDB does not notice damage, it dies of it.  A daemon therefore forks a helper before it has
 * threads or stores; the helper forks a child for each request, and its end tells how the file is.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stdbool.h>

/* What runs in the child: 0 where the thing at path is sound. */
typedef int guard_work_fn(const char *path);

/* Fork the helper.  It ends with this process and keeps none of its descriptors open.  At most one.
 * It calls begin first, if that is not NULL. */
void guard_start(guard_work_fn *work, void (*begin)(void));

/* Is there a helper? */
bool guard_running(void);

/*
 * Have work done on path, by the helper, or in a child of our own where there is none (only right in
 * a process without threads).  True where it came to a good end.  Blocks; any thread, one at a time.
 */
bool guard_ask(guard_work_fn *work, const char *path);

#endif
