/*
 * signer_wrong.c -- signatures of another node that were taken and do not verify (S109). Some came before
 * what they sign, and are verified when it is here. Of many only some were drawn: a walk verifies all, slice
 * by slice. A wrong one is deleted, and the node with the keys has to send all again.
 */
#include "signer/signer_inner.h"
#include "zones/base/array.h"
#include "zones/state/imported.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 250 /* of a slice: each costs about 0.1 to 0.2 ms */ };

struct wrong_pass {
	struct signer *signer;
	struct pass *pass;
	const char *what; /* a part of the sentence */
};

static void
note(struct pass *pass, int error)
{
	pass->wrote = true;
	if (pass->error == 0)
		pass->error = error;
}

/* Did a shipment of this pass begin to sign the zone? */
static struct took *
find_begun(struct signer *signer, const char *name)
{
	for (size_t i = 0; i < signer->ntook; i++)
		if (signer->took[i].begins && strcmp(signer->took[i].name, name) == 0)
			return &signer->took[i];
	return NULL;
}

/* It was not signed before, so that its NSECs could not be verified before: as if nothing had come. */
static void
give_back(struct signer *signer, struct pass *pass, uint32_t zone, struct took *took)
{
	struct imported_sets sets = {.taken_ms = 0};

	took->begins = false;
	zone_signer_ends(signer->zones, zone)->known_ms = 0;
	note(pass, signatures_drop_zone(pass->signatures, zone));
	note(pass, imported_sets_put(pass->sets, zone, &sets));
}

/* Without a state of the other node only a whole shipment is taken. */
static void
refuse(void *arg, uint32_t zone)
{
	struct wrong_pass *now = arg;
	const struct zone_signer *zones = now->signer->zones;
	const char *wrong = zone_signer_wrong(zones, zone), *name = zone_signer_name(zones, zone);
	struct imported row;
	struct took *took;

	if (wrong == NULL)
		return;
	imported_get(now->pass->signatures, zone, &row);
	row.identity = row.news = row.singles = 0;
	took = find_begun(now->signer, name);
	if (took != NULL) {
		row.made_ms = row.taken_ms = 0;
		give_back(now->signer, now->pass, zone, took);
	}
	snprintf(row.fault, sizeof row.fault, "%s: %s; look at graycloud-signer on the node with the keys",
	    took != NULL ? "a shipment is refused" : now->what, wrong);
	warnx("zone %s: %s", name, row.fault);
	note(now->pass, imported_put(now->pass->signatures, zone, &row));
}

void
signer_refuse_wrong(struct signer *signer, struct pass *pass)
{
	struct wrong_pass now = {signer, pass, "what came before its configuration is not used"};

	zone_signer_each_keyless(signer->zones, refuse, &now);
}

/* ---- the walk ---- */

static void
begin_walk(void *arg, uint32_t zone)
{
	struct signer *signer = arg;

	(void)zone;
	/* To the end of the walk that is under way, and once from the beginning. */
	signer->verify.rows_left = signer->verify.singles_left = signer->verify.sets_left = 2;
}

void
signer_verify_all(struct signer *signer)
{
	zone_signer_each_keyless(signer->zones, begin_walk, signer);
}

struct owner {
	uint32_t zone;
	struct bytes key; /* a copy */
};

struct slice {
	const struct zone_signer *zones;
	struct owner *owners;
	size_t count;
};

static bool
gather(void *arg, uint32_t zone, const struct bytes *owner_key, uint16_t type)
{
	struct slice *slice = arg;
	const struct owner *last = slice->count > 0 ? &slice->owners[slice->count - 1] : NULL;

	(void)type;
	if (!zone_signer_is_keyless(slice->zones, zone) ||
	    (last != NULL && last->zone == zone && last->key.len == owner_key->len &&
		memcmp(last->key.data, owner_key->data, owner_key->len) == 0))
		return true;
	slice->owners = array_grow(slice->owners, slice->count, sizeof *slice->owners);
	slice->owners[slice->count++] =
	    (struct owner){zone, {xmemdup(owner_key->data, owner_key->len), owner_key->len}};
	return true;
}

/* The source of signatures verifies what it finds. */
static void
verify_owner(struct signer *signer, struct store_txn *config, const struct owner *owner)
{
	const struct compiler_signing *source = zone_signer_signing(signer->zones);
	struct zone_info info = {.number = owner->zone};
	const struct zone_signing *signing;

	if (zone_signer_apex(signer->zones, owner->zone, info.name) &&
	    (signing = source->zone(source->arg, &info)) != NULL)
		compiler_each_signed(signer->compiler, config, owner->zone, &owner->key, signing);
}

static void
verify_rows(struct signer *signer, struct pass *pass, struct store_txn *config)
{
	struct slice slice = {.zones = signer->zones};
	int error = signatures_sweep(pass->signatures, &signer->verify.rows, ROWS, gather, &slice);

	pass->error = MIN(error, 0);
	signer->verify.rows_left -= signer->verify.rows.len == 0;
	for (size_t i = 0; i < slice.count; i++) {
		if (pass->error == 0)
			verify_owner(signer, config, &slice.owners[i]);
		free((void *)(uintptr_t)slice.owners[i].key.data);
	}
	free(slice.owners);
}

static bool
keep_steered(void *arg, const struct steered_signature *row)
{
	struct signer *signer = arg;
	struct content content;

	if (zone_signer_trusts_steered(signer->zones, row))
		return true;
	content = compiler_content(row);
	compiler_drop_steered(signer->compiler, &content);
	return false;
}

/* Returns true if some were deleted. */
static bool
verify_steered(
    struct signer *signer, struct pass *pass, struct store_txn *store, uint64_t *sequence, unsigned *left)
{
	int deleted = 0;

	if (pass->error == 0 && *left > 0) {
		deleted = steered_sweep(store, sequence, ROWS, keep_steered, signer);
		*left -= *sequence == 0;
		pass->error = MIN(deleted, 0);
	}
	return deleted > 0;
}

bool
signer_verifies(const struct signer *signer)
{
	const struct verify_walk *walk = &signer->verify;

	return walk->rows_left > 0 || walk->singles_left > 0 || walk->sets_left > 0;
}

void
signer_verify_some(struct signer *signer, struct pass *pass, struct store_txn *config)
{
	struct wrong_pass now = {signer, pass, "what was taken is wrong, and not used any longer"};
	struct verify_walk *walk = &signer->verify;

	if (walk->rows_left > 0)
		verify_rows(signer, pass, config);
	pass->wrote |= verify_steered(signer, pass, pass->signatures, &walk->singles, &walk->singles_left);
	verify_steered(signer, pass, pass->sets, &walk->sets, &walk->sets_left);
	zone_signer_each_keyless(signer->zones, refuse, &now);
}
