/*
 * verifying.h -- do the signatures of a shipment verify (S109)? A signature is found by a hash of what it
 * signs, so only those whose RRset is here can be verified: DNSKEY, steered ones, and those of data and of
 * NSECs that the configuration has now. The others are verified when they are used
 * (zone_signer_verified). One thread.
 */
#ifndef SIGNER_VERIFYING_H
#define SIGNER_VERIFYING_H

#include "zones/base/problem.h"
#include "zones/compile/compile.h"
#include "zones/state/shipment.h"

struct verifying_order {
	const struct shipment *shipment;
	struct store_txn *signatures, *config;
	const struct compiler *compiler; /* of that configuration: it has the chain of names */
	uint32_t zone;                   /* its number in this configuration */
	uint32_t now;                    /* seconds since 1970 */
};

/*
 * DNSKEY, SOA, CDS and CDNSKEY are always verified, of the others at most VERIFIED_MAX: of more as many are
 * drawn. Returns true, or false with a sentence in problems, which names the first RRset that a validator
 * would refuse.
 */
bool verifying_shipment(const struct verifying_order *order, struct problems *problems);

#endif
