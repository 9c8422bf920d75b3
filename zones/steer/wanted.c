#include "zones/steer/wanted.h"

#include "zones/base/util.h"
#include "zones/store/ring_file.h"

#include <errno.h>
#include <stdatomic.h>

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

struct wanted_ring *
wanted_open(const char *path, struct problems *problems)
{
	struct wanted_ring *ring = ring_file_open(path, magic, sizeof *ring);

	if (ring == NULL)
		problems_error(problems, "%s: load balancers that are asked for are not signed first: %s",
		    path, strerror(errno));
	return ring;
}

struct wanted_ring *
wanted_view(const char *path)
{
	return ring_file_view(path, magic, sizeof(struct wanted_ring));
}

void
wanted_close(struct wanted_ring *ring)
{
	if (ring != NULL)
		ring_file_close(ring, sizeof *ring);
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
