/*
 * metrics_statuses.h -- the part of the metrics page with the statuses of pools and load balancers (S28).
 *
 * They are copied under the publisher's lock, and then written slice by slice (pages.h) without the lock,
 * because a failover would have to wait for it.  A hundred thousand load balancers would be most of the page:
 * those that are Healthy are only counted.
 */
#ifndef METRICS_STATUSES_H
#define METRICS_STATUSES_H

#include "dnsd/publisher.h"

#include <stdio.h>

struct metrics_statuses;

/* Copy the current statuses; geography: the contents of the geography databases (lists.h). */
struct metrics_statuses *metrics_statuses_new(struct publisher *publisher, unsigned geography);
void metrics_statuses_free(struct metrics_statuses *statuses); /* accepts NULL */

/* Write the next slice.  Returns false if it was the last. */
bool metrics_statuses_write(struct metrics_statuses *statuses, FILE *page);

#endif
