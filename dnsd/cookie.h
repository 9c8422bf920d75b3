/*
 * cookie.h -- DNS cookies in the interoperable form (RFC 7873, RFC 9018): a client that returns one has
 * proved its address.
 *
 * A server cookie is version 1, three zero octets, a timestamp and the SipHash-2-4 of the client cookie,
 * these octets and the client's address.  All servers of an anycast set that share the secret accept each
 * other's cookies.
 */
#ifndef DNSD_COOKIE_H
#define DNSD_COOKIE_H

#include "zones/base/problem.h"
#include "zones/model/model.h"

enum {
	COOKIE_CLIENT = 8,
	COOKIE_SERVER = 16,
	COOKIE_SERVER_MIN = 8, /* RFC 7873 4: 8 to 32 octets */
	COOKIE_SERVER_MAX = 32,
	COOKIE_SECRET = 16,
	COOKIE_OLDEST = 3600, /* RFC 9018 4.3, seconds */
	COOKIE_FUTURE = 300
};

/* The current secret and, for a time after a change, the previous one. */
struct cookie_secrets {
	uint64_t keys[2][2];
	unsigned count;
};

/*
 * Read a secret file: one or two lines of 32 hex digits, the current secret first (RFC 9018 5: to roll over,
 * put the new one first when all servers have it as second).  Returns false with problems filled.
 */
bool cookie_read_secrets(struct cookie_secrets *secrets, const char *path, struct problems *problems);
/* Make a random secret, for the life of this process. */
void cookie_make_secrets(struct cookie_secrets *secrets);

/* The server cookie that a client gets at a time (seconds since 1970). */
void cookie_make(uint8_t out[COOKIE_SERVER], const struct cookie_secrets *secrets,
    const uint8_t client[COOKIE_CLIENT], const struct address *address, uint32_t now);

/* Was this cookie made with one of the secrets, and recently enough? */
bool cookie_valid(const struct cookie_secrets *secrets, const uint8_t client[COOKIE_CLIENT],
    const uint8_t *server, size_t len, const struct address *address, uint32_t now);

#endif
