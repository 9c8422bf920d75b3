/*
 * graph_latency.c -- latencies of the pools of a graph, for dynamic_latency (S41).
 *
 * The monitor writes round-trip times once a second, without an entry in the feed of flips. So they are read
 * regularly, but only for pools that a load balancer chooses by latency. A pool without a latency is looked
 * up in each pass; that reads the store only if one of its endpoints is up.
 */
#include "zones/compile/graph.h"
#include "zones/model/usable.h"

struct mean {
	uint64_t sum_us;
	unsigned count;
};

static void
mean_add(struct mean *mean, uint32_t us)
{
	if (us == 0)
		return;
	mean->sum_us += us;
	mean->count++;
}

static uint32_t
mean_of(const struct mean *mean)
{
	return mean->count > 0 ? (uint32_t)(mean->sum_us / mean->count) : 0;
}

/* The average over the address's endpoints that are up and whose monitors vote ([CF] 4.4). */
static uint32_t
origin_latency(const struct pool_entry *pool, size_t i, struct store_txn *health)
{
	const struct origin_uses *use = &pool->uses.origins[i];
	size_t njudges = pool->model->njudges;
	struct mean mean = {0};
	struct health_record record;

	for (size_t n = 0; n < use->count * njudges; n++) {
		const struct endpoint_entry *endpoint = pool->uses.endpoints[use->first + n];

		if (pool->model->judges[n % njudges].votes && health_state_healthy(endpoint->state) &&
		    health_get(health, &endpoint->key, &record))
			mean_add(&mean, record.rtt_steady_us);
	}
	return mean_of(&mean);
}

/* The average over the pool's candidates: an origin counts once, however many addresses it has (S16). */
static uint32_t
pool_latency(const struct pool_entry *pool, struct store_txn *health)
{
	struct mean mean = {0};

	for (size_t i = 0; i < pool->model->norigins; i++)
		if (origin_is_candidate(&pool->model->origins[i], pool->states[i]))
			mean_add(&mean, origin_latency(pool, i, health));
	return mean_of(&mean);
}

void
graph_look_at_latencies(struct config_graph *graph, struct store_txn *health, bool known)
{
	for (uint32_t slot = 0; graph->by_latency && slot < graph->pools.count; slot++) {
		struct pool_entry *pool = graph_pool_at(graph, slot);
		uint32_t latency_us;

		if (pool->latency_us != 0 && !known)
			continue;
		latency_us = pool->by_latency && pool->model != NULL ? pool_latency(pool, health) : 0;
		if (latency_us == pool->latency_us)
			continue;
		pool->latency_us = latency_us;
		graph_dirty(graph, pool);
	}
}
