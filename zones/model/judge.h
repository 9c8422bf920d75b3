/*
 * judge.h -- S11, S12: which origins may be chosen, and whether a pool is usable.
 *
 * Pure: from configuration and states to a judgement.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "zones/model/model.h"

/* S11: healthy by its state alone. */
bool health_state_healthy(enum health_state state);
/* S11. */
bool origin_is_candidate(const struct origin *origin, enum health_state state);
/* S12: forced up, or healthy and not forced down; weight 0 counts, and so does a disabled one. */
bool origin_is_healthy(const struct origin *origin, enum health_state state);

/* S12 and S15, which judge the pool's origins of both families at once; states has one entry for each origin.
 */
struct pool_judgement {
	unsigned enabled, healthy; /* of the enabled origins */
	unsigned candidates;       /* S11 */
	bool usable;               /* S12 */
	bool weighted;             /* S15: any weight differs among enabled origins of weight > 0 */
};

struct pool_judgement pool_judge(const struct pool *pool, const enum health_state *states);

#endif
