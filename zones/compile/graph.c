#include "zones/compile/graph.h"

#include "zones/base/array.h"

#include <stdlib.h>

/* ---- what is retired ---- */

void
retired_add(struct retired *retired, void (*fn)(void *), void *memory)
{
	if (memory == NULL)
		return;
	retired->items = array_grow(retired->items, retired->count, sizeof *retired->items);
	retired->items[retired->count++] = (struct retired_item){fn, memory};
}

static void
retire_add(void *arg, void (*fn)(void *), void *memory)
{
	retired_add(arg, fn, memory);
}

struct retire
graph_retire(struct config_graph *graph)
{
	return (struct retire){retire_add, graph->retired};
}

/* ---- numbers for counters ---- */

static struct bytes
numbered_key(const void *item)
{
	const struct numbered *numbered = item;

	return (struct bytes){numbered->text, numbered->len};
}

uint32_t
numbers_of(struct numbers *numbers, const char *first, const char *second)
{
	size_t first_len = strlen(first) + 1, len = first_len + strlen(second) + 1;
	struct numbered *numbered = xmalloc(sizeof *numbered + len);
	uint32_t number;

	numbered->len = len;
	memcpy(numbered->text, first, first_len);
	memcpy(numbered->text + first_len, second, len - first_len);
	numbers->map.key = numbered_key;
	if (!map_place(&numbers->map, numbered_key(numbered), &number)) {
		number = (uint32_t)numbers->map.count;
		map_add(&numbers->map, numbered);
		return number;
	}
	free(numbered);
	return number;
}

void
numbers_free(struct numbers *numbers)
{
	map_free(&numbers->map, free);
}

/* ---- begin and end ---- */

struct config_graph *
graph_new(struct retired *retired, struct numbers *numbers)
{
	struct config_graph *graph = xcalloc(1, sizeof *graph);

	graph->retired = retired;
	graph->numbers = numbers;
	graph->pools.key = graph_pool_key;
	graph->lbs.key = graph_lb_key;
	graph->lbs_by_name.key = graph_lb_name_key;
	graph->zones.key = graph_zone_key;
	graph->zones_by_name.key = graph_zone_name_key;
	graph->endpoints.key = graph_endpoint_key;
	graph->names.key = graph_name_key;
	return graph;
}

void
graph_drop(struct config_graph *graph)
{
	if (graph == NULL)
		return;
	while (graph->zones.count > 0)
		graph_remove_zone(graph, graph->zones.items[graph->zones.count - 1]);
	while (graph->lbs.count > 0)
		graph_remove_lb(graph, graph->lbs.items[graph->lbs.count - 1]);
	map_free(&graph->zones, NULL);
	map_free(&graph->zones_by_name, NULL);
	map_free(&graph->lbs, NULL);
	map_free(&graph->lbs_by_name, NULL);
	graph_drop_pools(graph);
	map_free(&graph->endpoints, graph_drop_endpoint);
	map_free(&graph->names, graph_drop_name);
	retired_add(graph->retired, free, (void *)(uintptr_t)graph->table);
	retired_add(graph->retired, free, graph->snapshot);
	free(graph);
}
