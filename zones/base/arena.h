/*
 * arena.h -- memory for many small pieces that are freed together; suits 10,000 small arenas and one of a
 * million pieces.
 *
 * An arena starts as {0}. Exhausted memory ends the program (util.h). Use each arena from one thread.
 */
#ifndef ARENA_H
#define ARENA_H

#include "zones/base/util.h"

struct arena {
	struct arena_block *newest;
};

/* Return room for len octets, suitably aligned for any type. It is valid until arena_free. */
uint8_t *arena_take(struct arena *arena, size_t len);
uint8_t *arena_keep(struct arena *arena, const void *data, size_t len);

/* Free all pieces. The arena is {0} again and may be reused. */
void arena_free(struct arena *arena);

#endif
