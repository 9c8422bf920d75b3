#include "signer/import/verifying.h"

#include "signer/import/verifier.h"
#include "zones/base/array.h"
#include "zones/state/config.h"
#include "zones/state/signing_keys.h"
#include "zones/zonefile/zonefile.h"

#include <stdlib.h>

struct known_key {
	struct key_id id;
	bool shown; /* DNSKEY has it */
	struct verifier *verifier;
};

struct verifying {
	const struct shipment *shipment;
	struct store_txn *config;
	uint32_t zone;
	struct problems *problems;
	struct signed_zone row; /* of the zone; records point into the shipment */
	struct known_key *keys;
	size_t nkeys;
};

/* ---- keys ---- */

static void
add_key(struct verifying *verifying, const uint8_t *rdata, size_t len, bool shown)
{
	struct verifier *verifier = verifier_new(rdata, len);

	if (verifier == NULL)
		return;
	verifying->keys = array_grow(verifying->keys, verifying->nkeys, sizeof *verifying->keys);
	verifying->keys[verifying->nkeys++] =
	    (struct known_key){{rdata[3], dnskey_tag(rdata, len)}, shown, verifier};
}

static void
add_shown(struct verifying *verifying)
{
	for (unsigned i = 0; i < verifying->row.nkeys; i++) {
		const struct rrset *set = &verifying->row.keys[i];
		const uint8_t *at = set->records, *end = at + set->len;

		while (set->type == TYPE_DNSKEY && end - at > 2 && end - at - 2 >= get16(at)) {
			add_key(verifying, at + 2, get16(at), true);
			at += 2 + get16(at);
		}
	}
}

/* Those of the zone, and those that sign its data before or after DNSKEY has them (S107). */
static void
gather_keys(struct verifying *verifying)
{
	struct shipment_item item;
	struct signing_key key;

	for (size_t at = 0; shipment_next(verifying->shipment, &at, &item);) {
		if (item.kind == 'K' && signing_key_decode(item.octets, &key))
			add_key(verifying, key.dnskey, signing_key_dnskey_len(&key), false);
		else if (item.kind == 'Z')
			signed_zone_decode(item.octets, &verifying->row);
	}
	add_shown(verifying);
}

/* ---- RRsets ---- */

static bool
refuse(const struct verifying *verifying, const struct signed_set *set, const char *none)
{
	char name[NAME_MAX_TEXT], type[16];

	zonefile_type_text(set->rrset.type, type);
	problems_error(verifying->problems,
	    "a shipment is refused: a signature of %s %s does not verify%s; look at graycloud-signer on the "
	    "node "
	    "with the keys",
	    name_to_text(set->owner, name), type, none);
	return false;
}

/* Several keys may have one tag. A signature by a key that is not known says nothing. */
static bool
verify(const struct verifying *verifying, const struct signed_set *set, const struct signature *signatures,
    unsigned count)
{
	bool keys = set->rrset.type == TYPE_DNSKEY, some = !keys;

	for (unsigned i = 0; i < count; i++) {
		const struct key_id id = {signatures[i].algorithm, signatures[i].key_tag};
		bool known = false, good = false;
		size_t len;
		uint8_t *data = signed_data(set, &signatures[i], &len);

		for (size_t k = 0; k < verifying->nkeys && !good; k++) {
			const struct known_key *key = &verifying->keys[k];

			if (!key_id_same(&key->id, &id) || (keys && !key->shown))
				continue;
			known = true;
			good = verifier_check(key->verifier, data, len, &signatures[i]);
		}
		free(data);
		if (known && !good)
			return refuse(verifying, set, "");
		some |= good;
	}
	return some || refuse(verifying, set, " by a key that is in it");
}

struct looking {
	uint16_t type;
	struct rrset found;
};

static bool
look(void *arg, struct bytes owner_key, const struct rrset *rrset)
{
	struct looking *looking = arg;

	(void)owner_key;
	if (rrset->type == looking->type)
		looking->found = *rrset;
	return true;
}

/* The RRset of an owner and type, if it is here. */
static bool
find_rrset(const struct verifying *verifying, const struct bytes *owner_key, uint16_t type, bool apex,
    struct rrset *out)
{
	struct looking looking = {.type = type};

	for (unsigned i = 0; apex && i < verifying->row.nkeys; i++)
		if (verifying->row.keys[i].type == type)
			looking.found = verifying->row.keys[i];
	if (looking.found.count == 0)
		config_each_row(verifying->config, verifying->zone, owner_key, look, &looking);
	*out = looking.found;
	return looking.found.count > 0;
}

static bool
is_apex(const struct bytes *owner_key)
{
	return owner_key->len == 1;
}

static bool
verify_row(const struct verifying *verifying, const struct shipment_item *item)
{
	uint8_t owner[NAME_MAX_LEN * 2];
	struct signed_set set = {.owner = owner, .apex = verifying->shipment->apex};
	struct signature found[SIGNATURES_MAX];
	struct bytes owner_key, contents;
	unsigned count;
	uint16_t type;
	int len;

	if (!shipment_row(item, &type, &owner_key, &contents) ||
	    (len = name_from_key(owner, owner_key.data, owner_key.len)) < 0 ||
	    (size_t)len + name_len(set.apex) > NAME_MAX_LEN ||
	    !find_rrset(verifying, &owner_key, type, is_apex(&owner_key), &set.rrset))
		return true;
	memcpy(owner + len, set.apex, name_len(set.apex));
	count = signature_row_find(contents, signed_hash(&set), found);
	return count == 0 || verify(verifying, &set, found, count);
}

static bool
verify_steered(const struct verifying *verifying, const struct shipment_item *item)
{
	struct steered_signature row;
	struct signed_set set = {.owner = row.owner, .apex = verifying->shipment->apex};
	uint8_t *records;
	bool good;

	if (!steered_decode(&row, &item->octets))
		return true;
	records = steered_rrset(&row, &set.rrset);
	good = verify(verifying, &set, &row.signature, 1);
	free(records);
	return good;
}

/* Of those of which one is wrong, all answers are. */
static bool
is_vital(const struct shipment_item *item)
{
	struct bytes owner_key, contents;
	uint16_t type;

	return item->kind == 'S' && shipment_row(item, &type, &owner_key, &contents) && is_apex(&owner_key) &&
	    (type == TYPE_DNSKEY || type == TYPE_SOA);
}

static bool
verify_items(const struct verifying *verifying)
{
	struct shipment_item item;
	uint64_t count = 0, seed;
	bool good = true;

	random_bytes(&seed, sizeof seed);
	for (size_t at = 0; shipment_next(verifying->shipment, &at, &item);)
		count += item.kind == 'S' || item.kind == 'T';
	for (size_t at = 0; good && shipment_next(verifying->shipment, &at, &item);) {
		/* Another place is another draw. */
		if (mix64(seed + at) % MAX(count, 1u) >= VERIFIED_MAX && !is_vital(&item))
			continue;
		if (item.kind == 'S')
			good = verify_row(verifying, &item);
		else if (item.kind == 'T')
			good = verify_steered(verifying, &item);
	}
	return good;
}

bool
verifying_shipment(
    const struct shipment *shipment, struct store_txn *config, uint32_t zone, struct problems *problems)
{
	struct verifying verifying = {
	    .shipment = shipment, .config = config, .zone = zone, .problems = problems};
	bool good;

	gather_keys(&verifying);
	good = verify_items(&verifying);
	for (size_t i = 0; i < verifying.nkeys; i++)
		verifier_free(verifying.keys[i].verifier);
	free(verifying.keys);
	return good;
}
