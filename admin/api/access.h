/*
 * access.h -- who asks: the token of a request, and a limit for those who send wrong ones.
 *
 * Runs on the loop. Tokens are read again when the store changed.
 */
#ifndef API_ACCESS_H
#define API_ACCESS_H

#include "admin/api/call.h"

enum {
	ACCESS_WRONG_MAX = 20, /* wrong tokens of one address (IPv6: of one /64) in a minute; then 429 */
	ACCESS_WATCHED = 4096  /* addresses that are counted at once */
};

struct access;

struct access *access_new(void);
void access_free(struct access *access);

/* The store has changed: read the tokens again. txn NULL: there are none. */
void access_reload(struct access *access, struct store_txn *txn);

/* The fields of a request about its sender; each may be NULL. */
struct credentials {
	const char *authorization, *email, *key;
	const char *address; /* of the peer */
};

/*
 * Fill the caller of a call. False with an error in its reply: no credentials, malformed or unknown ones, a
 * token that is disabled or expired or not for this address, or too many wrong ones. now: boot_ms.
 */
bool access_check(
    struct access *access, const struct credentials *credentials, struct call *call, uint64_t now);

/* Is there still a good token of this name? */
bool access_still(const struct access *access, const char *name);

#endif
