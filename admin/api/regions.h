/* regions.h -- which countries and subdivisions belong to the regions of steering ([CF] 2.7). */
#ifndef API_REGIONS_H
#define API_REGIONS_H

#include "admin/api/route.h"

route_read_fn regions_list, regions_get;

#endif
