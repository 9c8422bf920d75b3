/*
 * verifier.h -- the public part of a key, to verify what it signed. One thread.
 */
#ifndef SIGNER_VERIFIER_H
#define SIGNER_VERIFIER_H

#include "zones/dns/dnssec.h"

struct verifier;

/* rdata: of a DNSKEY record. NULL if its algorithm is not known here, or it is no key. */
struct verifier *verifier_new(const uint8_t *rdata, size_t len);
void verifier_free(struct verifier *verifier);
/* Did the key sign these octets? They begin with the fields of the signature (dnssec.h, signed_data). */
bool verifier_check(
    const struct verifier *verifier, const void *data, size_t len, const struct signature *signature);

#endif
