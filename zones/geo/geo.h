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

/* Where only the continent is known ("EU", ...): the region that has most of its addresses. */
uint8_t geo_region_of_continent(const char *code);

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

/* What one database is. */
struct geo_database {
	char type[64];                /* as it calls itself */
	uint64_t built;               /* seconds since 1970 */
	bool areas, places, networks; /* has countries or continents; coordinates; autonomous systems */
};
/* The i-th of those that were opened; false where there are not so many. */
bool geo_describe(const struct geo *geo, size_t i, struct geo_database *info);

/*
 * Read the databases, the first that knows an address wins.  NULL with problems filled: also where no field
 * of a database is known, so that nobody would be found.  Warnings may be there in any case.
 */
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

/* The version of libmaxminddb. */
const char *geo_library(void);

#endif
