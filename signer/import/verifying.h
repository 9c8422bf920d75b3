/*
 * verifying.h -- do the signatures of a shipment verify (S109)? A signature is found by a hash of what it
 * signs, so only those whose RRset is here can be verified: steered ones, those of keys, and those of data
 * that the configuration has now. One thread.
 */
#ifndef SIGNER_VERIFYING_H
#define SIGNER_VERIFYING_H

#include "zones/base/problem.h"
#include "zones/state/shipment.h"

enum { VERIFIED_MAX = 1000 }; /* of the items of a part; of more as many are drawn */

/*
 * DNSKEY and SOA are always verified. Returns true, or false with a sentence in problems, which names the
 * first RRset with a signature that does not verify. zone: the number of the zone in this configuration.
 */
bool verifying_shipment(
    const struct shipment *shipment, struct store_txn *config, uint32_t zone, struct problems *problems);

#endif
