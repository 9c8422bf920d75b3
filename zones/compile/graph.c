/* graph.c -- create and free a graph. */
#include "zones/compile/graph.h"

#include <stdlib.h>

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
