/*
 * ids.h -- ids that follow from names, so that all nodes with the same configuration have the same: the
 * account and the zones. Load balancers, pools and monitors have stored ids.
 */
#ifndef API_IDS_H
#define API_IDS_H

#include "zones/state/config.h"

/* The one account; name is the operator's --account. */
struct id ids_account(const char *name);
/* A zone, by its name in wire form and lower case. */
struct id ids_zone(const uint8_t *name);
/* The zone of an id. False if there is none. */
bool ids_find_zone(struct store_txn *txn, const char *id, struct zone_info *zone);

#endif
