/* graph_pool.c -- the pools of a graph, each with its table in a slot that snapshots share. */
#include "zones/compile/graph.h"

#include <stdlib.h>

struct bytes
graph_pool_key(const void *item)
{
	return graph_id_key(&((const struct pool_entry *)item)->id);
}

struct pool_entry *
graph_find_pool(const struct config_graph *graph, const struct id *id)
{
	return map_find(&graph->pools, graph_id_key(id));
}

/* ---- slots ---- */

static void
free_slots(void *memory)
{
	struct pool_slots *slots = memory;

	free((void *)slots->tables);
	free((void *)slots->usable);
	free(slots);
}

/* Create a larger array of slots with the same tables. The caller creates the snapshot that uses it. */
static void
grow_slots(struct config_graph *graph)
{
	struct pool_slots *old = graph->shared, *grown = xcalloc(1, sizeof *grown);
	uint32_t before = old != NULL ? old->count : 0;

	grown->count = before > 0 ? before * 2 : 64;
	grown->tables = xcalloc(grown->count, sizeof *grown->tables);
	grown->usable = xcalloc(grown->count / 64, sizeof *grown->usable);
	for (uint32_t i = 0; i < before; i++)
		atomic_store(&grown->tables[i], pool_slot_table(old, i));
	for (uint32_t i = 0; i < before / 64; i++)
		atomic_store(&grown->usable[i], atomic_load(&old->usable[i]));
	retired_add(graph->retired, free_slots, old);
	graph->shared = grown;
}

struct pool_entry *
graph_pool(struct config_graph *graph, const struct id *id)
{
	struct pool_entry *entry = graph_find_pool(graph, id), *known;

	if (entry != NULL)
		return entry;
	if (graph->shared == NULL || graph->pools.count == graph->shared->count)
		grow_slots(graph);
	entry = xcalloc(1, sizeof *entry);
	entry->id = *id;
	entry->slot = (uint32_t)graph->pools.count;
	if (graph->before != NULL && (known = graph_find_pool(graph->before, id)) != NULL)
		entry->latency_us = known->latency_us;
	map_add(&graph->pools, entry);
	return entry;
}

/* ---- models ---- */

static void
free_model(struct pool_entry *pool)
{
	free(pool->states);
	free(pool->numbers);
	model_free_pool(pool->model);
	pool->states = NULL;
	pool->numbers = NULL;
	pool->model = NULL;
}

void
graph_set_pool(struct config_graph *graph, struct pool_entry *pool, struct pool *model)
{
	size_t count = model != NULL ? model->norigins : 0;
	struct pool_uses uses;

	/* Add the new uses first, so that an endpoint in both keeps its state. */
	graph_use(graph, pool, model, &uses);
	graph_leave(graph, pool, &pool->uses);
	free_model(pool);
	pool->model = model;
	pool->uses = uses;
	pool->states = xcalloc(count, sizeof *pool->states);
	pool->numbers = xcalloc(count, sizeof *pool->numbers);
	for (size_t i = 0; i < count; i++)
		pool->numbers[i] = numbers_of(graph->numbers, model->name, model->origins[i].address);
	if (model != NULL)
		deadline_add(&graph->next_expiry, &model->expiry);
	graph_dirty(graph, pool);
}

void
graph_set_addresses(struct config_graph *graph, struct name_entry *entry, const struct name_record *record)
{
	size_t count = entry->users.count;
	/* A copy: the list changes while its pools add their new addresses and remove the old ones. */
	struct pool_entry **users = xmemdup(entry->users.list, count * sizeof(struct pool_entry *));

	free(entry->resolved);
	entry->resolved = record != NULL ? name_resolved(record) : NULL;
	for (size_t i = 0; i < count; i++) {
		struct pool_uses uses;

		graph_use(graph, users[i], users[i]->model, &uses);
		graph_leave(graph, users[i], &users[i]->uses);
		users[i]->uses = uses;
		graph_dirty(graph, users[i]);
	}
	free(users);
}

void
graph_drop_pools(struct config_graph *graph)
{
	for (uint32_t i = 0; i < graph->pools.count; i++) {
		struct pool_entry *pool = graph_pool_at(graph, i);

		retired_add(graph->retired, free, (void *)(uintptr_t)pool_slot_table(graph->shared, i));
		graph_free_uses(&pool->uses);
		free_model(pool);
	}
	map_free(&graph->pools, free);
	retired_add(graph->retired, free_slots, graph->shared);
}

/* ---- tables ---- */

void
graph_dirty(struct config_graph *graph, struct pool_entry *pool)
{
	if (pool->dirty)
		return;
	pool->dirty = true;
	pool->next_dirty = graph->dirty;
	graph->dirty = pool;
}

static void
update_table(struct config_graph *graph, struct pool_entry *pool)
{
	struct pool_slots *slots = graph->shared;
	uint64_t bit = UINT64_C(1) << pool->slot % 64;
	struct pool_table *table = NULL;

	if (pool->model != NULL) {
		graph_derive_states(pool);
		table = pool_table_new(pool->model, pool->states, pool->numbers);
		table->latency_us = pool->latency_us;
	}
	retired_add(graph->retired, free, (void *)(uintptr_t)pool_slot_table(slots, pool->slot));
	atomic_store_explicit(&slots->tables[pool->slot], table, memory_order_release);
	if (table != NULL && table->usable)
		atomic_fetch_or_explicit(&slots->usable[pool->slot / 64], bit, memory_order_release);
	else
		atomic_fetch_and_explicit(&slots->usable[pool->slot / 64], ~bit, memory_order_release);
	pool->dirty = false;
	pool->changed = true;
	pool->tables++;
}

bool
graph_update_tables(struct config_graph *graph)
{
	bool changed = graph->dirty != NULL;

	for (; graph->dirty != NULL; graph->dirty = graph->dirty->next_dirty)
		update_table(graph, graph->dirty);
	return changed;
}
