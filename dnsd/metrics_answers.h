/*
 * metrics_answers.h -- the part of the metrics page that counts answers: by origin, or those of one load
 * balancer by pool and origin.  There may be hundreds of thousands of lines: the numbers are collected once
 * and written slice by slice (pages.h).
 */
#ifndef METRICS_ANSWERS_H
#define METRICS_ANSWERS_H

#include "dnsd/publisher.h"
#include "dnsd/worker.h"

#include <stdio.h>

struct metrics_answers;

/* Collect the current counts.  lb: the name of a load balancer, in upper or lower case, or NULL; workers:
 * NULL for none. */
struct metrics_answers *metrics_answers_new(
    struct publisher *publisher, const struct workers *workers, const char *lb);
void metrics_answers_free(struct metrics_answers *answers); /* accepts NULL */

/* Write the next slice.  Returns false if it was the last, and in every later call. */
bool metrics_answers_write(struct metrics_answers *answers, FILE *page);

#endif
