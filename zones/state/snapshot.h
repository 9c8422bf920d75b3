/*
 * snapshot.h -- S97: the whole configuration as octets, for a node that joins or was away for too long.
 *
 * A snapshot has the rows of all tables that nodes share, with the history, the identity and the digest of
 * the newest entry. It has neither tokens nor previews, which are of one node. Use the functions on the
 * thread of the transaction.
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "zones/state/config_write.h"

/* The front of a snapshot, readable without unpacking. */
struct snapshot_head {
	uint32_t schema;
	uint64_t generation;
	struct id identity;
	size_t octets; /* of all rows, unpacked */
};
bool snapshot_head(struct bytes snapshot, struct snapshot_head *head);

/* The snapshot of a configuration (malloc). */
uint8_t *snapshot_take(struct store_txn *config, size_t *len);

/* The entries of the log that follow a snapshot. */
struct snapshot_follow {
	const struct bytes *entries;
	size_t count;
};

/*
 * Replace the rows of a configuration by those of a snapshot, in one transaction or not at all. The
 * membership of the node stays. Only an older configuration of the same identity is replaced, or an empty
 * one. With follow (S97, `node reset`) any other is replaced, too, these entries are applied in the same
 * transaction, and the choice is deleted. Returns 0 or a negative errno with a sentence in problems:
 *
 * -EBADMSG: it is damaged. -ENOTSUP: it needs a newer schema. -EXDEV: the configuration here has another
 * identity, or is not older. Others are those of store.h.
 */
int snapshot_load(struct store *config, struct bytes snapshot, const struct snapshot_follow *follow,
    struct problems *problems);

#endif
