/*
 * previews.h -- probe the origins of a preview once (previews.h in zones/state), without any effect on the
 * states of endpoints.
 *
 * One thread: that of the event base.
 */
#ifndef MONITOR_PREVIEWS_H
#define MONITOR_PREVIEWS_H

#include "monitor/check/check.h"
#include "monitor/probe/follow.h"

enum { PREVIEWS_AT_ONCE = 4, PREVIEW_CHECKS_AT_ONCE = 16 };

struct previews;

struct previews *previews_new(struct checks *checks, struct follow *follow, struct recorder *recorder);
/* Cancels all previews in progress. Accepts NULL. */
void previews_free(struct previews *previews);
/* Begin the requests that are new. Cheap if the configuration was not written since the last call. */
void previews_look(struct previews *previews);

#endif
