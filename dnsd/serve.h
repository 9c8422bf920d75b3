/*
 * serve.h -- bytes in, bytes out: the whole path of a query between receive and send.
 *
 * Knows no socket, so that UDP, TCP and the fuzzer share it.  No malloc, lock, log or system call.
 */
#ifndef DNSD_SERVE_H
#define DNSD_SERVE_H

#include "dnsd/response.h"
#include "dnsd/tally.h"

enum { SERVE_BATCH = 32 };

/* What belongs to one thread. */
struct serve_context {
	uint64_t draw;          /* state of the thread's random numbers (SplitMix64) */
	const char *nsid;       /* NULL: none */
	struct tally *tally;
	/* work space of a batch, too large for a stack */
	struct query queries[SERVE_BATCH];
	bool parsed[SERVE_BATCH];
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

/* Seeded from getrandom.  NULL where memory is exhausted. */
struct serve_context *serve_context_new(const char *nsid);
void serve_context_free(struct serve_context *context);

/* Answer up to SERVE_BATCH requests. */
void serve_batch(struct serve_context *context, const struct snapshot *view, struct message *messages, unsigned count);

/* Answer one request.  Returns the response's length, or 0 to stay silent. */
size_t serve(struct serve_context *context, const struct snapshot *view, const struct peer *peer, const uint8_t *in,
    size_t inlen, uint8_t *out, size_t outlen);

#endif
