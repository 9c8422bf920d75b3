/*
 * objects.h -- load balancers, pools, monitors and monitor groups: Cloudflare's routes for them, and search.
 *
 * Reading functions run on the loop, in the read transaction of the call. Writing ones are the edits of a
 * change (change.h) on the writer's thread; arg is a struct edit_call.
 */
#ifndef API_OBJECTS_H
#define API_OBJECTS_H

#include "admin/api/route.h"

route_read_fn objects_list, objects_get, objects_references, objects_search;
change_fn objects_create, objects_replace, objects_patch, objects_delete, objects_patch_pools;

#endif
