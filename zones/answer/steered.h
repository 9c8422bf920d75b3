/*
 * steered.h -- the signature of a load balancer's answer (S100 to S102). Pure; any thread.
 */
#ifndef STEERED_H
#define STEERED_H

#include "zones/answer/answer.h"

/*
 * Find the signature of the addresses in answer->choice, for a client that wants it from a signed zone. If
 * that set has none yet, one of its addresses that has one becomes the answer: the client's first if its
 * address mattered, else one drawn. If no address has one, the answer lacks a signature.
 */
void steered_sign(struct answer *answer, const struct snapshot *snapshot, const struct zone *zone,
    const struct steer_lb *lb, uint64_t draw);

/* The signatures of all addresses of a choice, one by each key. Returns how many; 0: one is missing. */
unsigned steered_signatures(const struct snapshot *snapshot, const struct zone *zone,
    const struct steer_lb *lb, const struct steer_choice *choice, struct signature out[DATA_KEYS_MAX]);

/* The same as steered_sign for the CNAME of a hostname origin (S16). */
void steered_sign_cname(struct answer *answer, const struct snapshot *snapshot, const struct zone *zone,
    const struct steer_lb *lb, const uint8_t *target);

#endif
