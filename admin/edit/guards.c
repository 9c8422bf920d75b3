#include "admin/edit/guards.h"

#include "admin/edit/document.h"
#include "admin/edit/guards_dnssec.h"
#include "admin/edit/guards_keyless.h"
#include "admin/look/referrers.h"
#include "admin/look/resolution.h"
#include "zones/base/array.h"
#include "zones/base/map.h"
#include "zones/document/document_load.h"
#include "zones/model/lists.h"
#include "zones/model/usable.h"

#include <stdlib.h>

/* The facts about a pool, so that load balancers that share it do not read it again. */
struct known_pool {
	struct id id;
	bool usable;         /* by configuration alone (S32) */
	bool healthy;        /* has a candidate (S11) */
	bool hostname;       /* has one */
	bool judged;         /* by a monitor, or several */
	bool asked, suspect; /* can be suspect (S21), if that was asked */
};

struct guards {
	struct change *change;
	struct map pools; /* of known_pool */
	struct id *lost;  /* pools that the edit made unusable, or took the last healthy origin of */
	size_t nlost;
	struct id *written; /* load balancers of the edit */
	size_t nwritten;
	struct id *named; /* load balancers whose names are hostnames of the edit's pools */
	size_t nnamed;
};

static struct known_pool
assess_pool(struct guards *guards, struct pool *pool)
{
	struct known_pool known = {.judged = pool != NULL && pool->njudges > 0};

	for (size_t i = 0; pool != NULL && i < pool->norigins; i++) {
		struct origin *origin = &pool->origins[i];

		known.hostname |= origin_is_hostname(origin);
		if (!pool->enabled || !origin->enabled || origin->weight == 0)
			continue;
		known.usable = true;
		known.healthy |=
		    origin_is_candidate(origin, resolution_of(guards->change->health, pool, origin));
	}
	return known;
}

static struct known_pool
assess_text(struct guards *guards, struct bytes text)
{
	struct pool *pool = text.len > 0 ? config_pool_of(guards->change->txn, text) : NULL;
	struct known_pool known = assess_pool(guards, pool);

	model_free_pool(pool);
	return known;
}

static struct bytes
known_key(const void *item)
{
	return map_text(((const struct known_pool *)item)->id.text);
}

/* A pool as the edit leaves it. */
static struct known_pool *
pool_now(struct guards *guards, const struct id *id)
{
	struct known_pool *known = map_find(&guards->pools, map_text(id->text));

	if (known == NULL) {
		struct pool *pool = config_pool(guards->change->txn, id->text);

		known = xcalloc(1, sizeof *known);
		*known = assess_pool(guards, pool);
		known->id = *id;
		map_add(&guards->pools, known);
		model_free_pool(pool);
	}
	return known;
}

static void
add_id(struct id **list, size_t *count, const struct id *id)
{
	*list = array_grow(*list, *count, sizeof **list);
	(*list)[(*count)++] = *id;
}

/* Is any of the pools that a load balancer names, its fallback pool among them, usable, and any healthy? */
static struct known_pool
assess_lb(struct guards *guards, const struct lb *lb)
{
	struct known_pool all = {.usable = false};
	size_t count;
	struct id *pools = lb_pools(lb, &count);

	for (size_t i = 0; i < count; i++) {
		const struct known_pool *one = pool_now(guards, &pools[i]);

		all.usable = all.usable || one->usable;
		all.healthy = all.healthy || one->healthy;
	}
	free(pools);
	return all;
}

static bool
any_usable(struct guards *guards, const struct id *pools, size_t count)
{
	bool any = false;

	for (size_t i = 0; i < count && !any; i++)
		any = pool_now(guards, &pools[i])->usable;
	return any;
}

/* Each list needs an origin: if the fallback pool has one, every client gets an answer. */
static void
guard_list(struct guards *guards, const struct lb *lb, const struct pool_list *list)
{
	char *name;

	if (pool_now(guards, list->fallback)->usable || any_usable(guards, list->pools, list->npools))
		return;
	name = lists_text(list);
	change_guard(guards->change,
	    "load_balancer %s: %s would have no pool left, the fallback pool included, that is enabled and "
	    "has an enabled "
	    "origin of weight above 0",
	    lb->name, name);
	free(name);
}

static void
guard_lb(struct guards *guards, const struct lb *lb, bool was_healthy)
{
	struct pool_list *lists;
	size_t count;

	if (lb == NULL || !lb->enabled)
		return;
	lists = lists_of(lb, &count);
	for (size_t i = 0; i < count; i++)
		guard_list(guards, lb, &lists[i]);
	free(lists);
	if (was_healthy && !assess_lb(guards, lb).healthy)
		problems_warn(&guards->change->problems,
		    "load_balancer %s has no healthy origin left: its fallback pool answers", lb->name);
}

/* Can an origin of the pool be suspect (S21)?  It can if several vote (S38), or if the first failed check
 * does not decide. */
static bool
can_be_suspect(struct store_txn *txn, const struct id *id)
{
	struct pool *pool = config_pool(txn, id->text);
	unsigned votes = 0;
	bool can = false;

	for (size_t i = 0; pool != NULL && i < pool->njudges; i++) {
		struct monitor *monitor =
		    pool->judges[i].votes ? config_monitor(txn, pool->judges[i].monitor.text) : NULL;

		votes += pool->judges[i].votes;
		can |= monitor != NULL && monitor->consecutive_down >= 2;
		model_free_monitor(monitor);
	}
	model_free_pool(pool);
	return can || votes > 1;
}

static bool
suspect_now(struct guards *guards, const struct id *id)
{
	struct known_pool *known = pool_now(guards, id);

	if (!known->asked)
		known->suspect = can_be_suspect(guards->change->txn, id);
	known->asked = true;
	return known->suspect;
}

static void
warn_of_failover(struct guards *guards, const struct lb *lb)
{
	bool can = false;
	struct id *pools;
	size_t count;

	if (lb->affinity != AFFINITY_IP || lb->failover == FAILOVER_NONE)
		return;
	pools = lb_pools(lb, &count);
	for (size_t i = 0; i < count && !can; i++)
		can = suspect_now(guards, &pools[i]);
	free(pools);
	if (!can)
		problems_warn(&guards->change->problems,
		    "load_balancer %s: no monitor of its pools has consecutive_down of 2 or more, so no "
		    "origin is ever suspect: "
		    "zero_downtime_failover withholds none (S21)",
		    lb->name);
}

/* S41: without a monitor no latency is ever known. */
static void
warn_of_latency(struct guards *guards, const struct lb *lb)
{
	bool known = lb->steering_policy != STEERING_DYNAMIC_LATENCY;

	for (size_t i = 0; i < lb->npools && !known; i++)
		known = pool_now(guards, &lb->default_pools[i])->judged;
	if (!known)
		problems_warn(&guards->change->problems,
		    "load_balancer %s: none of its pools has a monitor, so no latency is ever known: "
		    "dynamic_latency is as off (S41)",
		    lb->name);
}

/* S16: the answer for a name cannot come from a query for the same name. */
static void
warn_of_itself(struct guards *guards, const struct lb *lb)
{
	struct id *pools;
	size_t count;

	pools = lb_pools(lb, &count);
	for (size_t i = 0; i < count; i++) {
		struct pool *pool = pool_now(guards, &pools[i])->hostname
		    ? config_pool(guards->change->txn, pools[i].text)
		    : NULL;

		for (size_t n = 0; pool != NULL && n < pool->norigins; n++)
			if (origin_is_hostname(&pool->origins[n]) &&
			    strcmp(pool->origins[n].address, lb->name) == 0)
				problems_warn(&guards->change->problems,
				    "load_balancer %s: its pool %s has the origin %s, which is its own name: "
				    "it would be answered with itself; "
				    "give the origin's address, or another name that has it",
				    lb->name, pool->name, lb->name);
		model_free_pool(pool);
	}
	free(pools);
}

/* A load balancer that the edit wrote: was it healthy before, with the pools as they are now? */
static void
guard_written_lb(struct guards *guards, const struct config_item *item)
{
	struct lb *before = item->before.len > 0 ? document_load_lb(item->before) : NULL;
	struct lb *after = item->after.len > 0 ? document_load_lb(item->after) : NULL;

	guard_lb(guards, after, before != NULL && before->enabled && assess_lb(guards, before).healthy);
	if (after != NULL) {
		warn_of_failover(guards, after);
		warn_of_latency(guards, after);
		warn_of_itself(guards, after);
	}
	model_free_lb(before);
	model_free_lb(after);
}

static void
find_named(struct guards *guards, struct bytes text)
{
	struct pool *pool = config_pool_of(guards->change->txn, text);
	struct id id;

	for (size_t i = 0; pool != NULL && i < pool->norigins; i++)
		if (origin_is_hostname(&pool->origins[i]) &&
		    config_object_id(guards->change->txn, KIND_LB, pool->origins[i].address, &id))
			add_id(&guards->named, &guards->nnamed, &id);
	model_free_pool(pool);
}

static bool
look_at_item(void *arg, const struct config_item *item)
{
	struct guards *guards = arg;

	if (item->what != CONFIG_OBJECT)
		return true;
	if (item->kind == KIND_LB) {
		guard_written_lb(guards, item);
		add_id(&guards->written, &guards->nwritten, &item->id);
	}
	if (item->kind == KIND_POOL && item->after.len > 0)
		find_named(guards, item->after);
	if (item->kind == KIND_POOL && item->before.len > 0) {
		struct known_pool before = assess_text(guards, item->before),
				  after = assess_text(guards, item->after);

		if ((before.usable && !after.usable) || (before.healthy && !after.healthy))
			add_id(&guards->lost, &guards->nlost, &item->id);
	}
	return true;
}

static int
compare_ids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct id));
}

static void
sort_ids(struct id *ids, size_t count)
{
	if (count > 0)
		qsort(ids, count, sizeof *ids, compare_ids);
}

static bool
is_written(const struct guards *guards, const struct id *id)
{
	return guards->nwritten > 0 &&
	    bsearch(id, guards->written, guards->nwritten, sizeof *id, compare_ids) != NULL;
}

/* Load balancers that the edit did not write, but gave a pool their own name. */
static void
look_at_named(struct guards *guards)
{
	sort_ids(guards->named, guards->nnamed);
	for (size_t i = 0; i < guards->nnamed; i++) {
		const struct id *id = &guards->named[i];
		struct lb *lb = is_written(guards, id) || (i > 0 && compare_ids(id, id - 1) == 0)
		    ? NULL
		    : config_lb(guards->change->txn, id->text);

		if (lb != NULL)
			warn_of_itself(guards, lb);
		model_free_lb(lb);
	}
}

/* Load balancers that the edit did not write, but whose pool it took something from. */
static void
look_at_lost(struct guards *guards)
{
	struct referrers users = {0};

	for (size_t i = 0; i < guards->nlost; i++)
		referrers_add_of(&users, guards->change->txn, &guards->lost[i]);
	referrers_sort(&users);
	for (size_t i = 0; i < users.count; i++) {
		struct lb *lb = users.items[i].kind != KIND_LB || is_written(guards, &users.items[i].id)
		    ? NULL
		    : config_lb(guards->change->txn, users.items[i].id.text);

		guard_lb(guards, lb, true);
		model_free_lb(lb);
	}
	referrers_free(&users);
}

void
guards_check(struct change *change)
{
	struct guards guards = {.change = change, .pools = {.key = known_key}};

	config_each_item(change->txn, config_edit_sequence(change->edit), look_at_item, &guards);
	sort_ids(guards.written, guards.nwritten);
	look_at_named(&guards);
	look_at_lost(&guards);
	free(guards.written);
	free(guards.named);
	map_free(&guards.pools, free);
	free(guards.lost);
	guards_dnssec(change);
	guards_keyless(change);
}
