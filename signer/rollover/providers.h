/*
 * providers.h -- keys of other providers that sign the zone, too (S110, RFC 8901 model 2): which come and
 * which go. Except for the rows, pure.
 */
#ifndef SIGNER_PROVIDERS_H
#define SIGNER_PROVIDERS_H

#include "signer/rollover/rollover.h"
#include "zones/model/model.h"

struct providers {
	struct signing_key rows[PROVIDER_KEYS_MAX];
	bool listed[PROVIDER_KEYS_MAX]; /* the policy names it */
	unsigned count;
};

/* The rows of a zone. Call providers_list then. */
void providers_read(struct providers *providers, struct store_txn *signatures, uint32_t zone);
/* Compare them with the policy. Keys that are new get a row, as long as there is room. */
void providers_list(struct providers *providers, const uint8_t *apex, const struct dnssec_policy *policy);
/* Write them; over: no procedure runs, and those whose marks are all hidden leave. Returns 0 or a negative
 * errno. */
int providers_write(struct providers *providers, struct store_txn *signatures, uint32_t zone, bool over);

/*
 * The procedure that is to begin now: ROLLOVER_PROVIDER_COMES, _GOES, ROLLOVER_ENABLE (again, with keys that
 * came meanwhile), or ROLLOVER_NONE: nothing changes, or the one that runs ends first.
 */
enum rollover_kind providers_due(const struct providers *providers, const struct rollover *rollover);
/* Set the marks of a step; and settle them when it is done. */
void providers_take_step(struct providers *providers, const struct rollover *rollover, int64_t wall_ms);
void providers_settle(struct providers *providers, int64_t wall_ms);
/* Is there one whose DS the parent has? */
bool providers_hold(const struct providers *providers);

#endif
