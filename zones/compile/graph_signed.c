/* graph_signed.c -- zones whose signatures changed. */
#include "zones/compile/graph.h"

/* Was the zone built with the signatures that there are? */
static bool
is_current(const struct config_graph *graph, const struct zone_entry *entry, bool complete)
{
	const struct compiler_signing *source = graph->signing;
	const struct zone_signing *signing = source != NULL ? source->zone(source->arg, &entry->info) : NULL;
	uint64_t version = signing != NULL ? signing->version : 0;

	if (signing == NULL && graph_is_lost(graph, entry))
		return true;
	if (version == entry->zone->version)
		return !complete || entry->zone->missing == 0;
	return version != 0 && version == entry->refused;
}

bool
graph_follow_signed(struct config_graph *graph, struct store_txn *txn, bool complete)
{
	bool some = false;

	graph->resigned = false;
	for (size_t i = 0; i < graph->zones.count; i++) {
		struct zone_entry *entry = graph->zones.items[i];
		bool changed = entry->rebuild;

		if (!changed && entry->zone != NULL && is_current(graph, entry, complete))
			continue;
		some = true;
		if (entry->zone == NULL || entry->zone->chain == NULL ||
		    (complete && entry->zone->missing > 0) || entry->rebuild)
			entry->rebuild = true;
		else
			entry->rebuild = !graph_renew_zone(graph, txn, entry);
		entry->resigned = entry->rebuild && !changed;
	}
	return some;
}
