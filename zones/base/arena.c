#include "zones/base/arena.h"

#include <stdlib.h>

enum { BLOCK_FIRST = 4096, BLOCK_SIZE = 1 << 20 };

struct arena_block {
	struct arena_block *older;
	size_t used, room;
	uint8_t octets[];
};

uint8_t *
arena_take(struct arena *arena, size_t len)
{
	struct arena_block *block = arena->newest;
	uint8_t *taken;

	if (block == NULL || block->room - block->used < len) {
		/*
		 * Begin with a small block: one command may load ten thousand zones, and each has an arena.
		 */
		size_t room = block == NULL ? BLOCK_FIRST : MIN(2 * block->room, (size_t)BLOCK_SIZE);

		room = MAX(room, len);
		block = xmalloc(sizeof *block + room);
		*block = (struct arena_block){.older = arena->newest, .room = room};
		arena->newest = block;
	}
	taken = block->octets + block->used;
	block->used += len;
	return taken;
}

uint8_t *
arena_keep(struct arena *arena, const void *data, size_t len)
{
	uint8_t *kept = arena_take(arena, len);

	if (len > 0)
		memcpy(kept, data, len);
	return kept;
}

void
arena_free(struct arena *arena)
{
	for (struct arena_block *older, *block = arena->newest; block != NULL; block = older) {
		older = block->older;
		free(block);
	}
	*arena = (struct arena){0};
}
