/* zones.h -- the account, its zones, and the check of one's own token, as Cloudflare's API has them. */
#ifndef API_ZONES_H
#define API_ZONES_H

#include "admin/api/route.h"

route_read_fn zones_list, zones_get, accounts_list, accounts_get, tokens_verify;

#endif
