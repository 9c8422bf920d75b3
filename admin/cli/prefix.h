/*
 * prefix.h -- "192.0.2.0/24" as people write it.
 */
#ifndef PREFIX_H
#define PREFIX_H

#include "zones/model/model.h"

/* An address and a prefix length, which may be left out: then it is the whole address.  False if the text is
 * invalid. */
bool prefix_read(const char *text, struct address *address, uint8_t *length);

#endif
