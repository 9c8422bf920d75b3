/* graph_base.c -- data that outlives a graph: its retired memory, and the numbers for counters. */
#include "zones/compile/graph.h"

#include "zones/base/array.h"

#include <stdlib.h>

/* ---- retired memory ---- */

void
retired_add(struct retired *retired, void (*fn)(void *), void *memory)
{
	if (memory == NULL)
		return;
	retired->items = array_grow(retired->items, retired->count, sizeof *retired->items);
	retired->items[retired->count++] = (struct retired_item){fn, memory};
}

static void
retire_add(void *arg, void (*fn)(void *), void *memory)
{
	retired_add(arg, fn, memory);
}

struct retire
graph_retire(struct config_graph *graph)
{
	return (struct retire){retire_add, graph->retired};
}

/* ---- numbers for counters ---- */

static struct bytes
numbered_key(const void *item)
{
	const struct numbered *numbered = item;

	return (struct bytes){numbered->text, numbered->len};
}

uint32_t
numbers_of(struct numbers *numbers, const char *first, const char *second)
{
	size_t first_len = strlen(first) + 1, len = first_len + strlen(second) + 1;
	struct numbered *numbered = xmalloc(sizeof *numbered + len);
	uint32_t number;

	numbered->len = len;
	memcpy(numbered->text, first, first_len);
	memcpy(numbered->text + first_len, second, len - first_len);
	numbers->map.key = numbered_key;
	if (!map_place(&numbers->map, numbered_key(numbered), &number)) {
		number = (uint32_t)numbers->map.count;
		map_add(&numbers->map, numbered);
		return number;
	}
	free(numbered);
	return number;
}

void
numbers_free(struct numbers *numbers)
{
	map_free(&numbers->map, free);
}
