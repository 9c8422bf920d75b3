/* graph_signed.c -- zones whose signatures changed. */
#include "zones/compile/graph.h"

/* Was the zone built with the signatures that there are? */
static bool
is_current(const struct config_graph *graph, const struct zone_entry *entry, bool complete)
{
	const struct compiler_signing *source = graph->signing;
	const struct zone_signing *signing = source != NULL ? source->zone(source->arg, &entry->info) : NULL;

	return (signing != NULL ? signing->version : 0) == entry->zone->version &&
	    (!complete || entry->zone->missing == 0);
}

bool
graph_follow_signed(struct config_graph *graph, struct store_txn *txn, bool complete)
{
	bool some = false;

	graph->resigned = false;
	for (size_t i = 0; i < graph->zones.count; i++) {
		struct zone_entry *entry = graph->zones.items[i];

		if (!entry->rebuild && entry->zone != NULL && is_current(graph, entry, complete))
			continue;
		some = true;
		if (entry->zone == NULL || entry->zone->chain == NULL ||
		    (complete && entry->zone->missing > 0) || entry->rebuild)
			entry->rebuild = true;
		else
			entry->rebuild = !graph_renew_zone(graph, txn, entry);
	}
	return some;
}
