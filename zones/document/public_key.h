/*
 * public_key.h -- a DNSKEY of another provider (S110), as people and documents write it. Pure.
 */
#ifndef PUBLIC_KEY_H
#define PUBLIC_KEY_H

#include "zones/base/problem.h"
#include "zones/dns/dnssec.h"

/* Read "257 3 13 BASE64", or a whole record with that data. False with a sentence if it is no key that may
 * sign a zone beside those of graycloud: another type or algorithm, revoked, of another length. */
bool public_key_read(struct public_key *out, const char *text, struct problems *problems);
/* "257 3 13 BASE64"; malloc. */
char *public_key_text(const struct public_key *key);

#endif
