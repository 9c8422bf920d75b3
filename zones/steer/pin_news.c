#include "zones/steer/pin_news.h"

#include "zones/base/util.h"
#include "zones/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIRMED (UINT64_C(1) << 31)
#define PROVEN (UINT64_C(1) << 30)

static const char magic[16] = "graycloud news1";

struct item {
	_Alignas(64) _Atomic uint64_t number; /* plus one; 0: empty, or being written */
	_Atomic uint64_t key, value, about, client[2];
};

struct ring {
	char magic[16];
	_Atomic uint64_t next;
	_Alignas(64) struct item items[PIN_NEWS_ITEMS];
};

struct pin_news {
	struct ring *ring;
	dev_t device;
	ino_t file;
};

static struct pin_news *
map_ring(int fd, int protection)
{
	struct ring *ring = mmap(NULL, sizeof *ring, protection, MAP_SHARED, fd, 0);
	struct pin_news *news;
	struct stat info;

	if (ring == MAP_FAILED)
		return NULL;
	news = xcalloc(1, sizeof *news);
	news->ring = ring;
	if (fstat(fd, &info) == 0) {
		news->device = info.st_dev;
		news->file = info.st_ino;
	}
	return news;
}

static bool
fits(int fd)
{
	char head[sizeof magic];
	struct stat info;

	return fstat(fd, &info) == 0 && info.st_size == sizeof(struct ring) &&
	    pread(fd, head, sizeof head, 0) == sizeof head && memcmp(head, magic, sizeof head) == 0;
}

/* Another file if its layout differs: a nameserver that is being replaced still uses the old one. */
static int
open_ring(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640), error = 0;

	if (fd >= 0 && !fits(fd)) {
		close(fd);
		fd = unlink(path) < 0 ? -1 : open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
		if (fd >= 0 && pwrite(fd, magic, sizeof magic, 0) != sizeof magic)
			error = errno;
	}
	if (fd >= 0 && error == 0)
		error = posix_fallocate(fd, 0, sizeof(struct ring));
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

struct pin_news *
pin_news_open(const char *path, struct problems *problems)
{
	int fd = open_ring(path);
	struct pin_news *news = fd < 0 ? NULL : map_ring(fd, PROT_READ | PROT_WRITE);

	if (news == NULL)
		problems_error(
		    problems, "%s: other nodes will not hear of sticky clients: %s", path, strerror(errno));
	else
		store_spare_faults(news->ring, sizeof *news->ring, path);
	if (fd >= 0)
		close(fd);
	return news;
}

struct pin_news *
pin_news_view(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct pin_news *news = fd >= 0 && fits(fd) ? map_ring(fd, PROT_READ) : NULL;

	if (news != NULL)
		store_spare_faults(news->ring, sizeof *news->ring, path);
	if (fd >= 0)
		close(fd);
	return news;
}

bool
pin_news_is(const struct pin_news *news, const char *path)
{
	struct stat info;

	return stat(path, &info) == 0 && info.st_dev == news->device && info.st_ino == news->file;
}

void
pin_news_close(struct pin_news *news)
{
	if (news == NULL)
		return;
	store_spare_no_more(news->ring);
	munmap(news->ring, sizeof *news->ring);
	free(news);
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
pin_news_add(struct pin_news *news, uint64_t key, uint32_t share, const struct pin *pin)
{
	uint64_t number = atomic_fetch_add_explicit(&news->ring->next, 1, memory_order_relaxed);
	struct item *item = &news->ring->items[number % PIN_NEWS_ITEMS];

	set(&item->number, 0);
	atomic_thread_fence(memory_order_release);
	set(&item->key, key);
	set(&item->value,
	    (uint64_t)pin->expiry << 32 | (pin->confirmed ? CONFIRMED : 0) | (pin->proven ? PROVEN : 0) |
		(uint64_t)(pin->pool & PIN_POOL_MASK) << 20 | (pin->origin & PIN_ORIGIN_MASK));
	set(&item->about,
	    (uint64_t)pin->owner << 48 | (uint64_t)(share % PINS_SHARES) << 32 | (uint64_t)pin->prefix << 8 |
		pin->client.family);
	set(&item->client[0], get64(pin->client.bytes));
	set(&item->client[1], get64(pin->client.bytes + 8));
	atomic_store_explicit(&item->number, number + 1, memory_order_release);
}

uint64_t
pin_news_next(const struct pin_news *news)
{
	return atomic_load_explicit(&news->ring->next, memory_order_relaxed);
}

static void
read_item(const struct item *item, struct shared_pin *shared)
{
	uint64_t value = load(&item->value), about = load(&item->about);

	*shared = (struct shared_pin){.key = load(&item->key),
	    .share = about >> 32 & (PINS_SHARES - 1),
	    .pin = {.expiry = (uint32_t)(value >> 32),
		.confirmed = value & CONFIRMED,
		.proven = value & PROVEN,
		.differs = true,
		.pool = value >> 20 & PIN_POOL_MASK,
		.origin = value & PIN_ORIGIN_MASK,
		.owner = (uint16_t)(about >> 48),
		.prefix = (uint8_t)(about >> 8),
		.client.family = (uint8_t)about}};
	put64(shared->pin.client.bytes, load(&item->client[0]));
	put64(shared->pin.client.bytes + 8, load(&item->client[1]));
}

bool
pin_news_take(const struct pin_news *news, uint64_t *number, uint64_t *lost, struct shared_pin *pin)
{
	uint64_t next = pin_news_next(news);

	if (*number > next) /* another ring */
		*number = next;
	while (*number < next) {
		const struct item *item = &news->ring->items[*number % PIN_NEWS_ITEMS];
		uint64_t before = atomic_load_explicit(&item->number, memory_order_acquire), after;
		bool behind = next - *number > PIN_NEWS_ITEMS;

		read_item(item, pin);
		atomic_thread_fence(memory_order_acquire);
		after = load(&item->number);
		if (before == *number + 1 && after == before) {
			(*number)++;
			return true;
		}
		/* It is being written: wait for it, as long as it can still be there. */
		if (!behind && before <= *number + 1)
			return false;
		(*number)++;
		(*lost)++;
	}
	return false;
}
