/*
 * geoip.h -- the geography databases of --geoip: read at the start, and again when a file changes, without a
 * pause.
 */
#ifndef DNSD_GEOIP_H
#define DNSD_GEOIP_H

#include "dnsd/epoch.h"
#include "dnsd/serve.h"

struct geoip;

/* Watch these files.  Reads nothing yet.  The caller keeps the paths and settings. */
struct geoip *geoip_new(const char *const *paths, size_t count, struct serve_settings *settings);
void geoip_free(struct geoip *geoip);

/*
 * Read the files if one has changed since the last call, or at the first call.  If a file is missing or
 * damaged, that is logged once and the previous databases stay in use; without any, no client is located.
 * Waits until no answering thread uses the old ones.
 */
void geoip_look(struct geoip *geoip, struct epochs *epochs);

/* The databases in use: all that they know (GEOGRAPHY_*), and each with its file; false if there are fewer.
 * Call it on the thread of geoip_look. */
unsigned geoip_geography(const struct geoip *geoip);
bool geoip_describe(const struct geoip *geoip, size_t i, const char **path, struct geo_database *info);

#endif
