#include "dnsd/tap.h"

#include "zones/base/util.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct tap_ring *
tap_ring_new(struct tap *tap, const union sockaddr_any *server)
{
	struct tap_ring *ring = aligned_alloc(TAP_LINE, sizeof *ring);

	if (ring == NULL)
		return NULL;
	/* The octets are not touched: pages come as they are used. */
	memset(ring, 0, offsetof(struct tap_ring, octets));
	random_bytes(&ring->draw, sizeof ring->draw);
	ring->threshold = UINT64_MAX / tap->sample;
	ring->server = *server;
	ring->next = atomic_load(&tap->rings);
	while (!atomic_compare_exchange_weak(&tap->rings, &ring->next, ring))
		;
	return ring;
}

void
tap_free_rings(struct tap *tap)
{
	struct tap_ring *ring = atomic_exchange(&tap->rings, NULL), *next;

	for (; ring != NULL; ring = next) {
		next = ring->next;
		free(ring);
	}
}

int64_t
tap_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/*
 * Room for size octets in one piece, or NULL. If the end of the ring is too near, a record without a query
 * fills it.
 */
static struct tap_record *
reserve(struct tap_ring *ring, uint32_t size, uint64_t *written)
{
	uint64_t at = *written % TAP_RING, rest = TAP_RING - at;
	uint64_t needed = size + (rest < size ? rest : 0);

	if (*written + needed - ring->room_seen > TAP_RING)
		ring->room_seen = atomic_load_explicit(&ring->taken, memory_order_acquire);
	if (*written + needed - ring->room_seen > TAP_RING)
		return NULL;
	if (rest < size) {
		*(struct tap_record *)(void *)(ring->octets + at) =
		    (struct tap_record){.size = (uint32_t)rest};
		*written += rest;
		at = 0;
	}
	return (struct tap_record *)(void *)(ring->octets + at);
}

void
tap_put(struct tap_ring *ring, const struct peer *peer, const uint8_t *in, size_t inlen, const uint8_t *out,
    size_t outlen, int64_t query_ns, int64_t response_ns)
{
	uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
	uint32_t size =
	    (uint32_t)((sizeof(struct tap_record) + inlen + outlen + TAP_LINE - 1) & ~(size_t)(TAP_LINE - 1));
	struct tap_record *record;

	if (mix64(ring->draw += UINT64_C(0x9e3779b97f4a7c15)) > ring->threshold || inlen == 0)
		return;
	if ((record = reserve(ring, size, &written)) == NULL) {
		atomic_store_explicit(&ring->dropped,
		    atomic_load_explicit(&ring->dropped, memory_order_relaxed) + 1, memory_order_relaxed);
		return;
	}
	*record = (struct tap_record){.size = size,
	    .inlen = (uint16_t)inlen,
	    .outlen = (uint16_t)outlen,
	    .query_ns = query_ns,
	    .response_ns = response_ns,
	    .peer = *peer};
	memcpy(record + 1, in, inlen);
	memcpy((uint8_t *)(record + 1) + inlen, out, outlen);
	atomic_store_explicit(&ring->written, written + size, memory_order_release);
}

const struct tap_record *
tap_oldest(struct tap_ring *ring)
{
	uint64_t taken = atomic_load_explicit(&ring->taken, memory_order_relaxed);
	const struct tap_record *record;

	if (taken == atomic_load_explicit(&ring->written, memory_order_acquire))
		return NULL;
	record = (const struct tap_record *)(const void *)(ring->octets + taken % TAP_RING);
	if (record->inlen > 0)
		return record;
	/* A filler is written together with the record behind it. */
	tap_taken(ring, record);
	return (const struct tap_record *)(const void *)ring->octets;
}

void
tap_taken(struct tap_ring *ring, const struct tap_record *record)
{
	atomic_store_explicit(&ring->taken,
	    atomic_load_explicit(&ring->taken, memory_order_relaxed) + record->size, memory_order_release);
}
