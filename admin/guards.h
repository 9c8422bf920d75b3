/*
 * guards.h -- what a change may not do without --force, seen in what came out of it (S32).
 */
#ifndef GUARDS_H
#define GUARDS_H

#include "change.h"
#include "health.h"

/* Look at all that the edit changed so far. */
void guards_check(struct change *change);

/*
 * The state of an origin as steering sees it (S24): of the health store, else the one stored in the pool.
 * forced is not looked at.  health may be NULL.
 */
enum health_state guards_origin_state(struct store_txn *health, const struct pool *pool, const struct origin *origin);

#endif
