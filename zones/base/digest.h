/* digest.h -- SHA-256. The only user of OpenSSL's hashes. Any thread. */
#ifndef DIGEST_H
#define DIGEST_H

#include "zones/base/util.h"

enum { DIGEST_LEN = 32 };

/* The digest of the octets. */
void digest_of(struct bytes octets, uint8_t digest[DIGEST_LEN]);

/* The same of octets that come one after another. digest_end frees it. */
struct digest;
struct digest *digest_begin(void);
void digest_add(struct digest *digest, const void *octets, size_t len);
void digest_end(struct digest *digest, uint8_t out[DIGEST_LEN]);

#endif
