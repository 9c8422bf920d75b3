/*
 * past.h -- what happened, over the API: the log of commands, and events; reading functions of route.h.
 */
#ifndef API_PAST_H
#define API_PAST_H

#include "admin/api/route.h"

route_read_fn past_log, past_events, past_origin;

#endif
