#include "zones/model/status.h"

#include "zones/model/usable.h"

static bool
pool_monitored(const struct pool *pool)
{
	return pool->monitor.text[0] != '\0' || pool->monitor_group.text[0] != '\0';
}

enum health_state
status_of_judges(const struct judge *judges, const enum health_state *verdicts, size_t count)
{
	unsigned votes = 0, down = 0;
	bool doubted = false;

	for (size_t i = 0; i < count; i++) {
		if (!judges[i].votes || verdicts[i] == HEALTH_UNKNOWN)
			continue;
		if (verdicts[i] == HEALTH_DOWN && judges[i].must_be_healthy)
			return HEALTH_DOWN;
		votes++;
		down += verdicts[i] == HEALTH_DOWN;
		doubted |= verdicts[i] != HEALTH_UP;
	}
	if (votes == 0)
		return HEALTH_UNKNOWN;
	return down * 2 > votes ? HEALTH_DOWN : doubted ? HEALTH_SUSPECT : HEALTH_UP;
}

enum health_state
status_address(const struct pool *pool, const struct origin *origin, const struct address *address,
    enum health_state verdict)
{
	if (!pool->enabled || !origin->enabled)
		return HEALTH_DISABLED;
	if (!pool_monitored(pool))
		return HEALTH_UNMONITORED;
	if (verdict != HEALTH_UNKNOWN)
		return verdict;
	/* S24: until the first verdict, use the state from when the monitor was attached. */
	return origin_is_hostname(origin) ? resolved_state(origin->seeds, address) : origin->seeded;
}

/* S16: up if any address is up, and so on down the order; an unknown address may still be up. */
static enum health_state
best_state(const struct resolved *resolved)
{
	static const enum health_state order[] = {
	    HEALTH_UNMONITORED, HEALTH_UP, HEALTH_SUSPECT, HEALTH_UNKNOWN, HEALTH_DOWN};

	for (size_t s = 0; s < NITEMS(order); s++)
		for (unsigned i = 0; i < resolved->count; i++)
			if (resolved->list[i].state == order[s])
				return order[s];
	return HEALTH_UNRESOLVED;
}

enum health_state
status_origin(const struct pool *pool, const struct origin *origin, enum health_state verdict)
{
	if (!origin_is_hostname(origin) || !pool->enabled || !origin->enabled)
		return status_address(pool, origin, &origin->ip, verdict);
	if (origin->resolved == NULL || origin->resolved->gone)
		return HEALTH_UNRESOLVED;
	return best_state(origin->resolved);
}

/* True if nothing is known of any enabled origin, by probe or by force. */
static bool
nothing_known(const struct pool *pool, const enum health_state *states)
{
	for (size_t i = 0; i < pool->norigins; i++)
		if (pool->origins[i].enabled &&
		    (states[i] != HEALTH_UNKNOWN || pool->origins[i].forced != FORCED_NONE))
			return false;
	return true;
}

enum pool_status
status_pool(const struct pool *pool, const enum health_state *states)
{
	struct pool_assessment judgement = pool_assess(pool, states);

	if (!pool->enabled)
		return POOL_DISABLED;
	if (judgement.enabled == 0)
		return POOL_CRITICAL;
	/*
	 * [CF] 4.3: a pool without a monitor serves without a verdict; a pool without a result counts as
	 * down.
	 */
	if (nothing_known(pool, states) || (!pool_monitored(pool) && judgement.usable))
		return POOL_HEALTH_UNKNOWN;
	if (!judgement.usable)
		return POOL_CRITICAL;
	return judgement.healthy == judgement.enabled ? POOL_HEALTHY : POOL_DEGRADED;
}

const char *
status_pool_text(enum pool_status status)
{
	static const char *const texts[] = {
	    "Healthy", "Degraded", "Critical", "Health unknown", "No health", "Disabled"};

	return texts[status];
}

enum lb_status
status_lb(const struct lb *lb, const struct pool_list *lists, size_t count, status_pool_fn *pool,
    const void *arg, bool *last_resort)
{
	bool all = true, any = false;

	for (size_t i = 0; i < count; i++) {
		last_resort[i] = true;
		for (size_t n = 0; n < lists[i].npools; n++) {
			struct status_of_pool one = pool(arg, &lists[i].pools[n]);

			/*
			 * A pool without a monitor is usable and unknown; it is never judged, so it never
			 * counts against the load balancer.
			 */
			all &=
			    one.status == POOL_HEALTHY || (one.status == POOL_HEALTH_UNKNOWN && one.usable);
			last_resort[i] &= !(one.usable && lists_choosable(&lists[i], &lists[i].pools[n]));
		}
		any |= !last_resort[i];
		all &= !last_resort[i];
	}
	if (!lb->enabled)
		return LB_DISABLED;
	return !any ? LB_CRITICAL : all ? LB_HEALTHY : LB_DEGRADED;
}

const char *
status_lb_text(enum lb_status status)
{
	static const char *const texts[] = {"Healthy", "Degraded", "Critical", "Disabled"};

	return texts[status];
}
