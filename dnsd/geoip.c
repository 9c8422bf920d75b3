#include "dnsd/geoip.h"

#include "zones/model/lists.h"

#include <err.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { FILES_MAX = 8 };

/* These fields distinguish versions of a file. */
struct version {
	struct timespec changed;
	off_t size;
	ino_t inode;
};

struct geoip {
	const char *const *paths;
	size_t count;
	struct serve_settings *settings;
	struct version versions[FILES_MAX];
	struct geo *geo;
	bool looked;
};

struct geoip *
geoip_new(const char *const *paths, size_t count, struct serve_settings *settings)
{
	struct geoip *geoip = xcalloc(1, sizeof *geoip);

	geoip->paths = paths;
	geoip->count = MIN(count, FILES_MAX);
	geoip->settings = settings;
	return geoip;
}

void
geoip_free(struct geoip *geoip)
{
	if (geoip == NULL)
		return;
	geo_free(geoip->geo);
	free(geoip);
}

static struct version
version_of(const char *path)
{
	struct version version = {0};
	struct stat info;

	if (stat(path, &info) == 0)
		version = (struct version){info.st_mtim, info.st_size, info.st_ino};
	return version;
}

static bool
changed(struct geoip *geoip)
{
	bool any = !geoip->looked;

	for (size_t i = 0; i < geoip->count; i++) {
		struct version now = version_of(geoip->paths[i]), *then = &geoip->versions[i];

		any |= now.changed.tv_sec != then->changed.tv_sec ||
		    now.changed.tv_nsec != then->changed.tv_nsec || now.size != then->size ||
		    now.inode != then->inode;
		*then = now;
	}
	geoip->looked = true;
	return any;
}

void
geoip_look(struct geoip *geoip, struct epochs *epochs)
{
	struct problems problems = {0};
	struct geo *geo, *old = geoip->geo;
	size_t ranges, octets;

	if (geoip->count == 0 || !changed(geoip))
		return;
	geo = geo_open(geoip->paths, geoip->count, &problems);
	problems_print(&problems, "graycloud-dnsd", stderr);
	problems_free(&problems);
	if (geo == NULL) {
		warnx(old == NULL ? "no geography database is in use: clients are not located"
				  : "the previous geography database stays in use");
		return;
	}
	geoip->geo = geo;
	atomic_store(&geoip->settings->geo, geo);
	geo_measure(geo, &ranges, &octets);
	warnx("geography: read %zu ranges (%zu KiB)", ranges, octets / 1024);
	if (old != NULL) {
		epochs_synchronize(epochs);
		geo_free(old);
	}
}

bool
geoip_describe(const struct geoip *geoip, size_t i, const char **path, struct geo_database *info)
{
	if (!geo_describe(geoip->geo, i, info))
		return false;
	*path = geoip->paths[i];
	return true;
}

unsigned
geoip_geography(const struct geoip *geoip)
{
	struct geo_database info;
	unsigned bits = 0;

	for (size_t i = 0; geo_describe(geoip->geo, i, &info); i++)
		bits |= (info.areas ? GEOGRAPHY_COUNTRIES : 0u) | (info.places ? GEOGRAPHY_COORDINATES : 0u);
	return bits;
}
