#include "admin/edit/signed_guard.h"

#include "zones/state/config.h"
#include "zones/state/signing_keys.h"

static void
note_ds(void *arg, const struct signing_key *key)
{
	*(bool *)arg |= key->marks[MARK_DS] != MARK_HIDDEN;
}

/* A process that keeps stores open does not have this one, and cannot exclude a DS. */
static bool
may_have_ds(struct change *change, uint32_t zone)
{
	struct problems problems = {0};
	struct store *store;
	struct store_txn *txn;
	bool some = false;

	if (change->request->stores != NULL)
		return true;
	store = store_open(change->request->state, STORE_SIGNATURES, STORE_READ, &problems);
	problems_free(&problems); /* no signer has run yet */
	if (store == NULL)
		return false;
	if (store_begin(store, STORE_READ, &txn) == 0) {
		signing_keys_each(txn, zone, note_ds, &some);
		store_abort(txn);
	}
	store_close(store);
	return some;
}

void
signed_guard_end(struct change *change, const char *zone)
{
	uint8_t name[NAME_MAX_LEN + 1];
	struct zone_info info;

	if (name_from_text(name, zone, NULL) == 0 || !config_zone(change->txn, name, &info) ||
	    !may_have_ds(change, info.number))
		return;
	change_guard(change,
	    "the parent of %s may have the DS of its key: without signatures the zone then fails for "
	    "everybody "
	    "who validates; `graycloud dnssec disable %s` ends DNSSEC without harm",
	    zone, zone);
}
