/*
 * lists.h -- the lists of pools among which a load balancer steers: its own, those of places, and those of
 * pool sets and rules.
 *
 * By configuration alone: a list stands here where some client may be sent to choose from it, not where
 * nobody can be, as from the load balancer's own behind a pool set that matches everybody.  S28 judges by
 * them, S32 guards them.
 */
#ifndef LISTS_H
#define LISTS_H

#include "zones/model/model.h"

/* It points into its load balancer. */
struct pool_list {
	const struct lb_override *by;    /* the pool set or rule that brings it; NULL: nobody */
	bool rule;                       /* by is one */
	const struct place_pools *place; /* NULL: default pools */
	const struct id *pools;
	size_t npools;
	const struct id *fallback;          /* that of its set or rule, else the load balancer's */
	const struct pool_weights *weights; /* by which it is drawn from; NULL: the policy goes by none */
};

/* malloc */
struct pool_list *lists_of(const struct lb *lb, size_t *count);

/* As an operator wrote it: "default_pools", "country_pools.DE", "pool set night", "rule night,
 * pop_pools.AMS"; malloc. */
char *lists_text(const struct pool_list *list);

/* What a load balancer asks of databases of places: bits. */
enum { GEOGRAPHY_COUNTRIES = 1, GEOGRAPHY_COORDINATES = 2 };
/* By its policy and those of its sets and rules; pop_pools alone need none. */
unsigned lists_geography(const struct lb *lb);
const char *lists_geography_text(unsigned bits);

/* S13: a pool of weight 0 is never drawn. */
bool lists_choosable(const struct pool_list *list, const struct id *pool);

#endif
