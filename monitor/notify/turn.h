/*
 * turn.h -- S40 on a cluster: all nodes see the same changes, and one of them reports them.
 *
 * That is the first by name of those that have receivers, beat, and are not isolated. The others keep each
 * notice until the reporting node has beaten for a second after it; if that node is gone, the next one sends
 * what it has kept. So a takeover repeats at most what happened in the last second, and the
 * return of a node what happened in the last three. If the engine
 * has failed, nodes do not hear of each other, and each reports its own verdicts. A node that stands alone
 * always reports.
 *
 * One thread: that of notify.c.
 */
#ifndef TURN_H
#define TURN_H

#include "monitor/notify/notice.h"
#include "zones/state/cluster.h"

enum {
	TURN_KEPT_MAX = 4096,
	TURN_OVERLAP_MS = 1000,
	TURN_RETURN_MS =
	    3000 /* the other one stops when it hears of this node, which may notice that later */
};

struct turn;

struct turn *turn_new(void);
/* Accepts NULL. */
void turn_free(struct turn *turn);

/* Look whose turn it is; cluster: NULL on a node that stands alone. */
void turn_look(struct turn *turn, struct store_txn *cluster, uint64_t now_ms);
/* Does this node report now? */
bool turn_is_ours(const struct turn *turn);

/* Keep a notice, which becomes the turn's; of more than TURN_KEPT_MAX the oldest is dropped. */
void turn_keep(struct turn *turn, struct notice *notice, uint64_t now_ms);
/* The next notice to send, which becomes the caller's; NULL: there is none, or another node reports. */
struct notice *turn_next(struct turn *turn);

#endif
