/*
 * zone_keys.h -- the keys of a signed zone, as the stores of this node have them, against the DS records of
 * its parent (S107). The signer need not run, and the keys themselves may be on another node (S109).
 */
#ifndef ZONE_KEYS_H
#define ZONE_KEYS_H

#include "admin/doctor/finding.h"
#include "zones/base/address.h"
#include "zones/state/config.h"
#include "zones/state/signing_keys.h"

/* Starts as {0}: of a zone that is not signed. */
struct zone_keys {
	bool enabled;  /* DNSSEC is enabled, and no procedure has ended it */
	bool enabling; /* the procedure runs that brings the first DS */
	struct signing_key *list;
	size_t count; /* 0: none is known here */
};

/* signatures: NULL: there is no such store here, and no key is known. */
void zone_keys_read(struct zone_keys *keys, struct store_txn *config, struct store_txn *signatures,
    const struct zone_info *zone);
void zone_keys_free(struct zone_keys *keys);

/* --- pure --- */

enum ds_at {
	DS_AT_NONE,   /* the server has no DS */
	DS_AT_OURS,   /* one of a key with which the zone can be validated */
	DS_AT_OTHERS, /* some, and none of these keys */
	DS_ATS
};

/* The answers of the servers of the parent, combined. Starts as {0}. */
struct ds_seen {
	size_t servers[DS_ATS];
	struct address first[DS_ATS]; /* the first server of each kind */
	uint16_t key_tag[DS_ATS];     /* of a DS there */
};

/* The answer of one of them to a question for DS. An answer that says nothing is left out. */
void ds_hear(struct ds_seen *seen, const struct zone_keys *keys, const uint8_t *apex,
    const struct address *server, const uint8_t *octets, size_t len);

/* host: of the zone, for commands; parent: its name. */
void assess_ds(struct findings *findings, const char *host, const char *parent, const struct zone_keys *keys,
    const struct ds_seen *seen);

#endif
