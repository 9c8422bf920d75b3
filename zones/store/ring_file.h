/*
 * ring_file.h -- a file of fixed size that a nameserver writes through a map, and another program reads: a
 * ring of hints (zones/steer/pin_news.h, wanted.h).
 *
 * It begins with 16 octets that name its layout. It survives the process, so that one nameserver can replace
 * another. If a page cannot be read or written later, memory takes its place (store_spare_faults).
 */
#ifndef RING_FILE_H
#define RING_FILE_H

#include <stdbool.h>
#include <stddef.h>

enum { RING_FILE_MAGIC = 16 };

/*
 * Map the file at path to write it. Another one is made in its place if it is missing, or of another layout
 * or size: a nameserver that is being replaced still uses the old one. All its blocks are allocated. Returns
 * NULL with errno.
 */
void *ring_file_open(const char *path, const char magic[RING_FILE_MAGIC], size_t octets);
/* Map the file of a nameserver, read-only. Returns NULL if it does not exist, or is of another layout. */
void *ring_file_view(const char *path, const char magic[RING_FILE_MAGIC], size_t octets);
void ring_file_close(void *map, size_t octets);

/* Is the file of this map still the one at path? */
bool ring_file_is(const void *map, const char *path);

#endif
