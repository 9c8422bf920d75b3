/*
 * roster.h -- S90: the nodes of the configuration, and how many sites a pool's quorum counts (S93).
 *
 * The roster is the objects of kind node. It is replicated as every object is, so all nodes count the same
 * sites.
 */
#ifndef ROSTER_H
#define ROSTER_H

#include "zones/model/model.h"
#include "zones/store/store.h"

struct roster {
	struct roster_node **nodes; /* by name */
	size_t count;
};

/* Read the roster of a transaction of config. Free it with roster_free. */
struct roster roster_read(struct store_txn *config);
void roster_free(struct roster *roster);

const struct roster_node *roster_find(
    const struct roster *roster, const char *name); /* NULL: it is not on it */

/* S93: may this node vote for a pool with these check_regions (a mask of model.h; 0: all)? */
bool roster_admits(const struct roster_node *node, uint32_t check_regions);
/* The number of sites that vote for it, and the number of them that must say down (quorum: of the pool). */
unsigned roster_sites(const struct roster *roster, uint32_t check_regions);
unsigned roster_need(const struct roster *roster, const struct pool *pool);

#endif
