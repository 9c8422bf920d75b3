/*
 * tally.h -- what one thread counted: queries by transport, rcode and type; answers by load balancer and
 * origin.
 *
 * One writer, any readers: every word is a relaxed atomic, so that a count costs a load and a store.
 *
 * Rows of load balancers and origins stand in a table by hash, and their places in the order of their first
 * use: a reader touches only what was used.  The writer allocates nothing.  When there is more to count,
 * another thread hands it a larger table, in which it goes on; what stands in those before still counts.
 */
#ifndef DNSD_TALLY_H
#define DNSD_TALLY_H

#include "dnsd/query.h"
#include "zones/answer/answer.h"

#include <stdatomic.h>

enum { TALLY_TYPES = 258, TALLY_OTHER_TYPE = 257, TALLY_RCODES = 24 };

typedef _Atomic uint64_t tally_word;

struct tally {
	tally_word queries[TRANSPORT_COUNT];
	tally_word rcodes[TALLY_RCODES];
	tally_word types[TALLY_TYPES];        /* by number; those above 256 in the last */
	tally_word cookies_good, cookies_bad; /* clients that showed one of ours, or none or another */
	tally_word limited_dropped, limited_truncated; /* by RRL; in a dry run those that would have been */
	tally_word pins_made, pins_refused;  /* of sticky clients; refused: no room, plain hashing goes on */
	tally_word truncated;                /* responses with TC */
	tally_word ignored;                  /* messages that got silence */
	tally_word last_resort;              /* answers from a fallback pool (S14) */
	tally_word uncounted;                /* answers that the table below had no room for */
	_Atomic(struct tally_table *) table; /* the newest */
};

/* Answers that sent a client of one load balancer to one origin. */
struct tally_row {
	tally_word key; /* number of the load balancer + 1, number of the origin; 0: free */
	tally_word count;
};

struct tally_table {
	struct tally_table *before; /* the smaller one that it took the place of, or NULL */
	uint32_t room;              /* a power of two */
	_Atomic uint32_t used;
	uint32_t *order; /* places of the rows that are used */
	struct tally_row *rows;
};

enum { TALLY_ROOM_LEAST = 1 << 8, TALLY_ROOM_MOST = 1 << 22 };

/* NULL where memory is exhausted. */
struct tally *tally_new(void);
void tally_free(struct tally *tally);

/*
 * Make room for so many pairs of load balancer and origin; and for more if most of the room is used.  Any one
 * thread.  False if memory is exhausted: then some answers are not counted by origin.
 */
bool tally_make_room(struct tally *tally, size_t pairs);

/* Call fn for each row that was ever used; a pair may come more than once.  Any thread. */
void tally_each(const struct tally *tally,
    void (*fn)(void *arg, uint32_t lb, uint32_t origin, uint64_t count), void *arg);

static inline void
tally_add(tally_word *word, uint64_t by)
{
	atomic_store_explicit(
	    word, atomic_load_explicit(word, memory_order_relaxed) + by, memory_order_relaxed);
}

static inline uint64_t
tally_get(const tally_word *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

void tally_query(
    struct tally *tally, const struct peer *peer, const struct query *query, const struct answer *answer);

#endif
