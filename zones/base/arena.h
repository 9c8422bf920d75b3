/*
 * arena.h -- memory for many small pieces that are freed together: 10,000 small ones and a million alike.
 *
 * Starts as {0}.  Memory does not fail (util.h).  One thread.
 */
#ifndef ARENA_H
#define ARENA_H

#include "zones/base/util.h"

struct arena {
	struct arena_block *newest;
};

/* Room for len octets, at any alignment, as long as the arena lives. */
uint8_t *arena_take(struct arena *arena, size_t len);
uint8_t *arena_keep(struct arena *arena, const void *data, size_t len);

/* Free all of it; the arena is {0} again. */
void arena_free(struct arena *arena);

#endif
