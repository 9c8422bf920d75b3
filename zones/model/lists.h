/*
 * lists.h -- the lists of pools among which a load balancer steers: its own, those of places, and those of
 * pool sets and rules.
 *
 * The lists follow from configuration only. A list is included if some client may reach it; for example, the
 * load balancer's own list is left out if a pool set matches every client. S28 judges with these lists, S32
 * guards them. Pure functions; any thread.
 */
#ifndef LISTS_H
#define LISTS_H

#include "zones/model/model.h"

/* A list. Its pointers point into its load balancer. */
struct pool_list {
	const struct lb_override *by;    /* the pool set or rule that has it; NULL: the load balancer's own */
	bool rule;                       /* by is a rule */
	const struct place_pools *place; /* NULL: default pools */
	const struct id *pools;
	size_t npools;
	const struct id *fallback;          /* of its set or rule, else the load balancer's */
	const struct pool_weights *weights; /* weights for the draw; NULL: the policy does not use weights */
};

/* All lists of a load balancer; malloc. */
struct pool_list *lists_of(const struct lb *lb, size_t *count);

/*
 * The name of a list as in the configuration: "default_pools", "country_pools.DE", "pool set night", "rule
 * night, pop_pools.AMS"; malloc.
 */
char *lists_text(const struct pool_list *list);

/* The data that a load balancer needs from databases of places, as bits. */
enum { GEOGRAPHY_COUNTRIES = 1, GEOGRAPHY_COORDINATES = 2 };
/* By its policy and those of its sets and rules. pop_pools need no database. */
unsigned lists_geography(const struct lb *lb);
const char *lists_geography_text(unsigned bits);

/* S13: false if the pool has weight 0 in this list, because it is never drawn then. */
bool lists_choosable(const struct pool_list *list, const struct id *pool);

#endif
