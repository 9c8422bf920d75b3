#include "zones/base/array.h"

#include <stdint.h>

/* The capacity of an array of count items: the next power of two. */
static size_t
room_of(size_t count)
{
	size_t room = count > 0;

	while (room < count && room <= SIZE_MAX / 2)
		room *= 2;
	return room;
}

void *
array_grow_by(void *array, size_t count, size_t more, size_t size)
{
	size_t room;

	if (count > SIZE_MAX / 2 || more > SIZE_MAX / 2 || count + more > SIZE_MAX / 2 / size)
		memory_exhausted(SIZE_MAX);
	room = room_of(count + more);
	return room == room_of(count) ? array : xrealloc(array, room * size);
}
