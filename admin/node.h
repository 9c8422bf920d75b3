/*
 * node.h -- the nameserver of this state directory: what it steers by beside the stores.
 */
#ifndef NODE_H
#define NODE_H

#include "steer.h"

/* Its geography, read from the files that it reads (NULL: none), and its own place.  Freed with geo_free. */
struct geo *node_place(const char *state, struct steer_site *site);

#endif
