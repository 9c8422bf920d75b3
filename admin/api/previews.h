/* previews.h -- try a monitor on the origins of pools, once, before it is theirs: Cloudflare's previews. */
#ifndef API_PREVIEWS_H
#define API_PREVIEWS_H

#include "admin/api/route.h"

/* Of a pool, or of all pools of a monitor, by the kind of the route. */
change_fn previews_create;
route_read_fn previews_get;

#endif
