/* beyond.h -- what Cloudflare does not have, below /client/v4/graycloud: status, explain, log. */
#ifndef API_BEYOND_H
#define API_BEYOND_H

#include "admin/api/route.h"

route_read_fn beyond_status, beyond_nodes, beyond_explain, beyond_pool_health;

#endif
