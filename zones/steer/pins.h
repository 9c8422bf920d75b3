/*
 * pins.h -- where sticky clients are kept (S20): a bounded table that all workers read and write without a
 * lock.
 *
 *     a line of eight:  (value, check) x 8, about x 8, address x 8
 *     value: expiry (32 bits), confirmed, differs, pool (10), origin (20)
 *     check: key xor value
 *     about: proven, owner (16), length of the client's prefix (8), its family (8)
 *     address: the client's, 16 octets
 *
 * All words are relaxed atomics.  A torn pair of value and check does not verify and reads as no pin; about
 * and address serve the choice of a victim and the list of pins, never an answer.  The table is a file, so
 * that it outlives a crash of the process, and that one nameserver can replace another: for a moment the
 * threads of both write it, as those of one do.  It is never needed to answer, only to answer the same again.
 *
 * When a line is full, this decides who goes (S20):
 *
 * - An owner (the network of a resolver) that has its share of the line displaces only its own pins.
 * - What an owner has beyond its share goes first, for anybody.
 * - A pin is worth more if it is confirmed, more if it differs, and most if it is proven.  Nobody displaces
 *   what is worth more; a confirmed pin that differs goes only for somebody who is proven where it is not.
 *
 * Each load balancer has a quarter of the table.
 */
#ifndef PINS_H
#define PINS_H

#include "zones/base/problem.h"
#include "zones/model/model.h"

struct pins;

struct pin {
	uint32_t expiry; /* seconds since 1970 */
	uint32_t pool;   /* pin_pool_tag */
	uint32_t origin; /* pin_origin_tag */
	bool confirmed;  /* seen again, a second or more after it was made */
	bool differs;    /* hashing alone would have said something else, had all been well */
	bool proven;     /* its resolver showed that its address is its own: by a cookie, or over TCP */
	uint16_t owner;  /* pin_owner */
	uint8_t prefix;  /* length, of client */
	struct address client;
};

enum {
	PINS_DEFAULT = 1 << 20,
	PINS_ENTRY = 40,
	PINS_LINE = 8,
	PINS_LINE_SHARE = 2, /* of a line, for one owner, when the line is full */
	PIN_POOL_MASK = 0x3ff,
	PIN_ORIGIN_MASK = 0xfffff
};

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

/* A hash of the network that a resolver is in (/24, /56). */
uint16_t pin_owner(const struct address *resolver);

/*
 * Map the table at path, made or made anew if it is none of that size (NULL: memory alone).  All of its
 * blocks are allocated, so that a full disk is found here.  entries is rounded up to a power of two.  NULL
 * with problems filled.  If a page of the file cannot be read or written later, pins go to memory from then
 * on.
 */
struct pins *pins_open(const char *path, size_t entries, struct problems *problems);
/* The table of a running nameserver, only to be read; NULL if there is none. */
struct pins *pins_view(const char *path);
void pins_close(struct pins *pins);

/*
 * The pin of a key, if it has not ended; without its client and owner.  share: a hash of the load balancer.
 * Any thread; never blocks.
 */
bool pins_get(const struct pins *pins, uint64_t key, uint32_t share, uint32_t now_s, struct pin *pin);
/*
 * Put one, or replace what the key has, which keeps its owner unless the new one is proven and it was not.
 * False if the table has no room for it.
 */
bool pins_put(struct pins *pins, uint64_t key, uint32_t share, uint32_t now_s, const struct pin *pin);

/* Call fn for each pin in a load balancer's part that has not ended.  The part is shared with others'. */
void pins_each(const struct pins *pins, uint32_t share, uint32_t now_s,
    void (*fn)(void *arg, uint64_t key, const struct pin *pin), void *arg);

/* How many have not ended; walks the table. */
size_t pins_count(const struct pins *pins, uint32_t now_s);

#endif
