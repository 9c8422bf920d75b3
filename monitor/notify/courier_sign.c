/* The signature of a webhook: HMAC with SHA-256 (RFC 2104, RFC 6234), by the key behind "#hmac=" of its URL.
 */
#include "monitor/notify/courier_inner.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

char *
courier_signature(const char *key, int64_t seconds, const char *body)
{
	char *text = xasprintf("%lld.%s", (long long)seconds, body), hex[2 * EVP_MAX_MD_SIZE + 1] = "", *line;
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (HMAC(EVP_sha256(), key, (int)strlen(key), (const uint8_t *)text, strlen(text), digest, &len) ==
	    NULL)
		len = 0;
	for (unsigned i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	line = len > 0 ? xasprintf("X-Graycloud-Signature: t=%lld,v1=%s", (long long)seconds, hex) : NULL;
	free(text);
	return line;
}
