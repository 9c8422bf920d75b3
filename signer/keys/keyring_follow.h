/*
 * keyring_follow.h -- the keys of a zone as those of another node that leads a rollover (S111).
 */
#ifndef SIGNER_KEYRING_FOLLOW_H
#define SIGNER_KEYRING_FOLLOW_H

#include "signer/keys/keyring.h"
#include "signer/rollover/key_state.h"

/*
 * Take over a state of the node that leads: its marks, its step, its new keys, whose files must be there.
 * Keys that it does not have leave. False with a problem: then nothing changed.
 */
bool keyring_follow(
    struct keyring *keyring, const struct key_state *state, int64_t wall_ms, struct problems *problems);
/* Lead the rollover that was followed: all servers are looked at again. */
void keyring_lead(struct keyring *keyring);

#endif
