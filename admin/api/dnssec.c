#include "admin/api/dnssec.h"

#include "admin/api/zones.h"
#include "admin/edit/dnssec_edit.h"
#include "admin/edit/rrset_edit.h"
#include "admin/look/node.h"
#include "zones/state/signing_keys.h"
#include "zones/state/zone_folder.h"

#include <stdlib.h>

enum { DS_TTL = 3600 }; /* in the text of the DS, as Cloudflare has it; the parent decides */

/* The zone as the signer has it. */
struct seen {
	struct rollover rollover;
	struct signing_key key; /* that has the DS, or will have it; algorithm 0: none */
	bool everywhere;        /* its DS is at the parent */
	int64_t modified;
};

static void
see_key(void *arg, const struct signing_key *key)
{
	struct seen *seen = arg;

	for (unsigned i = 0; i < KEY_MARKS; i++)
		seen->modified = MAX(seen->modified, key->since[i]);
	if (!(key->flags & DNSKEY_SEP) || !key_shows(key, MARK_DNSKEY) ||
	    (seen->key.algorithm != 0 && key->marks[MARK_DS] != MARK_EVERYWHERE))
		return;
	seen->key = *key;
	seen->everywhere = key->marks[MARK_DS] == MARK_EVERYWHERE;
}

static const char *
status_of(const struct json *policy, const struct seen *seen)
{
	const char *ending = json_text_of(policy, "ending");

	if (policy == NULL || seen->rollover.kind == ROLLOVER_DISABLED)
		return "disabled";
	if (*ending != '\0' && strcmp(ending, "none") != 0)
		return "pending-disabled";
	return seen->everywhere ? "active" : "pending";
}

static void
put_key(struct json *json, const char *zone, const struct signing_key *key)
{
	char *text = rdata_text(TYPE_DNSKEY, key->dnskey, signing_key_dnskey_len(key)), digest[2 * 32 + 1],
	     *ds, *public = text, *to = text;
	char algorithm[4];

	for (unsigned i = 0; i < 32; i++)
		snprintf(digest + 2 * i, 3, "%02X", key->ds[4 + i]);
	ds = xasprintf("%s. %d IN DS %u %u 2 %s", zone, DS_TTL, key->key_tag, key->algorithm, digest);
	snprintf(algorithm, sizeof algorithm, "%u", key->algorithm);
	/* "257 3 13 BASE64" */
	for (unsigned field = 0; field < 3 && public != NULL; field++)
	public = strchr(public, ' ') != NULL ? strchr(public, ' ') + 1 : NULL;
	for (const char *from = public; from != NULL && *from != '\0'; from++)
		if (*from != ' ')
			*to++ = *from;
	*to = '\0';
	json_put_text(json, "algorithm", algorithm);
	json_put_text(json, "digest", digest);
	json_put_text(json, "digest_algorithm", "SHA256");
	json_put_text(json, "digest_type", "2");
	json_put_text(json, "ds", ds);
	json_put_integer(json, "flags", key->flags);
	json_put_integer(json, "key_tag", key->key_tag);
	json_put_text(json, "key_type", key->algorithm == ALGORITHM_ED25519 ? "ED25519" : "ECDSAP256SHA256");
	json_put_text(json, "public_key", text);
	free(ds);
	free(text);
}

/* Before the DS may be at the parent there is none to show: unsigned answers may be in caches. */
static bool
is_early(const struct rollover *rollover)
{
	return rollover->kind == ROLLOVER_ENABLE && rollover->steps > 0 && rollover->step == 0;
}

/* signatures may be NULL. */
static struct json *
dnssec_json(struct store_txn *config, struct store_txn *signatures, const struct zone_info *zone)
{
	static const char *const members[] = {"algorithm", "digest", "digest_algorithm", "digest_type", "ds",
	    "flags", "key_tag", "key_type", "public_key", "modified_on"};
	struct json *json = json_new_object(), *policy = NULL;
	struct seen seen = {.modified = 0};
	char name[NAME_MAX_TEXT], modified[32];
	struct bytes text;
	struct id id;

	name_to_host(zone->name, name);
	if (config_object_id(config, KIND_DNSSEC, name, &id) &&
	    config_object(config, KIND_DNSSEC, id.text, &text))
		policy = json_read_quietly(text);
	if (signatures != NULL && policy != NULL) {
		rollover_get(signatures, zone->number, &seen.rollover);
		signing_keys_each(signatures, zone->number, see_key, &seen);
	}
	json_put_text(json, "status", status_of(policy, &seen));
	for (size_t i = 0; i < NITEMS(members); i++)
		json_put(json, members[i], json_new_null());
	if (seen.key.algorithm != 0 && !is_early(&seen.rollover) && seen.rollover.kind != ROLLOVER_DISABLED)
		put_key(json, name, &seen.key);
	if (seen.modified != 0) {
		wall_text(seen.modified, modified);
		json_put_text(json, "modified_on", modified);
	}
	json_put_bool(json, "dnssec_multi_signer", json_count(json_member(policy, "provider_keys")) > 0);
	json_put_bool(json, "dnssec_presigned", false);
	json_put_bool(json, "dnssec_use_nsec3", false);
	json_drop(policy);
	return json;
}

void
dnssec_get(struct call *call, const struct route *route, const struct scene *scene)
{
	struct node_signatures signatures;
	struct zone_info zone;

	(void)route;
	if (scene->config == NULL)
		call_error(call, 404, CODE_NOT_FOUND, "nothing is configured yet");
	else if (zones_of_call(call, scene->config, &zone)) {
		node_signatures_read(scene->state, &signatures);
		call_result(call, dnssec_json(scene->config, signatures.signatures, &zone));
		node_signatures_close(&signatures);
	}
}

/* ---- changes ---- */

/* Cloudflare has more than the status. A client may write back the members that it read. */
static bool
is_offered(struct call *call, struct store_txn *config, const struct zone_info *zone)
{
	static const char *const others[] = {"dnssec_presigned", "dnssec_use_nsec3"};
	const struct json *several = json_member(call->body, "dnssec_multi_signer");
	struct json *now = dnssec_json(config, NULL, zone);
	bool same =
	    several == NULL || json_truth(several) == json_truth(json_member(now, "dnssec_multi_signer"));

	json_drop(now);
	for (size_t i = 0; i < NITEMS(others); i++)
		if (json_truth(json_member(call->body, others[i]))) {
			call_error(call, 400, CODE_NOT_OFFERED, "graycloud does not offer %s", others[i]);
			return false;
		}
	if (!same)
		call_error(call, 400, CODE_NOT_OFFERED,
		    "dnssec_multi_signer: the keys of another provider come by `graycloud dnssec provider "
		    "add`, and go by "
		    "`graycloud dnssec provider remove`");
	return same;
}

/* Is it so already? Then nothing changes, as with Cloudflare. */
static bool
is_so(struct store_txn *config, const struct zone_info *zone, bool active)
{
	struct json *json = dnssec_json(config, NULL, zone);
	const char *status = json_text_of(json, "status");
	bool ends = strcmp(status, "disabled") == 0 || strcmp(status, "pending-disabled") == 0;

	json_drop(json);
	return ends != active;
}

/* During a rollover two keys may have a DS. */
static bool
may_end(struct call *call, const char *state, const struct zone_info *zone)
{
	struct node_signatures signatures;
	struct rollover rollover = {.kind = ROLLOVER_NONE};
	char name[NAME_MAX_TEXT];

	/* S109 */
	if (zone_folder_has(state, "keyless", name_to_host(zone->name, name))) {
		call_error(
		    call, 409, CODE_IN_USE, "the keys of the zone are on another node: disable it there");
		return false;
	}

	node_signatures_read(state, &signatures);
	if (signatures.signatures != NULL)
		rollover_get(signatures.signatures, zone->number, &rollover);
	node_signatures_close(&signatures);
	if (rollover.kind != ROLLOVER_KEY && rollover.kind != ROLLOVER_ALGORITHM &&
	    rollover.kind != ROLLOVER_EMERGENCY && !rollover_kind_cancels(rollover.kind))
		return true;
	call_error(call, 409, CODE_IN_USE,
	    "a rollover of the zone runs, and two keys may have a DS: wait until it is over, or cancel it");
	return false;
}

void
dnssec_patch(struct change *change, void *arg)
{
	const struct edit_call *edit = arg;
	struct call *call = edit->call;
	const char *status = json_text_of(call->body, "status");
	struct zone_info zone;
	char name[NAME_MAX_TEXT];

	if (!zones_of_call(call, change->txn, &zone) || !is_offered(call, change->txn, &zone))
		return;
	name_to_host(zone.name, name);
	if (strcmp(status, "active") != 0 && strcmp(status, "disabled") != 0)
		call_error(
		    call, 400, CODE_INVALID, "status: it must be active or disabled: validation failed");
	else if (is_so(change->txn, &zone, strcmp(status, "active") == 0))
		; /* nothing changes */
	else if (strcmp(status, "active") == 0)
		dnssec_edit_enable(change, name, &(struct dnssec_wish){.algorithm = NULL});
	else if (may_end(call, change->request->state, &zone))
		dnssec_edit_disable(change, name, DNSSEC_END_BY_STEPS);
	if (change->problems.errors > 0 || call->reply.errors != NULL)
		return;
	json_drop(change->result);
	change->result = dnssec_json(change->txn, NULL, &zone);
}

/* dnssec disable --force: the keys stay, the signatures go. */
void
dnssec_delete(struct change *change, void *arg)
{
	const struct edit_call *edit = arg;
	struct zone_info zone;
	char name[NAME_MAX_TEXT];

	if (!zones_of_call(edit->call, change->txn, &zone))
		return;
	name_to_host(zone.name, name);
	change_guard(change,
	    "if the parent of %s has a DS record, ending DNSSEC at once makes the zone fail for everybody "
	    "who "
	    "validates: disable it, which goes by steps",
	    name);
	if (change->problems.errors > 0)
		return;
	dnssec_edit_disable(change, name, DNSSEC_END_NOW);
	json_drop(change->result);
	change->result = json_new_text("");
}
