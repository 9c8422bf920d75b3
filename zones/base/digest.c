#include "zones/base/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

void
digest_of(struct bytes octets, uint8_t digest[DIGEST_LEN])
{
	/* SHA-256 is always there; it fails only without memory. */
	if (EVP_Digest(octets.data, octets.len, digest, NULL, EVP_sha256(), NULL) != 1)
		memory_exhausted(0);
}

struct digest {
	EVP_MD_CTX *context;
};

struct digest *
digest_begin(void)
{
	struct digest *digest = xcalloc(1, sizeof *digest);

	digest->context = EVP_MD_CTX_new();
	if (digest->context == NULL || EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1)
		memory_exhausted(0);
	return digest;
}

void
digest_add(struct digest *digest, const void *octets, size_t len)
{
	if (EVP_DigestUpdate(digest->context, octets, len) != 1)
		memory_exhausted(0);
}

void
digest_end(struct digest *digest, uint8_t out[DIGEST_LEN])
{
	if (EVP_DigestFinal_ex(digest->context, out, NULL) != 1)
		memory_exhausted(0);
	EVP_MD_CTX_free(digest->context);
	free(digest);
}
