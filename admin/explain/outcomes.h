/*
 * outcomes.h -- each way that a question may be answered, and how often: load balancers draw among pools, and
 * pools shed load by chance.  The choice within a pool (S15) is not an outcome of its own.
 */
#ifndef OUTCOMES_H
#define OUTCOMES_H

#include "zones/answer/answer.h"

struct outcome {
	double probability;
	uint32_t slot;    /* of the pool that decided, if a load balancer did */
	bool last_resort; /* as the fallback pool (S14) */
	struct answer answer;
};

/*
 * All outcomes of a question, at least one; their probabilities add up to 1.  Exact if weights alone decide;
 * if pools shed at random, repeated draws give two exact digits.  first is what steering->draw gave with
 * steering->trace, which has room for the load balancer.  Free the array.
 */
struct outcome *outcomes_new(const struct snapshot *snapshot, const struct question *question,
    const struct steering *steering, const struct answer *first, size_t *count);

#endif
