/*
 * array.h -- arrays that grow.
 *
 *   struct items { struct item *list; size_t count; } items = {0};
 *
 *   items.list = array_grow(items.list, items.count, sizeof *items.list);
 *   items.list[items.count++] = item;
 *
 * The capacity follows from the count (it doubles at powers of two), so it is not stored. Free the array with
 * free(). The count may be reduced at any time. Only grow an array that started as NULL.
 */
#ifndef ARRAY_H
#define ARRAY_H

#include "zones/base/util.h"

/*
 * Return the array with room for one item more than count; it may have moved. Exhausted memory ends the
 * program.
 */
static inline void *array_grow(void *array, size_t count, size_t size);
/* The same for more items than one. */
void *array_grow_by(void *array, size_t count, size_t more, size_t size);

static inline void *
array_grow(void *array, size_t count, size_t size)
{
	return (count & (count - 1)) == 0 ? array_grow_by(array, count, 1, size) : array;
}

#endif
