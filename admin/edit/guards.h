/*
 * guards.h -- what a change may not do without --force, seen in what came out of it (S32).
 */
#ifndef GUARDS_H
#define GUARDS_H

#include "admin/edit/change.h"
#include "zones/state/health.h"

/* Look at all that the edit changed so far. */
void guards_check(struct change *change);

#endif
