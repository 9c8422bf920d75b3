/* graph_read.c -- read all of a config store into an empty graph. */
#include "zones/compile/graph.h"

#include "zones/document/document_load.h"

struct reading {
	struct config_graph *graph;
	struct store_txn *txn;
};

static bool
read_zone(void *arg, const struct zone_info *info)
{
	graph_add_zone(((struct reading *)arg)->graph, info);
	return true;
}

static bool
read_pool(void *arg, const struct id *id, struct bytes json)
{
	struct reading *reading = arg;
	struct pool *model = config_pool_of(reading->txn, json);

	if (model != NULL)
		graph_set_pool(reading->graph, graph_pool(reading->graph, id), model);
	return true;
}

static bool
read_lb(void *arg, const struct id *id, struct bytes json)
{
	struct lb *model = document_load_lb(json);

	(void)id;
	if (model != NULL)
		graph_add_lb(((struct reading *)arg)->graph, model);
	return true;
}

bool
graph_read(struct config_graph *graph, struct store_txn *txn, struct config_graph *before)
{
	struct reading reading = {.graph = graph, .txn = txn};
	bool done;

	snprintf(graph->error, sizeof graph->error, "the store cannot be read");
	graph->before = before; /* known health stays valid until its store is read again */
	done = config_each_zone(txn, read_zone, &reading) &&
	    config_each_object(txn, KIND_POOL, read_pool, &reading) &&
	    config_each_object(txn, KIND_LB, read_lb, &reading) && graph_build_zones(graph, txn);
	graph->before = NULL;
	if (!done)
		return false;
	graph_update_tables(graph);
	graph_make_snapshot(graph, config_generation(txn));
	return true;
}
