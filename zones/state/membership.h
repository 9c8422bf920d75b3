/*
 * membership.h -- S90: has this node joined a cluster? One row of the configuration's table meta, that of no
 * other node: it is neither replicated nor part of a backup.
 *
 * On a node that stands alone, commands write the configuration and the health store gives the verdicts. On a
 * node that has joined, graycloud-sync alone writes the configuration (config_edit_commit refuses all
 * others), commands write proposals, and the cluster store gives the verdicts. Every program asks
 * membership_verdicts() which store that is, and nothing else decides it.
 */
#ifndef MEMBERSHIP_H
#define MEMBERSHIP_H

#include "zones/model/quorum.h"
#include "zones/store/store.h"

enum { CLUSTER_NAME_MAX = 63 };

struct membership {
	char cluster[CLUSTER_NAME_MAX + 1]; /* the name of the cluster in the engine */
	char node[NODE_NAME_MAX + 1];       /* the name of this node on the roster */
};

/* True if this node has joined; config: a transaction of the config store, or NULL (no). */
bool membership_get(struct store_txn *config, struct membership *membership);
/*
 * Write it, or with NULL delete it: in a write transaction of graycloud-sync or of `graycloud node`. It makes
 * no generation. Returns 0 or a negative errno.
 */
int membership_put(struct store_txn *config, const struct membership *membership);

/*
 * The cluster that this node was detached from, and its name there (`graycloud node detach`); written and
 * deleted as the membership is. A copy of the configuration of that moment lies beside the store.
 */
bool membership_detached_get(struct store_txn *config, struct membership *membership);
int membership_detached_put(struct store_txn *config, const struct membership *membership);

/*
 * S97: a person has chosen the history that stays, after an engine was restored from a backup, or after a
 * fork. `graycloud node push|reset` writes the choice, and graycloud-sync deletes it when it is done.
 */
enum membership_choice {
	CHOICE_NONE,
	CHOICE_PUSH, /* the engine gets the configuration and the history of this node */
	CHOICE_RESET /* this node gets those of the engine */
};
enum membership_choice membership_choice_get(struct store_txn *config);
int membership_choice_put(struct store_txn *config, enum membership_choice choice);

/*
 * The name of this node in a configuration that others have, too: that on the roster, else the identity of
 * its configuration, which a copy does not have. "" if there is no configuration.
 */
enum { NODE_SELF_MAX = 64 };
char *membership_self(struct store_txn *config, char out[NODE_SELF_MAX]);

/* The store with the verdicts: STORE_CLUSTER on a node that has joined, else STORE_HEALTH. */
enum store_kind membership_verdicts(struct store_txn *config);

#endif
