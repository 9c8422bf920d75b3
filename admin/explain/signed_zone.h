/*
 * signed_zone.h -- a zone as a master file with its signatures, as a client with DO gets it now.
 */
#ifndef SIGNED_ZONE_H
#define SIGNED_ZONE_H

#include "zones/base/problem.h"
#include "zones/compile/compile.h"

#include <stdio.h>

struct signed_zone_stores {
	struct store_txn *config, *health, *signatures, *sets; /* those but config may be NULL */
};

/*
 * Write the zone: its SOA first, then DNSKEY, NSEC and RRSIG beside its records. A load balancer has the
 * addresses that a client of 127.0.0.1 gets. Returns false with problems: the zone is not signed, or not
 * completely yet.
 */
bool signed_zone_write(FILE *out, const struct signed_zone_stores *stores, const struct zone_info *zone,
    struct problems *problems);

#endif
