#include "admin/look/plan.h"

#include "admin/look/referrers.h"
#include "zones/base/array.h"
#include "zones/document/document_load.h"

#include <ctype.h>
#include <stdlib.h>

struct reading {
	struct plan *plan;
	struct store_txn *txn;
};

void
plan_release(struct plan *plan)
{
	if (plan == NULL || --plan->users > 0)
		return;
	for (size_t i = 0; i < plan->npools; i++) {
		for (size_t n = 0; n < plan->pools[i].model->njudges; n++)
			free(plan->pools[i].judges[n]);
		free(plan->pools[i].judges);
		model_free_pool(plan->pools[i].model);
		free(plan->pools[i].monitor);
	}
	for (size_t i = 0; i < plan->nlbs; i++) {
		model_free_lb(plan->lbs[i].model);
		free(plan->lbs[i].lists);
	}
	free(plan->pools);
	free(plan->by_id);
	free(plan->lbs);
	interventions_free(&plan->interventions);
	free(plan);
}

/* --- one object --- */

/* The name of an object, "" if it does not exist. */
static char *
name_of(struct store_txn *txn, enum kind kind, const struct id *id)
{
	struct bytes json;
	char name[256] = "";

	if (config_object(txn, kind, id->text, &json))
		document_name(json, name);
	return xstrdup(name);
}

static bool
plan_pool(void *arg, const struct id *id, struct bytes json)
{
	struct reading *reading = arg;
	struct plan *plan = reading->plan;
	struct pool *model = config_pool_of(reading->txn, json);
	struct planned_pool *planned;

	if (model == NULL)
		return true;
	interventions_add(&plan->interventions, KIND_POOL, id, json);
	plan->pools = array_grow(plan->pools, plan->npools, sizeof *plan->pools);
	planned = &plan->pools[plan->npools++];
	*planned = (struct planned_pool){.model = model, .judges = xcalloc(model->njudges, sizeof(char *))};
	if (model->monitor.text[0] != '\0')
		planned->monitor = name_of(reading->txn, KIND_MONITOR, &model->monitor);
	else if (model->monitor_group.text[0] != '\0')
		planned->monitor = name_of(reading->txn, KIND_MONITOR_GROUP, &model->monitor_group);
	for (size_t n = 0; n < model->njudges; n++)
		planned->judges[n] = name_of(reading->txn, KIND_MONITOR, &model->judges[n].monitor);
	return true;
}

static bool
plan_lb(void *arg, const struct id *id, struct bytes json)
{
	struct reading *reading = arg;
	struct plan *plan = reading->plan;
	struct lb *model = document_load_lb(json);
	struct planned_lb *lb;

	if (model == NULL)
		return true;
	interventions_add(&plan->interventions, KIND_LB, id, json);
	plan->lbs = array_grow(plan->lbs, plan->nlbs, sizeof *plan->lbs);
	lb = &plan->lbs[plan->nlbs++];
	lb->model = model;
	lb->lists = lists_of(model, &lb->nlists);
	return true;
}

/* --- all objects, or those of a scope --- */

static int
compare_places(const void *a, const void *b, void *arg)
{
	const struct plan *plan = arg;

	return strcmp(
	    plan->pools[*(const size_t *)a].model->id.text, plan->pools[*(const size_t *)b].model->id.text);
}

static void
index_pools(struct plan *plan)
{
	plan->by_id = xcalloc(plan->npools, sizeof *plan->by_id);
	for (size_t i = 0; i < plan->npools; i++)
		plan->by_id[i] = i;
	qsort_r(plan->by_id, plan->npools, sizeof *plan->by_id, compare_places, plan);
}

static void
read_all(struct reading *reading)
{
	config_each_object_by_name(reading->txn, KIND_POOL, plan_pool, reading);
	config_each_object_by_name(reading->txn, KIND_LB, plan_lb, reading);
}

/* Names of load balancers are kept in lower case. */
static bool
add_named_lb(struct referrers *scope, struct store_txn *txn, const char *name)
{
	char *lower = xstrdup(name);
	struct bytes json;
	struct id id;
	bool found;

	for (char *at = lower; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	found = config_object_id(txn, KIND_LB, lower, &id) && config_object(txn, KIND_LB, id.text, &json);
	if (found)
		referrers_add(scope, KIND_LB, &id, json);
	free(lower);
	return found;
}

static bool
add_pool(void *arg, enum kind kind, const struct id *id, struct bytes json)
{
	referrers_add(arg, kind, id, json);
	return true;
}

/* The pools of a scope and the load balancers that use them. False if the store has no object of that name.
 */
static bool
find_scope(struct store_txn *txn, const struct plan_scope *scope, struct referrers *found)
{
	struct bytes json;
	struct id id;
	size_t pools;

	if (scope->lb != NULL)
		return add_named_lb(found, txn, scope->lb);
	if (scope->pool != NULL) {
		if (!config_object_id(txn, KIND_POOL, scope->pool, &id) ||
		    !config_object(txn, KIND_POOL, id.text, &json))
			return false;
		referrers_add(found, KIND_POOL, &id, json);
	} else if (scope->address != NULL) {
		config_each_pool_of_address(txn, scope->address, add_pool, found);
	} else {
		return false;
	}
	pools = found->count;
	for (size_t i = 0; i < pools; i++) {
		id = found->items[i].id;
		referrers_add_of(found, txn, &id);
	}
	referrers_sort(found);
	return true;
}

/* The status of a load balancer needs all its pools. */
static void
add_pools_of(struct referrers *found, struct store_txn *txn, const struct id *id)
{
	struct lb *lb = config_lb(txn, id->text);
	struct bytes json;
	size_t count = 0;
	struct id *pools = lb != NULL ? lb_pools(lb, &count) : NULL;

	for (size_t i = 0; i < count; i++)
		if (config_object(txn, KIND_POOL, pools[i].text, &json))
			referrers_add(found, KIND_POOL, &pools[i], json);
	free(pools);
	model_free_lb(lb);
}

static void
read_some(struct reading *reading, struct referrers *found)
{
	size_t count = found->count;
	struct bytes json;

	for (size_t i = 0; i < count; i++) {
		struct id id = found->items[i].id;

		if (found->items[i].kind == KIND_LB)
			add_pools_of(found, reading->txn, &id);
	}
	referrers_sort(found);
	for (size_t i = 0; i < found->count; i++) {
		const struct referrer *one = &found->items[i];

		if (config_object(reading->txn, one->kind, one->id.text, &json))
			(one->kind == KIND_LB ? plan_lb : plan_pool)(reading, &one->id, json);
	}
}

static bool
note_zone(void *arg, const struct zone_info *zone)
{
	struct plan *plan = arg;

	(void)zone;
	plan->has_zones = true;
	return false;
}

struct plan *
plan_read(struct store_txn *txn, const struct plan_scope *scope)
{
	struct plan *plan = xcalloc(1, sizeof *plan);
	struct reading reading = {plan, txn};
	struct referrers found = {0};

	plan->users = 1;
	if (txn == NULL)
		return plan;
	plan->generation = config_generation(txn);
	config_each_zone(txn, note_zone, plan);
	if (find_scope(txn, scope, &found))
		read_some(&reading, &found);
	else
		read_all(&reading);
	index_pools(plan);
	interventions_sign(&plan->interventions, txn);
	referrers_free(&found);
	return plan;
}

struct plan *
plan_share(struct plan *plan)
{
	plan->users++;
	return plan;
}

bool
plan_ended(const struct plan *plan)
{
	return deadline_passed(&plan->interventions.expires);
}

size_t
plan_place(const struct plan *plan, const struct id *id)
{
	size_t low = 0, high = plan->npools;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(id->text, plan->pools[plan->by_id[middle]].model->id.text);

		if (order == 0)
			return plan->by_id[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return SIZE_MAX;
}
