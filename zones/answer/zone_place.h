/*
 * zone_place.h -- the nodes of a new zone are put into its segments; for zone_build.c only.
 *
 * The thread that builds makes nodes in batches, in the order of the names. They are put into the segments
 * batch by batch: names that follow each other are far apart there, so that this waits for memory. Of a large
 * zone a second thread does it, while the first one makes the next batches.
 */
#ifndef ZONE_PLACE_H
#define ZONE_PLACE_H

#include "zones/answer/snapshot.h"
#include "zones/base/side.h"

/* A node that will come, and its size, which may be a guess. */
struct zone_measure {
	uint64_t hash;
	size_t size;
};

struct zone_place;

/*
 * Begin to fill the segments of a zone with as many nodes as are measured, in that order. side may be NULL.
 * Until zone_place_end only this module uses the directory.
 */
struct zone_place *zone_place_begin(
    struct zone *zone, const struct zone_measure *measures, size_t count, struct side *side);
/*
 * Add a node; depth is its depth below the apex, and the node above it came before. Returns false if a
 * segment became too large; then nodes may be left out.
 */
bool zone_place_add(struct zone_place *place, const struct node_source *source, unsigned depth);
/* Wait until all are in their places. Returns false if a segment became too large. */
bool zone_place_end(struct zone_place *place);

#endif
