/*
 * when.h -- times as people write them.
 */
#ifndef WHEN_H
#define WHEN_H

#include "zones/base/util.h"

/*
 * RFC 3339 in UTC (a date alone is its midnight; "2026-11-20 12:00" is one, too), seconds since 1970, or how
 * long ago: 90s 30m 2h 7d 1h30m; as milliseconds since 1970.  False if the text is none of these.
 */
bool when_read(const char *text, int64_t *wall);

/* 90s 30m 2h 7d 1w 1h30m as milliseconds: whole numbers with units, the largest unit first; false if the text
 * is none of these, or more than 100,000 days. */
bool when_duration(const char *text, int64_t *ms);

/* "3s", "5m", "2h", "4d" */
const char *when_age(int64_t ms, char out[16]);

#endif
