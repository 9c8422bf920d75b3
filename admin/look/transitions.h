/*
 * transitions.h -- the changes between two pictures, a line each: `graycloud status --watch`.
 */
#ifndef TRANSITIONS_H
#define TRANSITIONS_H

#include "admin/look/picture.h"

#include <stdio.h>

/*
 * Print the changes from before to after; flips come from the store's feed, so that none between two
 * pictures is missed.  before is NULL at the beginning: then each load balancer, pool and daemon has a line.
 */
void print_transitions(
    FILE *out, struct viewer *viewer, const struct picture *before, const struct picture *after);

#endif
