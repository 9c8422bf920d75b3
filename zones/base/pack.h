/*
 * pack.h -- octets packed by zlib, for the way between nodes. The only user of zlib. Any thread.
 *
 * Level 1: a zone of a million records is bound by this, and higher levels save a tenth for three times the
 * time.
 */
#ifndef PACK_H
#define PACK_H

#include "zones/base/util.h"

/* The packed octets (malloc) and their number. */
uint8_t *pack(struct bytes octets, size_t *len);
/* The octets, of which there must be exactly len (malloc). NULL if they are damaged. */
uint8_t *unpack(struct bytes packed, size_t len);

#endif
