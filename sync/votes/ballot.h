/*
 * ballot.h -- S91, S93: every endpoint with its votes: those of this node go out, those of all come in, and
 * the joint state follows from them.
 *
 * The own verdict of an endpoint becomes a vote when it comes back from the engine, like those of the others,
 * so that nodes that have seen the same revision agree. One thread.
 */
#ifndef BALLOT_H
#define BALLOT_H

#include "sync/nodes/nodes.h"
#include "sync/votes/rules.h"
#include "sync/votes/sheet.h"

#include <stdio.h>

/* The vote of a node that was heard. */
struct heard_vote {
	uint8_t slot; /* of the node (nodes.h) */
	uint8_t vote, reason;
	uint16_t code;
	uint32_t rtt_us;
	uint32_t reading; /* the reading of its sheet that has it */
	uint64_t since_ms;
	int64_t since_wall;
};

struct voted {
	struct endpoint endpoint; /* the key in the map */
	struct sheet_vote own;    /* the verdict of the own monitor; VOTE_GONE: it has none */
	uint32_t own_reading;
	struct heard_vote *votes;
	size_t nvotes;
	enum vote joint;
	enum health_reason reason; /* of the first vote that made the joint state */
	struct quorum_count tally;
	bool undecided; /* votes or their weight changed: combine */
	bool unwritten; /* the cluster store has something else */
	bool is_urgent; /* the cluster store has another joint state, or no row */
	bool is_listed;
};

struct ballot;

struct ballot *ballot_new(struct nodes *nodes, struct rules *rules);
void ballot_free(struct ballot *ballot);

/* ---- the own verdicts ---- */

/* A reading of all own verdicts begins; those that it does not have are gone at its end. */
void ballot_own_begin(struct ballot *ballot);
void ballot_own(struct ballot *ballot, const struct sheet_vote *own);
void ballot_own_end(struct ballot *ballot);
/* An endpoint is not probed by the own monitor any more. */
void ballot_own_gone(struct ballot *ballot, const struct endpoint *endpoint);
unsigned ballot_own_count(const struct ballot *ballot);

/* The sheets whose votes have changed since they were taken. */
bool ballot_sheet_waits(const struct ballot *ballot, unsigned number);
/* The document of a sheet, which counts as sent. The caller frees it. */
uint8_t *ballot_sheet(struct ballot *ballot, unsigned number, size_t *len);
/* Has this node a vote in it? */
bool ballot_sheet_has(const struct ballot *ballot, unsigned number);
/* It was not written: it waits again. */
void ballot_sheet_unsent(struct ballot *ballot, unsigned number);
/* All sheets wait: after a connection, because the engine may have lost them. */
void ballot_sheets_unsent(struct ballot *ballot);
/* Once a second: in turn, send sheets whose round-trip times have moved; each at most once a minute. */
void ballot_refresh(struct ballot *ballot);

/* ---- the votes of all ---- */

/* A connection begins: forget all votes. */
void ballot_connected(struct ballot *ballot);
/* The sheet of a node. news: reported by the watch, so that changes are flips. */
void ballot_heard(struct ballot *ballot, unsigned slot, unsigned number, struct bytes document, bool news);
/* Whose votes count, or the rules, have changed: combine all. */
void ballot_judge_all(struct ballot *ballot);

/* Combine what is undecided. own_counts: the own monitor is alive and not isolated. */
void ballot_combine(struct ballot *ballot, enum engine_state engine, bool own_counts);
/* The joint state of before a restart. */
void ballot_restore(struct ballot *ballot, const struct endpoint *endpoint, enum vote joint);

/* ---- for the cluster store ---- */

/*
 * Endpoints that the store does not have as they are, in turn; NULL at the end. They stay listed. urgent:
 * those whose joint state the store does not have; else those of which only votes differ.
 */
struct voted *ballot_unwritten(struct ballot *ballot, bool urgent, size_t *at);
/*
 * Written were all urgent endpoints and all changes of joint states, of the others those before this place,
 * and the first changes of votes. Endpoints on which nobody votes are freed.
 */
void ballot_written(struct ballot *ballot, size_t at, size_t flips);
/* The store was lost: everything is to be written, and is urgent. */
void ballot_lost(struct ballot *ballot);
/* The row of the votes on an endpoint. */
void ballot_row(const struct ballot *ballot, const struct voted *voted, struct cluster_ballot *row);
/* True if no node has a vote on it. */
bool ballot_abandoned(const struct voted *voted);
/* The changes of votes that were not written, the oldest first. */
const struct cluster_vote_flip *ballot_flips(const struct ballot *ballot, size_t *count);
/* The changes of joint states that were not written. */
const struct health_flip *ballot_joint_flips(const struct ballot *ballot, size_t *count);
size_t ballot_count(const struct ballot *ballot);
/* The number of endpoints that are down. */
size_t ballot_down(const struct ballot *ballot);

#endif
