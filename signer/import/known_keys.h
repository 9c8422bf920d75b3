/*
 * known_keys.h -- the public keys of a zone whose private ones are on another node, to verify what that node
 * has signed (S109). One thread.
 */
#ifndef SIGNER_KNOWN_KEYS_H
#define SIGNER_KNOWN_KEYS_H

#include "zones/state/signatures.h"
#include "zones/state/signing_keys.h"

enum { VERIFIED_MAX = 1000 }; /* of what comes or is used at once; of more about as many are drawn */

struct known_keys;

struct known_keys *known_keys_new(void);
void known_keys_free(struct known_keys *keys);
/* All keys of the zone's DNSKEY, also those of another provider. */
void known_keys_add_shown(struct known_keys *keys, const struct signed_zone *row);
/* After that: a key of the zone. It may sign before DNSKEY has it, and after (S107). */
void known_keys_add(struct known_keys *keys, const struct signing_key *key);

/* Is one of the keys named so? */
bool known_keys_have(const struct known_keys *keys, const struct key_id *id);

enum known_verdict {
	KNOWN_GOOD,
	KNOWN_WRONG,  /* a signature by a key that is known does not verify */
	KNOWN_STRANGE /* none is by a key that DNSKEY has */
};
/* Several keys may have one tag. A signature by a key that is not known says nothing. */
enum known_verdict known_keys_verify(const struct known_keys *keys, const struct signed_set *set,
    const struct signature *signatures, unsigned count);
/* The reason, as a sentence without its end, for a verdict that is not good. The caller frees it. */
char *known_keys_complaint(const struct signed_set *set, enum known_verdict verdict);

#endif
