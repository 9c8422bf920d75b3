#include "zones/steer/wanted.h"

#include "zones/base/util.h"
#include "zones/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WORDS = (NAME_MAX_LEN + 1) / 8 };

static const char magic[16] = "graycloud want1";

struct item {
	_Alignas(64) _Atomic uint64_t number; /* plus one; 0: empty, or being written */
	_Atomic uint64_t name[WORDS];
};

struct wanted_ring {
	char magic[16];
	_Atomic uint64_t next;
	_Alignas(64) struct item items[WANTED_ITEMS];
};

static bool
fits(int fd)
{
	char head[sizeof magic];
	struct stat info;

	return fstat(fd, &info) == 0 && info.st_size == sizeof(struct wanted_ring) &&
	    pread(fd, head, sizeof head, 0) == sizeof head && memcmp(head, magic, sizeof head) == 0;
}

/* Another file if its layout differs: a nameserver that is being replaced still uses the old one. */
static int
open_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640), error = 0;

	if (fd >= 0 && !fits(fd)) {
		close(fd);
		fd = unlink(path) < 0 ? -1 : open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
		if (fd >= 0 && pwrite(fd, magic, sizeof magic, 0) != sizeof magic)
			error = errno;
		if (fd >= 0 && error == 0)
			error = posix_fallocate(fd, 0, sizeof(struct wanted_ring));
	}
	if (fd >= 0 && error != 0) {
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static struct wanted_ring *
map_file(int fd, int protection, const char *path)
{
	struct wanted_ring *ring = mmap(NULL, sizeof *ring, protection, MAP_SHARED, fd, 0);

	if (ring == MAP_FAILED)
		return NULL;
	store_spare_faults(ring, sizeof *ring, path);
	return ring;
}

struct wanted_ring *
wanted_open(const char *path, struct problems *problems)
{
	int fd = open_file(path);
	struct wanted_ring *ring = fd < 0 ? NULL : map_file(fd, PROT_READ | PROT_WRITE, path);

	if (ring == NULL)
		problems_error(problems, "%s: load balancers that are asked for are not signed first: %s",
		    path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ring;
}

struct wanted_ring *
wanted_view(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct wanted_ring *ring = fd >= 0 && fits(fd) ? map_file(fd, PROT_READ, path) : NULL;

	if (fd >= 0)
		close(fd);
	return ring;
}

void
wanted_close(struct wanted_ring *ring)
{
	if (ring == NULL)
		return;
	store_spare_no_more(ring);
	munmap(ring, sizeof *ring);
}

static void
set(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

static uint64_t
load(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

void
wanted_add(struct wanted_ring *ring, const uint8_t *name, size_t len)
{
	uint64_t number = atomic_fetch_add_explicit(&ring->next, 1, memory_order_relaxed);
	struct item *item = &ring->items[number % WANTED_ITEMS];
	uint64_t words[WORDS] = {0};

	memcpy(words, name, MIN(len, (size_t)NAME_MAX_LEN));
	set(&item->number, 0);
	atomic_thread_fence(memory_order_release);
	for (unsigned i = 0; i < WORDS && i * 8 < len; i++)
		set(&item->name[i], words[i]);
	atomic_store_explicit(&item->number, number + 1, memory_order_release);
}

uint64_t
wanted_next(const struct wanted_ring *ring)
{
	return atomic_load_explicit(&ring->next, memory_order_relaxed);
}

bool
wanted_take(const struct wanted_ring *ring, uint64_t *number, uint8_t name[NAME_MAX_LEN + 1])
{
	uint64_t next = wanted_next(ring);

	/* Another ring, or items that were overwritten. */
	if (*number > next || next - *number > WANTED_ITEMS)
		*number = next - MIN(next, (uint64_t)WANTED_ITEMS);
	while (*number < next) {
		const struct item *item = &ring->items[*number % WANTED_ITEMS];
		uint64_t before = atomic_load_explicit(&item->number, memory_order_acquire), words[WORDS];

		for (unsigned i = 0; i < WORDS; i++)
			words[i] = load(&item->name[i]);
		atomic_thread_fence(memory_order_acquire);
		memcpy(name, words, sizeof words);
		if (before == ++*number && load(&item->number) == before &&
		    name_valid(name, NAME_MAX_LEN) > 0)
			return true;
	}
	return false;
}
