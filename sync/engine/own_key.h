/*
 * own_key.h -- the newest known change of a key of the engine that is written again and again.
 *
 * A request whose answer is lost may be carried out later, after newer ones: a leader that was cut off passes
 * it on when it returns. So that it never replaces what is newer, each write is bound to the revision of the
 * change before it (a comparison of its transaction): the late one finds another revision and does nothing.
 * Answers and the watch tell the revisions, in any order. If a write is refused because of this,
 * the watch has told the newer revision, or is about to. Zeros: the key does not exist. One thread.
 */
#ifndef OWN_KEY_H
#define OWN_KEY_H

#include "sync/engine/answer.h"
#include "sync/engine/request.h"

struct own_key {
	int64_t revision; /* of the newest change */
	bool exists;
};

enum { OWN_KEY_PAUSE_MS = 50 }; /* after a refusal, for the watch to tell */

/* Bind a transaction that writes or deletes the key to what is known. */
void own_key_bind(const struct own_key *own, struct etcd_txn *txn, const char *key);
/* The transaction was carried out at this revision, and has written or deleted the key. */
void own_key_done(struct own_key *own, int64_t revision, bool exists);
/* A row of the key, or the event that it was deleted. */
void own_key_heard(struct own_key *own, const struct etcd_row *row);

#endif
