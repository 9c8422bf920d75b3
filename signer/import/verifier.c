#include "signer/import/verifier.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>

enum { DNSKEY_FIXED = 4, HALF = SIGNATURE_OCTETS / 2, ED25519_OCTETS = 32 };

struct verifier {
	EVP_PKEY *key;
	uint8_t algorithm;
};

/* RFC 6605 4: Q is x and y. */
static EVP_PKEY *
read_ecdsa(const uint8_t *q)
{
	char group[] = "P-256";
	uint8_t point[1 + SIGNATURE_OCTETS] = {4}; /* not compressed */
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
	    OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
	    OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	memcpy(point + 1, q, SIGNATURE_OCTETS);
	if (context == NULL)
		memory_exhausted(0);
	if (EVP_PKEY_fromdata_init(context) != 1 ||
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL; /* no point of the curve */
	EVP_PKEY_CTX_free(context);
	return key;
}

struct verifier *
verifier_new(const uint8_t *rdata, size_t len)
{
	uint8_t algorithm = len > DNSKEY_FIXED ? rdata[3] : 0;
	struct verifier *verifier;
	EVP_PKEY *key = NULL;

	if (algorithm == ALGORITHM_ECDSAP256 && len == DNSKEY_FIXED + SIGNATURE_OCTETS)
		key = read_ecdsa(rdata + DNSKEY_FIXED);
	else if (algorithm == ALGORITHM_ED25519 && len == DNSKEY_FIXED + ED25519_OCTETS)
		key =
		    EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, rdata + DNSKEY_FIXED, ED25519_OCTETS);
	if (key == NULL)
		return NULL;
	verifier = xcalloc(1, sizeof *verifier);
	*verifier = (struct verifier){key, algorithm};
	return verifier;
}

void
verifier_free(struct verifier *verifier)
{
	if (verifier == NULL)
		return;
	EVP_PKEY_free(verifier->key);
	free(verifier);
}

static bool
check_ecdsa(EVP_PKEY *key, const void *data, size_t len, const uint8_t *octets)
{
	uint8_t digest[SHA256_DIGEST_LENGTH], *der = NULL;
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(octets, HALF, NULL), *s = BN_bin2bn(octets + HALF, HALF, NULL);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	int der_len;
	bool good;

	if (pair == NULL || r == NULL || s == NULL || context == NULL || ECDSA_SIG_set0(pair, r, s) != 1 ||
	    (der_len = i2d_ECDSA_SIG(pair, &der)) <= 0)
		memory_exhausted(0);
	SHA256(data, len, digest);
	good = EVP_PKEY_verify_init(context) == 1 &&
	    EVP_PKEY_verify(context, der, (size_t)der_len, digest, sizeof digest) == 1;
	EVP_PKEY_CTX_free(context);
	OPENSSL_free(der);
	ECDSA_SIG_free(pair);
	return good;
}

static bool
check_ed25519(EVP_PKEY *key, const void *data, size_t len, const uint8_t *octets)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good;

	if (context == NULL)
		memory_exhausted(0);
	good = EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestVerify(context, octets, SIGNATURE_OCTETS, data, len) == 1;
	EVP_MD_CTX_free(context);
	return good;
}

bool
verifier_check(
    const struct verifier *verifier, const void *data, size_t len, const struct signature *signature)
{
	return (verifier->algorithm == ALGORITHM_ED25519 ? check_ed25519 : check_ecdsa)(
	    verifier->key, data, len, signature->octets);
}
