/*
 * metrics.h -- the monitor's own pages for Prometheus.
 *
 * GET /metrics tells of the process, of each monitor what its checks came to, and of each endpoint whether it
 * is up. GET /metrics/endpoints tells all of each endpoint: at 30,000 half a million lines, and so a page of
 * its own; ?monitor=NAME and ?pool=NAME, which may be repeated, narrow it to endpoints of one of those
 * monitors and in one of those pools.
 */
#ifndef METRICS_H
#define METRICS_H

#include "monitor/notify/notify.h"
#include "monitor/probe/follow.h"

struct metrics;

/* Who is asked; they live as long as the page. */
struct metrics_of {
	struct schedule *schedule;
	const struct publish *publish;
	const struct resolver *resolver;
	const struct follow *follow;
	const struct canaries *canaries; /* NULL: none */
	const struct notify *notify;     /* NULL: none */
};

/* Listen on where, a good ADDRESS:PORT ([ADDRESS]:PORT for IPv6, port 0 takes a free one), and print what was
 * got.  NULL with problems filled. */
struct metrics *metrics_listen(
    struct event_base *base, const char *where, const struct metrics_of *of, struct problems *problems);
void metrics_free(struct metrics *metrics);

#endif
