#include "admin/edit/whatif.h"

#include "admin/explain/served.h"
#include "admin/look/node.h"
#include "zones/base/array.h"

#include <stdlib.h>

void
whatif_force(struct whatif *whatif, const char *label, const char *address, enum forced forced)
{
	whatif->forced = array_grow(whatif->forced, whatif->nforced, sizeof *whatif->forced);
	whatif->forced[whatif->nforced++] = (struct whatif_forced){label, address, forced};
}

static void
force_origins(const struct whatif *whatif, struct change *change, struct compiler *after)
{
	for (size_t i = 0; i < whatif->nforced; i++)
		if (compiler_force(after, whatif->forced[i].address, whatif->forced[i].forced) == 0)
			problems_error(&change->problems, "%s %s: no pool has that origin",
			    whatif->forced[i].label, whatif->forced[i].address);
}

/* S102: the answers of a signed zone are those of a client that does not ask for signatures. */
static void
note_signed(const struct whatif *whatif, struct change *change)
{
	struct zone_info zone;

	json_put_bool(change->result, "signed",
	    config_zone_of(change->txn, whatif->name, &zone) && config_signs(change->txn, zone.name));
}

/* S103: the configuration that is the one before may not be answered yet. */
static char *
waiting_of(const struct change *change)
{
	struct served_stores stores = {.config = change->txn};
	struct node_signatures signatures = {.signatures = NULL};
	char *text;

	if (change->serving == NULL || store_begin(change->serving, STORE_PEEK, &stores.serving) != 0)
		return NULL;
	node_signatures_read(change->request->state, &signatures);
	stores.signatures = signatures.signatures;
	stores.sets = signatures.sets;
	text = served_sentence(&stores);
	node_signatures_close(&signatures);
	store_abort(stores.serving);
	return text;
}

/* Runs in a transaction that is never committed. */
void
whatif_change(struct change *change, void *arg)
{
	struct whatif *whatif = arg;
	struct compiler *before = compiler_read(change->txn, change->health, &change->problems),
			*after = NULL;
	char *waiting = waiting_of(change);

	if (before != NULL && whatif->application != NULL)
		application_apply(change, whatif->application, whatif->prune);
	/* Drop the reports of applying the change. */
	free(change->message);
	json_drop(change->result);
	change->message = NULL;
	change->result = NULL;
	if (before != NULL && change->problems.errors == 0)
		after = compiler_read(change->txn, change->health, &change->problems);
	if (after != NULL)
		force_origins(whatif, change, after);
	if (after != NULL && change->problems.errors == 0) {
		struct replay_place places[2] = {{whatif->geo, &whatif->site},
		    {whatif->other_geo != NULL ? whatif->other_geo : whatif->geo, &whatif->site}};

		change->result = replay_compare(
		    before, after, places, whatif->name, &whatif->clients, whatif->moves, &change->problems);
		if (change->result != NULL) {
			note_signed(whatif, change);
			if (waiting != NULL)
				json_put_text(change->result, "waiting", waiting);
		}
	}
	free(waiting);
	compiler_free(before);
	compiler_free(after);
}

void
whatif_free(struct whatif *whatif)
{
	application_free(whatif->application);
	geo_free(whatif->geo);
	geo_free(whatif->other_geo);
	replay_free(&whatif->clients);
	free(whatif->forced);
}
