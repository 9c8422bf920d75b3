/*
 * resolution.h -- the record of a hostname origin, in words and in JSON: for `status`, `pool show` and
 * `explain`.
 */
#ifndef RESOLUTION_H
#define RESOLUTION_H

#include "zones/document/json.h"
#include "zones/state/hostname.h"

/*
 * "resolved 3s ago", "NXDOMAIN for 5m, last resolved 2h ago", ...; record is NULL if the monitor has not
 * looked it up. Freed by the caller.
 */
char *resolution_text(const struct name_record *record, int64_t now_wall);
struct json *resolution_json(const struct name_record *record, int64_t now_wall);

/*
 * The addresses of an origin's hostname with the state of each and the resulting state of the origin (S16,
 * S24), from the health store (which may be NULL); an origin that is an address needs only its own state.
 * Changes origin->resolved.
 */
enum health_state resolution_of(struct store_txn *health, const struct pool *pool, struct origin *origin);

#endif
