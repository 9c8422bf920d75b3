#include "zones/base/array.h"

#include <stdint.h>

void *
array_grow(void *array, size_t count, size_t size)
{
	size_t room = count > 0 ? count * 2 : 1;

	if ((count & (count - 1)) != 0)
		return array;
	if (count > SIZE_MAX / 2 || room > SIZE_MAX / size)
		memory_exhausted(SIZE_MAX);
	return xrealloc(array, room * size);
}
