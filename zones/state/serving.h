/*
 * serving.h -- what graycloud-dnsd says of itself: who answers, where, and which generation.
 *
 * graycloud-dnsd writes it each second and at each publication; `graycloud status` and the wait after a
 * change read it.
 */
#ifndef SERVING_H
#define SERVING_H

#include "zones/store/store.h"

enum { SERVING_DEAD_MS = 3000 };

struct serving_status {
	uint32_t pid;
	uint64_t started_ms;  /* CLOCK_BOOTTIME */
	int64_t started_wall; /* for display */
	uint64_t beat_ms;     /* CLOCK_BOOTTIME of the last beat */
	uint64_t generation;  /* of the configuration that is answered */
	int64_t served_wall;  /* since when, for display */
	uint64_t epoch;
	bool ready;
	char boot[40];
	char version[16];
	char compile_error[512]; /* "" where the last compile was good */
	char geoip[1024];        /* paths of databases, one a line */
	char site[16], site_country[3];
	uint8_t site_region;
	float site_point[3];
	uint8_t geography;    /* what its databases know: GEOGRAPHY_* of lists.h */
	char listeners[1024]; /* "udp 127.0.0.1:53, tcp 127.0.0.1:53" */
};

bool serving_get(struct store_txn *txn, struct serving_status *status);
int serving_put(struct store_txn *txn, const struct serving_status *status);

/* No beat for SERVING_DEAD_MS, or one of another boot. */
bool serving_dead(const struct serving_status *status, uint64_t now_ms);

/*
 * Wait until a running dnsd answers by a generation: at most timeout_ms, and not at all where none runs.  On
 * SERVING_LATE and SERVING_FAILED status tells what it does answer by, and its compile error.
 */
enum serving_outcome { SERVING_SERVED, SERVING_NOBODY, SERVING_LATE, SERVING_FAILED };
enum serving_outcome serving_wait(
    const char *state, uint64_t generation, unsigned timeout_ms, struct serving_status *status);

#endif
