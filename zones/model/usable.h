/*
 * usable.h -- S11, S12: which origins may be chosen, and if a pool is usable.
 *
 * Pure functions of configuration and states. Any thread.
 */
#ifndef USABLE_H
#define USABLE_H

#include "zones/model/model.h"

/* S11: healthy by its state only. */
bool health_state_healthy(enum health_state state);
/* S11: the origin may be chosen. */
bool origin_is_candidate(const struct origin *origin, enum health_state state);
/*
 * S12: forced up, or healthy and not forced down. A disabled origin and one of weight 0 can be healthy, too.
 */
bool origin_is_healthy(const struct origin *origin, enum health_state state);

/*
 * S12 and S15. They judge the pool's origins of both families together. states has one entry for each origin.
 */
struct pool_assessment {
	unsigned enabled, healthy; /* number of enabled origins, and of those, the healthy ones */
	unsigned candidates;       /* S11: number of candidates */
	bool usable;               /* S12 */
	bool weighted;             /* S15: the weights of the enabled origins of weight > 0 differ */
};

struct pool_assessment pool_assess(const struct pool *pool, const enum health_state *states);

#endif
