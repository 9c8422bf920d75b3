/*
 * zone_signer_trust.c -- signatures of zones whose keys are on another node are verified when they are used
 * first: some came before their configuration (S109).
 */
#include "signer/sign/zone_signer_inner.h"
#include "zones/state/signing_keys.h"

#include <stdlib.h>

void
zone_signer_forget_known(struct signed_entry *entry)
{
	known_keys_free(entry->known);
	free(entry->wrong);
	entry->known = NULL;
	entry->wrong = NULL;
}

static void
add_key(void *arg, const struct signing_key *key)
{
	known_keys_add(arg, key);
}

const struct known_keys *
zone_signer_known_keys(struct zone_signer *signer, struct signed_entry *entry, const struct signed_zone *row)
{
	if (entry->known != NULL)
		return entry->known;
	entry->known = known_keys_new();
	known_keys_add_shown(entry->known, row);
	signing_keys_each(signer->txn, entry->zone, add_key, entry->known);
	return entry->known;
}

/*
 * A change uses few, and a build of a large zone all of them: the first ones of a pass are verified, and of
 * the others as many as are drawn from all that are here.
 */
static bool
is_drawn(struct zone_signer *signer, const struct bytes *key, uint16_t type)
{
	if (key->len == 1 && (type == TYPE_DNSKEY || type == TYPE_SOA))
		return true;
	if (signer->used++ < VERIFIED_MAX)
		return true;
	if (signer->rows == 0) {
		signer->rows = MAX(signature_rows_count(signer->txn), 1u);
		random_bytes(&signer->seed, sizeof signer->seed);
	}
	return mix64(signer->seed + signer->used) % signer->rows < VERIFIED_MAX;
}

bool
zone_signer_trusts(struct zone_signer *signer, const struct bytes *key, const struct signed_set *set,
    uint64_t hash, const struct signature *found, unsigned count)
{
	struct signed_entry *entry = signer->entry;
	enum known_verdict verdict;
	int error;

	if (!is_drawn(signer, key, set->rrset.type))
		return true;
	verdict = known_keys_verify(zone_signer_known_keys(signer, entry, &signer->row), set, found, count);
	if (verdict == KNOWN_GOOD)
		return true;
	if (entry->wrong == NULL)
		entry->wrong = known_keys_complaint(set, verdict);
	signer->moved = true;
	error = signature_drop(signer->txn, entry->zone, key, set->rrset.type, hash);
	if (signer->error == 0)
		signer->error = error;
	return false;
}
