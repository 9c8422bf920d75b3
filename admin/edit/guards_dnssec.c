#include "admin/edit/guards_dnssec.h"

#include "zones/base/array.h"
#include "zones/document/document_load.h"
#include "zones/zonefile/zonefile.h"

#include <stdlib.h>

enum { FAULTS_SHOWN = 5 };

struct enabled_zone {
	struct zone_info zone;
	bool whole;    /* look at all of its data */
	size_t faults; /* of its RRsets so far */
};

struct looking {
	struct change *change;
	struct enabled_zone *zones; /* in the order of their numbers */
	size_t count;
	struct enabled_zone *at;
};

static bool
add_zone(void *arg, struct bytes name, const struct id *id)
{
	struct looking *looking = arg;
	struct enabled_zone added = {.faults = 0};
	char text[NAME_MAX_TEXT];
	uint8_t wire[NAME_MAX_LEN];

	(void)id;
	snprintf(text, sizeof text, "%.*s", (int)name.len, (const char *)name.data);
	if (name_from_text(wire, text, NULL) == 0 || !config_zone(looking->change->txn, wire, &added.zone))
		return true;
	looking->zones = array_grow(looking->zones, looking->count, sizeof *looking->zones);
	looking->zones[looking->count++] = added;
	return true;
}

static int
compare_zones(const void *a_arg, const void *b_arg)
{
	const struct enabled_zone *a = a_arg, *b = b_arg;

	return (a->zone.number > b->zone.number) - (a->zone.number < b->zone.number);
}

static struct enabled_zone *
find_zone(const struct looking *looking, uint32_t number)
{
	const struct enabled_zone wanted = {.zone = {.number = number}};

	return looking->count == 0
	    ? NULL
	    : bsearch(&wanted, looking->zones, looking->count, sizeof wanted, compare_zones);
}

static bool
look_at_rrset(void *arg, struct bytes owner_key, const struct rrset *rrset)
{
	struct looking *looking = arg;
	uint8_t owner[2 * NAME_MAX_LEN];
	int relative = name_from_key(owner, owner_key.data, owner_key.len);
	char name[NAME_MAX_TEXT], type[16];

	if (rrset->ttl <= SIGNED_TTL_MAX || relative < 0 || ++looking->at->faults > FAULTS_SHOWN)
		return true;
	memcpy(owner + relative, looking->at->zone.name, name_len(looking->at->zone.name));
	zonefile_type_text(rrset->type, type);
	problems_error(&looking->change->problems,
	    "%s %s has a TTL of %lu s, and the maximum in a signed zone is %d s (5 days): caches would keep "
	    "the "
	    "record longer than its signature holds; lower the TTL first",
	    name_to_host(owner, name), type, (unsigned long)rrset->ttl, SIGNED_TTL_MAX);
	return true;
}

static bool
look_at_item(void *arg, const struct config_item *item)
{
	struct looking *looking = arg;
	struct rrset rrset;

	if (item->what == CONFIG_OBJECT || (looking->at = find_zone(looking, item->zone)) == NULL)
		return true;
	if (item->what == CONFIG_ZONE)
		looking->at->whole |= item->fate != CONFIG_ZONE_DELETED;
	else if (item->what == CONFIG_OWNER && item->after.len > 0 && !looking->at->whole &&
	    rrset_decode(&rrset, item->type, item->after.data, item->after.len))
		look_at_rrset(looking, item->owner_key, &rrset);
	return true;
}

/* S110. */
static void
look_at_providers(struct looking *looking, const struct dnssec_policy *policy)
{
	for (size_t i = 0; i < policy->nproviders; i++) {
		const struct public_key *key = &policy->providers[i];

		if (key->dnskey[3] != policy->algorithm)
			problems_error(&looking->change->problems,
			    "zone %s: key %u of another provider has algorithm %u, and the zone is to be "
			    "signed with %u: all "
			    "providers of a zone sign with one algorithm (RFC 8901 3)",
			    policy->name, dnskey_tag(key->dnskey, key->len), key->dnskey[3],
			    policy->algorithm);
	}
}

/* The zones that this edit enabled are looked at wholly. */
static bool
look_at_enabled(void *arg, const struct config_item *item)
{
	struct looking *looking = arg;
	struct bytes json = item->after;
	struct dnssec_policy *policy;
	struct enabled_zone *zone;
	struct zone_info info;
	uint8_t name[NAME_MAX_LEN + 1];

	if (item->what != CONFIG_OBJECT || item->kind != KIND_DNSSEC || item->after.len == 0 ||
	    (policy = document_load_dnssec(json)) == NULL)
		return true;
	look_at_providers(looking, policy);
	if (name_from_text(name, policy->name, NULL) > 0 && config_zone(looking->change->txn, name, &info) &&
	    (zone = find_zone(looking, info.number)) != NULL)
		zone->whole = true;
	model_free_dnssec_policy(policy);
	return true;
}

void
guards_dnssec(struct change *change)
{
	struct looking looking = {.change = change};
	uint64_t sequence = config_edit_sequence(change->edit);

	config_each_name(change->txn, KIND_DNSSEC, add_zone, &looking);
	if (looking.count > 0) {
		qsort(looking.zones, looking.count, sizeof *looking.zones, compare_zones);
		config_each_item(change->txn, sequence, look_at_enabled, &looking);
		config_each_item(change->txn, sequence, look_at_item, &looking);
	}
	for (size_t i = 0; i < looking.count; i++) {
		looking.at = &looking.zones[i];
		if (looking.at->whole)
			config_each_row(change->txn, looking.at->zone.number, NULL, look_at_rrset, &looking);
		if (looking.at->faults > FAULTS_SHOWN)
			problems_error(
			    &change->problems, "and %zu RRsets more", looking.at->faults - FAULTS_SHOWN);
	}
	free(looking.zones);
}
