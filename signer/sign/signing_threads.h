/*
 * signing_threads.h -- threads that sign beside the one that asks for it. One caller.
 */
#ifndef SIGNER_SIGNING_THREADS_H
#define SIGNER_SIGNING_THREADS_H

#include "signer/keys/key.h"

struct signing_threads;

/* Octets to sign, and the signature, which key_begin has begun. */
struct signing_job {
	struct key *key;
	uint8_t *data; /* the caller frees it */
	size_t len;
	struct signature signature;
};

/* threads: with that of the caller, at most KEY_LANES. Exits if they cannot be started. */
struct signing_threads *signing_threads_new(unsigned threads);
void signing_threads_free(struct signing_threads *threads);

/* Begin to sign these jobs, which the caller leaves alone until signing_threads_finish. */
void signing_threads_begin(struct signing_threads *threads, struct signing_job *jobs, size_t count);
/* Sign along until all are signed. */
void signing_threads_finish(struct signing_threads *threads);

#endif
