#include "zones/daemon/supervisor.h"

#include "zones/base/util.h"
#include "zones/daemon/channel.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { GIVEN_FIRST = 3, NAME_ROOM = 320 };

/* Returns a connected socket, or -1. */
static int
connected(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd;

	if ((path[0] != '/' && path[0] != '@') || len >= sizeof address.sun_path)
		return -1;
	memcpy(address.sun_path, path, len);
	if (path[0] == '@') /* the abstract namespace */
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 &&
	    connect(fd, (struct sockaddr *)&address,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Send one datagram, with descriptors. */
static void
tell(const char *state, const int *fds, size_t count)
{
	static int fd = -1;
	const char *path = getenv("NOTIFY_SOCKET");

	if (path == NULL)
		return;
	if (fd < 0)
		fd = connected(path);
	/* The service manager was restarted: connect to its new socket. */
	if (fd >= 0 && channel_send(fd, state, strlen(state), fds, count) < 0) {
		close(fd);
		fd = connected(path);
		if (fd >= 0)
			(void)channel_send(fd, state, strlen(state), fds, count);
	}
}

void
supervisor_tell(const char *state)
{
	tell(state, NULL, 0);
}

void
supervisor_keep(const char *name, const int *fds, size_t count)
{
	char state[NAME_ROOM];

	/* FDPOLL=0: an error that is pending on a socket is no reason to close it. */
	snprintf(state, sizeof state, "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", name);
	tell(state, fds, count < CHANNEL_DESCRIPTORS ? count : CHANNEL_DESCRIPTORS);
}

void
supervisor_forget(const char *name)
{
	char state[NAME_ROOM];

	snprintf(state, sizeof state, "FDSTOREREMOVE=1\nFDNAME=%s", name);
	tell(state, NULL, 0);
}

size_t
supervisor_given(void (*take)(void *arg, int fd, const char *name), void *arg)
{
	const char *pid = getenv("LISTEN_PID"), *number = getenv("LISTEN_FDS"),
		   *names = getenv("LISTEN_FDNAMES");
	uint64_t ours = 0, count = 0;

	if (pid == NULL || number == NULL || !whole_from_text(pid, INT_MAX, &ours) ||
	    ours != (uint64_t)getpid() || !whole_from_text(number, INT_MAX - GIVEN_FIRST, &count))
		count = 0;
	for (uint64_t i = 0; i < count; i++) {
		int fd = GIVEN_FIRST + (int)i, len = names != NULL ? (int)strcspn(names, ":") : 0;
		char name[NAME_ROOM];

		snprintf(name, sizeof name, "%.*s", len, names != NULL ? names : "");
		names = names != NULL && names[len] == ':' ? names + len + 1 : NULL;
		if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
			count = i; /* this descriptor does not exist, nor do those after it */
			break;
		}
		take(arg, fd, name);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return count;
}
