/*
 * guards.h -- changes that need --force, judged by their result (S32).
 */
#ifndef GUARDS_H
#define GUARDS_H

#include "admin/edit/change.h"
#include "zones/state/health.h"

/* Look at all that the edit changed so far. */
void guards_check(struct change *change);

#endif
