#include "zones/state/former_keys.h"

enum { ROW_KEY = 5, FORMER = 254 /* no algorithm (RFC 8624 3.1) */ };

void
former_key_of(const struct signing_key *key, struct former_key *out)
{
	struct bytes dnskey = {key->dnskey, signing_key_dnskey_len(key)};

	out->id = (struct key_id){key->algorithm, key->key_tag};
	digest_of(dnskey, out->digest);
}

bool
former_key_same(const struct former_key *a, const struct former_key *b)
{
	return key_id_same(&a->id, &b->id) && memcmp(a->digest, b->digest, DIGEST_LEN) == 0;
}

static struct bytes
row_key(uint8_t out[ROW_KEY], uint32_t zone)
{
	put32(out, zone);
	out[4] = FORMER;
	return (struct bytes){out, ROW_KEY};
}

bool
former_keys_row(struct store_txn *signatures, uint32_t zone, struct bytes *row)
{
	uint8_t key[ROW_KEY];

	return store_get(signatures, TABLE_KEYS, row_key(key, zone), row);
}

int
former_keys_put(struct store_txn *signatures, uint32_t zone, const struct former_key *keys, unsigned count)
{
	uint8_t key[ROW_KEY], row[FORMER_KEYS_MAX * FORMER_KEY_OCTETS], *at = row;
	struct bytes before = {NULL, 0};
	size_t len = MIN(count, (unsigned)FORMER_KEYS_MAX) * FORMER_KEY_OCTETS;

	for (unsigned i = 0; at < row + len; i++, at += FORMER_KEY_OCTETS) {
		at[0] = keys[i].id.algorithm;
		put16(at + 1, keys[i].id.key_tag);
		memcpy(at + 3, keys[i].digest, DIGEST_LEN);
	}
	former_keys_row(signatures, zone, &before);
	if (before.len == len && (len == 0 || memcmp(before.data, row, len) == 0))
		return 0;
	return len > 0 ? store_put(signatures, TABLE_KEYS, row_key(key, zone), (struct bytes){row, len})
		       : store_delete(signatures, TABLE_KEYS, row_key(key, zone));
}

bool
former_keys_good(struct bytes row)
{
	return row.len > 0 && row.len % FORMER_KEY_OCTETS == 0;
}

bool
former_keys_have(struct bytes row, const struct signing_key *key)
{
	const uint8_t *at = row.data;
	struct former_key wanted;

	former_key_of(key, &wanted);
	for (size_t left = row.len; left >= FORMER_KEY_OCTETS; left -= FORMER_KEY_OCTETS) {
		struct former_key has = {.id = {at[0], get16(at + 1)}};

		memcpy(has.digest, at + 3, DIGEST_LEN);
		if (former_key_same(&has, &wanted))
			return true;
		at += FORMER_KEY_OCTETS;
	}
	return false;
}
