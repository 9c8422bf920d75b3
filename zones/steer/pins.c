#include "zones/steer/pins.h"

#include "zones/base/util.h"
#include "zones/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINE = PINS_LINE, SLICES = PINS_SHARES, SLICES_OF_ONE = 16, HEAD = 64 };

#define CONFIRMED (UINT64_C(1) << 31)
#define DIFFERS (UINT64_C(1) << 30)
#define PROVEN (UINT64_C(1) << 63)

static const char magic[16] = "graycloud pins2";

struct line {
	_Alignas(64) struct {
		_Atomic uint64_t value, check;
	} pairs[LINE];
	_Atomic uint64_t about[LINE];
	_Atomic uint64_t addresses[LINE][2];
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

static uint64_t
pack_about(const struct pin *pin)
{
	return (pin->proven ? PROVEN : 0) | (uint64_t)pin->owner << 16 | (uint64_t)pin->prefix << 8 |
	    pin->client.family;
}

static uint16_t
owner_of(uint64_t about)
{
	return (uint16_t)(about >> 16);
}

uint16_t
pin_owner(const struct address *resolver)
{
	uint64_t network = resolver->family == FAMILY_V4
	    ? (uint64_t)resolver->bytes[0] << 16 | resolver->bytes[1] << 8 | resolver->bytes[2]
	    : get64(resolver->bytes) >> 8 | UINT64_C(1) << 60;

	return (uint16_t)(mix64(network) >> 48);
}

static bool
header_fits(int fd, size_t octets)
{
	char head[sizeof magic];
	struct stat info;

	return fstat(fd, &info) == 0 && (size_t)info.st_size == octets &&
	    pread(fd, head, sizeof head, 0) == sizeof head && memcmp(head, magic, sizeof head) == 0;
}

/* Create another file: a nameserver that is being replaced still uses the old one. */
static int
begin_anew(const char *path, int fd)
{
	close(fd);
	return unlink(path) < 0 ? -1 : open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
}

/*
 * Open a file of that size and allocate all its blocks, so that a full disk is found now and not during an
 * answer. A valid file is allocated, too, because it may be sparse (a copy, a restored backup).
 */
static int
open_file(const char *path, size_t octets, struct problems *problems)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640), error = 0;

	if (fd >= 0 && header_fits(fd, octets))
		error = posix_fallocate(fd, 0, (off_t)octets);
	else if (fd < 0 || (fd = begin_anew(path, fd)) < 0)
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
	if (path != NULL)
		store_spare_faults(pins->map, pins->octets, path);
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
		} else {
			store_spare_faults(pins->map, pins->octets, path);
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
	store_spare_no_more(pins->map);
	munmap(pins->map, pins->octets);
	free(pins);
}

/* A load balancer's quarter is SLICES_OF_ONE slices, starting at one that its hash chooses. */
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
set(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

static bool
ended(uint64_t value, uint32_t now_s)
{
	return value == 0 || (int32_t)((uint32_t)(value >> 32) - now_s) <= 0;
}

bool
pins_get(const struct pins *pins, uint64_t key, uint32_t share, uint32_t now_s, struct pin *pin)
{
	const struct line *line = line_of(pins, key, share);

	for (unsigned i = 0; i < LINE; i++) {
		uint64_t value = load(&line->pairs[i].value);

		if ((load(&line->pairs[i].check) ^ value) != key || value == 0)
			continue;
		unpack(pin, value);
		return !ended(value, now_s);
	}
	return false;
}

static void
write_entry(struct line *line, unsigned place, uint64_t key, const struct pin *pin)
{
	uint64_t value = pack(pin);

	set(&line->pairs[place].value, value);
	set(&line->about[place], pack_about(pin));
	set(&line->addresses[place][0], get64(pin->client.bytes));
	set(&line->addresses[place][1], get64(pin->client.bytes + 8));
	set(&line->pairs[place].check, key ^ value);
}

/*
 * Replace a pin of the same key. A proven pin stays proven. The pin keeps its owner, unless the new one is
 * proven and the old one was not.
 */
static void
replace_entry(struct line *line, unsigned place, uint64_t key, const struct pin *pin)
{
	uint64_t before = load(&line->about[place]);
	struct pin now = *pin;

	if (before & PROVEN || !now.proven)
		now.owner = owner_of(before);
	now.proven |= (before & PROVEN) != 0;
	write_entry(line, place, key, &now);
}

static unsigned
worth(uint64_t value, uint64_t about)
{
	return (value & CONFIRMED ? 1 : 0) + (value & DIFFERS ? 2 : 0) + (about & PROVEN ? 4 : 0);
}

static unsigned
held_by(const struct line *line, uint16_t owner)
{
	unsigned count = 0;

	for (unsigned i = 0; i < LINE; i++)
		count += owner_of(load(&line->about[i])) == owner;
	return count;
}

/* True if a newcomer may displace a pin when a line is full (pins.h); all pins of the line are valid. */
static bool
may_displace(const struct line *line, unsigned place, const struct pin *pin, bool own_only)
{
	uint64_t value = load(&line->pairs[place].value), about = load(&line->about[place]);
	bool proven = about & PROVEN;

	if (own_only && owner_of(about) != pin->owner)
		return false;
	if (!own_only && held_by(line, owner_of(about)) > PINS_LINE_SHARE)
		return true;
	if (proven && !pin->proven)
		return false;
	if (worth(value, about) > worth(pack(pin), pack_about(pin)))
		return false;
	return !(value & CONFIRMED && value & DIFFERS) || (pin->proven && !proven);
}

/* The slot that a newcomer takes in a full line; -1: none. */
static int
victim(const struct line *line, const struct pin *pin)
{
	bool own_only = held_by(line, pin->owner) >= PINS_LINE_SHARE, best_excess = false;
	unsigned least = UINT32_MAX;
	int best = -1;

	for (unsigned i = 0; i < LINE; i++) {
		uint64_t value = load(&line->pairs[i].value), about = load(&line->about[i]);
		bool excess = !own_only && held_by(line, owner_of(about)) > PINS_LINE_SHARE;
		unsigned its = worth(value, about);

		if (!may_displace(line, i, pin, own_only) || (best_excess && !excess))
			continue;
		if (excess > best_excess || its < least) {
			best = (int)i;
			least = its;
			best_excess = excess;
		}
	}
	return best;
}

bool
pins_put(struct pins *pins, uint64_t key, uint32_t share, uint32_t now_s, const struct pin *pin)
{
	struct line *line = line_of(pins, key, share);
	int place = -1;

	for (unsigned i = 0; i < LINE; i++) {
		uint64_t value = load(&line->pairs[i].value);

		if (value != 0 && (load(&line->pairs[i].check) ^ value) == key) {
			replace_entry(line, i, key, pin);
			return true;
		}
		if (place < 0 && ended(value, now_s))
			place = (int)i;
	}
	if (place < 0 && (place = victim(line, pin)) < 0)
		return false;
	write_entry(line, (unsigned)place, key, pin);
	return true;
}

/* S99: does this node's pin stay? */
static bool
is_later(const struct pin *own, const struct pin *pin)
{
	if (!own->differs && (int32_t)(own->expiry - pin->expiry) <= PINS_RACE_S)
		return false;
	return (pack(own) & ~CONFIRMED & ~DIFFERS) > (pack(pin) & ~CONFIRMED & ~DIFFERS);
}

bool
pins_share(struct pins *pins, uint64_t key, uint32_t share, uint32_t now_s, const struct pin *pin)
{
	const struct line *line = line_of(pins, key, share);
	struct pin now = *pin;

	if (ended(pack(pin), now_s))
		return false;
	for (unsigned i = 0; i < LINE; i++) {
		uint64_t value = load(&line->pairs[i].value);
		struct pin own;

		if (value == 0 || (load(&line->pairs[i].check) ^ value) != key || ended(value, now_s))
			continue;
		unpack(&own, value);
		if (is_later(&own, pin))
			return false;
		now.confirmed |= own.confirmed;
		if (pack(&now) == value && (!pin->proven || load(&line->about[i]) & PROVEN))
			return true;
	}
	return pins_put(pins, key, share, now_s, &now);
}

/* The pin in one place of a line; false if there is none, or it has expired. */
static bool
read_entry(const struct line *line, unsigned place, uint32_t now_s, uint64_t *key, struct pin *pin)
{
	uint64_t value = load(&line->pairs[place].value), about = load(&line->about[place]);

	if (ended(value, now_s))
		return false;
	unpack(pin, value);
	pin->proven = about & PROVEN;
	pin->owner = owner_of(about);
	pin->prefix = (uint8_t)(about >> 8);
	pin->client.family = (uint8_t)about;
	put64(pin->client.bytes, load(&line->addresses[place][0]));
	put64(pin->client.bytes + 8, load(&line->addresses[place][1]));
	*key = load(&line->pairs[place].check) ^ value;
	return true;
}

void
pins_differing(const struct pins *pins, uint32_t now_s,
    void (*fn)(void *arg, uint64_t key, uint32_t share, const struct pin *pin), void *arg)
{
	size_t each = pins->nlines / SLICES;

	for (size_t n = 0; n < pins->nlines; n++)
		for (unsigned i = 0; i < LINE; i++) {
			struct pin pin;
			uint64_t key;

			if (read_entry(&pins->lines[n], i, now_s, &key, &pin) && pin.differs)
				fn(arg, key, (uint32_t)(n / each - (key >> 48) % SLICES_OF_ONE) % SLICES,
				    &pin);
		}
}

void
pins_each(const struct pins *pins, uint32_t share, uint32_t now_s,
    void (*fn)(void *arg, uint64_t key, const struct pin *pin), void *arg)
{
	size_t each = pins->nlines / SLICES;

	for (size_t n = 0; n < SLICES_OF_ONE * each; n++) {
		const struct line *line = &pins->lines[(share + n / each) % SLICES * each + n % each];

		for (unsigned i = 0; i < LINE; i++) {
			struct pin pin;
			uint64_t key;

			if (read_entry(line, i, now_s, &key, &pin))
				fn(arg, key, &pin);
		}
	}
}

size_t
pins_count(const struct pins *pins, uint32_t now_s)
{
	size_t count = 0;

	for (size_t i = 0; i < pins->nlines; i++)
		for (unsigned n = 0; n < LINE; n++)
			count += !ended(load(&pins->lines[i].pairs[n].value), now_s);
	return count;
}
