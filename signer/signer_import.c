/*
 * signer_import.c -- zones whose keys are on another node (S109): take the shipments that came, in the pass
 * that follows the configuration, and tell what lacks.
 */
#include "signer/import/keyless.h"
#include "signer/import/verifying.h"
#include "signer/signer_inner.h"
#include "zones/base/array.h"
#include "zones/state/former_keys.h"
#include "zones/state/imported.h"

#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	SCAN_MS = 60000,      /* at least so long between two walks over all signatures of a zone */
	TAKE_RETRY_MS = 5000, /* after a pass that failed, which reads all signatures again */
	MANY = 100,           /* owners: of more some signatures were not drawn */
	AHEAD_MS = 60000      /* a shipment that was made later was made by a clock that was ahead */
};

struct taking {
	struct signer *signer;
	struct pass *pass;
	uint32_t zone;
	const char *name;
	struct shipment shipment;
	struct imported row;
	struct imported_sets sets_row;
	bool changed;   /* signatures/ */
	bool begins;    /* the zone is signed since */
	bool is_signed; /* at the other node, by the shipment */
	/* Owners whose signatures of zone data changed. */
	struct bytes *owners;
	size_t nowners;
	/* Rows of steered RRsets that are new, and the contents of those that replace one. */
	struct bytes *steered;
	size_t nsteered;
	struct content *replaced;
	size_t nreplaced;
	bool was_ahead; /* one that is here was made by a clock that was set right since */
};

static void
note(struct taking *taking, int error)
{
	taking->changed = true;
	if (taking->pass->error == 0)
		taking->pass->error = error;
}

/* Note why the shipment is refused. */
static void refuse(struct taking *taking, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void
refuse(struct taking *taking, const char *format, ...)
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
	note(taking, imported_put(taking->pass->signatures, taking->zone, &taking->row));
}

/* ---- is it one to take? ---- */

/* The octets behind the line, if their digest is right; else empty. */
static struct bytes
body_of(struct bytes octets)
{
	const char *begin = octets.data;
	char line[SHIPMENT_LINE + 1] = "";
	const char *end = octets.len > 0 ? memchr(begin, '\n', MIN(octets.len, (size_t)SHIPMENT_LINE)) : NULL;
	uint8_t wanted[DIGEST_LEN], found[DIGEST_LEN];
	struct bytes body;
	uint64_t len;

	if (end == NULL)
		return (struct bytes){NULL, 0};
	memcpy(line, begin, (size_t)(end - begin));
	body = (struct bytes){end + 1, octets.len - (size_t)(end - begin) - 1};
	if (!shipment_line_read(line, &len, wanted) || len != body.len)
		return (struct bytes){NULL, 0};
	digest_of(body, found);
	return memcmp(found, wanted, DIGEST_LEN) == 0 ? body : (struct bytes){NULL, 0};
}

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
		refuse(taking, "a shipment of state %s is older than what is here, %s: it is ignored",
		    shipment_state_text(&shipment->after, theirs), shipment_state_text(&here, ours));
	else if (!shipment->whole && !shipment_state_covers(&here, &shipment->before))
		refuse(taking,
		    "a shipment that begins at state %s is refused, because this node has %s: `graycloud "
		    "signatures "
		    "export` without --since",
		    shipment_state_text(&shipment->before, theirs),
		    here.identity == 0 ? "none" : shipment_state_text(&here, ours));
	else if (shipment->after.identity != here.identity && !later)
		refuse(taking, "a shipment from another store that is older than what is here is refused");
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

/* Is it one of the zone, of the keys that are here, and newer? */
static bool
may_be_taken(struct taking *taking)
{
	uint8_t apex[NAME_MAX_LEN];

	if (!zone_signer_apex(taking->signer->zones, taking->zone, apex) ||
	    !name_equal(apex, taking->shipment.apex))
		refuse(taking, "a shipment of another zone is refused");
	else if (!says_what_is_signed(taking))
		refuse(taking,
		    "a shipment is refused: the zone is not signed at the other node, and the configuration "
		    "here "
		    "has no dnssec disable: bring it first, or, to end signing here: `graycloud dnssec "
		    "disable "
		    "%s --force`",
		    taking->name);
	else if (has_other_keys(taking))
		refuse(taking,
		    IMPORTED_OTHER_KEYS
		    " is refused; if it is right: `graycloud dnssec disable %s --force`, then "
		    "`enable`, here",
		    taking->name);
	else
		return is_newer(taking);
	return false;
}

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

	note(taking, signing_key_delete(taking->pass->signatures, taking->zone, key));
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
			note(taking, signing_key_put(taking->pass->signatures, taking->zone, &key));
}

static void
take_rollover(struct taking *taking, struct bytes theirs)
{
	struct bytes ours;

	if (!rollover_row(taking->pass->signatures, taking->zone, &ours) || !same_bytes(&ours, &theirs))
		note(taking, rollover_row_put(taking->pass->signatures, taking->zone, theirs));
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
	note(taking, signed_zone_put(txn, taking->zone, &theirs));
	if (same && taking->nowners <= RENEWED_MAX)
		note(taking,
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
	note(taking, error);
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
		note(taking, steered_prune(pass->signatures, stays, taking));
		note(taking, steered_prune(pass->sets, stays, taking));
		compiler_forget_steered(taking->signer->compiler);
	}
	for (size_t i = 0; i < taking->nsteered && pass->error == 0; i++) {
		struct steered_signature row;

		steered_decode(&row, &taking->steered[i]);
		row.zone = taking->zone;
		if (is_single(&row))
			note(taking, steered_append(pass->signatures, &row));
		else
			pass->error = steered_append(pass->sets, &row);
		signer_note_steered(taking->signer, &row);
	}
}

/* ---- when they end ---- */

struct scanning {
	uint32_t zone, now;
	struct zone_ends ends;
};

static void
scan(struct scanning *scanning, const struct signature *signature)
{
	scanning->ends.due = earlier_end(scanning->ends.due, validity_due_at(signature, scanning->now));
	scanning->ends.end = earlier_end(scanning->ends.end, signature->expiration);
}

static void
scan_row(void *arg, const struct bytes *owner_key, uint16_t type, struct bytes value)
{
	struct signature signatures[SIGNATURES_MAX];
	unsigned count = signature_row_first(value, signatures);

	(void)owner_key, (void)type;
	for (unsigned i = 0; i < count; i++)
		scan(arg, &signatures[i]);
}

static void
scan_steered(void *arg, const struct steered_signature *row)
{
	struct scanning *scanning = arg;

	if (row->zone == scanning->zone)
		scan(scanning, &row->signature);
}

/* Sets do not count: those of a flip that is over are not renewed. */
static void
find_ends(struct taking *taking)
{
	struct zone_ends *ends = zone_signer_ends(taking->signer->zones, taking->zone);
	struct scanning scanning = {.zone = taking->zone, .now = taking->pass->now};
	/* Those that were due may have come. */
	bool due = ends->due != 0 && (int32_t)(ends->due - taking->pass->now) <= 0;

	if (ends->known_ms != 0 && boot_ms() - ends->known_ms < SCAN_MS && !(taking->changed && due))
		return;
	signature_rows_each(taking->pass->signatures, taking->zone, scan_row, &scanning);
	steered_each(taking->pass->signatures, 0, scan_steered, &scanning);
	scanning.ends.taken_ms = ends->taken_ms;
	scanning.ends.known_ms = boot_ms();
	*ends = scanning.ends;
}

/* ---- a shipment ---- */

static void
note_taken(struct taking *taking)
{
	const struct shipment *shipment = &taking->shipment;
	struct zone_ends *ends = zone_signer_ends(taking->signer->zones, taking->zone);

	find_ends(taking);
	ends->taken_ms = boot_ms();
	taking->changed |= taking->row.fault[0] != '\0' || taking->row.identity != shipment->after.identity ||
	    taking->row.news != shipment->after.news || taking->row.singles != shipment->after.singles;
	if (taking->changed) {
		taking->row = (struct imported){.identity = shipment->after.identity,
		    .news = shipment->after.news,
		    .singles = shipment->after.singles,
		    .made_ms = shipment->made_ms,
		    .taken_ms = wall_ms()};
		note(taking, imported_put(taking->pass->signatures, taking->zone, &taking->row));
	}
	taking->sets_row.identity = shipment->after.identity;
	taking->sets_row.sets = shipment->after.sets;
	taking->sets_row.taken_ms = wall_ms();
	taking->sets_row.due = ends->due;
	taking->sets_row.end = ends->end;
	if (taking->pass->error == 0)
		taking->pass->error = imported_sets_put(taking->pass->sets, taking->zone, &taking->sets_row);
}

static void
take_items(struct taking *taking)
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
		note(taking, signatures_drop_zone(taking->pass->signatures, taking->zone));
	take_keys(taking);
	if (rollover.kind != 0)
		take_rollover(taking, rollover.octets);
}

/* Do its signatures verify, as far as what they sign is here? */
static bool
verifies(struct taking *taking, struct store_txn *config)
{
	const struct verifying_order order = {.shipment = &taking->shipment,
	    .signatures = taking->pass->signatures,
	    .config = config,
	    .compiler = taking->signer->compiler,
	    .zone = taking->zone,
	    .now = taking->pass->now};
	struct problems problems = {0};
	bool good = !taking->is_signed || verifying_shipment(&order, &problems);

	if (!good)
		refuse(taking, "%s", problems.items[0].text);
	problems_free(&problems);
	return good;
}

struct take_pass {
	struct signer *signer;
	struct pass *pass;
	struct store_txn *config;
};

static void
take(void *arg, uint32_t zone)
{
	struct take_pass *now = arg;
	struct signer *signer = now->signer;
	struct taking taking = {
	    .signer = signer, .pass = now->pass, .zone = zone, .name = zone_signer_name(signer->zones, zone)};
	struct bytes octets, body;
	const char *wrong = "a shipment that was damaged is refused";

	if (!keyless_open(signer->options.state, taking.name, &octets))
		return;
	imported_get(taking.pass->signatures, zone, &taking.row);
	imported_sets_get(taking.pass->sets, zone, &taking.sets_row);
	body = body_of(octets);
	if (body.data != NULL)
		wrong = shipment_open(&taking.shipment, body);
	if (wrong != NULL) {
		refuse(&taking, "%s", wrong);
	} else if (may_be_taken(&taking) && verifies(&taking, now->config)) {
		take_items(&taking);
		note_taken(&taking);
	}
	taking.pass->wrote |= taking.changed;
	signer->took = array_grow(signer->took, signer->ntook, sizeof *signer->took);
	signer->took[signer->ntook++] =
	    (struct took){xstrdup(taking.name), taking.begins, taking.nowners + taking.nsteered > MANY};
	free(taking.owners);
	free(taking.steered);
	free(taking.replaced);
	keyless_close(&octets);
}

void
signer_take_imports(struct signer *signer, struct pass *pass, struct store_txn *config)
{
	struct take_pass now = {signer, pass, config};

	if (signer->loaded && boot_ms() >= signer->take_ms)
		zone_signer_each_keyless(signer->zones, take, &now);
}

void
signer_end_imports(struct signer *signer, bool good)
{
	if (!good && signer->ntook > 0)
		signer->take_ms = boot_ms() + TAKE_RETRY_MS;
	for (size_t i = 0; i < signer->ntook; i++) {
		if (good && signer->took[i].begins)
			warnx("zone %s is signed from now on", signer->took[i].name);
		if (good && signer->took[i].many)
			signer_verify_all(signer);
		if (good)
			keyless_done(signer->options.state, signer->took[i].name);
		free(signer->took[i].name);
	}
	free(signer->took);
	signer->took = NULL;
	signer->ntook = 0;
	if (good && signer->take_ms != 0 && !keyless_waiting(signer->options.state))
		signer->take_ms = 0;
}

/* ---- what lacks ---- */

struct lacking {
	struct signer *signer;
	struct pass *pass;
	const char *name;
	size_t count; /* of the first zone that lacks something */
};

/* Before the first shipment that this process takes, the newest one is that of the last run. */
static void
recall_taken(struct zone_ends *ends, const struct imported_sets *row)
{
	int64_t age_ms = wall_ms() - row->taken_ms;

	if (ends->known_ms == 0 && row->taken_ms != 0)
		ends->taken_ms = boot_ms() - (uint64_t)MAX(age_ms, 0);
}

static void
look_at_zone(void *arg, uint32_t zone)
{
	struct lacking *lacking = arg;
	struct signer *signer = lacking->signer;
	size_t count = zone_signer_lacking(signer->zones, zone);
	struct imported_sets row;

	imported_sets_get(lacking->pass->sets, zone, &row);
	recall_taken(zone_signer_ends(signer->zones, zone), &row);
	if (row.lacking != count && lacking->pass->error == 0) {
		row.lacking = count;
		lacking->pass->error = imported_sets_put(lacking->pass->sets, zone, &row);
	}
	if (count == 0 || lacking->name != NULL)
		return;
	lacking->name = zone_signer_name(signer->zones, zone);
	lacking->count = count;
}

bool
signer_lacks(struct signer *signer, struct pass *pass)
{
	struct lacking lacking = {signer, pass, NULL, 0};

	zone_signer_each_keyless(signer->zones, look_at_zone, &lacking);
	/* Perhaps they wait here, and the fault has the reason. */
	if (lacking.name != NULL && signer->take_ms == 0)
		signer_set_fault(signer,
		    "zone %s: %zu signatures that the newest configuration needs are not here; the keys are "
		    "on another "
		    "node: `graycloud signatures export` there has them",
		    lacking.name, lacking.count);
	return lacking.name != NULL;
}

static void
set_missing(void *arg, uint32_t zone)
{
	struct signer *signer = arg;

	zone_signer_set_missing(signer->zones, zone, compiler_zone_unsigned(signer->compiler, zone));
}

void
signer_count_missing(struct signer *signer)
{
	zone_signer_each_keyless(signer->zones, set_missing, signer);
}
