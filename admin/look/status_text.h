/*
 * status_text.h -- a picture for people: the daemons, the tables of load balancers and pools, and
 * interventions.
 */
#ifndef STATUS_TEXT_H
#define STATUS_TEXT_H

#include "admin/look/picture.h"

#include <stdio.h>

/*
 * A part of the text, in lines: {.first, .count} to begin with.  Only its lines are put together, so that a
 * terminal of 40 rows costs the same with 10,000 origins.  The columns are as wide as the widest cell that
 * was printed by this window so far, so that they do not jump while somebody scrolls.
 */
struct status_window {
	size_t first, count;
	size_t total;                /* lines of the whole text */
	size_t pool_first, pool_end; /* places of the pools that have lines in the window */
	size_t lb_columns[4], pool_columns[12];
};

/* S93: the vote of each node on each origin of a pool, and how they are counted. */
void status_print_votes(const struct picture *picture, const struct pictured_pool *pool, FILE *out);

/* window NULL: print all. */
void status_print(const struct picture *picture, struct status_window *window, FILE *out);

#endif
