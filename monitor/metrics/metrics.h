/*
 * metrics.h -- the monitor's own pages for Prometheus.
 *
 * GET /metrics has metrics of the process, the counters of each monitor, and for each endpoint whether it is
 * up. GET /metrics/endpoints has everything about each endpoint: half a million lines at 30,000 endpoints,
 * and so a separate page; ?monitor=NAME and ?pool=NAME, which may be repeated, limit it to endpoints of one
 * of those monitors and in one of those pools.
 */
#ifndef METRICS_H
#define METRICS_H

#include "monitor/notify/notify.h"
#include "monitor/probe/follow.h"

struct metrics;

/* The sources of the metrics; they must outlive the page. */
struct metrics_of {
	struct schedule *schedule;
	const struct recorder *recorder;
	const struct resolver *resolver;
	const struct follow *follow;
	const struct canaries *canaries; /* NULL: none */
	const struct notify *notify;     /* NULL: none */
};

/* Listen on where, a valid ADDRESS:PORT ([ADDRESS]:PORT for IPv6, port 0 takes a free one), and print the
 * address. Returns NULL with problems filled. */
struct metrics *metrics_listen(
    struct event_base *base, const char *where, const struct metrics_of *of, struct problems *problems);
void metrics_free(struct metrics *metrics);

#endif
