/*
 * guards_keyless.h -- S109: no hostname origins behind load balancers of a zone that has nodes without keys.
 */
#ifndef GUARDS_KEYLESS_H
#define GUARDS_KEYLESS_H

#include "admin/edit/change.h"

/* Look at the load balancers and pools that the edit wrote, and at all of a zone that got such nodes. */
void guards_keyless(struct change *change);

#endif
