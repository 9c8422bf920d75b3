/*
 * content.h -- the content of a steered RRset as 128 bits, under which its signature is found (S100).
 *
 * The content of the owner (name and TTL) is made when a load balancer is compiled, that of the key when a
 * zone is built, that of a set of addresses when a pool's table is made; a query only combines them. Secrets
 * of this process go into all of them, so that nobody who controls a host name can make two sets of one
 * content. Contents are not stored. Any thread.
 */
#ifndef CONTENT_H
#define CONTENT_H

#include "zones/base/util.h"

struct content {
	uint64_t words[2];
};

/* The kinds of signed RRsets: one address, a set of two or more, the CNAME of a hostname origin (S16). */
enum content_kind { CONTENT_SINGLE, CONTENT_SET, CONTENT_CNAME, CONTENT_KINDS };

enum { CONTENT_FAMILIES = 2 }; /* TABLE_V4, TABLE_V6 */

extern struct content content_secrets[CONTENT_KINDS][CONTENT_FAMILIES];

/* Draw the secrets, once in a process. Call it before any other function. */
void content_init(void);

/* Of a wire name in lower case and the TTL that is signed. */
struct content content_of_owner(const uint8_t *name, size_t len, uint32_t ttl);
/* Of the key that signs a zone: a signature of an older key, or of another zone, is never found. */
struct content content_of_key(uint32_t zone, uint8_t algorithm, uint16_t key_tag);
/* Of any octets: an address that belongs to a set, or the target of a CNAME. */
struct content content_of_octets(const void *octets, size_t len);

/* Add an address to a set. The order does not matter. */
static inline void
content_add(struct content *sum, const struct content *address)
{
	sum->words[0] += address->words[0];
	sum->words[1] += address->words[1];
}

/* An owner as a key signs it. */
static inline struct content
content_signed(const struct content *owner, const struct content *key)
{
	return (struct content){{owner->words[0] ^ key->words[0], owner->words[1] ^ key->words[1]}};
}

/* An owner with what it has. */
static inline struct content
content_join(const struct content *owner, enum content_kind kind, unsigned family, const struct content *what)
{
	const struct content *secret = &content_secrets[kind][family];

	return (struct content){{owner->words[0] ^ secret->words[0] ^ what->words[0],
	    owner->words[1] ^ secret->words[1] ^ what->words[1]}};
}

/* One address of 16 octets (an IPv4 address is in the first four). */
static inline struct content
content_single(const struct content *owner, unsigned family, const uint8_t bytes[16])
{
	struct content address;

	memcpy(&address, bytes, sizeof address);
	return content_join(owner, CONTENT_SINGLE, family, &address);
}

#endif
