/*
 * array.h -- arrays that grow by one item at a time.
 *
 *   struct items { struct item *list; size_t count; } items = {0};
 *
 *   items.list = array_grow(items.list, items.count, sizeof *items.list);
 *   items.list[items.count++] = item;
 *
 * The room doubles at powers of two and follows from the count, so that nobody keeps it.  Free with free().
 * The count may become smaller at any time.  An array that was not begun as NULL must not be grown.
 */
#ifndef ARRAY_H
#define ARRAY_H

#include "zones/base/util.h"

/* The array, moved perhaps, with room for one item more than count.  Exhausted memory ends the program. */
void *array_grow(void *array, size_t count, size_t size);

#endif
