/*
 * referrers.h -- the objects whose documents mention others: the load balancers of a pool, the pools of a
 * monitor; and those that a document mentions. The former are found by the index of config.h, so the cost
 * does not depend on how many others there are.
 */
#ifndef REFERRERS_H
#define REFERRERS_H

#include "zones/state/config.h"

struct referrer {
	enum kind kind;
	struct id id;
	char *name;
};

/* Starts as {0}. Free it with referrers_free. */
struct referrers {
	struct referrer *items;
	size_t count;
};

/* Add an object itself. */
void referrers_add(struct referrers *referrers, enum kind kind, const struct id *id, struct bytes json);
/* Add all that mention id. */
void referrers_add_of(struct referrers *referrers, struct store_txn *txn, const struct id *id);
/* Add all that the document of an object mentions. */
void referrers_add_from(
    struct referrers *referrers, struct store_txn *txn, enum kind kind, const struct id *id);
/* Sort by kind and name, and drop what was added twice. */
void referrers_sort(struct referrers *referrers);
void referrers_free(struct referrers *referrers);

#endif
