/*
 * quorum.h -- S93, S94: the joint state of one endpoint, from the votes of several nodes.
 *
 * Pure functions: no clock, no I/O, no memory of former calls. graycloud-sync decides by them, and
 * `graycloud explain` recounts by them.
 *
 * A vantage is a node with votes; the vantages of one site share one voice. An endpoint goes down only if at
 * least `need` sites say that. need follows from configuration alone (the sites of the roster, or a number),
 * never from the number of nodes that are alive: a node that is gone, isolated or undecided speaks for nobody
 * and weakens nobody.
 */
#ifndef QUORUM_H
#define QUORUM_H

#include "zones/model/model.h"

enum {
	QUORUM_SITES_MAX = 64,
	QUORUM_VANTAGES_MAX = 128, /* nodes on the roster */
	NODE_NAME_MAX = 31,        /* octets */
	NODE_SITE_MAX = 15
};

/*
 * A vote. The numbers are stored and travel between nodes: never change one. The first four are those of enum
 * health_state.
 */
enum vote {
	VOTE_UNKNOWN = HEALTH_UNKNOWN,
	VOTE_UP = HEALTH_UP,
	VOTE_SUSPECT = HEALTH_SUSPECT,
	VOTE_DOWN = HEALTH_DOWN,
	VOTE_GONE = 4 /* does not count: dead, isolated, not yet heard, or it does not probe this endpoint */
};
const char *vote_text(enum vote vote); /* "unknown", "up", "suspect", "down", "gone" */

/* S94: the engine, as this node sees it. The numbers are stored: never change one. */
enum engine_state {
	ENGINE_REACHABLE = 0, /* the own beat came back in time */
	ENGINE_SILENT = 1,    /* it did not, and the reason may be the network: every state stays as it is */
	ENGINE_FAILED =
	    2 /* it did not, although the way to most of its machines works: own verdicts decide */
};
const char *engine_state_text(enum engine_state state); /* "reachable", "silent", "failed" */

struct vantage {
	unsigned site; /* any numbers below QUORUM_SITES_MAX: equal ones share a voice */
	enum vote vote;
};

/* The count of one decision. Numbers are of sites. */
struct quorum_count {
	unsigned up, suspect, down;
	unsigned unknown; /* present, but without a verdict */
	unsigned need;
};

/* How many sites must say down. quorum: of the pool, 0 for a majority. sites: of the roster that vote for it.
 */
unsigned quorum_need(unsigned quorum, unsigned sites);

/*
 * The voice of a site: down if more than half of its vantages that have a verdict say down; else suspect if
 * more than half say suspect or down; else up. VOTE_UNKNOWN if none has a verdict, VOTE_GONE if none counts.
 */
enum vote quorum_site(const struct vantage *vantages, size_t count, unsigned site);

/*
 * S93: the joint state. before: the state until now (VOTE_UNKNOWN at first), which stays if too few say down
 * and nobody says up or suspect. tally may be NULL.
 */
enum vote quorum_combine(const struct vantage *vantages, size_t count, unsigned need, enum vote before,
    struct quorum_count *tally);

/*
 * S94: the state that this node goes by. own is the verdict of its own monitor: VOTE_GONE if it is isolated
 * or dead. That decides only if the engine has failed.
 */
enum vote quorum_decide(enum engine_state engine, enum vote own, const struct vantage *vantages, size_t count,
    unsigned need, enum vote before, struct quorum_count *tally);

#endif
