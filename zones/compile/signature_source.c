#include "zones/compile/signature_source.h"

#include "zones/state/signing_keys.h"

#include <stdlib.h>

struct signature_source {
	struct store_txn *txn, *config;
	struct compiler_signing signing;
	struct signed_zone zone;
	struct zone_signing zone_signing;
	struct signature_reader *reader;
	size_t apex_len;
};

static size_t
find(void *arg, const struct bytes *key, const struct signed_set *set, uint8_t *out)
{
	struct signature_source *source = arg;
	struct signature found[SIGNATURES_MAX];
	unsigned count = signature_find(source->reader, key, set->rrset.type, signed_hash(set), found);
	struct rrsig_covers covers = {.apex = set->apex,
	    .apex_len = source->apex_len,
	    .type = set->rrset.type,
	    .labels = signed_labels(set->owner),
	    .ttl = set->rrset.ttl};
	size_t len = 0;

	for (unsigned i = 0; i < count && len + rrsig_octets(source->apex_len) <= FRAGMENT_SIGNED_MAX; i++)
		len += rrsig_write(out + len, &covers, &found[i]);
	return len;
}

static const struct zone_signing *
zone(void *arg, const struct zone_info *info)
{
	struct signature_source *source = arg;

	if (source->txn == NULL || !signed_zone_get(source->txn, info->number, &source->zone) ||
	    !config_signs(source->config, info->name))
		return NULL;
	signature_reader_free(source->reader);
	source->reader = signature_reader_new(source->txn, info->number);
	source->apex_len = name_len(info->name);
	source->zone_signing = (struct zone_signing){.arg = source,
	    .find = find,
	    .keys = source->zone.keys,
	    .nkeys = source->zone.nkeys,
	    .ndata = source->zone.ndata,
	    .version = source->zone.version};
	memcpy(source->zone_signing.data, source->zone.data, sizeof source->zone.data);
	return &source->zone_signing;
}

static bool
renewed(void *arg, const struct zone_info *info, uint64_t version, compiler_renewed_fn *fn, void *fn_arg)
{
	struct signature_source *source = arg;

	return signatures_renewed(source->txn, info->number, version, fn, fn_arg);
}

static bool
lost(void *arg, const struct zone_info *info)
{
	struct signature_source *source = arg;
	struct zone_info now; /* it may have another number since */
	struct rollover rollover;

	if (!config_signs(source->config, info->name) || !config_zone(source->config, info->name, &now))
		return false;
	return source->txn == NULL ||
	    (!signed_zone_get(source->txn, now.number, &source->zone) &&
		!(rollover_get(source->txn, now.number, &rollover) && rollover.kind == ROLLOVER_DISABLED));
}

struct signature_source *
signature_source_new(struct store_txn *signatures, struct store_txn *config)
{
	struct signature_source *source = xcalloc(1, sizeof *source);

	source->txn = signatures;
	source->config = config;
	source->signing =
	    (struct compiler_signing){.arg = source, .zone = zone, .renewed = renewed, .lost = lost};
	return source;
}

const struct compiler_signing *
signature_source_signing(struct signature_source *source)
{
	return &source->signing;
}

void
signature_source_free(struct signature_source *source)
{
	if (source == NULL)
		return;
	signature_reader_free(source->reader);
	free(source);
}
