/*
 * supervisor.h -- report to the service manager that a daemon is ready, alive, or ending, and store
 * descriptors with it.
 *
 * The protocol is systemd's sd_notify(3): one datagram of "NAME=VALUE" lines to the socket in NOTIFY_SOCKET.
 * It is a stable interface of a few lines, so the daemons need no library for it. Without NOTIFY_SOCKET
 * nothing happens.
 */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

#include <stddef.h>

/*
 * Send "READY=1", "WATCHDOG=1" or "STOPPING=1". Never blocks and reports no errors. Main thread. The socket
 * stays open, so that the watchdog works if descriptors are exhausted. Call it first after helper processes
 * were forked.
 */
void supervisor_tell(const char *state);

/*
 * Store descriptors under a name (FDSTORE=1), so that the next start receives them. The service manager drops
 * a copy of one that it already has. systemd keeps them if the unit has FileDescriptorStoreMax=. At most 253
 * at once.
 */
void supervisor_keep(const char *name, const int *fds, size_t count);
/* Have all stored descriptors of a name closed (FDSTOREREMOVE=1). */
void supervisor_forget(const char *name);

/*
 * The descriptors that the service manager passed to this process (LISTEN_FDS, sd_listen_fds(3)). take is
 * called for each, with its name or "". They are hidden from programs that are started later. Returns their
 * number. Main thread, once.
 */
size_t supervisor_given(void (*take)(void *arg, int fd, const char *name), void *arg);

#endif
