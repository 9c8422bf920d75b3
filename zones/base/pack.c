#include "zones/base/pack.h"

#include <stdlib.h>
#include <zlib.h>

enum { LEVEL = 1, RATIO_MAX = 1032 /* of deflate: more octets than that cannot come out */ };

uint8_t *
pack(struct bytes octets, size_t *len)
{
	uLongf room = compressBound(octets.len);
	uint8_t *packed = xmalloc(room);

	/* It fails only without memory: the room is enough. */
	if (compress2(packed, &room, octets.data, octets.len, LEVEL) != Z_OK)
		memory_exhausted(room);
	*len = room;
	return packed;
}

uint8_t *
unpack(struct bytes packed, size_t len)
{
	uLongf room = len;
	uint8_t *octets;

	/* Do not allocate what a damaged head claims. */
	if (len / RATIO_MAX > packed.len)
		return NULL;
	octets = xmalloc(MAX(len, 1));
	if (uncompress(octets, &room, packed.data, packed.len) == Z_OK && room == len)
		return octets;
	free(octets);
	return NULL;
}
