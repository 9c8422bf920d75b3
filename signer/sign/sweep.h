/*
 * sweep.h -- delete signatures that nothing needs any more: those of owners and types that left their zone,
 * and those of addresses and sets that no load balancer can answer with.
 *
 * After a change, a pass each second looks at a bounded number of rows of signatures/, and goes on where the
 * last one stopped, so that a pass costs the same in a zone of any size. Signatures in sets/ are bounded by
 * number (signer.c).
 */
#ifndef SIGNER_SWEEP_H
#define SIGNER_SWEEP_H

#include "signer/sign/zone_signer.h"

/* Where the last pass stopped, and how often each table is to be walked to its end. Starts as {0}. */
struct sweep {
	struct signature_place zones;
	uint64_t steered;
	unsigned zones_left, steered_left;
};

/* The configuration changed: walk everything. */
void sweep_begin(struct sweep *sweep);
bool sweep_is_due(const struct sweep *sweep);

/*
 * Sweep in a pass whose configuration is signed completely; compiler has read it, and forgets what is
 * deleted. now: seconds since 1970. Returns how many rows were deleted, or a negative errno.
 */
int sweep_pass(struct sweep *sweep, struct store_txn *signatures, struct store_txn *config,
    const struct zone_signer *zones, struct compiler *compiler, uint32_t now);

#endif
