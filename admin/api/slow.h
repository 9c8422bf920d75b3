/*
 * slow.h -- what takes long and is done aside: doctor, backup, whatif, the data of a map.
 */
#ifndef API_SLOW_H
#define API_SLOW_H

#include "admin/api/route.h"

route_read_fn slow_doctor, slow_backup, slow_map;
change_fn slow_whatif;

#endif
