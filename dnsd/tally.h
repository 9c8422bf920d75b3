/*
 * tally.h -- the counters of one thread: queries by transport, rcode and type; answers by load balancer and
 * origin.
 *
 * One writer, any readers: every word is a relaxed atomic, so counting costs a load and a store.
 *
 * Rows of load balancers and origins are in a hash table, and a list has their positions in the order of
 * first use, so a reader touches only used rows.  The writer allocates nothing.  If there is more to count,
 * another thread gives it a larger table, in which it continues; the numbers in the older tables still count.
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
	tally_word types[TALLY_TYPES];                 /* by number; the last counts all above 256 */
	tally_word cookies_good, cookies_bad;          /* valid cookies, and missing or invalid ones */
	tally_word limited_dropped, limited_truncated; /* by RRL; in a dry run, those that it would limit */
	tally_word pins_made, pins_refused; /* of sticky clients; refused: no room, so hashing decides */
	tally_word truncated;               /* responses with TC */
	tally_word ignored;                 /* messages that got no answer */
	tally_word last_resort;             /* answers from a fallback pool (S14) */
	/* To clients with DO: with signatures, of these with one address in place of all, SERVFAIL (S102). */
	tally_word answers_signed, answers_of_one, unsigned_failed;
	tally_word uncounted;                /* answers for which the table below had no room */
	_Atomic(struct tally_table *) table; /* the newest */
};

/* The number of answers of one load balancer with one origin. */
struct tally_row {
	tally_word key; /* number of the load balancer + 1, number of the origin; 0: free */
	tally_word count;
};

struct tally_table {
	struct tally_table *before; /* the smaller table that it replaced, or NULL */
	uint32_t room;              /* a power of two */
	_Atomic uint32_t used;
	uint32_t *order; /* positions of the used rows */
	struct tally_row *rows;
};

enum { TALLY_ROOM_LEAST = 1 << 8, TALLY_ROOM_MOST = 1 << 22 };

/* Returns NULL if memory is exhausted. */
struct tally *tally_new(void);
void tally_free(struct tally *tally);

/*
 * Make room for that many pairs of load balancer and origin, and for more if most of the room is used.  Only
 * one thread may call it.  Returns false if memory is exhausted: then some answers are not counted by origin.
 */
bool tally_make_room(struct tally *tally, size_t pairs);

/* Call fn for each row that was ever used; a pair may occur more than once.  Any thread. */
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
