#include "signer/import/claim.h"

#include "zones/base/util.h"
#include "zones/state/zone_folder.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static char *
path_of(const char *state, const char *zone)
{
	char *place = zone_folder(state, "keyless", zone), *path = xasprintf("%s/import", place);

	free(place);
	return path;
}

/* Open the file, alone until it is closed; negative if that fails. */
static int
open_alone(const char *path, int flags)
{
	int fd = open(path, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0 && flock(fd, LOCK_EX) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Does a process hold the file, also one that is frozen? */
static bool
is_held(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* The process that has the zone; 0: none. */
static long
holder_of(int fd)
{
	char text[64] = "", *time;
	uint64_t now = boot_ms(), pid, at;

	if (pread(fd, text, sizeof text - 1, 0) <= 0 || (time = strchr(text, ' ')) == NULL)
		return 0;
	*time++ = '\0';
	time[strcspn(time, "\n")] = '\0';
	if (!whole_from_text(text, INT32_MAX, &pid) || !whole_from_text(time, UINT64_MAX, &at))
		return 0;
	if (pid == (uint64_t)getpid())
		return (long)pid;
	return at > now || now - at > CLAIM_MS || !is_held(fd) ? 0 : (long)pid;
}

/* Write this process into the file, and hold it. */
static bool
hold(int fd)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

	return ftruncate(fd, 0) == 0 &&
	    dprintf(fd, "%ld %llu\n", (long)getpid(), (unsigned long long)boot_ms()) > 0 &&
	    fcntl(fd, F_OFD_SETLK, &lock) == 0 && flock(fd, LOCK_UN) == 0;
}

bool
claim_take(const char *state, const char *zone, int *fd, long *holder)
{
	char *path = path_of(state, zone);
	int alone = open_alone(path, O_CREAT);

	free(path);
	*holder = alone >= 0 ? holder_of(alone) : 0;
	if (*holder != 0 && *holder != (long)getpid()) {
		close(alone);
		return false;
	}
	/* The file may be another one since. */
	if (alone >= 0 && hold(alone)) {
		if (*fd >= 0)
			close(*fd);
		*fd = alone;
	} else if (alone >= 0) {
		close(alone);
	}
	return true;
}

void
claim_drop(const char *state, const char *zone, int fd)
{
	char *path = path_of(state, zone);
	int alone = open_alone(path, 0);

	if (alone >= 0 && holder_of(alone) == (long)getpid())
		unlink(path);
	if (alone >= 0)
		close(alone);
	if (fd >= 0)
		close(fd);
	free(path);
}

void
claim_delete(const char *state, const char *zone)
{
	char *path = path_of(state, zone);

	unlink(path);
	free(path);
}
