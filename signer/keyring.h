/*
 * keyring.h -- the keys of one signed zone: their rows in signatures/, their files, and the RRsets of the
 * apex that are made of them (S105).
 */
#ifndef SIGNER_KEYRING_H
#define SIGNER_KEYRING_H

#include "signer/key.h"
#include "zones/model/model.h"
#include "zones/state/config.h"

struct keyring;

/*
 * The keys of a zone. If it has none and make is true, one is made, with its files and its row. NULL with
 * problems if a key cannot be used: then nothing is signed, and no key is made in its place.
 */
struct keyring *keyring_open(struct store_txn *signatures, const char *state, const struct zone_info *zone,
    const struct dnssec_policy *policy, bool make, struct problems *problems);
void keyring_free(struct keyring *keyring);

/* The zone: its apex in wire form, and its name. */
void keyring_apex(const struct keyring *keyring, uint8_t apex[NAME_MAX_LEN]);
const char *keyring_name(const struct keyring *keyring);

/* The key that signs RRsets of this type. */
struct key *keyring_key(const struct keyring *keyring, uint16_t type);
/* Is this signature one of a key that signs this type now? */
bool keyring_knows(const struct keyring *keyring, uint16_t type, const struct signature *signature);

/* The RRsets of the apex: DNSKEY, CDS, CDNSKEY. The keyring owns the records. ttl: theirs. */
unsigned keyring_rrsets(const struct keyring *keyring, uint32_t ttl, struct rrset out[SIGNED_KEYS_MAX]);

#endif
