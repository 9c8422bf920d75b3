/*
 * map.h -- find items by a key that is part of them.
 *
 * The caller owns the items; the map holds pointers. The pointers are in an array in the order of insertion,
 * beside a hash table (open addressing). To visit all items:
 *
 *   for (size_t i = 0; i < map.count; i++)
 *           use(map.items[i]);
 *
 * map_remove() moves the last item into the gap: a loop that removes the current item must run backwards. The
 * hash is SipHash with a random key for each map, so an attacker cannot choose names that collide.
 *
 * A map starts as {.key = the function}. Exhausted memory ends the program (util.h). One thread at a time may
 * use a map; several threads may read it while no thread changes it.
 */
#ifndef MAP_H
#define MAP_H

#include "zones/base/util.h"

/* Return the key of an item. The octets must not change while the item is in the map. */
typedef struct bytes map_key_fn(const void *item);

struct map {
	map_key_fn *key;
	void **items;
	size_t count;
	struct map_slot *slots; /* the number of slots is a power of two; at most three quarters are used */
	size_t room;
	uint64_t seed[2];
};

/* Return the item with this key, or NULL. */
void *map_find(const struct map *map, struct bytes key);
/* Set *place to the index in items of the item with this key. Returns false if there is none. */
bool map_place(const struct map *map, struct bytes key, uint32_t *place);
/* Insert an item. The map must not hold another item with its key. */
void map_add(struct map *map, void *item);
/* Remove the item with this key and return it. Returns NULL if there is none. */
void *map_remove(struct map *map, struct bytes key);
/*
 * Free the map, and call free_item for each item unless it is NULL. The map is then empty and may be reused.
 */
void map_free(struct map *map, void (*free_item)(void *));

/* A key that is a text, without its final NUL. */
static inline struct bytes
map_text(const char *text)
{
	return (struct bytes){text, strlen(text)};
}

#endif
