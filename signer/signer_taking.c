#include "signer/signer_taking.h"

#include "zones/state/former_keys.h"

#include <err.h>
#include <stdarg.h>
#include <stdio.h>

enum { AHEAD_MS = 60000 }; /* a shipment that was made later was made by a clock that was ahead */

void
taking_note(struct taking *taking, int error)
{
	taking->changed = true;
	if (taking->pass->error == 0)
		taking->pass->error = error;
}

void
taking_refuse(struct taking *taking, const char *format, ...)
{
	char text[sizeof taking->row.fault] = "";
	va_list list;

	va_start(list, format);
	vsnprintf(text, sizeof text, format, list);
	va_end(list);
	warnx("zone %s: %s", taking->name, text);
	if (strcmp(text, taking->row.fault) == 0)
		return;
	memcpy(taking->row.fault, text, sizeof text);
	taking_note(taking, imported_put(taking->pass->signatures, taking->zone, &taking->row));
}

/* ---- is it one to take? ---- */

struct common {
	const struct shipment *shipment;
	struct bytes former;      /* the keys that have left at the other node */
	bool any, shared, stayed; /* keys here; one of them in the shipment; one that did not leave there */
};

static void
look_for_key(void *arg, const struct signing_key *key)
{
	struct common *common = arg;
	struct shipment_item item;
	struct signing_key theirs;

	common->any = true;
	common->stayed |= !former_keys_have(common->former, key);
	for (size_t at = 0; !common->shared && shipment_next(common->shipment, &at, &item);)
		common->shared = item.kind == 'K' && signing_key_decode(item.octets, &theirs) &&
		    memcmp(theirs.dnskey, key->dnskey, sizeof key->dnskey) == 0;
}

/*
 * Two nodes that each made keys of their own would take turns, and every validator would refuse the zone half
 * of the time. One node may roll all keys while its shipments do not come; if it lost its stores, too, it
 * knows from its files which keys have left.
 */
static bool
has_other_keys(struct taking *taking)
{
	struct common common = {.shipment = &taking->shipment};
	struct shipment_item item;

	if (taking->row.made_ms == 0 || taking->row.identity == taking->shipment.after.identity)
		return false;
	for (size_t at = 0; shipment_next(&taking->shipment, &at, &item);)
		if (item.kind == 'F')
			common.former = item.octets;
	signing_keys_each(taking->pass->signatures, taking->zone, look_for_key, &common);
	return common.any && !common.shared && common.stayed;
}

/* When the newest shipment was made that is here. One from the future was made by a clock that was ahead. */
static int64_t
newest_ms(const struct taking *taking)
{
	return taking->row.made_ms <= wall_ms() + AHEAD_MS ? taking->row.made_ms : 0;
}

/*
 * By the sequences of a store, or by the time if it is another one, or went back: it was restored from a copy
 * of its machine.
 */
static bool
is_newer(struct taking *taking)
{
	const struct shipment *shipment = &taking->shipment;
	struct shipment_state here = imported_state(&taking->row, &taking->sets_row);
	char theirs[SHIPMENT_STATE_TEXT], ours[SHIPMENT_STATE_TEXT];
	bool follows = shipment_state_covers(&shipment->after, &here),
	     later = shipment->made_ms >= newest_ms(taking);

	if (shipment->after.identity == here.identity && !follows && !(shipment->whole && later))
		taking_refuse(taking, "a shipment of state %s is older than what is here, %s: it is ignored",
		    shipment_state_text(&shipment->after, theirs), shipment_state_text(&here, ours));
	else if (!shipment->whole && !shipment_state_covers(&here, &shipment->before))
		taking_refuse(taking,
		    "a shipment that begins at state %s is refused, because this node has %s: `graycloud "
		    "signatures "
		    "export` without --since",
		    shipment_state_text(&shipment->before, theirs),
		    here.identity == 0 ? "none" : shipment_state_text(&here, ours));
	else if (shipment->after.identity != here.identity && !later)
		taking_refuse(
		    taking, "a shipment from another store that is older than what is here is refused");
	else
		return true;
	return false;
}

/*
 * Is the zone signed there, or has `disable` ended, which is in the configuration here, too? Else nothing
 * signed is given up: the node with the keys may have lost them, and nothing of such a shipment can be
 * verified.
 */
static bool
says_what_is_signed(struct taking *taking)
{
	struct shipment_item item;
	struct rollover rollover = {.kind = ROLLOVER_NONE};

	for (size_t at = 0; shipment_next(&taking->shipment, &at, &item);) {
		taking->is_signed |= item.kind == 'Z';
		if (item.kind == 'R')
			rollover_decode(item.octets, &rollover);
	}
	return taking->is_signed ||
	    (rollover.kind == ROLLOVER_DISABLED &&
		zone_signer_is_ending(taking->signer->zones, taking->zone));
}

bool
taking_may(struct taking *taking)
{
	uint8_t apex[NAME_MAX_LEN];

	if (!zone_signer_apex(taking->signer->zones, taking->zone, apex) ||
	    !name_equal(apex, taking->shipment.apex))
		taking_refuse(taking, "a shipment of another zone is refused");
	else if (!says_what_is_signed(taking))
		taking_refuse(taking,
		    "a shipment is refused: the zone is not signed at the other node, and the configuration "
		    "here "
		    "has no dnssec disable: bring it first, or, to end signing here: `graycloud dnssec "
		    "disable "
		    "%s --force`",
		    taking->name);
	else if (has_other_keys(taking))
		taking_refuse(taking,
		    IMPORTED_OTHER_KEYS
		    " is refused; if it is right: `graycloud dnssec disable %s --force`, then "
		    "`enable`, here",
		    taking->name);
	else
		return is_newer(taking);
	return false;
}
