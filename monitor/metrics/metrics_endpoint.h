/*
 * metrics_endpoint.h -- what the metrics pages tell of each endpoint, family by family and slice by slice.
 *
 * All lines of a family stand together, so that there is a walk over the endpoints for each.  The page has
 * the endpoints that there were at its begin; one that goes meanwhile is missing from the families that
 * follow.  The lines of a histogram are of one moment, each family of its own.
 */
#ifndef METRICS_ENDPOINT_H
#define METRICS_ENDPOINT_H

#include "monitor/probe/schedule.h"

/* Which endpoints: those of one of some monitors and in one of some pools; where none are named, of all. */
struct endpoint_choice;

struct endpoint_choice *endpoint_choice_new(void);
/* NULL is accepted. */
void endpoint_choice_free(struct endpoint_choice *choice);
/* Name a monitor or a pool; false where enough are named. */
bool endpoint_choice_monitor(struct endpoint_choice *choice, const char *name);
bool endpoint_choice_pool(struct endpoint_choice *choice, const char *name);
bool endpoint_choice_by_pool(const struct endpoint_choice *choice);
/* What a pool has at the time of the choice; it is passed over unless it was named.  A follow_pool_fn on a
 * choice. */
void endpoint_choice_fill(void *choice, const char *pool, struct target *const *targets, size_t count);

struct endpoint_lines;

enum endpoint_families { ENDPOINT_LINES_FEW, ENDPOINT_LINES_ALL };

/* Takes over choice; NULL chooses all.  The schedule outlives it. */
struct endpoint_lines *endpoint_lines_new(
    struct schedule *schedule, enum endpoint_families which, struct endpoint_choice *choice);
/* NULL is accepted. */
void endpoint_lines_free(void *lines);
/* A pages_write_fn. */
bool endpoint_lines_write(void *lines, FILE *page);

#endif
