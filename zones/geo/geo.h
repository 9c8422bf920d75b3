/*
 * geo.h -- where an address is: country, region, place, network.  The only user of libmaxminddb.
 *
 * A database is walked once and merged into sorted ranges of equal areas, places and networks, so that a
 * lookup is a search in memory and tells the widest prefix around the address for which its answer holds
 * (S4).
 */
#ifndef GEO_H
#define GEO_H

#include "zones/base/problem.h"
#include "zones/model/model.h"

/* [CF] 2.7; 0 is unknown. */
enum { REGION_UNKNOWN, REGION_COUNT = 14 };
/* Their codes, for sentences. */
#define GEO_REGIONS "WNAM, ENAM, WEU, EEU, NSAM, SSAM, OC, ME, NAF, SAF, SAS, SEAS"
#define GEO_REGION_LAST "NEAS"

/* "WEU" -> its number, 0 where it is no region; and back. */
uint8_t geo_region(const char *code);
const char *geo_region_text(uint8_t region);
/* The region of a country ("DE") and, for the US and Canada, a subdivision ("CA"; may be ""). */
uint8_t geo_region_of(const char *country, const char *subdivision);

/* A point on the unit sphere; all zero where it is not known. */
struct geo_point {
	float x, y, z;
};
struct geo_point geo_point(double latitude, double longitude);
static inline bool
geo_point_known(const struct geo_point *point)
{
	return point->x != 0 || point->y != 0 || point->z != 0;
}

struct geo_found {
	char country[3]; /* ISO 3166 alpha-2, "" where it is not known */
	uint8_t region;
	struct geo_point point;
	uint8_t area_prefix;  /* within it country and region are the same */
	uint8_t place_prefix; /* within it the point is the same */
};

struct geo;

/* Read the databases, the first that knows an address wins.  NULL with problems filled. */
struct geo *geo_open(const char *const *paths, size_t count, struct problems *problems);
void geo_free(void *geo);
/* How many ranges and octets it holds. */
void geo_measure(const struct geo *geo, size_t *ranges, size_t *octets);

/* False where no database knows the address: then the prefixes tell how far that holds. */
bool geo_find(const struct geo *geo, const struct address *address, struct geo_found *found);

/*
 * The number of the autonomous system of an address, by the first database that knows it; 0 where none does.
 * *prefix: as far as that holds.
 */
uint32_t geo_find_network(const struct geo *geo, const struct address *address, uint8_t *prefix);

#endif
