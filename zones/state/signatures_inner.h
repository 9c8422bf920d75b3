/* signatures_inner.h -- for signatures.c and signatures_steered.c. */
#ifndef SIGNATURES_INNER_H
#define SIGNATURES_INNER_H

#include "zones/state/signatures.h"

/* A signature in SIGNATURE_ROW octets. */
void signature_read(struct signature *signature, const uint8_t *at);
void signature_write(uint8_t *at, const struct signature *signature);

#endif
