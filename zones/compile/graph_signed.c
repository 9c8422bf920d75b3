/* graph_signed.c -- zones whose signatures changed. */
#include "zones/compile/graph.h"

bool
graph_mark_signed(struct config_graph *graph, bool complete)
{
	const struct compiler_signing *source = graph->signing;
	bool some = false;

	for (size_t i = 0; i < graph->zones.count; i++) {
		struct zone_entry *entry = graph->zones.items[i];
		const struct zone_signing *signing =
		    source != NULL ? source->zone(source->arg, &entry->info) : NULL;

		if ((signing != NULL ? signing->version : 0) == entry->zone->version &&
		    (!complete || entry->zone->missing == 0))
			continue;
		entry->rebuild = some = true;
	}
	return some;
}
