/*
 * signer_import.c -- zones whose keys are on another node (S109): take the shipments that came, in the pass
 * that follows the configuration, and tell what lacks.
 */
#include "signer/import/keyless.h"
#include "signer/import/verifying.h"
#include "signer/signer_taking.h"
#include "zones/base/array.h"

#include <err.h>
#include <stdlib.h>

enum {
	SCAN_MS = 60000,      /* at least so long between two walks over all signatures of a zone */
	TAKE_RETRY_MS = 5000, /* after a pass that failed, which reads all signatures again */
	MANY = 100            /* owners: of more some signatures were not drawn */
};

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
		taking_note(taking, imported_put(taking->pass->signatures, taking->zone, &taking->row));
	}
	taking->sets_row.identity = shipment->after.identity;
	taking->sets_row.sets = shipment->after.sets;
	taking->sets_row.taken_ms = wall_ms();
	taking->sets_row.due = ends->due;
	taking->sets_row.end = ends->end;
	if (taking->pass->error == 0)
		taking->pass->error = imported_sets_put(taking->pass->sets, taking->zone, &taking->sets_row);
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
		taking_refuse(taking, "%s", problems.items[0].text);
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
		taking_refuse(&taking, "%s", wrong);
	} else if (taking_may(&taking) && verifies(&taking, now->config)) {
		taking_items(&taking);
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
