/* A slow disk: each fsync(2) takes SLOW_MS milliseconds more. */
#include <dlfcn.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

int
fsync(int fd)
{
	static int (*next)(int);
	const char *ms = getenv("SLOW_MS");

	if (next == NULL)
		next = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
	poll(NULL, 0, ms != NULL ? atoi(ms) : 0);
	return next(fd);
}
