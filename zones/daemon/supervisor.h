/*
 * supervisor.h -- tell the service manager that a daemon is ready, alive, or ending.
 *
 * The protocol is systemd's sd_notify(3): one datagram of "NAME=VALUE" lines to the socket that NOTIFY_SOCKET
 * names. It is a stable interface of a few lines, so no library comes into the daemons for it. Without
 * NOTIFY_SOCKET nothing happens.
 */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H

/* "READY=1", "WATCHDOG=1", "STOPPING=1". Never blocks, never fails; main thread. The socket stays open: a
 * watchdog must not fail because descriptors are exhausted. Call it first after helper processes were forked.
 */
void supervisor_tell(const char *state);

#endif
