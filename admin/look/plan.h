/*
 * plan.h -- pools and load balancers as the configuration has them, read once and shared by the pictures
 * until the configuration changes.
 */
#ifndef PLAN_H
#define PLAN_H

#include "admin/look/interventions.h"
#include "zones/model/lists.h"

/*
 * Objects requested by their whole name; NULL: none. The first that is not NULL counts. Then only it, the
 * load balancers that use it, and their pools are read, so the cost does not depend on how many others there
 * are. If there is no such object, everything is read.
 */
struct plan_scope {
	const char *lb, *pool, *address; /* the address of origins, in the form that documents keep */
};

struct plan {
	unsigned users; /* see plan_share */
	uint64_t generation;
	bool has_zones;
	struct planned_pool {
		struct pool *model;
		char *monitor; /* the name of its monitor or monitor group; NULL: none */
		char **judges; /* the names of the model's judges */
	} * pools;             /* by name */
	size_t npools;
	size_t *by_id; /* places among pools */
	struct planned_lb {
		struct lb *model;
		struct pool_list *lists;
		size_t nlists;
	} * lbs; /* by name */
	size_t nlbs;
	struct interventions interventions; /* of these pools and load balancers */
};

/* txn NULL: an empty plan. Release it with plan_release. */
struct plan *plan_read(struct store_txn *txn, const struct plan_scope *scope);
/* One user more: each releases it once. */
struct plan *plan_share(struct plan *plan);
/* Accepts NULL. */
void plan_release(struct plan *plan);

/* Has an object that was disabled or forced for a time reached its end? No store records that. */
bool plan_ended(const struct plan *plan);

/* The place of a pool; SIZE_MAX if it is not in the plan. */
size_t plan_place(const struct plan *plan, const struct id *id);

#endif
