/*
 * metrics.h -- the monitor's own page for Prometheus: GET /metrics.
 *
 * It tells of the process, of each monitor what its checks came to, and of each endpoint whether it is up.
 */
#ifndef METRICS_H
#define METRICS_H

#include "follow.h"
#include "notify.h"

struct metrics;

/* Who is asked; they live as long as the page. */
struct metrics_of {
	const struct schedule *schedule;
	const struct resolver *resolver;
	const struct follow *follow;
	const struct canaries *canaries; /* NULL: none */
	const struct notify *notify;     /* NULL: none */
};

/* Listen on where, a good ADDRESS:PORT ([ADDRESS]:PORT for IPv6, port 0 takes a free one), and print what was got.  NULL with problems filled. */
struct metrics *metrics_listen(struct event_base *base, const char *where, const struct metrics_of *of, struct problems *problems);
void metrics_free(struct metrics *metrics);

#endif
