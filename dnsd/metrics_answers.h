/*
 * metrics_answers.h -- the part of the metrics page that counts answers: by origin, or those of one load
 * balancer by pool and origin.  There may be hundreds of thousands of lines: they are counted once and
 * written slice by slice (pages.h).
 */
#ifndef METRICS_ANSWERS_H
#define METRICS_ANSWERS_H

#include "dnsd/publisher.h"
#include "dnsd/worker.h"

#include <stdio.h>

struct metrics_answers;

/* What was answered until now.  lb: a load balancer's name, in any case, or NULL; workers: NULL for none. */
struct metrics_answers *metrics_answers_new(
    struct publisher *publisher, const struct workers *workers, const char *lb);
void metrics_answers_free(struct metrics_answers *answers); /* accepts NULL */

/* The next slice; false if it was the last, and then whenever it is called. */
bool metrics_answers_write(struct metrics_answers *answers, FILE *page);

#endif
