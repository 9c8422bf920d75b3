#include "signer/import/known_keys.h"

#include "signer/import/verifier.h"
#include "zones/base/array.h"
#include "zones/zonefile/zonefile.h"

#include <stdlib.h>

struct known_key {
	struct key_id id;
	bool shown; /* DNSKEY has it */
	uint8_t rdata[DNSKEY_MAX];
	struct verifier *verifier;
};

struct known_keys {
	struct known_key *items;
	size_t count;
};

struct known_keys *
known_keys_new(void)
{
	return xcalloc(1, sizeof(struct known_keys));
}

void
known_keys_free(struct known_keys *keys)
{
	if (keys == NULL)
		return;
	for (size_t i = 0; i < keys->count; i++)
		verifier_free(keys->items[i].verifier);
	free(keys->items);
	free(keys);
}

static bool
has(const struct known_keys *keys, const uint8_t *rdata, size_t len)
{
	for (size_t i = 0; i < keys->count; i++)
		if (memcmp(keys->items[i].rdata, rdata, len) == 0)
			return true;
	return false;
}

static void
add(struct known_keys *keys, const uint8_t *rdata, size_t len, bool shown)
{
	struct verifier *verifier = len <= DNSKEY_MAX ? verifier_new(rdata, len) : NULL;
	struct known_key *key;

	if (verifier == NULL)
		return;
	keys->items = array_grow(keys->items, keys->count, sizeof *keys->items);
	key = &keys->items[keys->count++];
	*key = (struct known_key){{rdata[3], dnskey_tag(rdata, len)}, shown, {0}, verifier};
	memcpy(key->rdata, rdata, len);
}

void
known_keys_add_shown(struct known_keys *keys, const struct signed_zone *row)
{
	for (unsigned i = 0; i < row->nkeys; i++) {
		const struct rrset *set = &row->keys[i];
		const uint8_t *at = set->records, *end = at + set->len;

		while (set->type == TYPE_DNSKEY && end - at > 2 && end - at - 2 >= get16(at)) {
			add(keys, at + 2, get16(at), true);
			at += 2 + get16(at);
		}
	}
}

void
known_keys_add(struct known_keys *keys, const struct signing_key *key)
{
	size_t len = signing_key_dnskey_len(key);

	if (!has(keys, key->dnskey, len))
		add(keys, key->dnskey, len, false);
}

bool
known_keys_have(const struct known_keys *keys, const struct key_id *id)
{
	for (size_t i = 0; i < keys->count; i++)
		if (key_id_same(&keys->items[i].id, id))
			return true;
	return false;
}

/* *shown: it is by a key that DNSKEY has. */
static enum known_verdict
verify_one(const struct known_keys *keys, const struct signed_set *set, const struct signature *signature,
    bool *shown)
{
	const struct key_id id = {signature->algorithm, signature->key_tag};
	enum known_verdict verdict = KNOWN_STRANGE;
	uint8_t *data = NULL;
	size_t len;

	for (size_t i = 0; i < keys->count && verdict != KNOWN_GOOD; i++) {
		const struct known_key *key = &keys->items[i];

		if (!key_id_same(&key->id, &id))
			continue;
		if (data == NULL)
			data = signed_data(set, signature, &len);
		*shown = key->shown;
		verdict = verifier_check(key->verifier, data, len, signature) ? KNOWN_GOOD : KNOWN_WRONG;
	}
	free(data);
	return verdict;
}

enum known_verdict
known_keys_verify(const struct known_keys *keys, const struct signed_set *set,
    const struct signature *signatures, unsigned count)
{
	enum known_verdict all = KNOWN_STRANGE;

	for (unsigned i = 0; i < count; i++) {
		bool shown = false;
		enum known_verdict one = verify_one(keys, set, &signatures[i], &shown);

		if (one == KNOWN_WRONG)
			return one;
		if (one == KNOWN_GOOD && shown)
			all = KNOWN_GOOD;
	}
	return all;
}

char *
known_keys_complaint(const struct signed_set *set, enum known_verdict verdict)
{
	char name[NAME_MAX_TEXT], type[16];

	name_to_text(set->owner, name);
	zonefile_type_text(set->rrset.type, type);
	return verdict == KNOWN_WRONG
	    ? xasprintf("a signature of %s %s does not verify", name, type)
	    : xasprintf("no signature of %s %s is by a key that DNSKEY has", name, type);
}
