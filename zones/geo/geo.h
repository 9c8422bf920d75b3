/*
 * geo.h -- where an address is: country, region, place, network.  The only user of libmaxminddb.
 *
 * Each database is walked once and merged into sorted ranges of equal areas, places and networks.  A lookup
 * is a search in memory, and returns the widest prefix around the address for which its answer is the same
 * (S4).
 */
#ifndef GEO_H
#define GEO_H

#include "zones/base/problem.h"
#include "zones/model/model.h"

/* [CF] 2.7; 0 is unknown. */
enum { REGION_UNKNOWN, REGION_COUNT = 14 };
/* Their codes, for messages. */
#define GEO_REGIONS "WNAM, ENAM, WEU, EEU, NSAM, SSAM, OC, ME, NAF, SAF, SAS, SEAS"
#define GEO_REGION_LAST "NEAS"

/* Convert "WEU" to its number, 0 if there is no such region; and back. */
uint8_t geo_region(const char *code);
const char *geo_region_text(uint8_t region);
/* The region of a country ("DE") and, for the US and Canada, a subdivision ("CA"; may be ""). */
uint8_t geo_region_of(const char *country, const char *subdivision);

/* If only the continent is known ("EU", ...): the region with most of its addresses. */
uint8_t geo_region_of_continent(const char *code);

/* A point on the unit sphere; all zero if unknown. */
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
	char country[3]; /* ISO 3166 alpha-2, "" if unknown */
	uint8_t region;
	struct geo_point point;
	uint8_t area_prefix;  /* country and region are the same within this prefix */
	uint8_t place_prefix; /* the point is the same within this prefix */
};

struct geo;

/* One database. */
struct geo_database {
	char type[64];                /* from its metadata */
	uint64_t built;               /* seconds since 1970 */
	bool areas, places, networks; /* has countries or continents; coordinates; autonomous systems */
};
/* The i-th opened database; false if there are fewer. */
bool geo_describe(const struct geo *geo, size_t i, struct geo_database *info);

/*
 * Read the databases; the first that knows an address wins.  Returns NULL with problems filled, also if no
 * field of a database is known, because it would locate no client.  Problems may contain warnings in any
 * case.
 */
struct geo *geo_open(const char *const *paths, size_t count, struct problems *problems);
void geo_free(void *geo);
/* The numbers of ranges and octets. */
void geo_measure(const struct geo *geo, size_t *ranges, size_t *octets);

/* Returns false if no database knows the address; the prefixes then cover the unknown range. */
bool geo_find(const struct geo *geo, const struct address *address, struct geo_found *found);

/*
 * The number of the autonomous system of an address, from the first database that knows it; 0 if none does.
 * *prefix: the range in which the answer is the same.
 */
uint32_t geo_find_network(const struct geo *geo, const struct address *address, uint8_t *prefix);

/* The version of libmaxminddb. */
const char *geo_library(void);

#endif
