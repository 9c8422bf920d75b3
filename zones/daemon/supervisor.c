#include "zones/daemon/supervisor.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

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

void
supervisor_tell(const char *state)
{
	static int fd = -1;
	const char *path = getenv("NOTIFY_SOCKET");

	if (path == NULL)
		return;
	if (fd < 0)
		fd = connected(path);
	/* The service manager restarted: its socket is a new one. */
	if (fd >= 0 && send(fd, state, strlen(state), MSG_NOSIGNAL) < 0) {
		close(fd);
		fd = connected(path);
		if (fd >= 0)
			(void)!send(fd, state, strlen(state), MSG_NOSIGNAL);
	}
}
