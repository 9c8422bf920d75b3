/* compile_status.c -- the status of pools and load balancers (S28), from the graph of a compiler. */
#include "zones/compile/compile_inner.h"
#include "zones/model/usable.h"

#include <stdlib.h>

/* S28, by slot. */
struct judging {
	const struct config_graph *graph;
	const struct compiled_status *out;
	struct status_of_pool *pools;
};

static struct status_of_pool
assessed_pool(const void *arg, const struct id *id)
{
	const struct judging *judging = arg;
	const struct pool_entry *pool = graph_find_pool(judging->graph, id);

	return pool != NULL && pool->model != NULL ? judging->pools[pool->slot]
						   : (struct status_of_pool){POOL_CRITICAL, false};
}

/*
 * True if all pools of a load balancer are good, so that it is Healthy with any list. False if weights or
 * overrides may exclude some pools.
 */
static bool
all_good(const struct judging *judging, const struct steer_lb *lb)
{
	if (lb->policy == STEERING_RANDOM || lb->overrides != NULL)
		return false;
	for (uint32_t i = 0; i < lb->nall; i++) {
		const struct status_of_pool *pool = &judging->pools[lb->pools[i].slot];

		if (pool->status != POOL_HEALTHY && !(pool->status == POOL_HEALTH_UNKNOWN && pool->usable))
			return false;
	}
	return true;
}

static enum lb_status
assess_lb(const struct judging *judging, const struct lb_entry *entry)
{
	struct pool_list *lists;
	enum lb_status status;
	bool *last_resort;
	size_t count;

	if (!entry->model->enabled)
		return LB_DISABLED;
	lists = lists_of(entry->model, &count);
	last_resort = xcalloc(MAX(count, 1u), sizeof *last_resort);
	status = status_lb(entry->model, lists, count, assessed_pool, judging, last_resort);
	free(last_resort);
	free(lists);
	return status;
}

static void
report_lb(const struct judging *judging, const struct lb_entry *entry)
{
	judging->out->lb(judging->out->arg, entry->model->name,
	    entry->compiled != NULL && all_good(judging, entry->compiled) ? LB_HEALTHY
									  : assess_lb(judging, entry),
	    entry->model->enabled ? lists_geography(entry->model) : 0);
}

void
compiler_status(const struct compiler *compiler, const struct compiled_status *status)
{
	const struct config_graph *graph = compiler->graph;
	struct judging judging = {.graph = graph, .out = status};

	if (graph == NULL)
		return;
	judging.pools = xcalloc(graph->pools.count, sizeof *judging.pools);
	for (uint32_t i = 0; i < graph->pools.count; i++) {
		const struct pool_entry *pool = graph_pool_at(graph, i);

		judging.pools[i] = (struct status_of_pool){POOL_CRITICAL, false};
		if (pool->model == NULL)
			continue;
		judging.pools[i].status = status_pool(pool->model, pool->states);
		judging.pools[i].usable = pool_assess(pool->model, pool->states).usable;
		status->pool(status->arg, pool->model->name, judging.pools[i].status);
	}
	for (size_t i = 0; i < graph->lbs.count; i++)
		report_lb(&judging, graph->lbs.items[i]);
	free(judging.pools);
}

static size_t
count_pairs(const struct config_graph *graph, const struct steer_lb *lb)
{
	size_t count = 0;

	for (unsigned i = 0; lb != NULL && i <= lb->nall; i++) {
		uint32_t slot = i < lb->nall ? lb->pools[i].slot : lb->fallback.slot;
		const struct pool *model = graph_pool_at(graph, slot)->model;

		count += model != NULL ? model->norigins : 0;
	}
	return count;
}

size_t
compiler_pairs(const struct compiler *compiler)
{
	const struct config_graph *graph = compiler->graph;
	size_t count = 0;

	for (size_t i = 0; graph != NULL && i < graph->lbs.count; i++)
		count += count_pairs(graph, ((const struct lb_entry *)graph->lbs.items[i])->compiled);
	return count;
}
