#include "zones/model/usable.h"

bool
health_state_healthy(enum health_state state)
{
	return state == HEALTH_UP || state == HEALTH_SUSPECT || state == HEALTH_UNMONITORED;
}

/*
 * S24: a forced-up origin is healthy, except a hostname without a known address that must be answered with
 * addresses.
 */
static bool
forced_up(const struct origin *origin, enum health_state state)
{
	return origin->forced == FORCED_UP && (state != HEALTH_UNRESOLVED || origin->unflattened);
}

bool
origin_is_candidate(const struct origin *origin, enum health_state state)
{
	return origin->enabled && origin->weight > 0 && origin_is_healthy(origin, state);
}

bool
origin_is_healthy(const struct origin *origin, enum health_state state)
{
	return origin->forced != FORCED_DOWN && (forced_up(origin, state) || health_state_healthy(state));
}

struct pool_assessment
pool_assess(const struct pool *pool, const enum health_state *states)
{
	struct pool_assessment judgement = {0};
	unsigned weight = 0;
	/* [CF] 3.1: minimum_origins counts only if the pool has a monitor. */
	bool monitored = pool->monitor.text[0] != '\0' || pool->monitor_group.text[0] != '\0';

	for (size_t i = 0; i < pool->norigins; i++) {
		const struct origin *origin = &pool->origins[i];

		if (!origin->enabled)
			continue;
		judgement.enabled++;
		judgement.candidates += origin_is_candidate(origin, states[i]);
		judgement.healthy += origin_is_healthy(origin, states[i]);
		if (origin->weight == 0)
			continue;
		judgement.weighted |= weight != 0 && weight != origin->weight;
		weight = origin->weight;
	}
	judgement.usable = pool->enabled && judgement.candidates > 0 &&
	    (!monitored || judgement.healthy >= pool->minimum_origins);
	return judgement;
}
