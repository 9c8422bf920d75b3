#include "zones/base/map.h"

#include "zones/base/array.h"
#include "zones/base/siphash.h"

#include <assert.h>
#include <stdlib.h>

/*
 * A slot keeps the hash, so that growing the table and closing gaps do not read the items. Free slots have
 * place 0.
 */
struct map_slot {
	uint32_t hash;
	uint32_t place; /* index of the item in the array, plus 1 */
};

static uint32_t
hash_of(const struct map *map, struct bytes key)
{
	return (uint32_t)siphash(map->seed, key.data, key.len);
}

/* Return the slot of a key, or the free slot for it. */
static struct map_slot *
slot_of(const struct map *map, struct bytes key, uint32_t hash)
{
	size_t at = hash & (map->room - 1);

	for (; map->slots[at].place != 0; at = (at + 1) & (map->room - 1)) {
		struct bytes its;

		if (map->slots[at].hash != hash)
			continue;
		its = map->key(map->items[map->slots[at].place - 1]);
		if (its.len == key.len && memcmp(its.data, key.data, key.len) == 0)
			break;
	}
	return &map->slots[at];
}

bool
map_place(const struct map *map, struct bytes key, uint32_t *place)
{
	const struct map_slot *slot = map->count > 0 ? slot_of(map, key, hash_of(map, key)) : NULL;

	if (slot == NULL || slot->place == 0)
		return false;
	*place = slot->place - 1;
	return true;
}

void *
map_find(const struct map *map, struct bytes key)
{
	uint32_t place;

	return map_place(map, key, &place) ? map->items[place] : NULL;
}

static void
put_slot(struct map *map, struct map_slot slot)
{
	size_t at = slot.hash & (map->room - 1);

	while (map->slots[at].place != 0)
		at = (at + 1) & (map->room - 1);
	map->slots[at] = slot;
}

static void
grow_slots(struct map *map)
{
	struct map_slot *old = map->slots;
	size_t before = map->room;

	if (before == 0)
		random_bytes(map->seed, sizeof map->seed);
	map->room = before == 0 ? 16 : before * 2;
	map->slots = xcalloc(map->room, sizeof *map->slots);
	for (size_t i = 0; i < before; i++)
		if (old[i].place != 0)
			put_slot(map, old[i]);
	free(old);
}

void
map_add(struct map *map, void *item)
{
	assert(map->count < UINT32_MAX / 2);
	if (map->count >= map->room / 4 * 3)
		grow_slots(map);
	map->items = array_grow(map->items, map->count, sizeof *map->items);
	put_slot(map, (struct map_slot){hash_of(map, map->key(item)), (uint32_t)map->count + 1});
	map->items[map->count++] = item;
}

/* Close a gap: move up later slots of the same run, if that brings them nearer to the slot of their hash. */
static void
free_slot(struct map *map, size_t gap)
{
	size_t mask = map->room - 1;

	for (size_t at = (gap + 1) & mask; map->slots[at].place != 0; at = (at + 1) & mask) {
		if (((at - map->slots[at].hash) & mask) >= ((at - gap) & mask)) {
			map->slots[gap] = map->slots[at];
			gap = at;
		}
	}
	map->slots[gap].place = 0;
}

void *
map_remove(struct map *map, struct bytes key)
{
	struct map_slot *slot = map->count > 0 ? slot_of(map, key, hash_of(map, key)) : NULL;
	struct map_slot *last;
	struct bytes its;
	void *item;
	size_t place;

	if (slot == NULL || slot->place == 0)
		return NULL;
	place = slot->place - 1;
	item = map->items[place];
	free_slot(map, (size_t)(slot - map->slots));
	map->count--;
	if (place != map->count) {
		its = map->key(map->items[map->count]);
		last = slot_of(map, its, hash_of(map, its));
		last->place = (uint32_t)place + 1;
		map->items[place] = map->items[map->count];
	}
	return item;
}

void
map_free(struct map *map, void (*free_item)(void *))
{
	for (size_t i = 0; free_item != NULL && i < map->count; i++)
		free_item(map->items[i]);
	free(map->items);
	free(map->slots);
	*map = (struct map){.key = map->key};
}
