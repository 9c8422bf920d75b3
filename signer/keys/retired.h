/*
 * retired.h -- which keys of a zone have left, by the files that were renamed then (S111).
 */
#ifndef SIGNER_RETIRED_H
#define SIGNER_RETIRED_H

#include "signer/rollover/key_state.h"

/* Add them to a state of the zone, the newest files first. Those that cannot be read are left out. */
void retired_read(const char *directory, struct key_state *state);

#endif
