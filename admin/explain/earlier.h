/*
 * earlier.h -- what the log still knows of an earlier configuration, in sentences: for explanations that go
 * by one.
 */
#ifndef EARLIER_H
#define EARLIER_H

#include "zones/document/json.h"
#include "zones/state/config_past.h"

/* "2026-11-20T12:00:00.000Z"; returns out. */
const char *earlier_time(int64_t wall, char out[32]);

/* Was the moment reached? If not, a sentence names the time since which the configuration is known. */
bool earlier_is_known(const struct config_past_copy *past, struct problems *problems);

/* Are the data of the zone that encloses name known as they were? If not, the same. */
bool earlier_has_zone(const struct config_past_copy *past, const uint8_t *name, struct problems *problems);
/* Are the zones of an explanation known as they were? If not, the same.
 */
bool earlier_has_zones(
    const struct config_past_copy *past, const struct json *explanation, struct problems *problems);

#endif
