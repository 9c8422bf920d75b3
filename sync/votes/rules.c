#include "sync/votes/rules.h"

#include "zones/base/map.h"
#include "zones/state/config.h"
#include "zones/state/hostname.h"

#include <stdlib.h>

struct ruled {
	struct endpoint endpoint; /* the key in the map */
	struct rule rule;
};

struct rules {
	struct map map;
};

/* Of endpoints that no pool here uses: another node resolved the address of a hostname. */
static const struct rule unknown = {.resolved = true};

static struct bytes
ruled_key(const void *item)
{
	const struct ruled *ruled = item;

	return (struct bytes){ruled->endpoint.key, sizeof ruled->endpoint.key};
}

struct rules *
rules_new(void)
{
	struct rules *rules = xcalloc(1, sizeof *rules);

	rules->map.key = ruled_key;
	return rules;
}

void
rules_free(struct rules *rules)
{
	if (rules == NULL)
		return;
	map_free(&rules->map, free);
	free(rules);
}

const struct rule *
rules_of(const struct rules *rules, const struct endpoint *endpoint)
{
	const struct ruled *ruled =
	    map_find(&rules->map, (struct bytes){endpoint->key, sizeof endpoint->key});

	return ruled != NULL ? &ruled->rule : &unknown;
}

/* ---- reading ---- */

struct reading {
	struct rules *rules;
	struct store_txn *config, *health;
	const struct pool *pool;
};

static void
add(const struct reading *reading, const struct origin *origin, const struct address *address, bool resolved)
{
	const struct pool *pool = reading->pool;
	struct map *map = &reading->rules->map;

	for (size_t i = 0; i < pool->njudges; i++) {
		struct endpoint endpoint =
		    health_pool_endpoint(pool, pool->judges[i].monitor.text, origin, address);
		struct ruled *ruled = map_find(map, (struct bytes){endpoint.key, sizeof endpoint.key});

		if (ruled == NULL) {
			ruled = xcalloc(1, sizeof *ruled);
			ruled->endpoint = endpoint;
			ruled->rule = (struct rule){pool->quorum, pool->check_regions, true};
			map_add(map, ruled);
		}
		ruled->rule.resolved &= resolved;
	}
}

static bool
take_pool(void *arg, const struct id *id, struct bytes json)
{
	struct reading *reading = arg;
	struct pool *pool = config_pool_of(reading->config, json);

	(void)id;
	if (pool == NULL)
		return true;
	reading->pool = pool;
	for (size_t i = 0; i < pool->norigins; i++) {
		const struct origin *origin = &pool->origins[i];
		struct name_record record;

		if (!origin_is_hostname(origin)) {
			add(reading, origin, &origin->ip, false);
			continue;
		}
		if (reading->health == NULL || !name_get(reading->health, origin->address, &record))
			continue;
		for (unsigned j = 0; j < record.count; j++)
			add(reading, origin, &record.addresses[j], true);
	}
	model_free_pool(pool);
	return true;
}

void
rules_read(struct rules *rules, struct store_txn *config, struct store_txn *health)
{
	struct reading reading = {rules, config, health, NULL};

	map_free(&rules->map, free);
	config_each_object(config, KIND_POOL, take_pool, &reading);
}
