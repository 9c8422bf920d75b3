#include "signer/settle/settle.h"

#include "signer/import/keyless.h"
#include "signer/keys/keyring_saved.h"
#include "zones/base/array.h"
#include "zones/document/document_load.h"
#include "zones/state/imported.h"
#include "zones/state/signature_news.h"

#include <err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void
note(struct settle *settle, int error)
{
	settle->wrote = true;
	if (settle->error == 0)
		settle->error = error;
}

/* ---- the rows of zones ---- */

static bool
same_rrsets(const struct signed_zone *a, const struct signed_zone *b)
{
	if (a->nkeys != b->nkeys)
		return false;
	for (unsigned i = 0; i < a->nkeys; i++)
		if (a->keys[i].ttl != b->keys[i].ttl || a->keys[i].len != b->keys[i].len ||
		    memcmp(a->keys[i].records, b->keys[i].records, a->keys[i].len) != 0)
			return false;
	return true;
}

/* Has a key that signs the data, by the row, left? A node that was away during a rollover skips its steps. */
static bool
has_lost(const struct signed_zone *row, const struct keyring *keyring)
{
	for (unsigned i = 0; i < row->ndata; i++)
		if (keyring_key(keyring, &row->data[i]) == NULL)
			return true;
	return false;
}

/*
 * Write the row of a zone if it is new or its keys changed. A new version makes the compilers build the zone
 * again, and this one sign what lacks. The keys that sign its data stay (settle_new_keys).
 */
static void
put_zone(struct settle *settle, uint32_t zone, const struct keyring *keyring, bool stepped)
{
	struct signed_zone row, now = {0};
	bool there = signed_zone_get(settle->signatures, zone, &row);

	now.nkeys = keyring_rrsets(keyring, settle->key_ttl, now.keys);
	if (there && !stepped && same_rrsets(&row, &now))
		return;
	if (there) {
		now.version = row.version + 1;
		now.generation = row.generation;
		now.ndata = row.ndata;
		memcpy(now.data, row.data, sizeof now.data);
		zone_signer_note_version(settle->zones, zone);
		settle->whole |= has_lost(&row, keyring);
	} else {
		/* A reader that did not see that the zone was not signed sees another version. */
		random_bytes(&now.version, sizeof now.version);
		now.version |= 1;
		now.ndata = keyring_data(keyring, now.data);
		warnx("zone %s is signed from now on", keyring_name(keyring));
	}
	note(settle, signed_zone_put(settle->signatures, zone, &now));
}

/* The last step of `disable`: nothing of the zone stays but the row that shows it. */
static void
end_zone(struct settle *settle, uint32_t zone, struct keyring *keyring)
{
	struct rollover last = *keyring_rollover(keyring);

	warnx("zone %s is not signed any longer", keyring_name(keyring));
	keyring_forget_state(keyring);
	zone_signer_remove(settle->zones, zone);
	note(settle, signatures_drop_zone(settle->signatures, zone));
	note(settle, rollover_put(settle->signatures, zone, &last));
}

/* S111: were the requests of the policy given at this node? */
static bool
is_here(const struct settle *settle, const struct dnssec_policy *policy)
{
	const char *node = *policy->node != '\0' ? policy->node : policy->identity;

	return strcmp(node, settle->self) == 0;
}

static void
settle_keyring(
    struct settle *settle, uint32_t zone, struct keyring *keyring, const struct dnssec_policy *policy)
{
	struct rollovers_asked asked = {.policy = policy,
	    .here = is_here(settle, policy),
	    .ttl_data = zone_signer_ttl(settle->zones, zone)};
	enum rollovers_settled settled;
	struct bytes row;
	uint8_t apex[NAME_MAX_LEN];

	keyring_apex(keyring, apex);
	asked.arrived = arrivals_take(settle->arrivals, apex);
	settled = rollovers_settle(settle->rollovers, zone, keyring, &asked);

	if (settled == ROLLOVERS_ENDED) {
		end_zone(settle, zone, keyring);
		return;
	}
	/* The rows are not there if signatures/ was lost since the keys were loaded. */
	if (settled != ROLLOVERS_SAME || !signed_zone_row(settle->signatures, zone, &row))
		note(settle, keyring_put(keyring, settle->signatures));
	if (keyring_can_sign(keyring))
		put_zone(settle, zone, keyring, settled == ROLLOVERS_STEPPED);
}

/* ---- the zones of the configuration ---- */

/* The keyring of a zone, if it is still of use. */
static struct keyring *
known_keyring(struct settle *settle, uint32_t zone, const struct dnssec_policy *policy)
{
	struct keyring *keyring = zone_signer_keyring(settle->zones, zone);

	if (zone_signer_is_keyless(settle->zones, zone))
		zone_signer_remove(settle->zones, zone); /* its keys came */
	if (keyring == NULL)
		return NULL;
	/* A configuration that was restored from another machine can have another zone under the number. */
	if (strcmp(keyring_name(keyring), policy->name) != 0) {
		zone_signer_remove(settle->zones, zone);
		note(settle, signatures_drop_zone(settle->signatures, zone));
		return NULL;
	}
	if (!keyring_can_sign(keyring) && policy->ending != ENDING_KEY_LOST) {
		zone_signer_remove(settle->zones, zone); /* the keys were found again */
		return NULL;
	}
	return keyring;
}

struct changing {
	uint32_t zone;
	bool changed;
};

/* Every pool and load balancer may belong to it. */
static bool
look_at_change(void *arg, const struct config_change *change)
{
	struct changing *changing = arg;

	changing->changed |= change->what == CONFIG_OBJECT
	    ? change->kind == KIND_POOL || change->kind == KIND_LB || change->kind == KIND_DNSSEC
	    : change->zone == changing->zone;
	return !changing->changed;
}

/* May what the zone answers with have changed since all was signed? */
static bool
has_changed(const struct settle *settle, uint32_t zone)
{
	struct changing changing = {.zone = zone};

	return !config_changes_after(
		   settle->config, signer_generation(settle->signatures), look_at_change, &changing) ||
	    changing.changed;
}

static struct keyring *
open_keyring(struct settle *settle, const struct zone_info *zone, const struct dnssec_policy *policy)
{
	struct problems problems = {0};
	struct signed_zone row;
	struct keyring *keyring = keyring_open(settle->signatures, settle->state, zone, policy,
	    strcmp(policy->identity, settle->self) == 0, &problems);

	if (keyring != NULL) {
		settle->wrote = true;
		zone_signer_put(settle->zones, zone->number, keyring);
	} else if (problems.count > 0) {
		snprintf(settle->fault, sizeof settle->fault, "zone %s is not signed: %s", policy->name,
		    problems.items[0].text);
		settle->waits = true;
		settle->stuck |= signed_zone_get(settle->signatures, zone->number, &row) &&
		    has_changed(settle, zone->number);
	}
	problems_free(&problems);
	return keyring;
}

/* Is `disable` over? If the zone was enabled again since, it begins from nothing. */
static bool
is_disabled(struct settle *settle, uint32_t zone, const struct dnssec_policy *policy)
{
	struct rollover rollover;

	if (!rollover_get(settle->signatures, zone, &rollover) || rollover.kind != ROLLOVER_DISABLED)
		return false;
	if (policy->ending != ENDING_NONE)
		return true;
	note(settle, rollover_delete(settle->signatures, zone));
	return false;
}

/* Note a result: 1: something was written. */
static void
note_if(struct settle *settle, int result)
{
	if (result != 0)
		note(settle, MIN(result, 0));
}

static void
want(struct settle *settle, uint32_t zone)
{
	settle->wanted = array_grow(settle->wanted, settle->nwanted, sizeof *settle->wanted);
	settle->wanted[settle->nwanted++] = zone;
}

static void
settle_keyed(struct settle *settle, const struct zone_info *zone, const struct dnssec_policy *policy)
{
	struct keyring *keyring;

	if (is_disabled(settle, zone->number, policy))
		return;
	want(settle, zone->number);
	note_if(settle, imported_delete(settle->signatures, zone->number));
	keyring = known_keyring(settle, zone->number, policy);
	if (keyring == NULL)
		keyring = open_keyring(settle, zone, policy);
	if (keyring == NULL)
		return;
	settle->respared |= zone_signer_set_keyless_nodes(settle->zones, zone->number, policy->keyless_nodes);
	note_if(settle,
	    policy->keyless_nodes ? signature_news_begin(settle->signatures, zone->number)
				  : signature_news_end(settle->signatures, zone->number));
	if (policy->keyless_nodes)
		note_if(settle, shipment_name(settle->signatures));
	settle_keyring(settle, zone->number, keyring, policy);
}

/* S109: its keys are on another node. Signatures that are here stay. */
static void
settle_keyless(struct settle *settle, const struct zone_info *zone, const struct dnssec_policy *policy)
{
	const char *known = zone_signer_name(settle->zones, zone->number);
	struct imported row;

	want(settle, zone->number);
	if (known != NULL && strcmp(known, policy->name) != 0) {
		note(settle, signatures_drop_zone(settle->signatures, zone->number));
		note_if(settle, imported_delete(settle->signatures, zone->number));
		known = NULL;
	}
	if (known == NULL) {
		zone_signer_put_keyless(settle->zones, zone, policy->name);
		settle->respared = true;
	}
	zone_signer_set_keyless_nodes(settle->zones, zone->number, policy->keyless_nodes);
	zone_signer_set_ending(settle->zones, zone->number, policy->ending != ENDING_NONE);
	if (!imported_get(settle->signatures, zone->number, &row))
		note(settle, imported_put(settle->signatures, zone->number, &row));
}

static bool
settle_zone(void *arg, const struct id *id, struct bytes json)
{
	struct settle *settle = arg;
	struct dnssec_policy *policy = document_load_dnssec(json);
	struct zone_info zone;
	uint8_t name[NAME_MAX_LEN + 1];

	(void)id;
	/* The zone may not be there, or not yet. */
	if (policy != NULL && name_from_text(name, policy->name, NULL) > 0 &&
	    config_zone(settle->config, name, &zone)) {
		if (keyless_has(settle->state, policy->name))
			settle_keyless(settle, &zone, policy);
		else
			settle_keyed(settle, &zone, policy);
	}
	model_free_dnssec_policy(policy);
	settle->progress(settle->progress_arg);
	return true;
}

/* ---- the others ---- */

static int
compare_numbers(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left > right) - (left < right);
}

/* The list is in order. */
static bool
is_wanted(const struct settle *settle, uint32_t zone)
{
	return settle->nwanted > 0 &&
	    bsearch(&zone, settle->wanted, settle->nwanted, sizeof zone, compare_numbers) != NULL;
}

struct numbers_list {
	uint32_t *items;
	size_t count;
};

static void
collect(void *arg, uint32_t zone)
{
	struct numbers_list *list = arg;

	list->items = array_grow(list->items, list->count, sizeof *list->items);
	list->items[list->count++] = zone;
}

/* Zones that are gone, or whose signing was ended. */
static void
drop_others(struct settle *settle)
{
	struct numbers_list signed_now = {0};

	if (settle->nwanted > 0)
		qsort(settle->wanted, settle->nwanted, sizeof *settle->wanted, compare_numbers);
	signed_zones_each(settle->signatures, collect, &signed_now);
	for (size_t i = 0; i < signed_now.count && settle->error == 0; i++) {
		const struct keyring *keyring = zone_signer_keyring(settle->zones, signed_now.items[i]);

		if (is_wanted(settle, signed_now.items[i]))
			continue;
		if (keyring != NULL)
			keyring_forget_state(keyring);
		zone_signer_remove(settle->zones, signed_now.items[i]);
		note(settle, signatures_drop_zone(settle->signatures, signed_now.items[i]));
		note_if(settle, imported_delete(settle->signatures, signed_now.items[i]));
	}
	free(signed_now.items);
}

static void
renew(void *arg, uint32_t zone)
{
	struct settle *settle = arg;

	if (zone_signer_due(settle->zones, zone, settle->now))
		put_zone(settle, zone, zone_signer_keyring(settle->zones, zone), true);
}

void
settle_zones(struct settle *settle)
{
	membership_self(settle->config, settle->self);
	arrivals_look(settle->arrivals);
	config_each_object(settle->config, KIND_DNSSEC, settle_zone, settle);
	drop_others(settle);
	zone_signer_each(settle->zones, renew, settle);
	/* The result of a look at a zone that is gone. */
	rollovers_forget(settle->rollovers);
	free(settle->wanted);
	settle->wanted = NULL;
}

static bool
same_keys(const struct signed_zone *row, const struct key_id *data, unsigned ndata)
{
	if (row->ndata != ndata)
		return false;
	for (unsigned i = 0; i < ndata; i++)
		if (!key_id_same(&row->data[i], &data[i]))
			return false;
	return true;
}

static void
serve_new_keys(void *arg, uint32_t zone)
{
	struct settle *settle = arg;
	const struct keyring *keyring = zone_signer_keyring(settle->zones, zone);
	struct key_id data[DATA_KEYS_MAX] = {{0}};
	unsigned ndata = keyring_data(keyring, data);
	struct signed_zone row;

	if (!keyring_can_sign(keyring) || !signed_zone_get(settle->signatures, zone, &row) ||
	    same_keys(&row, data, ndata))
		return;
	row.nkeys = keyring_rrsets(keyring, settle->key_ttl, row.keys);
	row.version++;
	row.ndata = ndata;
	memcpy(row.data, data, sizeof data);
	note(settle, signed_zone_put(settle->signatures, zone, &row));
}

void
settle_new_keys(struct settle *settle)
{
	zone_signer_each(settle->zones, serve_new_keys, settle);
}

static void
retire(void *arg, uint32_t zone)
{
	keyring_retire_files(zone_signer_keyring(arg, zone));
}

void
settle_files(struct zone_signer *zones)
{
	zone_signer_each(zones, retire, zones);
}
