#include "zones/daemon/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* Set a path of any length, through the descriptor of its directory. */
static void
set_path(struct sockaddr_un *address, int directory, const char *name)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", directory, name);
}

static int
new_socket(int flags)
{
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
}

static int
ended_with(int fd, int error)
{
	if (fd >= 0)
		close(fd);
	return error;
}

/* Bind a temporary name and rename it, so that a socket exists under the name at every moment. */
static int
bind_there(int fd, int directory, const char *name)
{
	struct sockaddr_un address;
	char fresh[64];

	snprintf(fresh, sizeof fresh, "%s.new", name);
	unlinkat(directory, fresh, 0);
	set_path(&address, directory, fresh);
	/* The name in the file system takes the mode of the socket. */
	if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
	    listen(fd, 8) < 0)
		return -errno;
	if (renameat(directory, fresh, directory, name) < 0) {
		int error = -errno;

		unlinkat(directory, fresh, 0);
		return error;
	}
	return 0;
}

int
channel_listen(const char *directory, const char *name)
{
	int where = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), fd, error;

	if (where < 0)
		return -errno;
	if ((fd = new_socket(SOCK_NONBLOCK)) < 0)
		return ended_with(where, -errno);
	error = bind_there(fd, where, name);
	close(where);
	return error < 0 ? ended_with(fd, error) : fd;
}

/* True if the peer is this user (or, if root asks, the owner of the directory), or root. */
static bool
is_known(int fd, uid_t owner, pid_t *peer)
{
	struct ucred other;
	socklen_t len = sizeof other;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &other, &len) < 0)
		return false;
	*peer = other.pid;
	return other.uid == 0 || other.uid == owner;
}

int
channel_accept(int listening, pid_t *peer)
{
	int fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	return is_known(fd, geteuid(), peer) ? fd : ended_with(fd, -EPERM);
}

void
channel_set_patience(int fd, int patience_ms)
{
	const struct timeval time = {.tv_sec = patience_ms / 1000, .tv_usec = patience_ms % 1000 * 1000};

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

/* Open the name once, check that descriptor, and connect to the same descriptor. */
static int
connect_there(int fd, int directory, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct stat info;
	int at = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), error = 0;

	if (at < 0)
		return -errno;
	snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", at);
	if (fstat(at, &info) < 0)
		error = -errno;
	else if (!S_ISSOCK(info.st_mode))
		error = -EPERM;
	else if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
		error = -errno;
	close(at);
	return error;
}

int
channel_connect(const char *directory, const char *name, int patience_ms, pid_t *peer)
{
	int where = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), fd, error;
	struct stat info;

	if (where < 0)
		return -errno;
	if ((fd = new_socket(0)) < 0)
		return ended_with(where, -errno);
	channel_set_patience(fd, patience_ms);
	error = fstat(where, &info) < 0 ? -errno : connect_there(fd, where, name);
	close(where);
	if (error < 0)
		return ended_with(fd, error);
	/* Root may replace the nameserver of another user: the owner of the directory. */
	return is_known(fd, geteuid() == 0 ? info.st_uid : geteuid(), peer) ? fd : ended_with(fd, -EPERM);
}

int
channel_send(int fd, const void *octets, size_t len, const int *fds, size_t count)
{
	struct iovec iov = {(void *)(uintptr_t)octets, len};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(CHANNEL_DESCRIPTORS * sizeof(int))] = {0};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t sent;

	if (count > 0) {
		struct cmsghdr *head = (struct cmsghdr *)control;

		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(head), fds, count * sizeof(int));
	}
	while ((sent = sendmsg(fd, &message, MSG_NOSIGNAL)) < 0 && errno == EINTR)
		;
	return sent < 0 ? -errno : 0;
}

ssize_t
channel_receive(int fd, void *octets, size_t len, int *fds, size_t *count)
{
	struct iovec iov = {octets, len};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(CHANNEL_DESCRIPTORS * sizeof(int))];
	struct msghdr message = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	size_t room = *count;
	ssize_t got;

	while ((got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		;
	*count = 0;
	if (got < 0)
		return -errno;
	for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head != NULL;
	     head = CMSG_NXTHDR(&message, head)) {
		size_t came = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < came; i++) {
			int one;

			memcpy(&one, CMSG_DATA(head) + i * sizeof one, sizeof one);
			if (*count < room)
				fds[(*count)++] = one;
			else
				close(one);
		}
	}
	if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		while (*count > 0)
			close(fds[--*count]);
		return -EMSGSIZE;
	}
	return got;
}
