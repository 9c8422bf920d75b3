/*
 * supervisor.h -- tell the service manager that a daemon is ready, alive, or ending, and have it keep
 * descriptors.
 *
 * The protocol is systemd's sd_notify(3): one datagram of "NAME=VALUE" lines to the socket that NOTIFY_SOCKET
 * names. It is a stable interface of a few lines, so no library comes into the daemons for it. Without
 * NOTIFY_SOCKET nothing happens.
 */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

#include <stddef.h>

/* "READY=1", "WATCHDOG=1", "STOPPING=1". Never blocks, never fails; main thread. The socket stays open: a
 * watchdog must not fail because descriptors are exhausted. Call it first after helper processes were forked.
 */
void supervisor_tell(const char *state);

/*
 * Have descriptors kept under a name (FDSTORE=1), so that the next start gets them; a copy of one that is
 * kept already is dropped there. systemd keeps them if the unit has FileDescriptorStoreMax=. At most 253 at
 * once.
 */
void supervisor_keep(const char *name, const int *fds, size_t count);
/* Have all of a name closed there (FDSTOREREMOVE=1). */
void supervisor_forget(const char *name);

/*
 * The descriptors that the service manager gave to this process (LISTEN_FDS, sd_listen_fds(3)): calls take
 * for each, with its name or "", and hides them from programs that are started later. Returns how many. Main
 * thread, once.
 */
size_t supervisor_given(void (*take)(void *arg, int fd, const char *name), void *arg);

#endif
