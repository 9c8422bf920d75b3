/*
 * shared_pins.h -- S99: take the sticky pins of other nodes, which graycloud-sync writes into the cluster
 * store, into the table of this nameserver. Any thread.
 */
#ifndef SHARED_PINS_H
#define SHARED_PINS_H

#include "zones/state/cluster.h"
#include "zones/steer/pins.h"

/* Take those that were written after a sequence (cluster.h), and raise it. Returns the number of pins taken.
 */
uint64_t shared_pins_take(struct store_txn *cluster, struct pins *pins, uint64_t *sequence);

#endif
