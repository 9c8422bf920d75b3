/*
 * pins.h -- the table of sticky clients (S20): of fixed size; all workers read and write it without a lock.
 *
 *     a line of eight:  (value, check) x 8, about x 8, address x 8
 *     value: expiry (32 bits), confirmed, differs, pool (10), origin (20)
 *     check: key xor value
 *     about: proven, owner (16), length of the client's prefix (8), its family (8)
 *     address: the client's, 16 octets
 *
 * All words are relaxed atomics. A torn pair of value and check does not match and is treated as no pin.
 * about and address are used to choose which pin to displace and to list pins, never for an answer. The table
 * is a file, so that it survives a crash of the process and one nameserver can replace another; for a moment
 * the threads of both write it, which is as safe as the threads of one. No answer needs the table; it only
 * makes answers stay the same.
 *
 * When a line is full, these rules decide which pin is displaced (S20):
 *
 * An owner (the network of a resolver) that has its share of the line displaces only its own pins.
 *
 * Pins of an owner beyond its share are displaced first, by any newcomer whose owner is below its share.
 *
 * A confirmed pin ranks higher, one that differs higher still, and a proven one highest. A newcomer never
 * displaces a pin of higher rank. A confirmed pin that differs is displaced only if the newcomer is proven
 * and the pin is not.
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
	bool confirmed;  /* the client asked again, at least one second after the pin was created */
	bool differs;    /* the pin, or one whose place it took, differs from the result of hashing if all
			    pools and origins were healthy */
	bool proven;     /* the resolver proved that its address is its own: by a cookie, or over TCP */
	uint16_t owner;  /* pin_owner */
	uint8_t prefix;  /* prefix length of client */
	struct address client;
};

enum {
	PINS_DEFAULT = 1 << 20,
	PINS_ENTRY = 40,
	PINS_LINE = 8,
	PINS_SHARES = 64, /* a share counts modulo this */
	PINS_RACE_S = 10,
	PINS_LINE_SHARE = 2, /* maximum entries of one owner in a full line */
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

/* A hash of the network of a resolver (/24, /56). */
uint16_t pin_owner(const struct address *resolver);

/*
 * Map the table at path. Create it if it is missing or of another size (path NULL: only in memory). All of
 * its blocks are allocated, so that a full disk is found here. entries is rounded up to a power of two.
 * Returns NULL with problems filled. If a page of the file cannot be read or written later, pins are kept in
 * memory from then on.
 */
struct pins *pins_open(const char *path, size_t entries, struct problems *problems);
/* Map the table of a running nameserver, read-only. Returns NULL if it does not exist. */
struct pins *pins_view(const char *path);
void pins_close(struct pins *pins);

/*
 * Get the pin of a key, without its client and owner. share is a hash of the load balancer. Returns false if
 * there is no pin or it has expired. Any thread; never blocks.
 */
bool pins_get(const struct pins *pins, uint64_t key, uint32_t share, uint32_t now_s, struct pin *pin);
/*
 * Add a pin, or replace the one of this key. A replaced pin keeps its owner, unless the new one is proven and
 * the old one was not. Returns false if the table has no room. Any thread; never blocks.
 */
bool pins_put(struct pins *pins, uint64_t key, uint32_t share, uint32_t now_s, const struct pin *pin);

/*
 * S99: a pin of another node; it differs. Of two pins of one key, all nodes keep that with the later end,
 * else the greater (pool, origin). But a pin that does not differ, of which the others do not know, does not
 * stay if it was made at most PINS_RACE_S later: this node had not heard of the other one yet. Marks of the
 * client (confirmed, proven) are added. Then as pins_put(): the rules of displacement are those of a
 * client that asked here. Returns true if the table has it now.
 */
bool pins_share(struct pins *pins, uint64_t key, uint32_t share, uint32_t now_s, const struct pin *pin);

/* Call fn for each pin that differs and has not expired, with its share. Reads the whole table. */
void pins_differing(const struct pins *pins, uint32_t now_s,
    void (*fn)(void *arg, uint64_t key, uint32_t share, const struct pin *pin), void *arg);

/*
 * Call fn for each pin in a load balancer's part that has not expired. Other load balancers share that part.
 */
void pins_each(const struct pins *pins, uint32_t share, uint32_t now_s,
    void (*fn)(void *arg, uint64_t key, const struct pin *pin), void *arg);

/* The number of pins that have not expired. Reads the whole table. */
size_t pins_count(const struct pins *pins, uint32_t now_s);

#endif
