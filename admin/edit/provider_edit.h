/*
 * provider_edit.h -- keys of other providers that sign a zone, too (S110).
 */
#ifndef PROVIDER_EDIT_H
#define PROVIDER_EDIT_H

#include "admin/edit/change.h"
#include "zones/dns/dnssec.h"

/* Add keys to those of a zone, by its object's name. Those that it has already stay. */
void provider_edit_add(struct change *change, const char *name, const struct public_key *keys, size_t count);
/* Take the keys with these tags out. An error if one is not there. */
void provider_edit_remove(struct change *change, const char *name, const uint16_t *tags, size_t count);

#endif
