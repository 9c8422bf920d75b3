/*
 * signed_stores.h -- the stores of graycloud-signer, as a nameserver follows and compiles them. On the thread
 * of the publisher.
 */
#ifndef DNSD_SIGNED_STORES_H
#define DNSD_SIGNED_STORES_H

#include "dnsd/following.h"
#include "zones/compile/compile.h"

struct signed_stores {
	struct followed signatures, sets;
};

/* Both stores, as long as a compile reads them. NULL: that one cannot be read. */
struct signing {
	struct store_txn *signatures, *sets;
	struct signature_source *source;
};

/*
 * Begin to read them. Call this before the configuration is read: then they are never ahead of it, because
 * the signer reads it first. If they cannot be read, signed zones stay as they are (S100).
 */
void signing_begin(const struct signed_stores *stores, enum store_access access, struct signing *signing);
/* Let the compiler find them, for the zones that a configuration signs. */
void signing_use(struct signing *signing, struct compiler *compiler, struct store_txn *config);
/* Returns false if rows seemed to be missing: what was compiled since is not to be published. */
bool signing_end(const struct signed_stores *stores, struct signing *signing, struct compiler *compiler);

#endif
