/* zone_source.h -- the rows of an owner as the source of its node; for the files zone_*.c only. */
#ifndef ZONE_SOURCE_H
#define ZONE_SOURCE_H

#include "zones/answer/snapshot.h"

enum { ZONE_BITS_MAX = 24 };

/* Convert an owner to the source of its node. kept has room for its RRsets. */
void zone_source_of(struct node_source *source, const struct zone_owner *owner,
    struct rrset kept[NODE_RRSETS_MAX], bool apex);
/* Remember the depth of a cut, a DNAME or a wildcard. */
void zone_note_depths(struct zone *zone, const struct node_source *source, unsigned depth);
/*
 * RFC 2308 5: the SOA of a negative answer has the minimum of its own TTL and its MINIMUM field. False if it
 * is damaged. *soa is NULL if there is none; else the caller owns it.
 */
bool zone_note_soa(struct zone *zone, const struct node_source *source, uint8_t **soa);
/* Find the start of each label of a relative name. Returns the number of labels. */
unsigned zone_label_starts(const uint8_t *name, size_t len, uint8_t starts[NAME_MAX_LABELS]);

/*
 * Add NSECs and signatures to the source of a node of the chain, before this name. Valid until the next call.
 */
void zone_sign(const struct bytes *key, const struct chain_key *next, struct owner_signing *signing,
    struct node_source *source, struct rrset *kept);

/*
 * Edit one owner (snapshot.h, zone_edit_owner); in a signed zone with its NSECs and signatures. signing is
 * NULL in a zone that is not signed.
 */
bool zone_edit_node(struct zone *zone, const struct zone_owner *owner, struct owner_signing *signing,
    const struct retire *retire);

#endif
