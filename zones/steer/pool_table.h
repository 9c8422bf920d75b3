/*
 * pool_table.h -- a pool prepared for steering: its candidates, by family and weight (S11 to S16, S18).
 *
 * A table is immutable. It is replaced whole when the pool's health or configuration changes. Load balancers
 * refer to pools by slot; a slot holds the newest table, and a bit shows if it is usable. Any thread may read
 * tables.
 */
#ifndef POOL_TABLE_H
#define POOL_TABLE_H

#include "zones/geo/geo.h"
#include "zones/steer/content.h"

#include <stdatomic.h>

struct candidate {
	uint64_t hash;        /* O of S18 */
	const uint8_t *cname; /* S16: the answer if this is the only origin (a fragment, segment.h); NULL: its
				 addresses are the answer */
	uint16_t weight;      /* hundredths */
	uint16_t origin;      /* position in the pool's origins */
	uint16_t rank;        /* of its identity among those of the pool: the smaller one wins a tie (S18) */
	uint16_t first;       /* of its addresses among those of the list */
	uint16_t naddresses;  /* 1 unless it is a hostname; 0 if only its CNAME can be the answer */
	uint32_t number;      /* number of the origin, for counters */
};

/* One address that can be the answer. */
struct candidate_address {
	uint8_t bytes[16];
	uint16_t candidate; /* index of its candidate in the list */
};

/* Candidates of equal weight are adjacent, the heaviest first; sorted by rank within a weight. */
struct weight_class {
	uint16_t weight;
	uint16_t first;
	uint16_t count;
};

struct candidates {
	uint16_t count;
	uint16_t nclasses;
	uint16_t nring;
	bool plain;   /* each candidate has one address, all differ, no CNAME: index i is address i */
	bool doubles; /* two hostnames share an address */
	const struct candidate *list;
	const struct candidate_address *addresses; /* those of list[0], then of list[1], ... */
	const struct candidate_address *ring;      /* each address once: S15's every candidate */
	const uint64_t *hashes;                    /* copies of list[i].hash, adjacent */
	const uint32_t *cumulative;                /* [i]: the sum of the weights of list[0] to list[i] */
	const struct weight_class *classes;
	struct content content; /* of all addresses of the ring */
};

enum { TABLE_V4, TABLE_V6, TABLE_FAMILIES };

struct pool_table {
	struct id id;
	const char *name;
	uint64_t hash;             /* O of S18 for the pool itself, whose identity is empty */
	bool usable;               /* S12 */
	bool weighted;             /* S15: the weights of enabled origins of weight > 0 differ */
	uint16_t enabled, healthy; /* number of origins, as S12 counts them */
	bool hash_origins;         /* origin_steering is hash */
	bool shed_by_hash;
	struct geo_point point; /* for proximity; all zero if the pool has none */
	uint32_t latency_us;    /* S41: for dynamic_latency; 0 if unknown */
	uint64_t shed;          /* share of clients that this pool refuses, in units of 2^-32 */
	struct candidates serving[TABLE_FAMILIES];  /* S11 */
	struct candidates steady[TABLE_FAMILIES];   /* S21: those of serving that are not suspect */
	struct candidates fallback[TABLE_FAMILIES]; /* S14 */
};

/*
 * Create a table. states and numbers have one entry for each origin (S24; for counters). One allocation: free
 * it with free().
 */
struct pool_table *pool_table_new(
    const struct pool *pool, const enum health_state *states, const uint32_t *numbers);

/* O of S18: SipHash-2-4 with the zero key of pool name, 00, identity. */
uint64_t pool_identity_hash(const char *pool, const void *identity, size_t len);

/*
 * All tables, by slot. The publisher stores a table, then its bit, with release. A query loads each at most
 * once. A bit may be newer or older than its table: a table without candidates counts as unusable.
 */
struct pool_slots {
	uint32_t count;
	_Atomic(const struct pool_table *) *tables;
	_Atomic uint64_t *usable;
};

static inline bool
pool_slot_usable(const struct pool_slots *slots, uint32_t slot)
{
	return atomic_load_explicit(&slots->usable[slot / 64], memory_order_relaxed) >> slot % 64 & 1;
}

static inline const struct pool_table *
pool_slot_table(const struct pool_slots *slots, uint32_t slot)
{
	return atomic_load_explicit(&slots->tables[slot], memory_order_acquire);
}

#endif
