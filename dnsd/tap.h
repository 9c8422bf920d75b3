/*
 * tap.h -- copies of queries and responses on their way to the query log (dnstap).
 *
 * Each thread that answers has a ring of fixed size: it copies its answers there, and the writer thread
 * (tap_writer.h) takes them out. The thread never waits, allocates or makes a system call: if the ring is
 * full, the record is dropped and counted. A ring has one producer and one consumer.
 */
#ifndef DNSD_TAP_H
#define DNSD_TAP_H

#include "dnsd/peer.h"

#include <stdatomic.h>

enum { TAP_RING = 1 << 20, TAP_LINE = 64 };

/* One query with its response, as it lies in a ring; the octets of both follow. */
struct tap_record {
	uint32_t size; /* of the whole, in octets: a multiple of TAP_LINE */
	uint16_t inlen, outlen;
	int64_t query_ns, response_ns; /* nanoseconds since 1970 */
	struct peer peer;
};

struct tap_ring {
	_Alignas(TAP_LINE) _Atomic uint64_t written; /* octets, ever; by the thread that answers */
	_Atomic uint64_t dropped;                    /* records; the same */
	uint64_t draw;                               /* state of the sampling; the same */
	uint64_t room_seen;                          /* its last reading of taken */
	_Alignas(TAP_LINE) _Atomic uint64_t taken;   /* octets; by the writer */
	uint64_t threshold;                          /* a draw of at most this is sampled */
	union sockaddr_any server;                   /* the listener's address; any address: not known */
	struct tap_ring *next;
	_Alignas(TAP_LINE) uint8_t octets[TAP_RING];
};

/* All rings, and their setting. */
struct tap {
	unsigned sample; /* one query of this number is copied; at least 1 */
	_Atomic(struct tap_ring *) rings;
};

/* Add a ring for one thread. NULL if memory is exhausted. Any thread. */
struct tap_ring *tap_ring_new(struct tap *tap, const union sockaddr_any *server);
/* Free all rings: no thread uses them any more. */
void tap_free_rings(struct tap *tap);

/* The wall clock, in nanoseconds since 1970 (no system call: the vDSO). */
int64_t tap_now(void);

/* Copy a query, and the response if there is one (outlen is not 0). The ring's own thread. */
void tap_put(struct tap_ring *ring, const struct peer *peer, const uint8_t *in, size_t inlen,
    const uint8_t *out, size_t outlen, int64_t query_ns, int64_t response_ns);

/*
 * The oldest record, or NULL if the ring is empty; it is valid until tap_taken(), which frees its room. The
 * writer thread.
 */
const struct tap_record *tap_oldest(struct tap_ring *ring);
void tap_taken(struct tap_ring *ring, const struct tap_record *record);

#endif
