/* signer_taking_items.c -- write the keys and signatures of a shipment (S109). */
#include "signer/signer_taking.h"
#include "zones/base/array.h"

#include <stdlib.h>

/* ---- the zone and its keys ---- */

static bool
same_bytes(const struct bytes *a, const struct bytes *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static void
delete_key(void *arg, const struct signing_key *key)
{
	struct taking *taking = arg;

	taking_note(taking, signing_key_delete(taking->pass->signatures, taking->zone, key));
}

struct comparing {
	const struct shipment *shipment;
	size_t at, count;
	bool differs;
};

/* Keys are in one order in the store and in a shipment. */
static void
compare_key(void *arg, const struct signing_key *key)
{
	struct comparing *comparing = arg;
	uint8_t octets[SIGNING_KEY_OCTETS];
	const struct bytes ours = {octets, sizeof octets};
	struct shipment_item item = {.kind = 0};

	while (item.kind != 'K' && shipment_next(comparing->shipment, &comparing->at, &item))
		;
	signing_key_encode(key, octets);
	comparing->count++;
	comparing->differs |= item.kind != 'K' || !same_bytes(&item.octets, &ours);
}

static void
take_keys(struct taking *taking)
{
	struct comparing comparing = {.shipment = &taking->shipment};
	struct shipment_item item;
	struct signing_key key;
	size_t count = 0;

	for (size_t at = 0; shipment_next(&taking->shipment, &at, &item);)
		count += item.kind == 'K';
	signing_keys_each(taking->pass->signatures, taking->zone, compare_key, &comparing);
	if (!comparing.differs && comparing.count == count)
		return;
	signing_keys_each(taking->pass->signatures, taking->zone, delete_key, taking);
	for (size_t at = 0; shipment_next(&taking->shipment, &at, &item);)
		if (item.kind == 'K' && signing_key_decode(item.octets, &key))
			taking_note(taking, signing_key_put(taking->pass->signatures, taking->zone, &key));
}

static void
take_rollover(struct taking *taking, struct bytes theirs)
{
	struct bytes ours;

	if (!rollover_row(taking->pass->signatures, taking->zone, &ours) || !same_bytes(&ours, &theirs))
		taking_note(taking, rollover_row_put(taking->pass->signatures, taking->zone, theirs));
}

/*
 * The row of the zone. Its version rises by what changed here, so that nameservers look up again only the
 * owners that changed if its keys are the same.
 */
static void
take_zone(struct taking *taking, struct bytes octets)
{
	struct store_txn *txn = taking->pass->signatures;
	struct signed_zone theirs, ours = {0};
	struct bytes row;
	bool there, same = false;

	if (!signed_zone_decode(octets, &theirs))
		return;
	there = signed_zone_row(txn, taking->zone, &row) && signed_zone_decode(row, &ours);
	/* Behind the version and the generation, rows of the same keys are the same. */
	if (there && row.len == octets.len)
		same = memcmp((const uint8_t *)row.data + 16, (const uint8_t *)octets.data + 16,
			   row.len - 16) == 0;
	if (same && taking->nowners == 0)
		return;
	theirs.version = ours.version + 1;
	if (!there) {
		random_bytes(&theirs.version, sizeof theirs.version);
		theirs.version |= 1;
		taking->begins = true;
	}
	taking_note(taking, signed_zone_put(txn, taking->zone, &theirs));
	if (same && taking->nowners <= RENEWED_MAX)
		taking_note(taking,
		    signatures_renewed_put(
			txn, taking->zone, theirs.version, taking->owners, taking->nowners));
}

/* ---- signatures ---- */

static void
take_row(struct taking *taking, const struct shipment_item *item)
{
	struct bytes owner_key, contents;
	const struct bytes *last = taking->nowners > 0 ? &taking->owners[taking->nowners - 1] : NULL;
	uint16_t type;
	bool changed = false;
	int error;

	if (!shipment_row(item, &type, &owner_key, &contents))
		return;
	error = signature_merge(taking->pass->signatures, taking->zone, &owner_key, type, contents, &changed);
	if (!changed)
		return;
	taking_note(taking, error);
	if (last != NULL && same_bytes(last, &owner_key))
		return;
	taking->owners = array_grow(taking->owners, taking->nowners, sizeof *taking->owners);
	taking->owners[taking->nowners++] = owner_key;
}

static bool
is_single(const struct steered_signature *row)
{
	return row->type == TYPE_CNAME || row->count == 1;
}

/* One that is here is replaced by a newer one, or by any that holds if it was made by a clock that was ahead.
 */
static bool
is_better(struct taking *taking, const struct signature *theirs, const struct signature *known)
{
	uint32_t now = taking->pass->now;

	if ((int32_t)(theirs->inception - known->inception) > 0)
		return true;
	if (!validity_is_ahead(known, now) || validity_is_ahead(theirs, now))
		return false;
	return taking->was_ahead = true;
}

static void
take_steered(struct taking *taking, const struct shipment_item *item)
{
	struct steered_signature row;
	struct signature known;
	struct content content;

	if (!steered_decode(&row, &item->octets))
		return;
	row.zone = taking->zone;
	content = compiler_content(&row);
	if (compiler_find_steered(taking->signer->compiler, &content, &known)) {
		if (!is_better(taking, &row.signature, &known))
			return;
		taking->replaced = array_grow(taking->replaced, taking->nreplaced, sizeof *taking->replaced);
		taking->replaced[taking->nreplaced++] = content;
	}
	taking->steered = array_grow(taking->steered, taking->nsteered, sizeof *taking->steered);
	taking->steered[taking->nsteered++] = item->octets;
}

static int
compare_contents(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct content));
}

static bool
stays(void *arg, const struct steered_signature *row)
{
	const struct taking *taking = arg;
	struct content content = compiler_content(row);

	/* Sets that the node with keys does not sign again would be answered otherwise. */
	if (taking->was_ahead && row->zone == taking->zone && !is_single(row) &&
	    validity_is_ahead(&row->signature, taking->pass->now))
		return false;
	return bsearch(&content, taking->replaced, taking->nreplaced, sizeof content, compare_contents) ==
	    NULL;
}

static void
put_steered(struct taking *taking)
{
	struct pass *pass = taking->pass;

	if (taking->nreplaced > 0) {
		qsort(taking->replaced, taking->nreplaced, sizeof *taking->replaced, compare_contents);
		taking_note(taking, steered_prune(pass->signatures, stays, taking));
		taking_note(taking, steered_prune(pass->sets, stays, taking));
		compiler_forget_steered(taking->signer->compiler);
	}
	for (size_t i = 0; i < taking->nsteered && pass->error == 0; i++) {
		struct steered_signature row;

		steered_decode(&row, &taking->steered[i]);
		row.zone = taking->zone;
		if (is_single(&row))
			taking_note(taking, steered_append(pass->signatures, &row));
		else
			pass->error = steered_append(pass->sets, &row);
		signer_note_steered(taking->signer, &row);
	}
}

/* ---- all of it ---- */

void
taking_items(struct taking *taking)
{
	struct bytes ignored;
	struct shipment_item item, zone = {.kind = 0}, rollover = {.kind = 0};

	for (size_t at = 0; shipment_next(&taking->shipment, &at, &item) && taking->pass->error == 0;) {
		if (item.kind == 'Z')
			zone = item;
		else if (item.kind == 'R')
			rollover = item;
		else if (item.kind == 'S')
			take_row(taking, &item);
		else if (item.kind == 'T')
			take_steered(taking, &item);
	}
	put_steered(taking);
	if (zone.kind != 0)
		take_zone(taking, zone.octets);
	else if (signed_zone_row(taking->pass->signatures, taking->zone, &ignored))
		taking_note(taking, signatures_drop_zone(taking->pass->signatures, taking->zone));
	take_keys(taking);
	if (rollover.kind != 0)
		take_rollover(taking, rollover.octets);
}
