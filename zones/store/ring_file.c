#include "zones/store/ring_file.h"

#include "zones/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The files behind the maps of this process. */
enum { MAPS_MAX = 4 };

static struct mapped {
	const void *map;
	dev_t device;
	ino_t file;
} mapped[MAPS_MAX];

static bool
fits(int fd, const char magic[RING_FILE_MAGIC], size_t octets)
{
	char head[RING_FILE_MAGIC];
	struct stat info;

	return fstat(fd, &info) == 0 && (size_t)info.st_size == octets &&
	    pread(fd, head, sizeof head, 0) == sizeof head && memcmp(head, magic, sizeof head) == 0;
}

static int
open_file(const char *path, const char magic[RING_FILE_MAGIC], size_t octets)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640), error = 0;

	if (fd >= 0 && !fits(fd, magic, octets)) {
		close(fd);
		fd = unlink(path) < 0 ? -1 : open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
		if (fd >= 0 && pwrite(fd, magic, RING_FILE_MAGIC, 0) != RING_FILE_MAGIC)
			error = errno;
	}
	if (fd >= 0 && error == 0)
		error = posix_fallocate(fd, 0, (off_t)octets);
	if (fd >= 0 && error != 0) {
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static void
note_map(const void *map, int fd)
{
	struct stat info;

	for (unsigned i = 0; i < MAPS_MAX; i++)
		if (mapped[i].map == NULL && fstat(fd, &info) == 0) {
			mapped[i] = (struct mapped){map, info.st_dev, info.st_ino};
			return;
		}
}

static void *
map_file(int fd, int protection, size_t octets, const char *path)
{
	void *map = mmap(NULL, octets, protection, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return NULL;
	store_spare_faults(map, octets, path);
	note_map(map, fd);
	return map;
}

void *
ring_file_open(const char *path, const char magic[RING_FILE_MAGIC], size_t octets)
{
	int fd = open_file(path, magic, octets), error;
	void *map = fd < 0 ? NULL : map_file(fd, PROT_READ | PROT_WRITE, octets, path);

	error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return map;
}

void *
ring_file_view(const char *path, const char magic[RING_FILE_MAGIC], size_t octets)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	void *map = fd >= 0 && fits(fd, magic, octets) ? map_file(fd, PROT_READ, octets, path) : NULL;

	if (fd >= 0)
		close(fd);
	return map;
}

void
ring_file_close(void *map, size_t octets)
{
	for (unsigned i = 0; i < MAPS_MAX; i++)
		if (mapped[i].map == map)
			mapped[i].map = NULL;
	store_spare_no_more(map);
	munmap(map, octets);
}

bool
ring_file_is(const void *map, const char *path)
{
	struct stat info;

	for (unsigned i = 0; i < MAPS_MAX; i++)
		if (mapped[i].map == map)
			return stat(path, &info) == 0 && info.st_dev == mapped[i].device &&
			    info.st_ino == mapped[i].file;
	return false;
}
