#include "admin/doctor/zone_keys.h"

#include "zones/ask/referral.h"
#include "zones/base/array.h"
#include "zones/dns/wire.h"

#include <stdlib.h>

enum { DS_SHA256 = 2 };

/* --- from the stores --- */

static void
add_key(void *arg, const struct signing_key *key)
{
	struct zone_keys *keys = arg;

	keys->list = array_grow(keys->list, keys->count, sizeof *keys->list);
	keys->list[keys->count++] = *key;
}

void
zone_keys_read(struct zone_keys *keys, struct store_txn *config, struct store_txn *signatures,
    const struct zone_info *zone)
{
	struct rollover rollover = {0};

	if (!config_signs(config, zone->name))
		return;
	if (signatures != NULL && rollover_get(signatures, zone->number, &rollover) &&
	    rollover.kind == ROLLOVER_DISABLED)
		return;
	keys->enabled = true;
	keys->enabling = rollover.kind == ROLLOVER_ENABLE;
	if (signatures == NULL)
		return;
	signing_keys_each(signatures, zone->number, add_key, keys);
	provider_keys_each(signatures, zone->number, add_key, keys);
}

void
zone_keys_free(struct zone_keys *keys)
{
	free(keys->list);
	*keys = (struct zone_keys){0};
}

/* --- the answers of the parent --- */

/* Can a resolver that has the DS of this key validate the zone, or is it to be able to? */
static bool
is_entry(const struct signing_key *key)
{
	return key->marks[MARK_DS] != MARK_HIDDEN || key_shows(key, MARK_SIGNS);
}

/* A digest other than SHA-256 goes by the name of the key. */
static bool
is_ds_of(const struct signing_key *key, struct bytes data)
{
	const uint8_t *octets = data.data;

	if (octets[3] == DS_SHA256)
		return data.len == DS_OCTETS && memcmp(octets, key->ds, DS_OCTETS) == 0;
	return get16(octets) == key->key_tag && octets[2] == key->algorithm;
}

struct hearing {
	const struct zone_keys *keys;
	enum ds_at at;
	uint16_t key_tag;
};

static void
hear_ds(void *arg, struct bytes data)
{
	struct hearing *hearing = arg;
	bool ours = false;

	if (data.len < 4 || hearing->at == DS_AT_OURS)
		return;
	for (size_t i = 0; i < hearing->keys->count; i++)
		ours |= is_entry(&hearing->keys->list[i]) && is_ds_of(&hearing->keys->list[i], data);
	hearing->at = ours ? DS_AT_OURS : DS_AT_OTHERS;
	hearing->key_tag = get16(data.data);
}

void
ds_hear(struct ds_seen *seen, const struct zone_keys *keys, const uint8_t *apex, const struct address *server,
    const uint8_t *octets, size_t len)
{
	struct hearing hearing = {.keys = keys};

	if (!ds_read(octets, len, apex, hear_ds, &hearing))
		return;
	if (seen->servers[hearing.at]++ > 0)
		return;
	seen->first[hearing.at] = *server;
	seen->key_tag[hearing.at] = hearing.key_tag;
}

/* --- findings --- */

static void
assess_other_ds(struct findings *findings, const char *subject, const char *host, const char *parent,
    const struct ds_seen *seen)
{
	char server[46];

	finding_add(findings, FINDING_ERROR, "ds-differs", subject,
	    "its parent, %s, has a DS record of key %u (at %s), and none of a key of the zone: resolvers "
	    "that "
	    "validate answer SERVFAIL",
	    parent, seen->key_tag[DS_AT_OTHERS], address_to_text(&seen->first[DS_AT_OTHERS], server));
	finding_cure(findings,
	    "have the parent replace it by the DS that `graycloud dnssec ds %s` prints (at the registrar)",
	    host);
}

/* A server of the parent has no DS: is there to be one? */
static void
assess_no_ds(struct findings *findings, const char *subject, const char *host, const char *parent,
    const struct zone_keys *keys, const struct ds_seen *seen)
{
	bool coming = false, everywhere = false;
	char server[46];

	for (size_t i = 0; i < keys->count; i++) {
		coming |= keys->list[i].marks[MARK_DS] == MARK_COMING;
		everywhere |= keys->list[i].marks[MARK_DS] == MARK_EVERYWHERE;
	}
	if (!coming && !everywhere)
		return;
	address_to_text(&seen->first[DS_AT_NONE], server);
	if (!everywhere && keys->enabling)
		finding_add(findings, FINDING_NOTE, "ds-awaited", subject,
		    "it is signed, and its parent, %s, has no DS record yet (at %s): no resolver validates "
		    "it",
		    parent, server);
	else
		finding_add(findings, FINDING_WARNING, "ds-missing", subject,
		    "it is signed, and its parent, %s, has no DS record (at %s): no resolver validates it",
		    parent, server);
	finding_cure(findings,
	    "have the parent add the DS that `graycloud dnssec ds %s` prints (at the registrar)", host);
}

void
assess_ds(struct findings *findings, const char *host, const char *parent, const struct zone_keys *keys,
    const struct ds_seen *seen)
{
	bool some = seen->servers[DS_AT_OURS] + seen->servers[DS_AT_OTHERS] > 0;
	char *subject = xasprintf("zone %s", host);

	if (some && !keys->enabled) {
		finding_add(findings, FINDING_ERROR, "ds-unsigned", subject,
		    "its parent, %s, has a DS record, and the zone is not signed: resolvers that validate "
		    "answer SERVFAIL",
		    parent);
		finding_cure(findings, "have the parent remove the DS record (at the registrar)");
	} else if (some && keys->count == 0) {
		finding_add(findings, FINDING_WARNING, "ds-unknown", subject,
		    "its parent, %s, has a DS record, which is not compared: no key of the zone is known "
		    "here",
		    parent);
		finding_cure(findings, "see what `graycloud dnssec status %s` waits for", host);
	} else if (seen->servers[DS_AT_OTHERS] > 0) {
		assess_other_ds(findings, subject, host, parent, seen);
	} else if (seen->servers[DS_AT_NONE] > 0) {
		assess_no_ds(findings, subject, host, parent, keys, seen);
	} else if (some) {
		finding_add(findings, FINDING_OK, "ds", subject,
		    "its parent, %s, has the DS record of key %u", parent, seen->key_tag[DS_AT_OURS]);
	}
	free(subject);
}
