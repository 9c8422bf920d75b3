/*
 * world_zones.c -- the zones of a world: merged with their load balancers, built, and followed change by
 * change.
 */
#include "zones/compile/world.h"

#include <search.h>
#include <stdlib.h>

bool
world_gather_row(void *arg, struct bytes key, const struct rrset *rrset)
{
	struct owner_rows *rows = arg;

	(void)key;
	if (rows->count < NODE_RRSETS_MAX)
		rows->rrsets[rows->count++] = *rrset;
	return true;
}

bool
world_lb_key(
    const struct lb_entry *entry, const struct zone_entry *zone, uint8_t key[NAME_MAX_KEY], size_t *len)
{
	*len = name_to_key(key, entry->model->wire, zone->info.name);
	return *len > 0;
}

/* A load balancer of one zone with the key of its owner, to be merged with the rows. */
struct placed_lb {
	uint32_t zone;
	const struct lb_entry *entry;
	uint8_t key[NAME_MAX_KEY];
	size_t len;
};

int
world_compare_keys(const void *a, size_t a_len, const void *b, size_t b_len)
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
	return world_compare_keys(x->key, x->len, y->key, y->len);
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

/* Load balancers before the key (NULL: all that are left). */
static bool
merge_lbs_before(struct merge *merge, const struct bytes *key)
{
	for (; merge->next < merge->nlbs; merge->next++) {
		const struct placed_lb *lb = merge->lbs[merge->next];
		struct zone_owner owner = {.key = {lb->key, lb->len}, .lb = lb->entry->compiled};

		if (key != NULL && world_compare_keys(lb->key, lb->len, key->data, key->len) >= 0)
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

		if (world_compare_keys(lb->key, lb->len, merge->key, merge->key_len) == 0) {
			owner.lb = lb->entry->compiled;
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
	return world_gather_row(&merge->rows, key, rrset);
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
	return (merge->only != NULL ? world_each_owner(merge->txn, merge->zone, merge->only, merge_row, merge)
				    : config_each_row(merge->txn, merge->zone, NULL, merge_row, merge)) &&
	    merge_flush(merge) && merge_lbs_before(merge, NULL);
}

/* All placed load balancers, sorted by zone and key.  NULL where memory is exhausted. */
struct placement {
	struct placed_lb *all;
	struct placed_lb **sorted;
	size_t count;
	struct world *world;
};

static void
place_lb(const void *node, VISIT visit, void *arg)
{
	struct placement *placement = arg;
	struct lb_entry *entry = *(struct lb_entry *const *)node;
	struct placed_lb *placed = &placement->all[placement->count];

	if (visit != postorder && visit != leaf)
		return;
	entry->zone = world_zone_of(placement->world, entry->model->wire);
	if (entry->zone == NULL || entry->compiled == NULL ||
	    !world_lb_key(entry, entry->zone, placed->key, &placed->len))
		return;
	placed->zone = entry->zone->number;
	placed->entry = entry;
	placement->sorted[placement->count++] = placed;
}

static bool
place_all(struct world *world, struct placement *placement)
{
	*placement = (struct placement){.world = world};
	placement->all = malloc((world->nlbs + 1) * sizeof *placement->all);
	placement->sorted = malloc((world->nlbs + 1) * sizeof *placement->sorted);
	if (placement->all == NULL || placement->sorted == NULL)
		return false;
	twalk_r(world->lbs, place_lb, placement);
	qsort(placement->sorted, placement->count, sizeof *placement->sorted, compare_placed);
	return true;
}

static void
placement_free(struct placement *placement)
{
	free(placement->all);
	free(placement->sorted);
}

static bool
build_zone(struct store_txn *txn, struct zone_entry *entry, const struct placement *placement)
{
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
	entry->zone = zone_build(entry->number, entry->info.name, merge_each, &merge);
	return entry->zone != NULL;
}

/* Zones by number and by name */

static int
by_zone_name(const void *a, const void *b)
{
	const uint8_t *x = ((const struct zone_entry *)a)->info.name,
		      *y = ((const struct zone_entry *)b)->info.name;
	size_t x_len = name_len(x), y_len = name_len(y);

	return x_len != y_len ? (x_len < y_len ? -1 : 1) : memcmp(x, y, x_len);
}

struct zone_entry *
world_zone_of(struct world *world, const uint8_t *name)
{
	struct zone_entry wanted;

	for (unsigned skip = 0, labels = name_labels(name); skip <= labels; skip++) {
		struct zone_entry *entry;

		name_lower(wanted.info.name, name_skip(name, skip));
		if ((entry = world_find(&world->zone_names, &wanted, by_zone_name)) != NULL)
			return entry;
	}
	return NULL;
}

struct zone_entry *
world_add_zone(struct world *world, const struct zone_info *info)
{
	struct zone_entry *entry = calloc(1, sizeof *entry);

	if (entry == NULL)
		return NULL;
	entry->number = info->number;
	entry->info = *info;
	entry->listed = entry->rebuild = true;
	/* A zone that was deleted and loaded again between two looks: the old entry of that name goes soon.
	 */
	tdelete(entry, &world->zone_names, by_zone_name);
	if (tsearch(entry, &world->zones, world_by_number) == NULL ||
	    tsearch(entry, &world->zone_names, by_zone_name) == NULL) {
		tdelete(entry, &world->zones, world_by_number);
		free(entry);
		return NULL;
	}
	world->nzones++;
	return entry;
}

void
world_remove_zone(struct world *world, struct zone_entry *entry)
{
	tdelete(entry, &world->zones, world_by_number);
	if (world_find(&world->zone_names, entry, by_zone_name) == entry)
		tdelete(entry, &world->zone_names, by_zone_name);
	world->nzones--;
	retired_add(world->retired, zone_free, entry->zone);
	if (entry->only != NULL)
		free(entry->only->keys);
	free(entry->only);
	free(entry);
}

static void
array_node(const void *node, VISIT visit, void *arg)
{
	struct array *array = arg;

	if (visit == postorder || visit == leaf)
		array->items[array->count++] = *(void *const *)node;
}

bool
world_array(struct array *array, void *root, size_t count)
{
	array->count = 0;
	if ((array->items = malloc((count + 1) * sizeof(void *))) == NULL)
		return false;
	twalk_r(root, array_node, array);
	return true;
}

/* A snapshot of what the world has now; the one before is retired. */
bool
world_publish(struct world *world, uint64_t generation)
{
	struct snapshot *snapshot = malloc(sizeof *snapshot);
	struct zone_table *table = NULL;
	struct array zones;

	if (world_array(&zones, world->zones, world->nzones)) {
		for (size_t i = 0; i < zones.count; i++)
			zones.items[i] = ((struct zone_entry *)zones.items[i])->zone;
		table = zone_table_new((const struct zone *const *)zones.items, zones.count);
	}
	free(zones.items);
	if (snapshot == NULL || table == NULL) {
		free(snapshot);
		free(table);
		return false;
	}
	retired_add(world->retired, free, (void *)(uintptr_t)world->table);
	retired_add(world->retired, free, world->snapshot);
	*snapshot = (struct snapshot){.zones = table, .pools = world->shared, .generation = generation};
	world->table = table;
	world->snapshot = snapshot;
	return true;
}

bool
world_build_zones(struct world *world, struct store_txn *txn)
{
	struct placement placement;
	struct array zones = {0};
	bool built = place_all(world, &placement) && world_array(&zones, world->zones, world->nzones);

	for (size_t i = 0; built && i < zones.count; i++) {
		struct zone_entry *entry = zones.items[i];
		struct zone *old = entry->zone;

		if (!entry->rebuild)
			continue;
		if (!build_zone(txn, entry, &placement)) {
			char name[NAME_MAX_TEXT];

			snprintf(world->error, sizeof world->error,
			    "zone %.120s cannot be compiled: its SOA is damaged, or memory is exhausted",
			    name_to_text(entry->info.name, name));
			entry->zone = old;
			built = false;
			break;
		}
		entry->rebuild = false;
		retired_add(world->retired, zone_free, old);
	}
	placement_free(&placement);
	free(zones.items);
	return built;
}

/* Reading everything */

struct reading {
	struct world *world;
	struct store_txn *txn;
};

static bool
read_zone(void *arg, const struct zone_info *info)
{
	struct reading *reading = arg;

	return world_add_zone(reading->world, info) != NULL;
}

static bool
read_pool(void *arg, const struct id *id, struct bytes json)
{
	struct reading *reading = arg;
	struct pool *model = config_pool(reading->txn, id->text);
	struct pool_entry *entry;

	(void)json;
	if (model == NULL)
		return true;
	if ((entry = world_pool(reading->world, id)) == NULL) {
		model_free_pool(model);
		return false;
	}
	return world_set_pool(reading->world, entry, model);
}

static bool
read_lb(void *arg, const struct id *id, struct bytes json)
{
	struct reading *reading = arg;
	struct lb *model = config_lb(reading->txn, id->text);

	(void)json;
	return model == NULL || world_add_lb(reading->world, model) != NULL;
}

bool
world_read(struct world *world, struct store_txn *txn, struct world *before)
{
	struct reading reading = {.world = world, .txn = txn};
	bool changed, done;

	strcpy(world->error, "memory is exhausted");
	world->before = before; /* what is known of health holds until its store is read again */
	done = config_each_zone(txn, read_zone, &reading) &&
	    config_each_object(txn, KIND_POOL, read_pool, &reading) &&
	    config_each_object(txn, KIND_LB, read_lb, &reading) && world_build_zones(world, txn) &&
	    world_settle(world, &changed) && world_publish(world, config_generation(txn));
	world->before = NULL;
	return done;
}

/* The end of a world */

static void
drop_entries(struct array *array, void (*drop)(struct world *, void *), struct world *world)
{
	for (size_t i = 0; i < array->count; i++)
		drop(world, array->items[i]);
	free(array->items);
}

static void
drop_zone(struct world *world, void *entry)
{
	world_remove_zone(world, entry);
}

static void
drop_lb(struct world *world, void *entry)
{
	world_remove_lb(world, entry);
}

static void
keep_tree(void *entry)
{
	(void)entry;
}

void
world_drop(struct world *world)
{
	struct array array;

	if (world == NULL)
		return;
	if (world_array(&array, world->zones, world->nzones))
		drop_entries(&array, drop_zone, world);
	if (world_array(&array, world->lbs, world->nlbs))
		drop_entries(&array, drop_lb, world);
	for (uint32_t i = 0; i < world->slots; i++) {
		retired_add(world->retired, free, (void *)(uintptr_t)pool_slot_table(world->shared, i));
		world_drop_pool(world->by_slot[i]);
	}
	tdestroy(world->pools, keep_tree);
	tdestroy(world->endpoints, world_drop_endpoint);
	tdestroy(world->names, world_drop_name);
	retired_add(world->retired, world_free_slots, world->shared);
	retired_add(world->retired, free, (void *)(uintptr_t)world->table);
	retired_add(world->retired, free, world->snapshot);
	free(world->by_slot);
	free(world);
}
