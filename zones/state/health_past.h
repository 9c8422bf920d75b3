/*
 * health_past.h -- run the health store backwards to a moment, through the flips that its feed keeps.
 *
 * It works on a copy in memory (store_open_copy) in one write transaction, which then has the states of that
 * moment: health.h reads them. A record keeps only its state, since when and why (since_wall 0: since before
 * the feed); times of checks and latencies were not recorded and are empty.
 */
#ifndef HEALTH_PAST_H
#define HEALTH_PAST_H

#include "zones/state/health.h"

struct health_past {
	int error;      /* a negative errno; 0: the copy has the states of the moment */
	bool recorded;  /* false: the feed is empty, so these are the present states */
	int64_t since;  /* time of the oldest flip, milliseconds since 1970: before it nothing is known */
	uint64_t first; /* its sequence */
	/* Hostnames whose addresses changed since. The feed does not keep earlier addresses. */
	struct health_moved {
		struct endpoint name; /* name_key() */
		int64_t at;
		unsigned count_before;
	} * moved;
	size_t nmoved;
};

/* Undo every flip of a later time, from the newest back. Free past with health_past_free. */
void health_past_run(struct store_txn *copy, int64_t wall, struct health_past *past);
void health_past_free(struct health_past *past);

/* The first change of a hostname's addresses after the moment; NULL if there was none. */
const struct health_moved *health_past_moved(const struct health_past *past, const char *hostname);

#endif
