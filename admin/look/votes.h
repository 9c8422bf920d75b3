/* votes.h -- the votes on an endpoint (S93), for people and as JSON. Pure functions of a ballot. */
#ifndef VOTES_H
#define VOTES_H

#include "zones/document/json.h"
#include "zones/state/cluster.h"

/* "2 of 3 down": how many of the sites say what matters; "" if nobody votes. */
const char *votes_short(const struct cluster_ballot *ballot, char out[40]);
/* "down: fra, nyc (need 2); up: sin; gone: ams"; malloc. */
char *votes_sentence(const struct cluster_ballot *ballot);
struct json *votes_json(const struct cluster_ballot *ballot);

/*
 * The node that saw first what the joint state became: of those whose newest vote until a moment is that
 * state, the one that has it longest. Reads the feed of votes; false if it does not reach back.
 */
bool votes_first(struct store_txn *cluster, const struct health_flip *flip, struct cluster_vote_flip *first);

#endif
