#include "zones/steer/content.h"

#include "zones/base/siphash.h"

#include <pthread.h>

struct content content_secrets[CONTENT_KINDS][CONTENT_FAMILIES];

static uint64_t keys[2][2];

static void
draw(void)
{
	random_bytes(keys, sizeof keys);
	random_bytes(content_secrets, sizeof content_secrets);
}

void
content_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, draw);
}

struct content
content_of_octets(const void *octets, size_t len)
{
	return (struct content){{siphash(keys[0], octets, len), siphash(keys[1], octets, len)}};
}

struct content
content_of_owner(const uint8_t *name, size_t len, uint32_t ttl)
{
	uint8_t octets[256 + 4];

	len = MIN(len, 256);
	memcpy(octets, name, len);
	put32(octets + len, ttl);
	return content_of_octets(octets, len + 4);
}

struct content
content_of_key(uint32_t zone, uint8_t algorithm, uint16_t key_tag)
{
	uint8_t octets[7];

	put32(octets, zone);
	octets[4] = algorithm;
	put16(octets + 5, key_tag);
	return content_of_octets(octets, sizeof octets);
}
