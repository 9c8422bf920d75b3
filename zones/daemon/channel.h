/*
 * channel.h -- a connection between two processes of one user on one machine, for whole messages with
 * descriptors.
 *
 * The socket has a name in a directory of that user, and mode 0600. Links are not followed. Each end checks
 * that the user of the other one is its own, or root. Any thread; one thread at a time for each descriptor.
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { CHANNEL_DESCRIPTORS = 253 }; /* the maximum in one message: the kernel's SCM_MAX_FD */

/*
 * Listen at a name in a directory, replacing any socket of that name. Returns a non-blocking descriptor, or a
 * negative errno.
 */
int channel_listen(const char *directory, const char *name);
/*
 * Accept the next connection. Returns its descriptor or a negative errno (-EAGAIN: none waits, -EPERM: the
 * peer is of another user). *peer is its process id.
 */
int channel_accept(int listening, pid_t *peer);

/*
 * Connect. Returns a descriptor or a negative errno: -ENOENT or -ECONNREFUSED if no process listens, -EPERM
 * if a process of another user does. Sending and receiving fail with -EAGAIN after patience_ms milliseconds.
 */
int channel_connect(const char *directory, const char *name, int patience_ms, pid_t *peer);
/* Set that limit, in milliseconds. */
void channel_set_patience(int fd, int patience_ms);

/* Send one message. Returns 0 or a negative errno. */
int channel_send(int fd, const void *octets, size_t len, const int *fds, size_t count);
/*
 * Receive one message. Returns its length, 0 at the end of the connection, or a negative errno; -EMSGSIZE if
 * the message has more than len octets. *count is the number of descriptors that fds has room for; the call
 * sets it to the number that it received.
 */
ssize_t channel_receive(int fd, void *octets, size_t len, int *fds, size_t *count);

#endif
