/*
 * geoip.h -- the geography databases of --geoip: read at the start, and anew when a file changes, under load.
 */
#ifndef DNSD_GEOIP_H
#define DNSD_GEOIP_H

#include "dnsd/serve.h"
#include "dnsd/view.h"

struct geoip;

/* Watch these files for the settings.  Nothing is read yet.  The paths and settings stay the caller's. */
struct geoip *geoip_new(const char *const *paths, size_t count, struct serve_settings *settings);
void geoip_free(struct geoip *geoip);

/*
 * Read the files if one has changed since the last call (or at the first).  A file that is missing or damaged
 * is told once, and what was read before stays; without it nobody is located.  Waits until no thread that
 * answers holds the old one.
 */
void geoip_look(struct geoip *geoip, struct views *views);

/* What is in use: all that its databases know (GEOGRAPHY_*), and each with its file; false where there are
 * not so many. The thread of geoip_look. */
unsigned geoip_geography(const struct geoip *geoip);
bool geoip_describe(const struct geoip *geoip, size_t i, const char **path, struct geo_database *info);

#endif
