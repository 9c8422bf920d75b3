/*
 * world_follow.c -- bring a world up to date by the feed of changes: only what changed is compiled.
 */
#include "zones/compile/world.h"

#include <stdlib.h>

/* Following changes */

struct owner_change {
	uint32_t zone;
	size_t len;
	uint8_t *key;
};

struct changes {
	struct world *world;
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
	bool failed;
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

/* One more element of an array that doubles at powers of two; NULL where memory is exhausted. */
static void *
grow(void *array, size_t count, size_t size)
{
	void **at = array;
	void *grown;

	if (count == 0 || (count & (count - 1)) == 0) {
		if ((grown = realloc(*at, MAX(1, count * 2) * size)) == NULL)
			return NULL;
		*at = grown;
	}
	return (uint8_t *)*at + count * size;
}

static bool
change_owner(struct changes *changes, uint32_t zone, struct bytes key)
{
	struct owner_change *owner = grow(&changes->owners, changes->nowners, sizeof *owner);

	if (owner == NULL || (owner->key = malloc(key.len)) == NULL)
		return false;
	memcpy(owner->key, key.data, key.len);
	owner->zone = zone;
	owner->len = key.len;
	changes->nowners++;
	return true;
}

static bool
change_lb_owner(struct changes *changes, const struct lb_entry *entry)
{
	uint8_t key[NAME_MAX_KEY];
	size_t len;

	if (entry->zone == NULL || !world_lb_key(entry, entry->zone, key, &len))
		return true;
	return change_owner(changes, entry->zone->number, (struct bytes){key, len});
}

static bool
gather_change(void *arg, const struct config_change *change)
{
	struct changes *changes = arg;
	struct object_change *object;
	uint32_t *zone;

	switch (change->what) {
	case CONFIG_OBJECT:
		if ((object = grow(&changes->objects, changes->nobjects, sizeof *object)) == NULL)
			break;
		*object = (struct object_change){change->kind, change->id};
		changes->nobjects++;
		return true;
	case CONFIG_ZONE:
		if ((zone = grow(&changes->zones, changes->nzones, sizeof *zone)) == NULL)
			break;
		*zone = change->zone;
		changes->nzones++;
		return true;
	case CONFIG_OWNER:
		if (!change_owner(changes, change->zone, change->owner_key))
			break;
		return true;
	}
	changes->failed = true;
	return false;
}

static bool
list_zone(void *arg, const struct zone_info *info)
{
	struct world *world = arg;
	struct zone_entry *entry = world_find(&world->zones, &info->number, world_by_number);

	if (entry == NULL)
		return world_add_zone(world, info) != NULL;
	entry->info = *info;
	entry->listed = true;
	return true;
}

/* A load balancer belongs to the deepest zone: where zones came or went it may have moved. */
static bool
move_lbs(struct changes *changes)
{
	struct array lbs;
	bool moved = world_array(&lbs, changes->world->lbs, changes->world->nlbs);

	for (size_t i = 0; moved && i < lbs.count; i++) {
		struct lb_entry *entry = lbs.items[i];
		struct zone_entry *now = world_zone_of(changes->world, entry->model->wire);

		if (now == entry->zone)
			continue;
		moved = change_lb_owner(changes, entry);
		entry->zone = now;
		moved = moved && change_lb_owner(changes, entry);
	}
	free(lbs.items);
	return moved;
}

static bool
follow_zones(struct changes *changes)
{
	struct world *world = changes->world;
	struct array zones;
	size_t before = world->nzones, gone = 0;

	if (changes->nzones == 0)
		return true;
	if (!world_array(&zones, world->zones, world->nzones))
		return false;
	for (size_t i = 0; i < zones.count; i++)
		((struct zone_entry *)zones.items[i])->listed = false;
	for (size_t i = 0; i < changes->nzones; i++) {
		struct zone_entry *entry = world_find(&world->zones, &changes->zones[i], world_by_number);

		if (entry != NULL)
			entry->rebuild = true;
	}
	if (!config_each_zone(changes->txn, list_zone, world)) {
		free(zones.items);
		return false;
	}
	bool moved = world->nzones != before;

	for (size_t i = 0; i < zones.count; i++)
		gone += !((struct zone_entry *)zones.items[i])->listed;
	if (gone > 0) {
		/* Load balancers leave a zone before its entry goes. */
		struct array lbs;

		moved = true;
		if (!world_array(&lbs, world->lbs, world->nlbs)) {
			free(zones.items);
			return false;
		}
		for (size_t i = 0; i < lbs.count; i++) {
			struct lb_entry *entry = lbs.items[i];

			if (entry->zone != NULL && !entry->zone->listed)
				entry->zone = NULL;
		}
		free(lbs.items);
		for (size_t i = 0; i < zones.count; i++)
			if (!((struct zone_entry *)zones.items[i])->listed)
				world_remove_zone(world, zones.items[i]);
	}
	free(zones.items);
	return !moved || move_lbs(changes);
}

static bool
follow_pool(struct changes *changes, const struct id *id)
{
	struct pool *model = config_pool(changes->txn, id->text);
	struct pool_entry *entry = world_find(&changes->world->pools, id, world_by_id);

	if (model == NULL && entry == NULL)
		return true;
	if (entry == NULL && (entry = world_pool(changes->world, id)) == NULL) {
		model_free_pool(model);
		return false;
	}
	return world_set_pool(changes->world, entry, model);
}

/* S38: the pools of a monitor group have other judges. */
static bool
follow_group(struct changes *changes, const struct id *id)
{
	struct world *world = changes->world;

	for (uint32_t slot = 0; slot < world->slots; slot++) {
		struct pool_entry *pool = world->by_slot[slot];

		if (pool->model != NULL && strcmp(pool->model->monitor_group.text, id->text) == 0 &&
		    !follow_pool(changes, &pool->id))
			return false;
	}
	return true;
}

static bool
follow_lb(struct changes *changes, const struct id *id)
{
	struct world *world = changes->world;
	struct lb_entry *entry = world_find(&world->lbs, id, world_by_id);
	struct lb *model;

	if (entry != NULL) {
		if (!change_lb_owner(changes, entry))
			return false;
		world_remove_lb(world, entry);
	}
	if ((model = config_lb(changes->txn, id->text)) == NULL)
		return true;
	/* Two objects of one command may have exchanged a name: the later one's entry has it. */
	if ((entry = world_lb_by_name(world, model->wire)) != NULL) {
		if (!change_lb_owner(changes, entry))
			return false;
		world_remove_lb(world, entry);
	}
	if ((entry = world_add_lb(world, model)) == NULL)
		return false;
	entry->zone = world_zone_of(world, entry->model->wire);
	return change_lb_owner(changes, entry);
}

static int
compare_owners(const void *a, const void *b)
{
	const struct owner_change *x = a, *y = b;

	if (x->zone != y->zone)
		return x->zone < y->zone ? -1 : 1;
	return world_compare_keys(x->key, x->len, y->key, y->len);
}

static bool
edit_owner(
    struct changes *changes, struct zone_entry *entry, struct zone *edit, const struct owner_change *change)
{
	struct retire retire = world_retire(changes->world);
	struct owner_rows *rows = malloc(sizeof *rows);
	struct zone_owner owner = {.key = {change->key, change->len}};
	uint8_t name[NAME_MAX_LEN * 2];
	int len = name_from_key(name, change->key, change->len);
	struct lb_entry *lb;
	bool edited;

	if (len < 0 || rows == NULL || (size_t)len + name_len(entry->info.name) > NAME_MAX_LEN) {
		free(rows);
		return len < 0;
	}
	memcpy(name + len, entry->info.name, name_len(entry->info.name));
	rows->count = 0;
	config_each_row(changes->txn, entry->number, &owner.key, world_gather_row, rows);
	owner.rrsets = rows->rrsets;
	owner.nrrsets = rows->count;
	if ((lb = world_lb_by_name(changes->world, name)) != NULL && lb->zone == entry)
		owner.lb = lb->compiled;
	edited = zone_edit_owner(edit, &owner, &retire);
	free(rows);
	return edited;
}

/* Edit the owners of one zone, which stand side by side. */
static bool
edit_zone(struct changes *changes, struct zone_entry *entry, const struct owner_change *owners, size_t count)
{
	struct retire retire = world_retire(changes->world);
	struct zone *edit = zone_edit_begin(entry->zone);
	size_t retired = changes->world->retired->count;

	for (size_t i = 0; edit != NULL && i < count; i++) {
		if (i > 0 && compare_owners(&owners[i - 1], &owners[i]) == 0)
			continue;
		if (!edit_owner(changes, entry, edit, &owners[i])) {
			zone_edit_drop(edit);
			edit = NULL;
		}
	}
	if (edit == NULL) {
		changes->world->retired->count = retired; /* still in use (snapshot.h) */
		return false;
	}
	zone_edit_done(entry->zone, &retire);
	entry->zone = edit;
	return true;
}

static bool
edit_zones(struct changes *changes)
{
	if (changes->nowners > 0)
		qsort(changes->owners, changes->nowners, sizeof *changes->owners, compare_owners);
	for (size_t i = 0, next; i < changes->nowners; i = next) {
		struct zone_entry *entry =
		    world_find(&changes->world->zones, &changes->owners[i].zone, world_by_number);

		for (next = i;
		     next < changes->nowners && changes->owners[next].zone == changes->owners[i].zone;)
			next++;
		if (entry == NULL)
			continue; /* deleted since */
		/* So many changes cost more than building anew. */
		if (next - i > 10000)
			entry->rebuild = true;
		if (!entry->rebuild && !edit_zone(changes, entry, &changes->owners[i], next - i))
			return false;
	}
	return true;
}

static bool
follow_objects(struct changes *changes)
{
	for (size_t i = 0; i < changes->nobjects; i++)
		if (changes->objects[i].kind == KIND_MONITOR_GROUP &&
		    !follow_group(changes, &changes->objects[i].id))
			return false;
	for (size_t i = 0; i < changes->nobjects; i++)
		if (changes->objects[i].kind == KIND_POOL && !follow_pool(changes, &changes->objects[i].id))
			return false;
	for (size_t i = 0; i < changes->nobjects; i++)
		if (changes->objects[i].kind == KIND_LB && !follow_lb(changes, &changes->objects[i].id))
			return false;
	return true;
}

static bool
needs_rebuild(struct world *world)
{
	struct array zones;
	bool needed = false;

	if (!world_array(&zones, world->zones, world->nzones))
		return true;
	for (size_t i = 0; i < zones.count; i++)
		needed |= ((struct zone_entry *)zones.items[i])->rebuild;
	free(zones.items);
	return needed;
}

bool
world_follow(struct world *world, struct store_txn *txn, uint64_t generation, bool *lost)
{
	struct changes changes = {.world = world, .txn = txn};
	bool done, changed;

	strcpy(world->error, "memory is exhausted");
	*lost = false;
	if (!config_changes_after(txn, generation, gather_change, &changes)) {
		*lost = !changes.failed;
		changes_free(&changes);
		return false;
	}
	done = follow_zones(&changes) && follow_objects(&changes) && edit_zones(&changes) &&
	    (!needs_rebuild(world) || world_build_zones(world, txn)) && world_settle(world, &changed) &&
	    world_publish(world, config_generation(txn));
	changes_free(&changes);
	return done;
}
