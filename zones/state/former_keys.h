/*
 * former_keys.h -- keys of a zone that have left, by the files that were kept (S111), for nodes without keys,
 * which may have been away meanwhile (S109). In the store signatures/, keys: zone (4), 254 -> of each of them
 * algorithm (1), key tag (2), SHA-256 of its DNSKEY (32). graycloud-signer writes the row.
 */
#ifndef FORMER_KEYS_H
#define FORMER_KEYS_H

#include "zones/base/digest.h"
#include "zones/state/signing_keys.h"

enum { FORMER_KEYS_MAX = 16, FORMER_KEY_OCTETS = 3 + DIGEST_LEN };

/* Its name, and the digest of its DNSKEY. */
struct former_key {
	struct key_id id;
	uint8_t digest[DIGEST_LEN];
};

void former_key_of(const struct signing_key *key, struct former_key *out);
bool former_key_same(const struct former_key *a, const struct former_key *b);

/* False if there is no row. */
bool former_keys_row(struct store_txn *signatures, uint32_t zone, struct bytes *row);
int former_keys_put(
    struct store_txn *signatures, uint32_t zone, const struct former_key *keys, unsigned count);
/* Does a row have whole entries? */
bool former_keys_good(struct bytes row);
/* Has this key left, by the row? */
bool former_keys_have(struct bytes row, const struct signing_key *key);

#endif
