/*
 * guards_dnssec.h -- data that a signed zone must not have (S105, S106).
 */
#ifndef GUARDS_DNSSEC_H
#define GUARDS_DNSSEC_H

#include "admin/edit/change.h"

/*
 * The maximum TTL in a signed zone, seconds. Signatures of 14 days end up to a quarter earlier and are
 * renewed when 7 days are left at least, a little later on a busy machine. A record that is cached longer
 * would outlive its signature.
 */
enum { SIGNED_TTL_MAX = 5 * 86400 };

/* Look at the zones that the edit enabled, and at the RRsets that it wrote into enabled zones. */
void guards_dnssec(struct change *change);

#endif
