/*
 * pins.h -- where sticky clients are kept (S20): a bounded table that all workers read and write without a
 * lock.
 *
 *     64 octets: entry entry entry entry      entry: value, check = key xor value
 *     value: expiry (32 bits), confirmed, differs, pool (10), origin (20)
 *
 * Both words are relaxed atomics: a torn pair does not verify and reads as no pin.  The table is a file, so
 * that it outlives a crash of the process; what it keeps is never needed to answer, only to answer the same
 * again.
 *
 * When a line of four is full, newcomers wait in probation until they are seen again, pins that say just what
 * hashing says go first, and those that differ and are confirmed never go before they end.  Each load
 * balancer has a quarter of the table.
 */
#ifndef PINS_H
#define PINS_H

#include "zones/base/problem.h"
#include "zones/base/util.h"

struct pins;

struct pin {
	uint32_t expiry; /* seconds since 1970 */
	uint32_t pool;   /* pin_pool_tag */
	uint32_t origin; /* pin_origin_tag */
	bool confirmed;  /* seen again, a second or more after it was made */
	bool differs;    /* hashing alone would have said something else, had all been well */
};

enum { PINS_DEFAULT = 1 << 20, PINS_ENTRY = 16, PIN_POOL_MASK = 0x3ff, PIN_ORIGIN_MASK = 0xfffff };

/* The few bits of a hash of S18 that a pin keeps. */
static inline uint32_t
pin_pool_tag(uint64_t hash)
{
	return hash >> 54 & PIN_POOL_MASK;
}

static inline uint32_t
pin_origin_tag(uint64_t hash)
{
	return hash >> 44 & PIN_ORIGIN_MASK;
}

/*
 * Map the table at path, made or made anew where it is none of that size (NULL: memory alone).  entries is
 * rounded up to a power of two.  NULL with problems filled.
 */
struct pins *pins_open(const char *path, size_t entries, struct problems *problems);
/* The table of a running nameserver, only to be read; NULL where there is none. */
struct pins *pins_view(const char *path);
void pins_close(struct pins *pins);

/* The pin of a key, if it has not ended.  share: a hash of the load balancer.  Any thread; never blocks. */
bool pins_get(const struct pins *pins, uint64_t key, uint32_t share, uint32_t now_s, struct pin *pin);
/* Put one, or replace what the key has.  False where the table has no room for it. */
bool pins_put(struct pins *pins, uint64_t key, uint32_t share, uint32_t now_s, const struct pin *pin);

/* How many have not ended; walks the table. */
size_t pins_count(const struct pins *pins, uint32_t now_s);

#endif
