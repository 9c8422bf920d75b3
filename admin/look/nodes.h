/*
 * nodes.h -- the nodes of the cluster as this node sees them: for `status`, `node list`, `doctor` and the
 * API.
 *
 * A view is read completely and then independent. It has each node of the roster, and each that beats without
 * being on it.
 */
#ifndef NODES_H
#define NODES_H

#include "zones/document/json.h"
#include "zones/state/cluster.h"
#include "zones/state/roster.h"

/* A certificate for the engine that ends within these days is reported. */
enum { NODES_CERTIFICATE_MS = CERTIFICATE_WARN_DAYS * 86400 * 1000 };

struct nodes_view {
	struct membership membership;
	bool written;   /* graycloud-sync has written the cluster store */
	bool sync_dead; /* it has no young beat: verdicts and configuration stay as they are */
	struct health_beat beat;
	struct cluster_engine engine; /* zeros until it is written */
	struct cluster_node *nodes;   /* by name */
	size_t count;
	size_t live;                        /* of those on the roster */
	unsigned sites, live_sites, quorum; /* that vote, of them live, and the majority */
	uint64_t generation;                /* of this node's configuration */
	uint64_t newest;                    /* the newest that any node or the engine has */
	uint64_t now_ms;
};

/*
 * Read it from transactions of config and of the cluster store (NULL: there is none yet). Returns NULL if
 * this node has not joined a cluster. Free it with nodes_view_free, which accepts NULL.
 */
struct nodes_view *nodes_view_read(struct store_txn *config, struct store_txn *cluster);
void nodes_view_free(struct nodes_view *view);

/* Fewer sites are live than the majority: nothing new goes down (S93). */
bool nodes_quorum_lost(const struct nodes_view *view);
/* False if an operator should look: a node is gone, the engine not reachable, something lags or is in
 * trouble. */
bool nodes_all_well(const struct nodes_view *view);

/* One line for people, without a newline; malloc. */
char *nodes_line(const struct nodes_view *view);
/* The state of one node: "live", "gone", "isolated", "never heard"; the age of its beat in ms, or -1. */
const char *nodes_state_text(const struct cluster_node *node);
int64_t nodes_beat_age(const struct nodes_view *view, const struct cluster_node *node);

struct json *nodes_json(const struct nodes_view *view);

#endif
