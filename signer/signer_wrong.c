/*
 * signer_wrong.c -- signatures of another node that came before what they sign, and that do not verify now
 * that it is here (S109): they are deleted already, and the node with the keys has to send all again.
 */
#include "signer/signer_inner.h"
#include "zones/state/imported.h"

#include <err.h>
#include <stdio.h>

struct wrong_pass {
	struct signer *signer;
	struct pass *pass;
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
	    took != NULL ? "a shipment is refused" : "what came before its configuration is not used", wrong);
	warnx("zone %s: %s", name, row.fault);
	note(now->pass, imported_put(now->pass->signatures, zone, &row));
}

void
signer_refuse_wrong(struct signer *signer, struct pass *pass)
{
	struct wrong_pass now = {signer, pass};

	zone_signer_each_keyless(signer->zones, refuse, &now);
}
