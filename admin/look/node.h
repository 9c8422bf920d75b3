/*
 * node.h -- the nameserver of this state directory: what it steers by beside the stores.
 */
#ifndef NODE_H
#define NODE_H

#include "zones/steer/steer.h"
#include "zones/store/store.h"

/* Its geography, read from the files that it reads (NULL: none), and its own place.  Freed with geo_free. */
struct geo *node_place(const char *state, struct steer_site *site);

/* What the databases of the nameserver that runs know (GEOGRAPHY_* of lists.h); all where none runs. */
unsigned node_geography(const char *state);

/* A look at the health store, if there is one; NULL where there is none.  End it with store_abort and
 * store_close, which take NULL. */
struct store_txn *node_health(const char *state, struct store **store);

#endif
