/*
 * preview.h -- the output of --dry-run: the changes, and how many clients of each load balancer would move.
 */
#ifndef PREVIEW_H
#define PREVIEW_H

#include "admin/edit/change.h"

struct preview;

/* Before the edit, which has begun: keep the state of the store. */
struct preview *preview_begin(struct store *store);
/*
 * After it: {"changes": [{"kind", "name", "change"}, ...], "changes_not_shown", "rrsets_changed",
 * "moves": [{"load_balancer", "percent"}, ...], "load_balancers_affected", "load_balancers_compared",
 * "to_be_signed": [{"zone", "whole", "rrsets", "load_balancers", for S109 "sets_without_one_origin"}, ...]},
 * dropped by the caller. Ends the preview.
 */
struct json *preview_end(struct preview *preview, struct change *change);

/* Print it, a line each. NULL prints nothing. */
void preview_print(const struct json *shown, FILE *out);
/* Put its members into an object. NULL puts none. */
void preview_put(const struct json *shown, struct json *object);

#endif
