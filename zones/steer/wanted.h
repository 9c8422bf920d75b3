/*
 * wanted.h -- load balancers that were asked for while the set of their addresses was not signed yet (S102):
 * a ring that the nameserver writes and graycloud-signer reads, to sign those first.
 *
 *     head: magic, number of the next item
 *     1,024 items: number + 1, name
 *
 * It is a hint: no answer and no signature depends on it. Workers write it without a lock, an allocation or a
 * system call. An item that is being written, or was overwritten, has another number: a reader does not take
 * it. It is a file, so that one nameserver can replace another; for a moment both write it. All words are
 * atomics.
 */
#ifndef WANTED_H
#define WANTED_H

#include "zones/base/problem.h"
#include "zones/dns/name.h"

struct wanted_ring;

enum { WANTED_ITEMS = 1024 };

/* Map the ring at path; create it if it is missing or of another layout. NULL with problems filled. */
struct wanted_ring *wanted_open(const char *path, struct problems *problems);
/* Map the ring of a nameserver, read-only. Returns NULL if it does not exist. */
struct wanted_ring *wanted_view(const char *path);
/* Accepts NULL. */
void wanted_close(struct wanted_ring *ring);

/* Add a wire name. Any thread; never blocks. */
void wanted_add(struct wanted_ring *ring, const uint8_t *name, size_t len);
/* The number that the next item will have. */
uint64_t wanted_next(const struct wanted_ring *ring);
/* Take the first whole item from this number on, and raise the number. Returns false if there is none. */
bool wanted_take(const struct wanted_ring *ring, uint64_t *number, uint8_t name[NAME_MAX_LEN + 1]);

#endif
