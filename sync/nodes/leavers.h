/*
 * leavers.h -- S90: delete what a node that left has in the engine: its beat, its votes, its sticky pins.
 *
 * The transaction that commits `node remove` deletes the rows of that node. The keeper (S97) deletes the
 * rest: rows of a node that is not on the roster and does not beat, for instance of one that
 * wrote a last time after its removal. A beat between is a comparison that fails, so no row of a node that
 * lives is deleted. One thread.
 */
#ifndef LEAVERS_H
#define LEAVERS_H

#include "sync/engine/etcd.h"
#include "sync/nodes/nodes.h"

enum {
	LEAVERS_OPERATIONS = 3, /* of leavers_delete() */
	LEAVERS_WAIT_MS = 10000 /* the engine is reachable for so long before the keeper deletes */
};

/* Add the deletion of all rows of a node to a transaction. prefix: of all keys. */
void leavers_delete(struct etcd_txn *txn, const char *prefix, const char *node);

struct leavers;

/* The texts are copied. */
struct leavers *leavers_new(struct etcd *etcd, const char *prefix);
/* Accepts NULL. */
void leavers_free(struct leavers *leavers);

/* The connection begins: all rows are read again. */
void leavers_begun(struct leavers *leavers);
/* A row of live/, votes/ or pins/ (key without the prefix). */
void leavers_row(struct leavers *leavers, const char *key, const struct etcd_row *row);
/*
 * Delete the rows of one node that left, if there is any and no request is in flight. Call it each second on
 * the keeper while the engine is reachable for LEAVERS_WAIT_MS.
 */
void leavers_look(struct leavers *leavers, const struct nodes *nodes);

/* True if this name is on the roster, or its node beats. */
bool leavers_is_here(const struct nodes *nodes, const char *name);

#endif
