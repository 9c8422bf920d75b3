/* zones.h -- the account and its zones, as Cloudflare's API has them. */
#ifndef API_ZONES_H
#define API_ZONES_H

#include "admin/api/route.h"

/* The zone that the first capture of a call names. False with an error in the reply. */
bool zones_of_call(struct call *call, struct store_txn *txn, struct zone_info *zone);

/* Cloudflare's lists of things that graycloud never has; and requests that it refuses, with the reason. */
route_read_fn nothing_list, zones_refuse, private_refuse;

route_read_fn zones_list, zones_get, accounts_list, accounts_get;

#endif
