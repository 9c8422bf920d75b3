/*
 * propose.h -- S96: the second half of a change on a node that has joined a cluster: its items are proposed
 * to graycloud-sync in place of a commit. Only run.c uses it.
 */
#ifndef PROPOSE_H
#define PROPOSE_H

#include "admin/edit/change.h"

/* Has this node joined? Then the name of the node is written. */
bool propose_joined(struct store_txn *config, char node[NODE_NAME_MAX + 1]);

/*
 * Refuse the change if it could not be committed now: graycloud-sync is dead, or the engine is silent. Call
 * it before the edit. cluster may be NULL.
 */
void propose_check(struct change *change, struct store *cluster);

enum proposed {
	PROPOSED_SETTLED, /* the outcome has the generation, or the change has the reason */
	PROPOSED_AGAIN    /* another change was committed first: run the edit again */
};
/* Propose what the edit changed (freed in every case), and wait for its outcome for at most 5 s. */
enum proposed propose_edit(struct change *change, const struct change_stores *stores, struct bytes head,
    struct change_outcome *outcome);

#endif
