/*
 * rollovers.h -- take the procedures of all zones further: what the configuration asks for, looks at the
 * servers (looker.h), and steps (rollover.h). S107, S108.
 *
 * All functions belong to the thread of the signer. None waits for an answer of a server.
 */
#ifndef SIGNER_ROLLOVERS_H
#define SIGNER_ROLLOVERS_H

#include "signer/keys/keyring.h"
#include "signer/look/looker.h"
#include "signer/rollover/key_state.h"
#include "signer/time/outside.h"
#include "zones/store/store.h"

#include <stdio.h>

struct rollover_options {
	struct rollover_pace pace;
	struct look_options look;
	uint32_t key_ttl; /* seconds, of DNSKEY */
};

struct rollovers;

/* options must stay. NULL with problems. */
struct rollovers *rollovers_new(const struct rollover_options *options, struct problems *problems);
void rollovers_free(struct rollovers *rollovers);

/* Often, before rollovers_turn: take the looks that are over, and note what they show about the time (S106).
 */
void rollovers_take_looks(struct rollovers *rollovers, struct outside *outside);
/* Can a look be begun? */
bool rollovers_have_room(const struct rollovers *rollovers);
/*
 * Begin a look at the servers of the parent of this zone, for the time alone. There must be room. apex: in
 * wire form; rows: of its keys.
 */
void rollovers_look_for_time(struct rollovers *rollovers, uint32_t zone, const uint8_t *apex,
    const struct signing_key *rows, unsigned count);

/*
 * Of one zone, often: is a look due? Returns true if something is to be written: call rollovers_settle for
 * all zones then, in a pass.
 */
bool rollovers_turn(struct rollovers *rollovers, uint32_t zone, struct keyring *keyring);
/* After that for all zones: begin looks that are due, first at those zones whose last look is the oldest. */
void rollovers_begin_looks(struct rollovers *rollovers, struct store *config);

enum rollovers_settled {
	ROLLOVERS_SAME,
	ROLLOVERS_NOTED,   /* the row of the procedure changed */
	ROLLOVERS_STEPPED, /* marks of keys changed, too: the zone is to be signed again */
	ROLLOVERS_ENDED    /* the zone is not signed any longer: drop it, but keep the row of the procedure */
};
/* Requests for a zone, and what came for it. */
struct rollovers_asked {
	const struct dnssec_policy *policy;
	bool here; /* its requests were given at this node: the signers of other nodes do not take them (S111)
		    */
	const struct key_state *arrived; /* from the node that leads; NULL: nothing new */
	uint32_t ttl_data;               /* the largest TTL of the zone's RRsets */
};
/*
 * In a pass: take requests of the configuration, states of another node, the result of a look, and steps that
 * are done. The caller writes the keyring (keyring_put) if it changed.
 */
enum rollovers_settled rollovers_settle(
    struct rollovers *rollovers, uint32_t zone, struct keyring *keyring, const struct rollovers_asked *asked);
/* A pass failed and the keyrings are read again, or nothing is signed: forget what was taken. */
void rollovers_forget(struct rollovers *rollovers);

/* Write the metrics of all looks, and of all procedures: the sum over the zones by rollovers_count. */
struct rollover_counts {
	unsigned procedures; /* that run */
	unsigned followed;   /* those of them that another node leads */
	int64_t state_ms;    /* the age of the oldest state of these */
	unsigned lacking;    /* servers that the last looks found wrong */
	int64_t age_ms;      /* of the oldest step */
};
void rollovers_count(struct rollover_counts *counts, struct keyring *keyring);
void rollovers_expose(const struct rollovers *rollovers, const struct rollover_counts *counts, FILE *page);

#endif
