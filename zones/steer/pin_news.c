#include "zones/steer/pin_news.h"

#include "zones/base/util.h"
#include "zones/store/ring_file.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

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
};

static struct pin_news *
news_of(struct ring *ring)
{
	struct pin_news *news;

	if (ring == NULL)
		return NULL;
	news = xcalloc(1, sizeof *news);
	news->ring = ring;
	return news;
}

struct pin_news *
pin_news_open(const char *path, struct problems *problems)
{
	struct ring *ring = ring_file_open(path, magic, sizeof *ring);

	if (ring == NULL)
		problems_error(
		    problems, "%s: other nodes will not hear of sticky clients: %s", path, strerror(errno));
	return news_of(ring);
}

struct pin_news *
pin_news_view(const char *path)
{
	return news_of(ring_file_view(path, magic, sizeof(struct ring)));
}

bool
pin_news_is(const struct pin_news *news, const char *path)
{
	return ring_file_is(news->ring, path);
}

void
pin_news_close(struct pin_news *news)
{
	if (news == NULL)
		return;
	ring_file_close(news->ring, sizeof *news->ring);
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
