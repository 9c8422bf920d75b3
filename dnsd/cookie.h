/*
 * cookie.h -- DNS cookies in the interoperable form (RFC 7873, RFC 9018): a client that shows one is where it
 * says it is.
 *
 * A server cookie is version 1, three zero octets, a timestamp and SipHash-2-4 of client cookie, these, and
 * the client's address; every server of an anycast set that shares the secret takes the others' cookies.
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

/* The secret in use and, for a time after a change, the one before. */
struct cookie_secrets {
	uint64_t keys[2][2];
	unsigned count;
};

/*
 * Read a secret file: one or two lines of 32 hex digits, the present one first (RFC 9018 5: roll over by
 * putting the new one first when all servers have it as second).  False with problems filled.
 */
bool cookie_read_secrets(struct cookie_secrets *secrets, const char *path, struct problems *problems);
/* A secret of our own, for as long as we run. */
void cookie_make_secrets(struct cookie_secrets *secrets);

/* The server cookie that a client gets at a time (seconds since 1970). */
void cookie_make(uint8_t out[COOKIE_SERVER], const struct cookie_secrets *secrets,
    const uint8_t client[COOKIE_CLIENT], const struct address *address, uint32_t now);

/* Did somebody with our secrets make this one, not too long ago? */
bool cookie_valid(const struct cookie_secrets *secrets, const uint8_t client[COOKIE_CLIENT],
    const uint8_t *server, size_t len, const struct address *address, uint32_t now);

#endif
