/* graph_follow.c -- update a graph from the feed of changes: only changed data is compiled. */
#include "zones/compile/graph.h"

#include "zones/base/array.h"

#include <stdlib.h>

struct changes {
	struct config_graph *graph;
	struct store_txn *txn;
	struct object_change {
		enum kind kind;
		struct id id;
	} * objects;
	size_t nobjects;
	uint32_t *zones;
	size_t nzones;
	struct owner_change *owners;
	size_t nowners;
	bool signing; /* of a zone */
};

static void
changes_free(struct changes *changes)
{
	for (size_t i = 0; i < changes->nowners; i++)
		free(changes->owners[i].key);
	free(changes->owners);
	free(changes->objects);
	free(changes->zones);
}

static void
change_owner(struct changes *changes, uint32_t zone, struct bytes key)
{
	changes->owners = array_grow(changes->owners, changes->nowners, sizeof *changes->owners);
	changes->owners[changes->nowners++] =
	    (struct owner_change){.zone = zone, .len = key.len, .key = xmemdup(key.data, key.len)};
}

static void
change_lb_owner(struct changes *changes, const struct lb_entry *entry)
{
	uint8_t key[NAME_MAX_KEY];
	size_t len;

	if (entry->zone != NULL && graph_owner_key(entry, entry->zone, key, &len))
		change_owner(changes, entry->zone->number, (struct bytes){key, len});
}

static bool
gather_change(void *arg, const struct config_change *change)
{
	struct changes *changes = arg;

	switch (change->what) {
	case CONFIG_OBJECT:
		changes->signing |= change->kind == KIND_DNSSEC;
		changes->objects = array_grow(changes->objects, changes->nobjects, sizeof *changes->objects);
		changes->objects[changes->nobjects++] = (struct object_change){change->kind, change->id};
		break;
	case CONFIG_ZONE:
		changes->zones = array_grow(changes->zones, changes->nzones, sizeof *changes->zones);
		changes->zones[changes->nzones++] = change->zone;
		break;
	case CONFIG_OWNER:
		change_owner(changes, change->zone, change->owner_key);
		break;
	case CONFIG_NOTE: /* never in the feed */
	case CONFIG_ALL:
		break;
	}
	return true;
}

/* ---- zones ---- */

static bool
list_zone(void *arg, const struct zone_info *info)
{
	struct config_graph *graph = arg;
	struct zone_entry *entry = graph_find_zone(graph, info->number);

	if (entry == NULL)
		entry = graph_add_zone(graph, info);
	entry->info = *info;
	entry->listed = true;
	return true;
}

/*
 * A load balancer belongs to the deepest zone: if zones were added or deleted, it may belong to another one
 * now.
 */
static void
move_lbs(struct changes *changes)
{
	for (size_t i = 0; i < changes->graph->lbs.count; i++) {
		struct lb_entry *entry = changes->graph->lbs.items[i];
		struct zone_entry *now = graph_zone_of(changes->graph, entry->model->wire);

		if (now == entry->zone)
			continue;
		change_lb_owner(changes, entry);
		entry->zone = now;
		entry->unsettled = true;
		change_lb_owner(changes, entry);
	}
}

/* Returns true if there was one. */
static bool
remove_unlisted(struct config_graph *graph)
{
	size_t before = graph->zones.count;

	/* Remove load balancers from a zone before its entry is removed. */
	for (size_t i = 0; i < graph->lbs.count; i++) {
		struct lb_entry *entry = graph->lbs.items[i];

		if (entry->zone != NULL && !entry->zone->listed)
			entry->zone = NULL;
	}
	for (size_t i = graph->zones.count; i-- > 0;)
		if (!((struct zone_entry *)graph->zones.items[i])->listed)
			graph_remove_zone(graph, graph->zones.items[i]);
	return graph->zones.count < before;
}

static bool
follow_zones(struct changes *changes)
{
	struct config_graph *graph = changes->graph;
	size_t before = graph->zones.count;
	bool came;

	if (changes->nzones == 0)
		return true;
	for (size_t i = 0; i < before; i++)
		((struct zone_entry *)graph->zones.items[i])->listed = false;
	for (size_t i = 0; i < changes->nzones; i++) {
		struct zone_entry *entry = graph_find_zone(graph, changes->zones[i]);

		if (entry != NULL)
			entry->rebuild = true;
	}
	if (!config_each_zone(changes->txn, list_zone, graph))
		return false;
	came = graph->zones.count > before;
	if (remove_unlisted(graph) || came)
		move_lbs(changes);
	return true;
}

/* ---- objects ---- */

static void
follow_pool(struct changes *changes, const struct id *id)
{
	struct pool *model = config_pool(changes->txn, id->text);

	if (model != NULL || graph_find_pool(changes->graph, id) != NULL)
		graph_set_pool(changes->graph, graph_pool(changes->graph, id), model);
}

/* S38: update the judges of the pools of a monitor group. */
static void
follow_group(struct changes *changes, const struct id *id)
{
	for (uint32_t slot = 0; slot < changes->graph->pools.count; slot++) {
		struct pool_entry *pool = graph_pool_at(changes->graph, slot);

		if (pool->model != NULL && strcmp(pool->model->monitor_group.text, id->text) == 0)
			follow_pool(changes, &pool->id);
	}
}

static void
remove_lb(struct changes *changes, struct lb_entry *entry)
{
	if (entry == NULL)
		return;
	change_lb_owner(changes, entry);
	graph_remove_lb(changes->graph, entry);
}

static void
follow_lb(struct changes *changes, const struct id *id)
{
	struct config_graph *graph = changes->graph;
	struct lb_entry *entry;
	struct lb *model;

	remove_lb(changes, graph_find_lb(graph, id));
	if ((model = config_lb(changes->txn, id->text)) == NULL)
		return;
	/* Two objects of one command may have exchanged names: the later one's entry still has the name. */
	remove_lb(changes, graph_lb_by_name(graph, model->wire));
	entry = graph_add_lb(graph, model);
	entry->zone = graph_zone_of(graph, model->wire);
	change_lb_owner(changes, entry);
}

static void
follow_objects(struct changes *changes)
{
	static const struct {
		enum kind kind;
		void (*follow)(struct changes *, const struct id *);
	} order[] = {{KIND_MONITOR_GROUP, follow_group}, {KIND_POOL, follow_pool}, {KIND_LB, follow_lb}};

	for (size_t k = 0; k < NITEMS(order); k++)
		for (size_t i = 0; i < changes->nobjects; i++)
			if (changes->objects[i].kind == order[k].kind)
				order[k].follow(changes, &changes->objects[i].id);
}

/* The load balancers of zones whose signing began or ended get other signatures. */
static void
follow_signing(struct config_graph *graph, struct store_txn *txn)
{
	if (!graph_follow_signed(graph, txn, false))
		return;
	for (size_t i = 0; i < graph->lbs.count; i++)
		((struct lb_entry *)graph->lbs.items[i])->unsettled = true;
}

static bool
needs_rebuild(const struct config_graph *graph)
{
	for (size_t i = 0; i < graph->zones.count; i++)
		if (((const struct zone_entry *)graph->zones.items[i])->rebuild)
			return true;
	return false;
}

static bool
follow(struct changes *changes)
{
	if (!follow_zones(changes))
		return false;
	follow_objects(changes);
	if (!graph_edit_owners(changes->graph, changes->txn, changes->owners, changes->nowners, false))
		return false;
	if (changes->signing || changes->graph->resigned)
		follow_signing(changes->graph, changes->txn);
	return !needs_rebuild(changes->graph) || graph_build_zones(changes->graph, changes->txn);
}

static const char damaged[] = "a changed zone cannot be compiled: its data is damaged";

bool
graph_follow_ends(struct config_graph *graph, struct store_txn *txn, uint64_t generation, bool *enabled)
{
	struct changes changes = {.graph = graph, .txn = txn};
	bool done;

	*enabled = false;
	for (size_t i = 0; i < graph->lbs.count; i++) {
		struct lb_entry *entry = graph->lbs.items[i];

		if (!deadline_passed(&entry->model->expiry)) {
			deadline_add(&graph->next_expiry, &entry->model->expiry);
			continue;
		}
		graph_enable_lb(graph, entry);
		change_lb_owner(&changes, entry);
		*enabled = true;
	}
	if (!*enabled)
		return true;
	snprintf(graph->error, sizeof graph->error, "%s", damaged);
	/* Renewed signatures may be those of a newer configuration, which waits. */
	done = graph_edit_owners(graph, txn, changes.owners, changes.nowners, true) &&
	    (!needs_rebuild(graph) || graph_build_zones(graph, txn));
	if (done) {
		graph_update_tables(graph);
		graph_make_snapshot(graph, generation);
	}
	changes_free(&changes);
	return done;
}

bool
graph_follow(struct config_graph *graph, struct store_txn *txn, uint64_t generation, bool *lost)
{
	struct changes changes = {.graph = graph, .txn = txn};
	bool done = false;

	snprintf(graph->error, sizeof graph->error, "%s", damaged);
	*lost = !config_changes_after(txn, generation, gather_change, &changes);
	if (!*lost && (done = follow(&changes))) {
		graph_update_tables(graph);
		graph_make_snapshot(graph, config_generation(txn));
	}
	changes_free(&changes);
	return done;
}
