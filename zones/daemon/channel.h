/*
 * channel.h -- a connection between two processes of one user on one machine: whole messages, with
 * descriptors.
 *
 * The socket has a name in a directory of that user, and mode 0600. Links are not followed, and each end
 * looks at the user of the other one: this process's own, or root.
 */
#ifndef CHANNEL_H
#define CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { CHANNEL_DESCRIPTORS = 128 }; /* of one message, at most */

/* Listen at a name in a directory; whatever socket has the name gives way. Returns a descriptor that does not
 * block, or a negative errno. */
int channel_listen(const char *directory, const char *name);
/* The next connection, or a negative errno (-EAGAIN: none, -EPERM: of a stranger). *peer is its process. */
int channel_accept(int listening, pid_t *peer);

/* Connect. -ENOENT, -ECONNREFUSED: nobody listens; -EPERM: a stranger does. Sending and receiving end with
 * -EAGAIN after so many milliseconds. */
int channel_connect(const char *directory, const char *name, int patience_ms, pid_t *peer);
/* Set that time. */
void channel_set_patience(int fd, int patience_ms);

/* Send one message. 0 or a negative errno. */
int channel_send(int fd, const void *octets, size_t len, const int *fds, size_t count);
/*
 * Receive one message: returns its length, 0 at the end of the connection, or a negative errno; -EMSGSIZE if
 * it has more than len octets. *count says how many descriptors fds has room for, and then how many came.
 */
ssize_t channel_receive(int fd, void *octets, size_t len, int *fds, size_t *count);

#endif
