/*
 * claim.h -- which import takes the signatures of a zone (S109). Shipments of two nodes build on two stores:
 * each that is taken would make the stream of the other one begin again.
 *
 * STATE/keyless/ZONE/import has the process that takes them, and when it last received something. It holds a
 * lock of the file until it ends. A stream has something every ten seconds, so one that was silent for longer
 * than CLAIM_MS is frozen, or its connection is dead.
 */
#ifndef SIGNER_CLAIM_H
#define SIGNER_CLAIM_H

#include <stdbool.h>

enum { CLAIM_MS = 30000 };

/*
 * Claim a zone for this process, or keep it. *fd is negative before the first time, and belongs to the claim.
 * False, with the process in *holder, if another one has it. True, too, if that cannot be written: then
 * nothing is claimed.
 */
bool claim_take(const char *state, const char *zone, int *fd, long *holder);
/* Give it up, if this process still has it. */
void claim_drop(const char *state, const char *zone, int fd);
/* Delete the file, also that of another process. */
void claim_delete(const char *state, const char *zone);

#endif
