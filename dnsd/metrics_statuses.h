/*
 * metrics_statuses.h -- the part of the metrics page with the statuses of pools and load balancers (S28).
 *
 * They are copied under the publisher's lock, for which a failover would have to wait, and written slice by
 * slice (pages.h) without it.  A hundred thousand load balancers would be most of the page: those that are
 * Healthy are only counted.
 */
#ifndef METRICS_STATUSES_H
#define METRICS_STATUSES_H

#include "dnsd/publisher.h"

#include <stdio.h>

struct metrics_statuses;

/* The statuses of now; geography: what the databases of places know (lists.h). */
struct metrics_statuses *metrics_statuses_new(struct publisher *publisher, unsigned geography);
void metrics_statuses_free(struct metrics_statuses *statuses); /* accepts NULL */

/* The next slice; false if it was the last. */
bool metrics_statuses_write(struct metrics_statuses *statuses, FILE *page);

#endif
