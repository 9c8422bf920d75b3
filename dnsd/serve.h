/*
 * serve.h -- bytes in, bytes out: the whole path of a query between receive and send.
 *
 * Knows no socket, so that UDP, TCP and the fuzzer share it.  No malloc, lock, log or system call.
 */
#ifndef DNSD_SERVE_H
#define DNSD_SERVE_H

#include "dnsd/response.h"
#include "dnsd/rrl.h"
#include "dnsd/tally.h"

enum { SERVE_BATCH = 32 };

/* What all threads share.  Only the atomic ones are ever changed under them. */
struct serve_settings {
	const char *nsid;    /* NULL: none */
	uint16_t keepalive;  /* what a TCP client is told of its patience (RFC 7828), in units of 100 ms */
	bool require_cookie; /* over UDP a client that has cookies gets BADCOOKIE until it shows a good one
				(RFC 7873 5.2.3) */
	bool fallback_error; /* tell in an extended error that a fallback pool answered */
	struct rrl *rrl;     /* NULL: off */
	bool errors_only;    /* rrl limits errors alone */
	struct pins *pins;   /* of sticky clients (S20); NULL: none */
	const struct steer_site *site;   /* this node's own place */
	_Atomic(const struct geo *) geo; /* changed under the threads, like secrets; NULL: none */
	_Atomic(const struct cookie_secrets *) secrets;
	_Atomic bool leaving; /* another process takes over: clients of TCP are told to close (RFC 7828) */
};

/* What belongs to one thread. */
struct serve_context {
	const struct serve_settings *settings;
	uint64_t draw;   /* state of the thread's random numbers (SplitMix64) */
	uint64_t now_us; /* steady clock of the batch */
	uint32_t now_s;  /* wall clock of the batch, for cookies */
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

/* Seeded from getrandom.  NULL where memory is exhausted.  The settings stay the caller's. */
struct serve_context *serve_context_new(const struct serve_settings *settings);
void serve_context_free(struct serve_context *context);

/* Look at the clocks (no system call: the vDSO's coarse ones): before each batch. */
void serve_clock(struct serve_context *context);

/* Answer up to SERVE_BATCH requests. */
void serve_batch(
    struct serve_context *context, const struct snapshot *view, struct message *messages, unsigned count);

/* Answer one request.  Returns the response's length, or 0 to stay silent. */
size_t serve(struct serve_context *context, const struct snapshot *view, const struct peer *peer,
    const uint8_t *in, size_t inlen, uint8_t *out, size_t outlen);

#endif
