#include "signer/import/verifying.h"

#include "signer/import/known_keys.h"
#include "signer/time/validity.h"

#include <stdlib.h>

struct verifying {
	const struct verifying_order *order;
	struct problems *problems;
	struct signed_zone row; /* of the zone; records point into the shipment */
	struct known_keys *keys;
};

/* ---- keys ---- */

/* Those of the zone, and those that sign its data before or after DNSKEY has them (S107). */
static void
gather_keys(struct verifying *verifying)
{
	struct shipment_item item;
	struct signing_key key;

	for (size_t at = 0; shipment_next(verifying->order->shipment, &at, &item);)
		if (item.kind == 'Z')
			signed_zone_decode(item.octets, &verifying->row);
	known_keys_add_shown(verifying->keys, &verifying->row);
	for (size_t at = 0; shipment_next(verifying->order->shipment, &at, &item);)
		if (item.kind == 'K' && signing_key_decode(item.octets, &key))
			known_keys_add(verifying->keys, &key);
}

/* ---- RRsets ---- */

static bool
judge(const struct verifying *verifying, const struct signed_set *set, enum known_verdict verdict)
{
	char *complaint;

	if (verdict == KNOWN_GOOD)
		return true;
	complaint = known_keys_complaint(set, verdict);
	problems_error(verifying->problems, "a shipment is refused: %s; %s", complaint,
	    verdict == KNOWN_WRONG ? "look at graycloud-signer on the node with the keys"
				   : "if the configuration there is newer than the one here, bring it first");
	free(complaint);
	return false;
}

struct checking {
	const struct verifying *verifying;
	uint16_t type;
	struct bytes contents;
	bool good;
};

/* A source of signatures that has those of one row, and writes none. */
static size_t
check_set(void *arg, const struct bytes *key, const struct signed_set *set, uint8_t *out)
{
	struct checking *checking = arg;
	struct signature found[SIGNATURES_MAX];
	unsigned count;

	(void)key, (void)out;
	if (!checking->good || set->rrset.type != checking->type)
		return 0;
	count = signature_row_find(checking->contents, signed_hash(set), found);
	if (count > 0)
		checking->good = judge(checking->verifying, set,
		    known_keys_verify(checking->verifying->keys, set, found, count));
	return 0;
}

static bool
verify_row(const struct verifying *verifying, const struct shipment_item *item)
{
	const struct verifying_order *order = verifying->order;
	struct checking checking = {.verifying = verifying, .good = true};
	const struct zone_signing signing = {
	    .arg = &checking, .find = check_set, .keys = verifying->row.keys, .nkeys = verifying->row.nkeys};
	struct bytes owner_key;

	if (shipment_row(item, &checking.type, &owner_key, &checking.contents))
		compiler_each_signed(order->compiler, order->config, order->zone, &owner_key, &signing);
	return checking.good;
}

/* Each has one signature, by a key that DNSKEY may not have yet. */
static bool
verify_steered(const struct verifying *verifying, const struct shipment_item *item)
{
	struct steered_signature row;
	struct signed_set set = {.owner = row.owner, .apex = verifying->order->shipment->apex};
	enum known_verdict verdict;
	uint8_t *records;

	if (!steered_decode(&row, &item->octets))
		return true;
	records = steered_rrset(&row, &set.rrset);
	verdict = known_keys_verify(verifying->keys, &set, &row.signature, 1);
	free(records);
	return verdict != KNOWN_WRONG || judge(verifying, &set, verdict);
}

/* ---- the apex ---- */

static bool
is_row_of_apex(const struct shipment_item *item, uint16_t wanted, struct bytes *contents)
{
	struct bytes owner_key;
	uint16_t type;

	return item->kind == 'S' && shipment_row(item, &type, &owner_key, contents) && type == wanted &&
	    owner_key.len == 1 && *(const uint8_t *)owner_key.data == 0;
}

/* Without a signature of DNSKEY nothing of the zone is valid. It is in the shipment, or here. */
static bool
verify_keys(const struct verifying *verifying)
{
	const struct verifying_order *order = verifying->order;
	struct signed_set set = {.owner = order->shipment->apex, .apex = order->shipment->apex};
	struct signature found[SIGNATURES_MAX];
	struct shipment_item item;
	struct bytes contents;
	unsigned count = 0;

	for (unsigned i = 0; i < verifying->row.nkeys; i++)
		if (verifying->row.keys[i].type == TYPE_DNSKEY)
			set.rrset = verifying->row.keys[i];
	set.rrset.type = TYPE_DNSKEY;
	for (size_t at = 0; count == 0 && shipment_next(order->shipment, &at, &item);)
		if (is_row_of_apex(&item, TYPE_DNSKEY, &contents))
			count = signature_row_find(contents, signed_hash(&set), found);
	if (count == 0 &&
	    signature_row(order->signatures, order->zone, &(struct bytes){"", 1}, TYPE_DNSKEY, &contents))
		count = signature_row_find(contents, signed_hash(&set), found);
	return judge(verifying, &set, known_keys_verify(verifying->keys, &set, found, count));
}

/* Steered RRsets are found by these keys: by another one, none is. */
static bool
verify_data_keys(const struct verifying *verifying)
{
	bool good = verifying->row.ndata > 0;

	for (unsigned i = 0; good && i < verifying->row.ndata; i++)
		good = known_keys_have(verifying->keys, &verifying->row.data[i]);
	if (!good)
		problems_error(verifying->problems,
		    "a shipment is refused: its load balancers are signed by a key that it does not have; "
		    "look "
		    "at graycloud-signer on the node with the keys");
	return good;
}

/* Does a signature of a row's first content hold at this time? */
static bool
holds(struct bytes contents, uint32_t now)
{
	struct signature found[SIGNATURES_MAX];
	unsigned count = signature_row_first(contents, found);
	bool some = false;

	for (unsigned i = 0; i < count; i++)
		some |= validity_left(&found[i], now) >= 0 && !validity_is_ahead(&found[i], now);
	return some;
}

/*
 * Signatures that hold by the clock here are not given up for others that do not: one of the two clocks is
 * wrong, or nobody renews signatures there. Without any that hold those that come are as good.
 */
static bool
verify_times(const struct verifying *verifying, uint16_t type)
{
	const struct verifying_order *order = verifying->order;
	struct shipment_item item;
	struct bytes theirs, ours;
	bool found = false;

	for (size_t at = 0; !found && shipment_next(order->shipment, &at, &item);)
		found = is_row_of_apex(&item, type, &theirs);
	if (!found || holds(theirs, order->now) ||
	    !signature_row(order->signatures, order->zone, &(struct bytes){"", 1}, type, &ours) ||
	    !holds(ours, order->now))
		return true;
	problems_error(verifying->problems,
	    "a shipment is refused: its signatures of %s do not hold now, and those that are here do: "
	    "compare "
	    "`date -u` of both nodes, and look at graycloud-signer on the node with the keys",
	    type == TYPE_SOA ? "the SOA" : "DNSKEY");
	return false;
}

/* Of those of which one is wrong, all answers are, or the parent could take them for its DS. */
static bool
is_vital(const struct shipment_item *item)
{
	struct bytes contents;

	return is_row_of_apex(item, TYPE_SOA, &contents) || is_row_of_apex(item, TYPE_CDS, &contents) ||
	    is_row_of_apex(item, TYPE_CDNSKEY, &contents);
}

static bool
verify_items(const struct verifying *verifying)
{
	const struct shipment *shipment = verifying->order->shipment;
	struct shipment_item item;
	uint64_t count = 0, seed;
	bool good = true;

	random_bytes(&seed, sizeof seed);
	for (size_t at = 0; shipment_next(shipment, &at, &item);)
		count += item.kind == 'S' || item.kind == 'T';
	for (size_t at = 0; good && shipment_next(shipment, &at, &item);) {
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
verifying_shipment(const struct verifying_order *order, struct problems *problems)
{
	struct verifying verifying = {.order = order, .problems = problems, .keys = known_keys_new()};
	bool good;

	gather_keys(&verifying);
	good = verify_keys(&verifying) && verify_data_keys(&verifying) &&
	    verify_times(&verifying, TYPE_DNSKEY) && verify_times(&verifying, TYPE_SOA) &&
	    verify_items(&verifying);
	known_keys_free(verifying.keys);
	return good;
}
