/*
 * proposal.h -- S96: the proposals store of a node that has joined a cluster: changes that commands ask
 * graycloud-sync to commit.
 *
 * graycloud-sync makes its directory when it starts as root (store_prepare), with that of the cluster store.
 * Commands and the API write it, graycloud-sync only reads it and answers in the cluster store
 * (cluster_outcome_put). A command deletes its own proposal when it has the outcome or gives up; it also
 * deletes those of commands that ended before that, when they are PROPOSAL_KEPT_MS old.
 *
 * graycloud-sync takes the oldest proposal without an outcome, and commits its entry with one
 * compare-and-swap: the generation in the engine is still base. If the answer of the engine is lost, it tries
 * again with the same entry, or finds the id in the log: an id is committed at most once.
 */
#ifndef PROPOSAL_H
#define PROPOSAL_H

#include "zones/model/model.h"
#include "zones/store/store.h"

/* Commands wait PROPOSAL_WAIT_MS, and longer for a large entry. After PROPOSAL_KEPT_MS graycloud-sync does
 * not begin with a proposal. */
enum { PROPOSAL_WAIT_MS = 5000, PROPOSAL_KEPT_MS = 15000 };

struct proposal {
	uint64_t sequence;  /* in the store; rises */
	struct id id;       /* also in its entry */
	uint64_t base;      /* the generation that it was made on */
	uint64_t at_ms;     /* CLOCK_BOOTTIME when it was written */
	struct bytes entry; /* entry.h; valid until the transaction ends */
};

/*
 * The oldest proposal after a sequence (0: of all) that is of this boot and younger than PROPOSAL_KEPT_MS.
 * Returns false if there is none. Skip those that have an outcome already.
 */
bool proposal_next(struct store_txn *proposals, uint64_t after, uint64_t now_ms, struct proposal *proposal);

/* For commands. Each returns 0 or a negative errno. The first one also deletes proposals that are too old. */
int proposal_put(struct store_txn *proposals, const struct proposal *proposal, uint64_t now_ms);
int proposal_delete(struct store_txn *proposals, const char *id);

#endif
