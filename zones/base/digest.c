#include "zones/base/digest.h"

#include <openssl/evp.h>

void
digest_of(struct bytes octets, uint8_t digest[DIGEST_LEN])
{
	/* SHA-256 is always there; it fails only without memory. */
	if (EVP_Digest(octets.data, octets.len, digest, NULL, EVP_sha256(), NULL) != 1)
		memory_exhausted(0);
}
