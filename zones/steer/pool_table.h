/*
 * pool_table.h -- a pool made ready for steering: its candidates, by family and weight (S11 to S16, S18).
 *
 * A table is immutable and replaced whole when the pool's health or configuration changes.  Load balancers
 * name pools by slot; a slot holds the newest table, and a bit tells whether it is usable.
 */
#ifndef POOL_TABLE_H
#define POOL_TABLE_H

#include "zones/geo/geo.h"

#include <stdatomic.h>

struct candidate {
	uint64_t hash;        /* O of S18 */
	const uint8_t *cname; /* S16: what is answered where it is the only origin (a fragment, segment.h);
				 NULL: addresses */
	uint16_t weight;      /* hundredths */
	uint16_t origin;      /* position in the pool's origins */
	uint16_t rank;        /* of its identity among the pool's: ties go to the smaller (S18) */
	uint16_t first;       /* of its addresses among the list's */
	uint16_t naddresses;  /* 1, but for a hostname; 0 where only its CNAME can be answered */
	uint32_t number;      /* of the origin, for counters */
};

/* What is answered. */
struct candidate_address {
	uint8_t bytes[16];
	uint16_t candidate; /* its place in the list */
};

/* Candidates of one weight stand together, the heaviest first; within a weight by rank. */
struct weight_class {
	uint16_t weight;
	uint16_t first;
	uint16_t count;
};

struct candidates {
	uint16_t count;
	uint16_t nclasses;
	uint16_t nring;
	bool plain; /* each candidate has one address, no two the same, and none a CNAME: place i is address i
		     */
	bool doubles; /* two hostnames have an address in common */
	const struct candidate *list;
	const struct candidate_address *addresses; /* those of list[0], then of list[1], ... */
	const struct candidate_address *ring;      /* each once: S15's every candidate */
	const uint64_t *hashes;                    /* list[i].hash again, side by side */
	const uint32_t *cumulative;                /* [i]: weight of list[0] to list[i] */
	const struct weight_class *classes;
};

enum { TABLE_V4, TABLE_V6, TABLE_FAMILIES };

struct pool_table {
	struct id id;
	const char *name;
	uint64_t hash;             /* O of S18 for the pool itself, whose identity is empty */
	bool usable;               /* S12 */
	bool weighted;             /* S15: any weight differs among enabled origins of weight > 0 */
	uint16_t enabled, healthy; /* origins that S12 counted */
	bool hash_origins;         /* origin_steering hash */
	bool shed_by_hash;
	struct geo_point point;                     /* for proximity; all zero where it has none */
	uint32_t latency_us;                        /* S41: for dynamic_latency; 0 where it is not known */
	uint64_t shed;                              /* of 2^32: the share of clients that this pool refuses */
	struct candidates serving[TABLE_FAMILIES];  /* S11 */
	struct candidates steady[TABLE_FAMILIES];   /* S21: those of them that are not suspect */
	struct candidates fallback[TABLE_FAMILIES]; /* S14 */
};

/*
 * Make a table; states and numbers have one entry for each origin (S24; for counters).  Returns NULL where
 * memory is exhausted.  One allocation: free() ends it.
 */
struct pool_table *pool_table_new(
    const struct pool *pool, const enum health_state *states, const uint32_t *numbers);

/* O of S18: SipHash-2-4 with the zero key of pool name, 00, identity. */
uint64_t pool_identity_hash(const char *pool, const void *identity, size_t len);

/*
 * All tables, by slot.  The publisher stores a table, then its bit, with release; a query loads each at most
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
