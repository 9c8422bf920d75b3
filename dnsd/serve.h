/*
 * serve.h -- bytes in, bytes out: the whole path of a query between receive and send.
 *
 * It uses no sockets, so UDP, TCP and the fuzzer share it.  No malloc, lock, log or system call.
 */
#ifndef DNSD_SERVE_H
#define DNSD_SERVE_H

#include "dnsd/response.h"
#include "dnsd/rrl.h"
#include "dnsd/tally.h"
#include "dnsd/tap.h"
#include "zones/steer/pin_news.h"
#include "zones/steer/wanted.h"

enum { SERVE_BATCH = 32 };

/* Data that all threads share.  Only the atomic members change while threads run. */
struct serve_settings {
	const char *nsid;    /* NULL: none */
	uint16_t keepalive;  /* the idle time-out that TCP clients receive (RFC 7828), in units of 100 ms */
	bool require_cookie; /* over UDP a client that supports cookies gets BADCOOKIE until it sends a valid
			one (RFC 7873 5.2.3) */
	bool fallback_error; /* report in an extended error that a fallback pool answered */
	struct rrl *rrl;     /* NULL: off */
	bool errors_only;    /* rrl limits only errors */
	struct pins *pins;   /* of sticky clients (S20); NULL: none */
	struct pin_news *pin_news;       /* of those that other nodes need (S99); NULL: none */
	struct wanted_ring *wanted;      /* load balancers to sign first; NULL: none */
	const struct steer_site *site;   /* the location of this node */
	_Atomic(const struct geo *) geo; /* changes while threads run, like secrets; NULL: none */
	_Atomic(const struct cookie_secrets *) secrets;
	struct tap *tap;      /* the query log; NULL: none */
	_Atomic bool leaving; /* another process takes over: TCP clients are asked to close (RFC 7828) */
};

/* Data of one thread. */
struct serve_context {
	const struct serve_settings *settings;
	uint64_t draw;   /* state of the thread's random numbers (SplitMix64) */
	uint64_t now_us; /* steady clock of the batch */
	uint32_t now_s;  /* wall clock of the batch, for cookies */
	struct tally *tally;
	struct tap_ring *ring; /* of the query log; NULL: none */
	/* memory for a batch, too large for a stack */
	struct query queries[SERVE_BATCH];
	bool parsed[SERVE_BATCH];
	const struct zone *zones[SERVE_BATCH]; /* of the prefetch; NULL: none */
	bool absent[SERVE_BATCH];     /* the name may need a proof of its absence that is not in caches */
	uint64_t covers[SERVE_BATCH]; /* of the prefetch of that proof */
	struct answer answer;
};

struct message {
	const struct peer *peer;
	const uint8_t *in;
	size_t inlen;
	uint8_t *out;
	size_t outcap;
	size_t outlen; /* result; 0: stay silent */
};

/* Seeded from getrandom.  Returns NULL if memory is exhausted.  The caller keeps the settings. */
struct serve_context *serve_context_new(const struct serve_settings *settings);
void serve_context_free(struct serve_context *context);

/* Read the clocks before each batch (the coarse ones of the vDSO: no system call). */
void serve_clock(struct serve_context *context);

/* Answer up to SERVE_BATCH requests. */
void serve_batch(
    struct serve_context *context, const struct snapshot *snapshot, struct message *messages, unsigned count);

/* Answer one request.  Returns the response's length, or 0 to stay silent. */
size_t serve(struct serve_context *context, const struct snapshot *snapshot, const struct peer *peer,
    const uint8_t *in, size_t inlen, uint8_t *out, size_t outlen);

#endif
