/*
 * statistics.h -- the counters of the checks of each monitor, for the metrics page.
 *
 * They count from the start of the process and continue when a monitor is edited.  One thread.
 */
#ifndef STATISTICS_H
#define STATISTICS_H

#include "monitor/judge/verdict.h"
#include "zones/daemon/exposition.h"

enum { STATISTICS_RTT_BOUNDS = 13, STATISTICS_LATENESS_BOUNDS = 8 };

/* Of one monitor. */
struct statistics {
	struct id id;
	char *name;
	uint64_t reasons[REASON_COUNT]; /* conclusive checks by result */
	uint64_t inconclusive;
	uint64_t repeated;
	struct histogram rtt;      /* seconds, of good checks */
	struct histogram lateness; /* delay of the begin of a check, as a share of the interval */
	uint64_t rtt_counts[STATISTICS_RTT_BOUNDS + 1], lateness_counts[STATISTICS_LATENESS_BOUNDS + 1];
};

/* Of all monitors: a tree by id; begin with NULL. */
struct statistics *statistics_of(void **all, const struct monitor *monitor);
void statistics_free(void *all);

void statistics_ended(struct statistics *statistics, const struct check_result *result);

typedef void statistics_fn(void *arg, const struct statistics *statistics);
void statistics_each(void *all, statistics_fn *fn, void *arg);

#endif
