/*
 * preview_signed.h -- for a preview: how much of which signed zones graycloud-signer would sign (S103).
 */
#ifndef PREVIEW_SIGNED_H
#define PREVIEW_SIGNED_H

#include "zones/document/json.h"
#include "zones/state/config.h"

struct preview_signed;

/* before may be NULL: not known; health, too: there are no verdicts. */
struct preview_signed *preview_signed_new(
    struct store_txn *before, struct store_txn *after, struct store_txn *health);
/* An RRset that changes. */
void preview_signed_row(struct preview_signed *preview, const struct config_item *item);
/* A load balancer (a wire name) that may change. */
void preview_signed_lb(struct preview_signed *preview, const uint8_t *name);
/*
 * A list of {"zone", "whole": the zone becomes signed, "rrsets", "load_balancers"}, for zones that have nodes
 * without keys with "sets_without_one_origin" of these load balancers, or of all if the zone becomes signed
 * or had no such nodes (S109). Frees the preview.
 */
struct json *preview_signed_end(struct preview_signed *preview);

/* A line for each. */
void preview_signed_print(const struct json *list, FILE *out);

#endif
