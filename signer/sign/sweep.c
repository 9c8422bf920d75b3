#include "signer/sign/sweep.h"

#include <stdlib.h>

enum {
	ROWS = 1000,    /* of a pass and a table: about a millisecond */
	YOUNG_S = 86400 /* S109: a signature from another node may be here before the configuration */
};

struct sweeping {
	struct store_txn *signatures, *config;
	const struct zone_signer *zones;
	struct compiler *compiler;
	uint32_t now; /* seconds since 1970 */
	/* The load balancer of the row before: rows of one are often together. */
	bool known, exists;
	uint8_t owner[NAME_MAX_LEN];
	struct content *contents;
	size_t count;
};

/* ---- zone data ---- */

struct looking {
	uint16_t type;
	bool any, found;
};

static bool
look_at_row(void *arg, struct bytes owner_key, const struct rrset *rrset)
{
	struct looking *looking = arg;

	(void)owner_key;
	looking->any = true;
	looking->found |= rrset->type == looking->type;
	return !looking->found;
}

static bool
is_young(const struct sweeping *sweeping, const struct signature *signature)
{
	return (int32_t)(sweeping->now - signature->inception - VALIDITY_BACK_S) < YOUNG_S &&
	    !validity_is_ahead(signature, sweeping->now);
}

/* Is a row of zone data one that came from another node, and young? */
static bool
may_be_early(const struct sweeping *sweeping, uint32_t zone, const struct bytes *owner_key, uint16_t type)
{
	struct signature signatures[SIGNATURES_MAX];
	struct bytes row;

	return zone_signer_is_keyless(sweeping->zones, zone) &&
	    signature_row(sweeping->signatures, zone, owner_key, type, &row) &&
	    signature_row_first(row, signatures) > 0 && is_young(sweeping, &signatures[0]);
}

static bool
is_lb(const struct sweeping *sweeping, uint32_t zone, const struct bytes *owner_key)
{
	uint8_t name[2 * NAME_MAX_LEN];
	int relative = name_from_key(name, owner_key->data, owner_key->len);
	char text[NAME_MAX_TEXT];
	struct id id;

	if (relative < 0)
		return false;
	if (!zone_signer_apex(sweeping->zones, zone, name + relative))
		return true;
	return config_object_id(sweeping->config, KIND_LB, name_to_host(name, text), &id);
}

static bool
needed(void *arg, uint32_t zone, const struct bytes *owner_key, uint16_t type)
{
	const struct sweeping *sweeping = arg;
	struct looking looking = {.type = type};

	if (zone_signer_keyring(sweeping->zones, zone) == NULL &&
	    !zone_signer_is_keyless(sweeping->zones, zone))
		return true; /* it cannot be signed at present, or its rows go at once */
	if (owner_key->len == 1 && (type == TYPE_DNSKEY || type == TYPE_CDS || type == TYPE_CDNSKEY))
		return true;
	config_each_row(sweeping->config, zone, owner_key, look_at_row, &looking);
	if (type == TYPE_NSEC)
		looking.found = looking.any || is_lb(sweeping, zone, owner_key);
	return looking.found || may_be_early(sweeping, zone, owner_key, type);
}

/* ---- steered RRsets ---- */

/* A key that has left is used by nobody; one that comes or goes may be used by nameservers. */
static bool
key_is_used(
    const struct sweeping *sweeping, const struct keyring *keyring, const struct steered_signature *row)
{
	const struct key_id id = {.algorithm = row->signature.algorithm, .key_tag = row->signature.key_tag};
	struct signed_zone zone;

	if ((keyring != NULL && keyring_key(keyring, &id) != NULL) ||
	    !signed_zone_get(sweeping->signatures, row->zone, &zone))
		return true;
	for (unsigned i = 0; i < zone.ndata; i++)
		if (zone.data[i].algorithm == id.algorithm && zone.data[i].key_tag == id.key_tag)
			return true;
	return false;
}

static int
compare_contents(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct content));
}

static bool
is_wanted(struct sweeping *sweeping, const struct steered_signature *row)
{
	struct content content = compiler_bare_content(row);

	if (!sweeping->known || !name_equal(row->owner, sweeping->owner)) {
		char text[NAME_MAX_TEXT];
		struct id id;

		free(sweeping->contents);
		sweeping->contents = NULL;
		sweeping->count = 0;
		sweeping->known = true;
		memcpy(sweeping->owner, row->owner, name_len(row->owner));
		sweeping->exists =
		    config_object_id(sweeping->config, KIND_LB, name_to_host(row->owner, text), &id);
		if (sweeping->exists)
			sweeping->count = compiler_contents(sweeping->compiler, &id, &sweeping->contents);
	}
	if (sweeping->count == 0) /* a disabled one may be enabled again */
		return sweeping->exists;
	return bsearch(&content, sweeping->contents, sweeping->count, sizeof content, compare_contents) !=
	    NULL;
}

static bool
keep(void *arg, const struct steered_signature *row)
{
	struct sweeping *sweeping = arg;
	const struct keyring *keyring = zone_signer_keyring(sweeping->zones, row->zone);
	bool keyless = zone_signer_is_keyless(sweeping->zones, row->zone);
	struct content content;

	if (keyless ? is_young(sweeping, &row->signature) : keyring == NULL) /* until it is due */
		return true;
	if (key_is_used(sweeping, keyring, row) && is_wanted(sweeping, row))
		return true;
	content = compiler_content(row);
	compiler_drop_steered(sweeping->compiler, &content);
	return false;
}

void
sweep_begin(struct sweep *sweep)
{
	/* To the end of the walk that is under way, and once from the beginning. */
	sweep->zones_left = sweep->steered_left = 2;
}

bool
sweep_is_due(const struct sweep *sweep)
{
	return sweep->zones_left > 0 || sweep->steered_left > 0;
}

int
sweep_pass(struct sweep *sweep, struct store_txn *signatures, struct store_txn *config,
    const struct zone_signer *zones, struct compiler *compiler, uint32_t now)
{
	struct sweeping sweeping = {
	    .signatures = signatures, .config = config, .zones = zones, .compiler = compiler, .now = now};
	int of_zones = 0, of_steered = 0;

	if (sweep->zones_left > 0) {
		of_zones = signatures_sweep(signatures, &sweep->zones, ROWS, needed, &sweeping);
		sweep->zones_left -= sweep->zones.len == 0;
	}
	if (sweep->steered_left > 0 && of_zones >= 0) {
		of_steered = steered_sweep(signatures, &sweep->steered, ROWS, keep, &sweeping);
		sweep->steered_left -= sweep->steered == 0;
	}
	free(sweeping.contents);
	return of_zones < 0 ? of_zones : of_steered < 0 ? of_steered : of_zones + of_steered;
}
