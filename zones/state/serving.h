/*
 * serving.h -- the serving store: graycloud-dnsd's report of its process, its listeners and its generation.
 *
 * graycloud-dnsd writes it each second and at each publication; `graycloud status` and the wait after a
 * change read it. Use the functions on the thread of the transaction.
 */
#ifndef SERVING_H
#define SERVING_H

#include "zones/store/store.h"

enum { SERVING_DEAD_MS = 3000 };

struct serving_status {
	uint32_t pid;
	uint64_t started_ms;  /* CLOCK_BOOTTIME */
	int64_t started_wall; /* wall clock, for display */
	uint64_t beat_ms;     /* CLOCK_BOOTTIME of the last beat */
	uint64_t generation;  /* generation of the configuration that it answers with */
	int64_t served_wall;  /* since when, by the wall clock, for display */
	uint64_t epoch;
	bool ready;
	bool waits;      /* a newer one waits for the signer (S103) */
	bool keeps_sets; /* it may have sets of load balancers that the signer's stores have lost (S100) */
	char boot[40];
	char version[16];
	char compile_error[512]; /* "" if the last compile succeeded */
	char geoip[1024];        /* paths of databases, one per line */
	char site[16], site_country[3];
	uint8_t site_region;
	float site_point[3];
	uint8_t geography;         /* data that its databases have: GEOGRAPHY_* of lists.h */
	int64_t certificate_until; /* end of the TLS certificate, milliseconds since 1970; 0: no TLS */
	char listeners[1024]; /* "127.0.0.1:53, tls 127.0.0.1:853": those without "tls" are UDP and TCP */
};

bool serving_get(struct store_txn *txn, struct serving_status *status);
int serving_put(struct store_txn *txn, const struct serving_status *status);

/*
 * S100: the zones of which the nameserver has no signature, although they are signed, one a line. The caller
 * frees the text.
 */
char *serving_bare(struct store_txn *txn);
int serving_put_bare(struct store_txn *txn, const char *names);

/* True if there was no beat for SERVING_DEAD_MS, or the beat is of another boot. */
bool serving_dead(const struct serving_status *status, uint64_t now_ms);

/*
 * Wait until a running dnsd answers with a generation, for at most timeout_ms; do not wait if none runs. With
 * SERVING_LATE and SERVING_FAILED, status has the generation that it does answer with, and its compile error.
 */
enum serving_outcome { SERVING_SERVED, SERVING_NOBODY, SERVING_LATE, SERVING_FAILED };
enum serving_outcome serving_wait(
    const char *state, uint64_t generation, unsigned timeout_ms, struct serving_status *status);

#endif
