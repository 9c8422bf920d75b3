#include "zones/store/store_tables.h"

#define IN(kind) (1u << (kind))

static const struct {
	const char *name;
	unsigned kinds; /* the stores that have it: bits of enum store_kind */
} tables[TABLE_COUNT] = {
    [TABLE_ZONES] = {"zones", IN(STORE_CONFIG)},
    [TABLE_ZONE_NAMES] = {"zone_names", IN(STORE_CONFIG)},
    [TABLE_OBJECTS] = {"objects", IN(STORE_CONFIG)},
    [TABLE_OBJECT_NAMES] = {"object_names", IN(STORE_CONFIG)},
    [TABLE_REFERENCES] = {"references", IN(STORE_CONFIG)},
    [TABLE_RECORD_NOTES] = {"record_notes", IN(STORE_CONFIG)},
    [TABLE_CHANGES] = {"changes", IN(STORE_CONFIG)},
    [TABLE_TOKENS] = {"tokens", IN(STORE_CONFIG)},
    [TABLE_PREVIEWS] = {"previews", IN(STORE_CONFIG)},
    [TABLE_META] = {"meta", IN(STORE_CONFIG)},
    [TABLE_STATE] = {"state", IN(STORE_HEALTH) | IN(STORE_CLUSTER)},
    [TABLE_FLIPS] = {"flips", IN(STORE_HEALTH) | IN(STORE_CLUSTER)},
    [TABLE_BEAT] = {"beat", IN(STORE_HEALTH) | IN(STORE_CLUSTER)},
    [TABLE_NAMES] = {"names", IN(STORE_HEALTH) | IN(STORE_CLUSTER)},
    [TABLE_PREVIEW_RESULTS] = {"preview_results", IN(STORE_HEALTH)},
    [TABLE_SERVING] = {"serving", IN(STORE_SERVING)},
    [TABLE_VOTES] = {"votes", IN(STORE_CLUSTER)},
    [TABLE_VOTE_FLIPS] = {"vote_flips", IN(STORE_CLUSTER)},
    [TABLE_NODES] = {"nodes", IN(STORE_CLUSTER)},
    [TABLE_ENGINE] = {"engine", IN(STORE_CLUSTER)},
    [TABLE_OUTCOMES] = {"outcomes", IN(STORE_CLUSTER)},
    [TABLE_SHARED_PINS] = {"shared_pins", IN(STORE_CLUSTER)},
    [TABLE_PROPOSALS] = {"proposals", IN(STORE_PROPOSALS)},
    [TABLE_SIGNATURES] = {"signatures", IN(STORE_SIGNATURES)},
    [TABLE_SIGNED_ZONES] = {"signed_zones", IN(STORE_SIGNATURES)},
    [TABLE_KEYS] = {"keys", IN(STORE_SIGNATURES)},
    [TABLE_ROLLOVERS] = {"rollovers", IN(STORE_SIGNATURES)},
    [TABLE_STEERED] = {"steered", IN(STORE_SIGNATURES) | IN(STORE_SETS)},
    [TABLE_SIGNER] = {"signer", IN(STORE_SIGNATURES) | IN(STORE_SETS)},
};

const char *
store_table_name(enum store_kind kind, enum store_table table)
{
	return (tables[table].kinds & IN(kind)) != 0 ? tables[table].name : NULL;
}

bool
store_table_find(struct bytes name, enum store_table *table)
{
	for (int i = 0; i < TABLE_COUNT; i++)
		if (strlen(tables[i].name) == name.len && memcmp(tables[i].name, name.data, name.len) == 0) {
			*table = (enum store_table)i;
			return true;
		}
	return false;
}
