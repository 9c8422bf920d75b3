#include "admin/edit/guards_keyless.h"

#include "admin/look/referrers.h"
#include "zones/base/array.h"
#include "zones/document/document_load.h"
#include "zones/model/lists.h"

#include <stdlib.h>

enum { FAULTS_SHOWN = 5 };

struct keyless_zone {
	char *name;
	bool whole; /* the edit wrote its settings: look at all of its load balancers */
};

struct looking {
	struct change *change;
	struct keyless_zone *zones;
	size_t count;
	struct referrers lbs; /* to look at */
	size_t faults;
};

/* ---- which zones ---- */

static bool
add_zone(void *arg, const struct id *id, struct bytes json)
{
	struct looking *looking = arg;
	struct dnssec_policy *policy = document_load_dnssec(json);

	(void)id;
	if (policy != NULL && policy->keyless_nodes) {
		looking->zones = array_grow(looking->zones, looking->count, sizeof *looking->zones);
		looking->zones[looking->count++] = (struct keyless_zone){xstrdup(policy->name), false};
	}
	model_free_dnssec_policy(policy);
	return true;
}

static struct keyless_zone *
find_zone(const struct looking *looking, const char *name)
{
	for (size_t i = 0; i < looking->count; i++)
		if (strcmp(looking->zones[i].name, name) == 0)
			return &looking->zones[i];
	return NULL;
}

static struct keyless_zone *
zone_of(const struct looking *looking, const struct lb *lb)
{
	char name[NAME_MAX_TEXT];
	struct zone_info zone;

	return config_zone_of(looking->change->txn, lb->wire, &zone)
	    ? find_zone(looking, name_to_host(zone.name, name))
	    : NULL;
}

/* ---- which load balancers ---- */

static bool
has_hostname(const struct pool *pool)
{
	for (size_t i = 0; pool != NULL && i < pool->norigins; i++)
		if (origin_is_hostname(&pool->origins[i]))
			return true;
	return false;
}

static bool
look_at_item(void *arg, const struct config_item *item)
{
	struct looking *looking = arg;
	struct dnssec_policy *policy;
	struct keyless_zone *zone;
	struct pool *pool;

	if (item->what != CONFIG_OBJECT || item->after.len == 0)
		return true;
	if (item->kind == KIND_LB) {
		referrers_add(&looking->lbs, KIND_LB, &item->id, item->after);
	} else if (item->kind == KIND_POOL) {
		pool = config_pool_of(looking->change->txn, item->after);
		if (has_hostname(pool))
			referrers_add_of(&looking->lbs, looking->change->txn, &item->id);
		model_free_pool(pool);
	} else if (item->kind == KIND_DNSSEC && (policy = document_load_dnssec(item->after)) != NULL) {
		if ((zone = find_zone(looking, policy->name)) != NULL)
			zone->whole = true;
		model_free_dnssec_policy(policy);
	}
	return true;
}

static bool
add_of_whole(void *arg, const struct id *id, struct bytes json)
{
	struct looking *looking = arg;
	struct lb *lb = document_load_lb(json);
	const struct keyless_zone *zone = lb != NULL ? zone_of(looking, lb) : NULL;

	if (zone != NULL && zone->whole)
		referrers_add(&looking->lbs, KIND_LB, id, json);
	model_free_lb(lb);
	return true;
}

/* ---- look ---- */

static void
refuse(struct looking *looking, const struct lb *lb, const struct pool *pool, const struct origin *origin,
    const char *zone)
{
	if (++looking->faults > FAULTS_SHOWN)
		return;
	problems_error(&looking->change->problems,
	    "load_balancer %s: its pool %s has the origin %s, a hostname, and zone %s has nodes without "
	    "keys: the "
	    "addresses of a hostname change, and each node may see others, so that they cannot be signed "
	    "ahead on "
	    "another node; write the addresses as origins, or `graycloud dnssec set %s keyless_nodes=false`",
	    lb->name, pool->name, origin->address, zone, zone);
}

static void
look_at_lb(struct looking *looking, const struct id *id)
{
	struct lb *lb = config_lb(looking->change->txn, id->text);
	const struct keyless_zone *zone = lb != NULL ? zone_of(looking, lb) : NULL;
	size_t count = 0;
	struct id *pools = zone != NULL ? lb_pools(lb, &count) : NULL;

	for (size_t i = 0; i < count; i++) {
		struct pool *pool = config_pool(looking->change->txn, pools[i].text);

		for (size_t n = 0; pool != NULL && n < pool->norigins; n++)
			if (origin_is_hostname(&pool->origins[n])) {
				refuse(looking, lb, pool, &pool->origins[n], zone->name);
				break;
			}
		model_free_pool(pool);
	}
	free(pools);
	model_free_lb(lb);
}

void
guards_keyless(struct change *change)
{
	struct looking looking = {.change = change};
	bool whole = false;

	config_each_object(change->txn, KIND_DNSSEC, add_zone, &looking);
	if (looking.count == 0)
		return;
	config_each_item(change->txn, config_edit_sequence(change->edit), look_at_item, &looking);
	for (size_t i = 0; i < looking.count; i++)
		whole |= looking.zones[i].whole;
	if (whole)
		config_each_object(change->txn, KIND_LB, add_of_whole, &looking);
	referrers_sort(&looking.lbs);
	for (size_t i = 0; i < looking.lbs.count; i++)
		if (looking.lbs.items[i].kind == KIND_LB)
			look_at_lb(&looking, &looking.lbs.items[i].id);
	if (looking.faults > FAULTS_SHOWN)
		problems_error(&change->problems, "and %zu more", looking.faults - FAULTS_SHOWN);
	referrers_free(&looking.lbs);
	for (size_t i = 0; i < looking.count; i++)
		free(looking.zones[i].name);
	free(looking.zones);
}
