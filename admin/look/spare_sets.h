/*
 * spare_sets.h -- S109: the sets without one origin, which are signed ahead in zones that have nodes without
 * keys, for previews and `lb show`.
 */
#ifndef SPARE_SETS_H
#define SPARE_SETS_H

#include "zones/state/config.h"

/* Has the zone of this apex nodes without keys? */
bool has_keyless_nodes(struct store_txn *config, const uint8_t *apex);
/*
 * How many such sets load balancers (wire names) have, by the verdicts of health (NULL: none). Each key of
 * the zone signs them.
 */
size_t spare_sets(
    struct store_txn *config, struct store_txn *health, const uint8_t *const *names, size_t count);

#endif
