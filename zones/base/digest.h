/* digest.h -- SHA-256. The only user of OpenSSL's hashes. Any thread. */
#ifndef DIGEST_H
#define DIGEST_H

#include "zones/base/util.h"

enum { DIGEST_LEN = 32 };

/* The digest of the octets. */
void digest_of(struct bytes octets, uint8_t digest[DIGEST_LEN]);

#endif
