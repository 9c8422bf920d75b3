/*
 * keyring_saved.h -- the state of the keys of a zone beside their files, in keys/ZONE/state, for the day on
 * which the store of signatures is lost (S105): without it nobody would know which of several keys the parent
 * has a DS of.
 */
#ifndef SIGNER_KEYRING_SAVED_H
#define SIGNER_KEYRING_SAVED_H

#include "signer/keys/keyring_inner.h"
#include "zones/model/model.h"

/*
 * Write it if it changed. Call this before the rows are committed: a step that was taken may be taken again.
 * A file that cannot be written is logged, once, and stops nothing.
 */
void keyring_save_state(struct keyring *keyring);
/*
 * Take the keys of the file, with their marks and the procedure at its step, whose looks and waits begin
 * again. It has to be of this policy of this zone: if the zone was enabled again since, it begins from
 * nothing. False if there is no such file; with problems if one of its keys is not there.
 */
bool keyring_recover(struct keyring *keyring, const struct dnssec_policy *policy, struct problems *problems);
/* The zone is not signed any longer: delete it. */
void keyring_forget_state(const struct keyring *keyring);

#endif
