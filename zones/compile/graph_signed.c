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

/* ---- while a newer configuration waits ---- */

static bool
note_ahead(void *arg, const struct config_change *change)
{
	struct zone_entry *entry = change->what == CONFIG_OBJECT ? NULL : graph_find_zone(arg, change->zone);

	if (entry != NULL)
		entry->ahead = true;
	return true;
}

/* Was only renewed, under the rows that it was built of? */
static bool
was_renewed(const struct config_graph *graph, const struct zone_entry *entry)
{
	const struct compiler_signing *source = graph->signing;
	const struct zone_signing *signing;

	if (entry->ahead || entry->rebuild || entry->zone == NULL || entry->zone->chain == NULL)
		return false;
	signing = source != NULL ? source->zone(source->arg, &entry->info) : NULL;
	return signing != NULL && signing->version != entry->zone->version &&
	    signing->version != entry->refused;
}

bool
graph_renew_behind(struct config_graph *graph, struct store_txn *txn, uint64_t generation)
{
	bool some = false;

	for (size_t i = 0; i < graph->zones.count; i++)
		((struct zone_entry *)graph->zones.items[i])->ahead = false;
	if (!config_changes_after(txn, generation, note_ahead, graph))
		return false;
	for (size_t i = 0; i < graph->zones.count; i++) {
		struct zone_entry *entry = graph->zones.items[i];
		const struct zone *before = entry->zone;

		if (!was_renewed(graph, entry))
			continue;
		/* All of its rows are those of the graph: it can be built again, too. */
		entry->rebuild = entry->resigned = !graph_renew_zone(graph, txn, entry);
		some |= entry->rebuild || entry->zone != before;
	}
	return some;
}
