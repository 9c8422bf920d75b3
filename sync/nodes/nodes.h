/*
 * nodes.h -- S90, S92: the nodes: those of the roster and those that beat, and which of them are vantages
 * now.
 *
 * The roster is in the configuration; beats come from the engine. A node has a slot, a number that stays
 * while the process runs, so that votes can refer to it. One thread.
 */
#ifndef NODES_H
#define NODES_H

#include "sync/nodes/beat.h"
#include "sync/nodes/live.h"
#include "zones/state/cluster.h"
#include "zones/state/roster.h"

struct node {
	char name[NODE_NAME_MAX + 1];
	char site[NODE_SITE_MAX + 1];
	uint8_t region; /* geo_region(); 0: none */
	char addresses[256];
	bool on_roster, votes;
	unsigned site_number; /* equal for nodes of one site of the roster */
	struct live live;
	struct beat beat; /* the last one, however old */
	bool has_beat;
	uint64_t heard_ms; /* boot_ms() when it was heard */
	bool has_clock;    /* a beat of it was heard since the start */
	int64_t ahead_ms;  /* its wall clock less this one's then */
	bool counts;       /* it is a vantage, it is alive, and its monitor judges: its votes count */
};

struct nodes {
	struct node list[QUORUM_VANTAGES_MAX];
	unsigned count;
	unsigned self;         /* the slot of this node */
	unsigned sites;        /* number of sites with vantages on the roster */
	uint64_t echoes;       /* own beats that came back since the start, and count */
	uint64_t echo_sent_ms; /* when the last of them was sent */
};

/* name: of this node. */
void nodes_begin(struct nodes *nodes, const char *name);
/* The slot of a node, created if it does not exist. False if there are too many, or the name is invalid. */
bool nodes_slot(struct nodes *nodes, const char *name, unsigned *slot);

/* Read the roster. Returns true if it differs from the last one. */
bool nodes_read_roster(struct nodes *nodes, struct store_txn *config);

/* The connection to the engine begins: nobody was heard. */
void nodes_connected(struct nodes *nodes);
/*
 * An own beat came back that was sent at this time. Between two that count lies the time of a beat, although
 * votes make more of them: else those who are quiet would seem gone (S92). Returns true if it counts.
 */
bool nodes_echo(struct nodes *nodes, uint64_t sent_ms);
/* A beat of a node; news: reported by the watch. */
void nodes_beat(struct nodes *nodes, unsigned slot, const struct beat *beat, bool news);
/* True if every node of the roster was heard since the connection. */
bool nodes_all_heard(const struct nodes *nodes);
/* Find out whose votes count now. Returns true if that changed for any node. */
bool nodes_judge(struct nodes *nodes);

/* The row of a node for the cluster store. */
struct cluster_node nodes_row(const struct nodes *nodes, unsigned slot);

#endif
