/*
 * signed_guard.h -- the end of signing without its steps: refused while the parent may have a DS (S107).
 */
#ifndef SIGNED_GUARD_H
#define SIGNED_GUARD_H

#include "admin/edit/change.h"

/* The settings of a signed zone are being deleted: a guard, if a key of it may have a DS. */
void signed_guard_end(struct change *change, const char *zone);

#endif
