/* signer_clock.c -- may anything be signed by the clock of this machine? (S106) */
#include "signer/import/keyless.h"
#include "signer/signer_inner.h"

#include "zones/document/document_load.h"

/* ---- the zones whose parents can show the time ---- */

/* The keys of a zone. */
struct key_rows {
	struct signing_key rows[SHOWN_KEYS_MAX];
	unsigned count;
	bool at_parent; /* the parent may have the DS of one */
};

static void
add_key(void *arg, const struct signing_key *key)
{
	struct key_rows *keys = arg;

	if (keys->count < SHOWN_KEYS_MAX)
		keys->rows[keys->count++] = *key;
	keys->at_parent |= key->marks[MARK_DS] != MARK_HIDDEN;
}

/* From the keyring, if the zone was in a pass since the start. */
static void
read_keys(struct signer *signer, struct store_txn *signatures, uint32_t zone, struct key_rows *keys)
{
	const struct keyring *keyring = zone_signer_keyring(signer->zones, zone);
	const struct signing_key *rows;
	unsigned count = keyring != NULL ? keyring_rows(keyring, &rows) : 0;

	*keys = (struct key_rows){.count = 0};
	for (unsigned i = 0; i < count; i++)
		add_key(keys, &rows[i]);
	if (keyring == NULL)
		signing_keys_each(signatures, zone, add_key, keys);
}

struct listing {
	struct signer *signer;
	struct store_txn *config, *signatures;
};

static bool
list_zone(void *arg, const struct id *id, struct bytes json)
{
	struct listing *listing = arg;
	struct dnssec_policy *policy = document_load_dnssec(json);
	uint8_t name[NAME_MAX_LEN + 1];
	struct key_rows keys;
	struct zone_info zone;

	(void)id;
	/* The root has no parent. */
	if (policy != NULL && name_from_text(name, policy->name, NULL) > 0 && *name != 0 &&
	    config_zone(listing->config, name, &zone) &&
	    !keyless_has(listing->signer->options.state, policy->name)) {
		read_keys(listing->signer, listing->signatures, zone.number, &keys);
		if (keys.at_parent)
			outside_list_add(&listing->signer->outside, zone.number, zone.name);
	}
	model_free_dnssec_policy(policy);
	return true;
}

static void
list_zones(struct signer *signer, struct store_txn *signatures)
{
	struct listing listing = {.signer = signer, .signatures = signatures};

	/* While nothing is signed nobody else reads the configuration; a pass follows the wait. */
	if (signer->waits_outside)
		followed_news(&signer->config, signer->options.state);
	if (signer->config.store == NULL ||
	    store_begin(
		signer->config.store, signer->waits_outside ? STORE_READ : STORE_PEEK, &listing.config) != 0)
		return;
	outside_list_begin(&signer->outside, boot_ms());
	config_each_object(listing.config, KIND_DNSSEC, list_zone, &listing);
	outside_list_end(&signer->outside);
	store_abort(listing.config);
}

/* ---- looks ---- */

/* Begin a look that is due. The pace is that of a step that is held. */
static void
begin_look(struct signer *signer)
{
	struct outside *outside = &signer->outside;
	int64_t pace = rollover_retry_ms(&signer->options.rollover.pace);
	const struct outside_zone *due;
	struct key_rows keys;
	struct store_txn *signatures;

	if (store_begin(signer->signatures, STORE_READ, &signatures) != 0)
		return;
	if (outside->listed_ms == 0 || boot_ms() - outside->listed_ms >= (uint64_t)pace)
		list_zones(signer, signatures);
	due = outside_due(outside, boot_ms(), pace);
	if (due != NULL) {
		read_keys(signer, signatures, due->zone, &keys);
		rollovers_look_for_time(signer->rollovers, due->zone, due->apex, keys.rows, keys.count);
		outside_begin_look(outside, due->zone, boot_ms());
	}
	store_abort(signatures);
}

bool
signer_waits_outside(struct signer *signer)
{
	struct outside *outside = &signer->outside;
	char text[OUTSIDE_TEXT];

	rollovers_take_looks(signer->rollovers, outside);
	signer->waits_outside = outside_look(outside, wall_ms(), boot_ms(), text) != NULL;
	if (signer->waits_outside) {
		signer_set_fault(signer, "%s", text);
		rollovers_forget(signer->rollovers); /* its step waits, too */
	}
	if (outside_is_off(outside, wall_ms()))
		clock_watch_forget(&signer->clock);
	if (rollovers_have_room(signer->rollovers) && outside_needs_looks(outside, wall_ms()))
		begin_look(signer);
	return signer->waits_outside;
}

/* ---- the clock ---- */

struct looked {
	struct store_txn *signatures;
	int64_t newest_ms;
};

static void
note_look(void *arg, uint32_t zone)
{
	struct looked *looked = arg;
	struct rollover rollover;

	if (rollover_get(looked->signatures, zone, &rollover) && rollover.looked > looked->newest_ms)
		looked->newest_ms = rollover.looked;
}

/* The last time that the stores know: of the newest signature, or of a look that was noted. 0: none. */
static uint32_t
last_known(const struct pass *pass, uint32_t newest)
{
	struct looked looked = {.signatures = pass->signatures};
	uint32_t seconds;

	signed_zones_each(pass->signatures, note_look, &looked);
	seconds = (uint32_t)(looked.newest_ms / 1000);
	return looked.newest_ms != 0 && (newest == 0 || (int32_t)(seconds - newest) > 0) ? seconds : newest;
}

/* Set the time of the newest signature back. Returns true if it was in the future. */
static bool
set_back(struct pass *pass, struct store_txn *txn, uint32_t newest)
{
	if (newest == 0 || (int32_t)(newest - pass->now) <= 0)
		return false;
	if (pass->error == 0)
		pass->error = signer_newest_put(txn, pass->now);
	return true;
}

/* A person says that the clock is right: one that was ahead made what is newer, and that is made again. */
static void
set_newest_back(struct pass *pass, uint32_t zones, uint32_t sets)
{
	pass->wrote |= set_back(pass, pass->signatures, zones);
	set_back(pass, pass->sets, sets);
}

bool
signer_clock_good(struct signer *signer, struct pass *pass)
{
	uint32_t zones = signer_newest(pass->signatures), sets = signer_newest(pass->sets),
		 newest = (int32_t)(sets - zones) > 0 ? sets : zones;
	char text[CLOCK_TEXT];
	const char *why;
	int64_t ahead;

	if (!signer->clock.begun) {
		clock_watch_begin(&signer->clock, pass->sets, signer->options.trust_clock);
		outside_load(&signer->outside, pass->sets, signer->options.trust_clock);
		if (outside_is_off(&signer->outside, wall_ms()))
			clock_watch_forget(&signer->clock);
	}
	why = clock_watch_look(&signer->clock, signer->outside.trusted ? 0 : newest, text);
	if (why == NULL && !signer->clock.known &&
	    (ahead = clock_watch_ahead(&signer->clock, last_known(pass, newest))) > 0)
		outside_begin_doubt(&signer->outside, ahead);
	if (why == NULL)
		why = outside_look(&signer->outside, wall_ms(), boot_ms(), text);
	if (why != NULL) {
		signer_set_fault(signer, "%s", why);
		return false;
	}
	clock_watch_accept(&signer->clock);
	if (signer->outside.trusted)
		set_newest_back(pass, zones, sets);
	return true;
}

int
signer_clock_write(struct signer *signer, struct store_txn *sets)
{
	int error = clock_watch_write(&signer->clock, sets);

	return error != 0 ? error : outside_write(&signer->outside, sets);
}

void
signer_clock_unwritten(struct signer *signer)
{
	signer->clock.written = false;
	outside_write_again(&signer->outside);
}
