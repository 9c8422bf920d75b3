/*
 * tally.h -- what one thread counted: queries by transport, rcode and type; answers by load balancer and
 * origin.
 *
 * One writer, any readers: every word is a relaxed atomic, so that a count costs a load and a store.  Fixed
 * memory.
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
	tally_word pins_made, pins_refused; /* of sticky clients; refused: no room, plain hashing goes on */
	tally_word truncated;               /* responses with TC */
	tally_word ignored;                 /* messages that got silence */
	tally_word last_resort;             /* answers from a fallback pool (S14) */
	tally_word uncounted;               /* answers that the table below had no room for */
	struct tally_row *rows;
};

/* Answers that sent a client of one load balancer to one origin. */
struct tally_row {
	tally_word key; /* number of the load balancer + 1, number of the origin; 0: free */
	tally_word count;
};

enum { TALLY_ROWS = 1 << 18 };

/* NULL where memory is exhausted.  Rows are touched only as they are used. */
struct tally *tally_new(void);
void tally_free(struct tally *tally);

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
