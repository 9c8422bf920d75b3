/*
 * cluster.h -- the cluster store of a node that has joined (membership.h): the joint states, the votes behind
 * them, the nodes, the engine, and the outcomes of proposals.
 *
 * graycloud-sync alone writes it; graycloud-dnsd, the monitor's notifications, the commands and the API read
 * it. Like health it is written without fsync and disposable, with a saved copy (store_save): what it says
 * beyond the engine are the joint states before a restart, which stay until the engine is heard.
 *
 * The joint states have health's own rows, so that a reader of verdicts reads either store with the same
 * functions:
 *
 * - health_put, health_get: the joint state of an endpoint. Fill the record with cluster_record(). Delete the
 *   record (health_delete) when no pool uses the endpoint. Write it when the joint state changes, and when
 *   the round-trip time of this node's own monitor (rtt_steady_us) or its reason did.
 * - health_flip_put: a change of a joint state; of kind FLIP_STATE, with the reason of the first vote that
 *   made it. FLIP_ADDRESSES of the own monitor is copied.
 * - name_put: hostnames, copied from the health store of this node with each FLIP_ADDRESSES and each second.
 * - health_beat_put: the beat of graycloud-sync, each second: its own process, endpoints: joint states,
 *   generation: that of the configuration which it applied last, isolated_ms: of the own monitor.
 *
 * A joint record never becomes stale by itself (S94: a silent engine changes nothing); it is as old as the
 * beat. Use the functions on the thread of the transaction; those that write return 0 or a negative errno.
 */
#ifndef CLUSTER_H
#define CLUSTER_H

#include "zones/base/digest.h"
#include "zones/model/quorum.h"
#include "zones/state/health.h"
#include "zones/state/membership.h"

enum { NODE_REGION_MAX = 7 };

/* ---- joint states ---- */

/*
 * The record of a joint state, since now. own is the record of this node's own monitor, or NULL if it does
 * not probe the endpoint: of that come checks, latencies and details, which people see. before is the joint
 * record until now, or NULL; its since is kept if the state is the same.
 */
struct health_record cluster_record(enum vote state, enum health_reason reason,
    const struct health_record *own, const struct health_record *before, uint64_t now_ms, int64_t now_wall);

/* ---- votes ---- */

/* The vote of one node on one endpoint, as it was heard last. Stored in this memory layout. */
struct cluster_vote {
	char node[NODE_NAME_MAX + 1];
	char site[NODE_SITE_MAX + 1];
	uint8_t vote;       /* enum vote as the node gave it: never VOTE_GONE */
	uint8_t counts;     /* 1: the node is live and heard, and may vote on this endpoint (S91, S92) */
	uint8_t reason;     /* enum health_reason */
	uint8_t unused;     /* 0 */
	uint32_t code;      /* HTTP status of its last check, 0: none */
	uint32_t rtt_us;    /* 0: none */
	int64_t since_wall; /* by this node's wall clock, when it heard the vote first: for display */
	uint64_t since_ms;  /* the same by CLOCK_BOOTTIME */
};

/*
 * All votes on an endpoint, in the order of the names of the nodes, and the number of sites that must say
 * down: roster_need() of any pool that has the endpoint (health_pool_endpoint: all of them count alike).
 */
struct cluster_ballot {
	unsigned need;
	size_t count;
	struct cluster_vote votes[QUORUM_VANTAGES_MAX];
};
bool cluster_ballot_get(
    struct store_txn *txn, const struct endpoint *endpoint, struct cluster_ballot *ballot);
int cluster_ballot_put(
    struct store_txn *txn, const struct endpoint *endpoint, const struct cluster_ballot *ballot);
int cluster_ballot_delete(struct store_txn *txn, const struct endpoint *endpoint);

/* The votes that count as quorum.h reads them; sites[i] is the name of site number i. Returns their number.
 */
size_t cluster_vantages(const struct cluster_ballot *ballot, struct vantage vantages[QUORUM_VANTAGES_MAX],
    const char *sites[QUORUM_SITES_MAX], unsigned *nsites);

/* A vote that changed: the feed of which site saw what first. */
struct cluster_vote_flip {
	struct endpoint endpoint;
	char node[NODE_NAME_MAX + 1];
	char site[NODE_SITE_MAX + 1];
	uint8_t vote, before; /* enum vote */
	uint8_t reason;       /* enum health_reason */
	uint8_t unused[5];    /* 0 */
	uint64_t at_ms;       /* CLOCK_BOOTTIME of this node when it heard it */
	int64_t at_wall;
};
/* Append, and delete those beyond HEALTH_FLIPS_KEPT. */
int cluster_vote_flip_put(struct store_txn *txn, const struct cluster_vote_flip *flip);
uint64_t cluster_vote_flip_last(struct store_txn *txn);
typedef bool cluster_vote_flip_fn(void *arg, uint64_t sequence, const struct cluster_vote_flip *flip);
/* Report those after a sequence, the oldest first. False if the feed does not reach back, or fn stopped it.
 */
bool cluster_vote_flips_after(struct store_txn *txn, uint64_t sequence, cluster_vote_flip_fn *fn, void *arg);

/* ---- nodes ---- */

/* A node of the roster, or one that beats without being on it. Written when it changes and each second. */
struct cluster_node {
	char name[NODE_NAME_MAX + 1];
	char site[NODE_SITE_MAX + 1];
	char region[NODE_REGION_MAX + 1]; /* a code of [CF] 2.7, or "" */
	char version[16];
	uint8_t on_roster;     /* 1: it is an object of kind node */
	uint8_t votes;         /* 1: it is a vantage (S90) */
	uint8_t heard;         /* 1: a beat of it was heard since this node connected */
	uint8_t live;          /* 1: it beats (S92) */
	uint8_t monitor_alive; /* as its last beat says */
	uint8_t self;          /* 1: this node */
	uint8_t notifies;      /* its monitor has receivers of notifications (S40) */
	uint8_t unused;        /* 0 */
	uint32_t schema;
	uint32_t endpoints;  /* votes that it gives */
	uint64_t beat_ms;    /* CLOCK_BOOTTIME of this node when it heard the last beat; 0: never */
	uint64_t isolated_s; /* since how many seconds its canaries fail, by its own clock; 0: they do not */
	uint64_t generation; /* that it applied */
	int64_t ahead_ms;    /* its wall clock less this node's, roughly */
	uint8_t digest[DIGEST_LEN]; /* of the newest entry that it applied (entry.h); zeros: unknown */
	char addresses[256];        /* of the roster, separated by blanks */
	char trouble[256];          /* a sentence: why it does not apply, a fork, a clock; "" */
};
bool cluster_node_get(struct store_txn *txn, const char *name, struct cluster_node *node);
int cluster_node_put(struct store_txn *txn, const struct cluster_node *node);
int cluster_node_delete(struct store_txn *txn, const char *name);
typedef bool cluster_node_fn(void *arg, const struct cluster_node *node);
/* In the order of their names. False if fn stopped it. */
bool cluster_node_each(struct store_txn *txn, cluster_node_fn *fn, void *arg);

/* All of them together, for a metrics page. */
struct cluster_summary {
	unsigned nodes, lost;         /* of the roster; of these those that do not beat */
	unsigned sites, voting_sites; /* that have a vantage; of these those whose votes count now */
	uint64_t generation;          /* the newest of all nodes and of the engine */
	bool quorum_lost;             /* fewer sites vote than a majority: nothing new goes down */
};
struct cluster_summary cluster_summary(struct store_txn *txn);
/* Does the vote of a node count now? */
bool cluster_node_counts(const struct cluster_node *node);

/* ---- the engine ---- */

struct cluster_engine {
	uint8_t state;               /* enum engine_state */
	uint8_t own_member;          /* 1: it speaks with the member of its own machine */
	uint8_t members_up, members; /* of the last time that they were asked */
	uint32_t unused;             /* 0 */
	uint64_t since_ms;           /* CLOCK_BOOTTIME when the state began */
	int64_t since_wall;
	uint64_t echo_ms;          /* CLOCK_BOOTTIME when the own beat came back last; 0: never */
	uint64_t generation;       /* the newest in the engine; the lag of a node is that less its own */
	uint64_t size, quota;      /* octets of its database; 0: unknown */
	int64_t certificate_until; /* wall clock: the certificates for it end; 0: none are used */
	uint64_t proposals, lost_races, reconnects; /* since the start of graycloud-sync */
	char member[128];  /* the address of the member that it speaks with; "": none */
	char trouble[256]; /* a sentence: why it is not reachable, a fork, a full quota; "" */
};
bool cluster_engine_get(struct store_txn *txn, struct cluster_engine *engine);
int cluster_engine_put(struct store_txn *txn, const struct cluster_engine *engine);

/* ---- sticky pins of the other nodes (S99) ---- */

/* A document of a node (pin_sheet.h) by its number, in the place of an older one; nothing if it is the same.
 */
int cluster_pins_put(struct store_txn *txn, const char *node, uint16_t number, struct bytes document);
int cluster_pins_delete(struct store_txn *txn, const char *node, uint16_t number);
/* Delete those of all nodes for which keep returns false. */
typedef bool cluster_pins_keep_fn(void *arg, const char *node);
int cluster_pins_sweep(struct store_txn *txn, cluster_pins_keep_fn *keep, void *arg);
typedef void cluster_pins_fn(void *arg, struct bytes document);
/*
 * Report the documents that were put after a sequence, in any order. Returns the sequence of the last one:
 * less than before if the store was lost.
 */
uint64_t cluster_pins_after(struct store_txn *txn, uint64_t sequence, cluster_pins_fn *fn, void *arg);

/* ---- outcomes of proposals (proposal.h) ---- */

enum cluster_verdict {
	OUTCOME_COMMITTED = 1, /* as generation, and applied here */
	OUTCOME_MOVED =
	    2, /* another entry took the generation: this one will never be committed; run again */
	OUTCOME_REFUSED = 3 /* it was not committed and never will be: text says why */
};
struct cluster_outcome {
	uint8_t what; /* enum cluster_verdict */
	uint8_t unused[7];
	uint64_t generation; /* of the entry, or with OUTCOME_MOVED that of the newest entry */
	uint64_t at_ms;      /* CLOCK_BOOTTIME */
	char text[256];      /* the end of a sentence, "" */
};
enum { CLUSTER_OUTCOMES_KEPT = 1024 };
/* id: of the proposal. The oldest outcomes beyond CLUSTER_OUTCOMES_KEPT are deleted. */
bool cluster_outcome_get(struct store_txn *txn, const char *id, struct cluster_outcome *outcome);
int cluster_outcome_put(struct store_txn *txn, const char *id, const struct cluster_outcome *outcome);

#endif
