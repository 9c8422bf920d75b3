/*
 * metrics_endpoint.h -- the lines of the metrics pages about each endpoint, family by family and slice by
 * slice.
 *
 * All lines of a family must be adjacent, so there is a walk over the endpoints for each family.  The page
 * has the endpoints that existed at its begin; one that is removed meanwhile is missing from the following
 * families.  The lines of a histogram are of one moment, each family of its own.
 */
#ifndef METRICS_ENDPOINT_H
#define METRICS_ENDPOINT_H

#include "monitor/probe/schedule.h"

/* A selection: endpoints of one of the named monitors and in one of the named pools; without names, all. */
struct endpoint_choice;

struct endpoint_choice *endpoint_choice_new(void);
/* Accepts NULL. */
void endpoint_choice_free(struct endpoint_choice *choice);
/* Add the name of a monitor or a pool.  Returns false if there are too many. */
bool endpoint_choice_monitor(struct endpoint_choice *choice, const char *name);
bool endpoint_choice_pool(struct endpoint_choice *choice, const char *name);
bool endpoint_choice_by_pool(const struct endpoint_choice *choice);
/* Add the endpoints of a pool, if it was named.  A follow_pool_fn on a
 * choice. */
void endpoint_choice_fill(void *choice, const char *pool, struct target *const *targets, size_t count);

struct endpoint_lines;

enum endpoint_families { ENDPOINT_LINES_FEW, ENDPOINT_LINES_ALL };

/* Takes ownership of choice; NULL selects all.  The schedule outlives it. */
struct endpoint_lines *endpoint_lines_new(
    struct schedule *schedule, enum endpoint_families which, struct endpoint_choice *choice);
/* Accepts NULL. */
void endpoint_lines_free(void *lines);
/* A pages_write_fn. */
bool endpoint_lines_write(void *lines, FILE *page);

#endif
