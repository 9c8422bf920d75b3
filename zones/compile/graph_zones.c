/*
 * graph_zones.c -- the zones of a graph: merged with their load balancers, built, and updated change by
 * change.
 */
#include "zones/compile/graph.h"

#include "zones/base/text.h"

#include <stdlib.h>

bool
graph_gather_row(void *arg, struct bytes key, const struct rrset *rrset)
{
	struct owner_rows *rows = arg;

	(void)key;
	if (rows->count < NODE_RRSETS_MAX)
		rows->rrsets[rows->count++] = *rrset;
	return true;
}

bool
graph_owner_key(
    const struct lb_entry *entry, const struct zone_entry *zone, uint8_t key[NAME_MAX_KEY], size_t *len)
{
	*len = name_to_key(key, entry->model->wire, zone->info.name);
	return *len > 0;
}

/* A load balancer of one zone with the key of its owner, to be merged with the rows. */
struct placed_lb {
	uint32_t zone;
	uint32_t len;
	const struct steer_lb *lb;
	uint8_t key[NAME_MAX_KEY];
};

int
graph_compare_keys(const void *a, size_t a_len, const void *b, size_t b_len)
{
	int order = memcmp(a, b, MIN(a_len, b_len));

	return order != 0 ? order : a_len < b_len ? -1 : a_len > b_len;
}

static int
compare_placed(const void *a, const void *b)
{
	const struct placed_lb *x = *(struct placed_lb *const *)a, *y = *(struct placed_lb *const *)b;

	if (x->zone != y->zone)
		return x->zone < y->zone ? -1 : 1;
	return graph_compare_keys(x->key, x->len, y->key, y->len);
}

/* The merge of a zone's rows with its load balancers, owner by owner. */
struct merge {
	struct store_txn *txn;
	uint32_t zone;
	struct zone_owners *only;
	struct placed_lb *const *lbs;
	size_t nlbs;
	/* of one walk */
	size_t next;
	struct owner_rows rows;
	uint8_t key[NAME_MAX_KEY];
	size_t key_len;
	zone_owner_fn *sink;
	void *sink_arg;
};

/* Merge load balancers before the key (NULL: all that are left). */
static bool
merge_lbs_before(struct merge *merge, const struct bytes *key)
{
	for (; merge->next < merge->nlbs; merge->next++) {
		const struct placed_lb *lb = merge->lbs[merge->next];
		struct zone_owner owner = {.key = {lb->key, lb->len}, .lb = lb->lb};

		if (key != NULL && graph_compare_keys(lb->key, lb->len, key->data, key->len) >= 0)
			break;
		if (!merge->sink(merge->sink_arg, &owner))
			return false;
	}
	return true;
}

static bool
merge_flush(struct merge *merge)
{
	struct zone_owner owner = {
	    .key = {merge->key, merge->key_len}, .rrsets = merge->rows.rrsets, .nrrsets = merge->rows.count};

	if (merge->rows.count == 0)
		return true;
	merge->rows.count = 0;
	if (!merge_lbs_before(merge, &owner.key))
		return false;
	if (merge->next < merge->nlbs) {
		const struct placed_lb *lb = merge->lbs[merge->next];

		if (graph_compare_keys(lb->key, lb->len, merge->key, merge->key_len) == 0) {
			owner.lb = lb->lb;
			merge->next++;
		}
	}
	return merge->sink(merge->sink_arg, &owner);
}

static bool
merge_row(void *arg, struct bytes key, const struct rrset *rrset)
{
	struct merge *merge = arg;

	if (key.len != merge->key_len || memcmp(key.data, merge->key, key.len) != 0) {
		if (!merge_flush(merge))
			return false;
		merge->key_len = MIN(key.len, sizeof merge->key);
		memcpy(merge->key, key.data, merge->key_len);
	}
	return graph_gather_row(&merge->rows, key, rrset);
}

static int
compare_owner_keys(const void *a, const void *b)
{
	const struct owner_key *x = a, *y = b;

	return graph_compare_keys(x->key, x->len, y->key, y->len);
}

/* The rows of these owners, in the order of their keys. */
static bool
each_owner(struct store_txn *txn, uint32_t zone, struct zone_owners *only, config_row_fn *fn, void *arg)
{
	if (only->count > 0)
		qsort(only->keys, only->count, sizeof *only->keys, compare_owner_keys);
	for (size_t i = 0; i < only->count; i++) {
		struct bytes key = {only->keys[i].key, only->keys[i].len};

		if (i > 0 && compare_owner_keys(&only->keys[i - 1], &only->keys[i]) == 0)
			continue;
		if (!config_each_row(txn, zone, &key, fn, arg))
			return false;
	}
	return true;
}

static bool
merge_each(void *arg, zone_owner_fn *sink, void *sink_arg)
{
	struct merge *merge = arg;

	merge->next = 0;
	merge->rows.count = 0;
	merge->key_len = 0;
	merge->sink = sink;
	merge->sink_arg = sink_arg;
	return (merge->only != NULL ? each_owner(merge->txn, merge->zone, merge->only, merge_row, merge)
				    : config_each_row(merge->txn, merge->zone, NULL, merge_row, merge)) &&
	    merge_flush(merge) && merge_lbs_before(merge, NULL);
}

/* All load balancers with their zones, sorted by zone and key. */
struct placement {
	struct placed_lb *all;
	struct placed_lb **sorted;
	size_t count;
};

static void
place_lb(struct config_graph *graph, struct placement *placement, struct lb_entry *entry)
{
	struct placed_lb *placed = &placement->all[placement->count];
	size_t len;

	entry->zone = graph_zone_of(graph, entry->model->wire);
	if (entry->zone == NULL || entry->compiled == NULL ||
	    !graph_owner_key(entry, entry->zone, placed->key, &len))
		return;
	placed->zone = entry->zone->number;
	placed->len = (uint32_t)len;
	placed->lb = entry->compiled;
	placement->sorted[placement->count++] = placed;
}

static void
place_all(struct config_graph *graph, struct placement *placement)
{
	*placement = (struct placement){.all = xmalloc(graph->lbs.count * sizeof *placement->all),
	    .sorted = xmalloc(graph->lbs.count * sizeof *placement->sorted)};
	for (size_t i = 0; i < graph->lbs.count; i++)
		place_lb(graph, placement, graph->lbs.items[i]);
	qsort(placement->sorted, placement->count, sizeof *placement->sorted, compare_placed);
}

static void
placement_free(struct placement *placement)
{
	free(placement->all);
	free(placement->sorted);
}

/* ---- zones whose signatures are lost (S100) ---- */

static bool
has_chain(const struct zone_entry *entry)
{
	return entry != NULL && entry->zone != NULL && entry->zone->chain != NULL;
}

static bool
has_lost(const struct config_graph *graph, const struct zone_info *info)
{
	const struct compiler_signing *source = graph->signing;

	return source != NULL && source->lost != NULL && source->lost(source->arg, info);
}

bool
graph_is_lost(const struct config_graph *graph, const struct zone_entry *entry)
{
	return has_chain(entry) && has_lost(graph, &entry->info);
}

static bool
was_served(const struct config_graph *graph, const struct zone_entry *entry)
{
	char name[NAME_MAX_TEXT];

	return graph->served != NULL && text_has_line(graph->served, name_to_host(entry->info.name, name));
}

static size_t
find_nothing(void *arg, const struct bytes *key, const struct signed_set *set, uint8_t *out)
{
	(void)arg, (void)key, (void)set, (void)out;
	return 0;
}

/* The signatures of a zone; NULL: it is not signed. One that was signed has none to show, if they are lost.
 */
static const struct zone_signing *
signing_of(const struct config_graph *graph, const struct zone_entry *entry)
{
	static const struct zone_signing nothing = {.find = find_nothing};
	const struct compiler_signing *source = graph->signing;
	const struct zone_signing *signing = source != NULL ? source->zone(source->arg, &entry->info) : NULL;

	if (signing != NULL || !has_lost(graph, &entry->info))
		return signing;
	return (graph->before != NULL
		       ? has_chain(map_find(&graph->before->zones_by_name, graph_zone_name_key(entry)))
		       : was_served(graph, entry))
	    ? &nothing
	    : NULL;
}

static bool
build_zone(const struct config_graph *graph, struct store_txn *txn, struct zone_entry *entry,
    const struct placement *placement)
{
	const struct zone_signing *signing = signing_of(graph, entry);
	struct merge merge = {.txn = txn, .zone = entry->number, .only = entry->only};
	size_t low = 0, high = placement->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (placement->sorted[middle]->zone < entry->number)
			low = middle + 1;
		else
			high = middle;
	}
	while (high < placement->count && placement->sorted[high]->zone == entry->number)
		high++;
	merge.lbs = placement->sorted + low;
	merge.nlbs = high - low;
	entry->zone = zone_build(entry->number, entry->info.name, signing, graph->side, merge_each, &merge);
	return entry->zone != NULL;
}

/* ---- zones by number and by name ---- */

struct bytes
graph_zone_key(const void *item)
{
	return graph_number_key(&((const struct zone_entry *)item)->number);
}

struct bytes
graph_zone_name_key(const void *item)
{
	const uint8_t *name = ((const struct zone_entry *)item)->info.name;

	return (struct bytes){name, name_len(name)};
}

struct zone_entry *
graph_find_zone(const struct config_graph *graph, uint32_t number)
{
	return map_find(&graph->zones, graph_number_key(&number));
}

struct zone_entry *
graph_zone_of(const struct config_graph *graph, const uint8_t *name)
{
	uint8_t lower[NAME_MAX_LEN + 1];
	const uint8_t *suffix = lower;
	size_t len = name_lower(lower, name);

	for (;; suffix += *suffix + 1u) {
		size_t passed = (size_t)(suffix - lower);
		struct zone_entry *entry =
		    map_find(&graph->zones_by_name, (struct bytes){suffix, len - passed});

		if (entry != NULL || *suffix == 0)
			return entry;
	}
}

struct zone_entry *
graph_add_zone(struct config_graph *graph, const struct zone_info *info)
{
	struct zone_entry *entry = xcalloc(1, sizeof *entry);

	entry->number = info->number;
	entry->info = *info;
	entry->listed = entry->rebuild = true;
	map_add(&graph->zones, entry);
	/*
	 * A zone was deleted and loaded again between two looks: the old entry of that name will be removed
	 * soon.
	 */
	map_remove(&graph->zones_by_name, graph_zone_name_key(entry));
	map_add(&graph->zones_by_name, entry);
	return entry;
}

void
graph_remove_zone(struct config_graph *graph, struct zone_entry *entry)
{
	map_remove(&graph->zones, graph_zone_key(entry));
	if (map_find(&graph->zones_by_name, graph_zone_name_key(entry)) == entry)
		map_remove(&graph->zones_by_name, graph_zone_name_key(entry));
	retired_add(graph->retired, zone_free, entry->zone);
	if (entry->only != NULL)
		free(entry->only->keys);
	free(entry->only);
	free(entry);
}

/* ---- build and publish ---- */

static int
compare_zones(const void *a, const void *b)
{
	const struct zone_entry *x = *(const struct zone_entry *const *)a,
				*y = *(const struct zone_entry *const *)b;

	return x->number < y->number ? -1 : x->number > y->number;
}

void
graph_make_snapshot(struct config_graph *graph, uint64_t generation)
{
	struct snapshot *snapshot = xmalloc(sizeof *snapshot);
	const struct zone **zones = xcalloc(graph->zones.count, sizeof *zones);

	for (size_t i = 0; i < graph->zones.count; i++)
		zones[i] = ((const struct zone_entry *)graph->zones.items[i])->zone;
	retired_add(graph->retired, free, (void *)(uintptr_t)graph->table);
	retired_add(graph->retired, free, graph->snapshot);
	graph->table = zone_table_new(zones, graph->zones.count);
	free(zones);
	*snapshot = (struct snapshot){.zones = graph->table,
	    .pools = graph->shared,
	    .signatures = graph->signatures,
	    .kept = graph->kept,
	    .generation = generation};
	graph->snapshot = snapshot;
}

/*
 * S100: signatures came that are not those of this configuration, after others were lost: what is answered
 * now has more. Not if the configuration changed, because it waits until the signer has all (S103).
 */
static bool
is_worse(const struct zone_entry *entry, const struct zone *old)
{
	return entry->resigned && has_chain(entry) && old != NULL && old->chain != NULL &&
	    entry->zone->missing > old->missing;
}

static bool
rebuild_zone(struct config_graph *graph, struct store_txn *txn, struct zone_entry *entry,
    const struct placement *placement)
{
	struct zone *old = entry->zone;

	if (!entry->rebuild)
		return true;
	if (!graph_is_lost(graph, entry)) {
		if (!build_zone(graph, txn, entry, placement)) {
			entry->zone = old;
			return false;
		}
		entry->refused = 0;
		if (is_worse(entry, old)) {
			entry->refused = entry->zone->version;
			zone_free(entry->zone);
			entry->zone = old;
		} else {
			retired_add(graph->retired, zone_free, old);
		}
	}
	entry->rebuild = entry->resigned = false;
	return true;
}

bool
graph_build_zones(struct config_graph *graph, struct store_txn *txn)
{
	struct placement placement;
	size_t count = graph->zones.count, i;
	struct zone_entry **zones;

	for (i = 0; i < count && !((struct zone_entry *)graph->zones.items[i])->rebuild;)
		i++;
	if (i == count)
		return true;
	/* By number, which is the order of their rows in the store. */
	zones = xmemdup(graph->zones.items, count * sizeof *zones);

	place_all(graph, &placement);
	graph->building = true;
	qsort(zones, count, sizeof *zones, compare_zones);
	for (i = 0; i < count && rebuild_zone(graph, txn, zones[i], &placement);)
		i++;
	if (i < count) {
		char name[NAME_MAX_TEXT];

		snprintf(graph->error, sizeof graph->error,
		    "zone %.120s cannot be compiled: its SOA is damaged",
		    name_to_text(zones[i]->info.name, name));
	}
	graph->building = false;
	placement_free(&placement);
	free(zones);
	return i == count;
}
