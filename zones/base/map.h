/*
 * map.h -- find items by a key that is part of them.
 *
 * Items live where the caller put them; the map holds pointers.  They stand in an array in the order in which
 * they came, beside a table of their hashes (open addressing).  Walk over them with a loop:
 *
 *   for (size_t i = 0; i < map.count; i++)
 *           use(map.items[i]);
 *
 * A map_remove() puts the last item into the gap: a loop that removes the item at hand runs backwards.
 * The hash is SipHash with a random key for each map, so that nobody can choose names that collide.
 *
 * Starts as {.key = the function}.  Exhausted memory ends the program (util.h).  One thread at a time;
 * readers may share a map that nobody changes.
 */
#ifndef MAP_H
#define MAP_H

#include "zones/base/util.h"

/* The key of an item: octets that stay the same as long as the item is in the map. */
typedef struct bytes map_key_fn(const void *item);

struct map {
	map_key_fn *key;
	void **items;
	size_t count;
	struct map_slot *slots; /* a power of two of them, at most three quarters used */
	size_t room;
	uint64_t seed[2];
};

/* The item with this key, or NULL. */
void *map_find(const struct map *map, struct bytes key);
/* Where the item with this key stands in items; false if there is none. */
bool map_place(const struct map *map, struct bytes key, uint32_t *place);
/* Put an item.  The map must not hold another one with its key. */
void map_add(struct map *map, void *item);
/* Take the item with this key out and return it; NULL if there is none. */
void *map_remove(struct map *map, struct bytes key);
/* Free the map, and each item by free_item unless that is NULL.  The map is empty then and may be used again.
 */
void map_free(struct map *map, void (*free_item)(void *));

/* A key that is a text. */
static inline struct bytes
map_text(const char *text)
{
	return (struct bytes){text, strlen(text)};
}

#endif
