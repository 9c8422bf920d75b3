#include "zones/steer/pins.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE = 4, SLICES = 64, SLICES_OF_ONE = 16, HEAD = 64, WORTH_MOST = 4 };

#define CONFIRMED (UINT64_C(1) << 31)
#define DIFFERS (UINT64_C(1) << 30)

static const char magic[16] = "graycloud pins1";

struct entry {
	_Atomic uint64_t value, check;
};

struct line {
	_Alignas(64) struct entry entries[LINE];
};

struct pins {
	uint8_t *map;
	size_t octets;
	struct line *lines;
	size_t nlines; /* a power of two, at least SLICES */
};

static uint64_t
pack(const struct pin *pin)
{
	return (uint64_t)pin->expiry << 32 | (pin->confirmed ? CONFIRMED : 0) | (pin->differs ? DIFFERS : 0) |
	    (uint64_t)(pin->pool & PIN_POOL_MASK) << 20 | (pin->origin & PIN_ORIGIN_MASK);
}

static void
unpack(struct pin *pin, uint64_t value)
{
	*pin = (struct pin){.expiry = (uint32_t)(value >> 32),
	    .confirmed = value & CONFIRMED,
	    .differs = value & DIFFERS,
	    .pool = value >> 20 & PIN_POOL_MASK,
	    .origin = value & PIN_ORIGIN_MASK};
}

static bool
header_fits(int fd, size_t octets)
{
	char head[sizeof magic];
	struct stat info;

	return fstat(fd, &info) == 0 && (size_t)info.st_size == octets &&
	    pread(fd, head, sizeof head, 0) == sizeof head && memcmp(head, magic, sizeof head) == 0;
}

/* A file of that size whose pages are there, so that a full disk is found now and not in the middle of an
 * answer. */
static int
open_file(const char *path, size_t octets, struct problems *problems)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640), error = 0;

	if (fd >= 0 && header_fits(fd, octets))
		return fd;
	if (fd < 0 || ftruncate(fd, 0) < 0)
		error = errno;
	else if ((error = posix_fallocate(fd, 0, (off_t)octets)) == 0 &&
	    pwrite(fd, magic, sizeof magic, 0) != sizeof magic)
		error = errno;
	if (error == 0)
		return fd;
	problems_error(problems, "%s: cannot keep the sessions of sticky clients: %s", path, strerror(error));
	if (fd >= 0)
		close(fd);
	return -1;
}

struct pins *
pins_open(const char *path, size_t entries, struct problems *problems)
{
	struct pins *pins = xcalloc(1, sizeof *pins);
	int fd = -1;

	pins->nlines = SLICES;
	while (pins->nlines * LINE < entries)
		pins->nlines *= 2;
	pins->octets = HEAD + pins->nlines * sizeof(struct line);
	if (path != NULL && (fd = open_file(path, pins->octets, problems)) < 0) {
		free(pins);
		return NULL;
	}
	pins->map = mmap(NULL, pins->octets, PROT_READ | PROT_WRITE,
	    path != NULL ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, fd, 0);
	if (fd >= 0)
		close(fd);
	if (pins->map == MAP_FAILED) {
		problems_error(problems, "cannot map %zu octets for the sessions of sticky clients: %s",
		    pins->octets, strerror(errno));
		free(pins);
		return NULL;
	}
	pins->lines = (struct line *)(pins->map + HEAD);
	return pins;
}

struct pins *
pins_view(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct pins *pins = NULL;
	struct stat info;

	if (fd >= 0 && fstat(fd, &info) == 0 && info.st_size > HEAD &&
	    header_fits(fd, (size_t)info.st_size)) {
		pins = xcalloc(1, sizeof *pins);
		pins->octets = (size_t)info.st_size;
		pins->nlines = (pins->octets - HEAD) / sizeof(struct line);
		pins->map = mmap(NULL, pins->octets, PROT_READ, MAP_SHARED, fd, 0);
		pins->lines = (struct line *)(pins->map + HEAD);
		if (pins->map == MAP_FAILED || pins->nlines < SLICES ||
		    (pins->nlines & (pins->nlines - 1)) != 0) {
			if (pins->map != MAP_FAILED)
				munmap(pins->map, pins->octets);
			free(pins);
			pins = NULL;
		}
	}
	if (fd >= 0)
		close(fd);
	return pins;
}

void
pins_close(struct pins *pins)
{
	if (pins == NULL)
		return;
	munmap(pins->map, pins->octets);
	free(pins);
}

/* A load balancer's quarter is SLICES_OF_ONE slices, from one that its hash chooses. */
static struct line *
line_of(const struct pins *pins, uint64_t key, uint32_t share)
{
	size_t each = pins->nlines / SLICES, slice = (share + (key >> 48) % SLICES_OF_ONE) % SLICES;

	return &pins->lines[slice * each + (key & (each - 1))];
}

static uint64_t
load(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void
store(struct entry *entry, uint64_t key, uint64_t value)
{
	atomic_store_explicit(&entry->value, value, memory_order_relaxed);
	atomic_store_explicit(&entry->check, key ^ value, memory_order_relaxed);
}

static bool
ended(uint64_t value, uint32_t now_s)
{
	return (int32_t)((uint32_t)(value >> 32) - now_s) <= 0;
}

bool
pins_get(const struct pins *pins, uint64_t key, uint32_t share, uint32_t now_s, struct pin *pin)
{
	const struct line *line = line_of(pins, key, share);

	for (unsigned i = 0; i < LINE; i++) {
		uint64_t value = load(&line->entries[i].value);

		if (value == 0 || (load(&line->entries[i].check) ^ value) != key)
			continue;
		unpack(pin, value);
		return !ended(value, now_s);
	}
	return false;
}

/* What goes first: 0 what has ended, then what hashing says too, then what differs; each unconfirmed before
 * confirmed. */
static unsigned
worth(uint64_t value, uint32_t now_s)
{
	if (value == 0 || ended(value, now_s))
		return 0;
	return 1 + (value & CONFIRMED ? 1 : 0) + (value & DIFFERS ? 2 : 0);
}

bool
pins_put(struct pins *pins, uint64_t key, uint32_t share, uint32_t now_s, const struct pin *pin)
{
	struct line *line = line_of(pins, key, share);
	struct entry *least = &line->entries[0];
	uint64_t new = pack(pin);
	unsigned least_worth = UINT32_MAX;

	for (unsigned i = 0; i < LINE; i++) {
		struct entry *entry = &line->entries[i];
		uint64_t value = load(&entry->value);
		unsigned its_worth = worth(value, now_s);

		if (value != 0 && (load(&entry->check) ^ value) == key) {
			store(entry, key, new);
			return true;
		}
		if (its_worth < least_worth) {
			least_worth = its_worth;
			least = entry;
		}
	}
	/* Nobody displaces what is worth more, and no newcomer a confirmed pin that differs. */
	if (least_worth > worth(new, now_s) || least_worth == WORTH_MOST)
		return false;
	store(least, key, new);
	return true;
}

size_t
pins_count(const struct pins *pins, uint32_t now_s)
{
	size_t count = 0;

	for (size_t i = 0; i < pins->nlines; i++)
		for (unsigned n = 0; n < LINE; n++)
			count += worth(load(&pins->lines[i].entries[n].value), now_s) > 0;
	return count;
}
