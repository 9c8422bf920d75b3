/*
 * status.h -- S28: the health of pools and load balancers, as the words that operators see.
 *
 * Pure functions of configuration and states. Any thread.
 */
#ifndef STATUS_H
#define STATUS_H

#include "zones/model/lists.h"

/*
 * S38: the joint verdict of the monitors of a pool; verdicts has one entry for each of judges. Down if a
 * monitor with must_be_healthy reports down, or more than half of the voting ones do (one that is
 * monitoring_only does not count); suspect if any voting one does not report up. A monitor without a verdict
 * abstains; if all abstain the state is unknown.
 */
enum health_state status_of_judges(
    const struct judge *judges, const enum health_state *verdicts, size_t count);

/*
 * S24: the state of one address of an origin: its own, or one of its hostname's. verdict is that of its
 * monitors.
 */
enum health_state status_address(const struct pool *pool, const struct origin *origin,
    const struct address *address, enum health_state verdict);

/*
 * S24, S16: the state of an origin. verdict is that of its own address. The state of a hostname follows from
 * the states in origin->resolved, which status_address computed.
 */
enum health_state status_origin(
    const struct pool *pool, const struct origin *origin, enum health_state verdict);

/* [CF] 4.3. Cloudflare shows POOL_DISABLED as a switch beside the word. */
enum pool_status {
	POOL_HEALTHY,        /* every enabled origin is healthy */
	POOL_DEGRADED,       /* usable (S12), but not every origin is healthy */
	POOL_CRITICAL,       /* not usable */
	POOL_HEALTH_UNKNOWN, /* no monitor, or no result yet */
	POOL_NO_HEALTH,      /* its health is ignored, because it is a load balancer's fallback pool */
	POOL_DISABLED
};

/* states has one entry for each origin. */
enum pool_status status_pool(const struct pool *pool, const enum health_state *states);
const char *status_pool_text(enum pool_status status);

enum lb_status {
	LB_HEALTHY,  /* all pools of all its lists are healthy */
	LB_DEGRADED, /* some are not */
	LB_CRITICAL, /* no list has a pool that can be chosen: every client gets a fallback pool */
	LB_DISABLED
};

/* The status of a pool. A pool that does not exist is critical. */
struct status_of_pool {
	enum pool_status status;
	bool usable; /* S12 */
};
typedef struct status_of_pool status_pool_fn(const void *arg, const struct id *pool);

/*
 * Sets last_resort for each list (S14): true if no pool of it can be chosen now, so its fallback pool
 * answers.
 */
enum lb_status status_lb(const struct lb *lb, const struct pool_list *lists, size_t count,
    status_pool_fn *pool, const void *arg, bool *last_resort);
const char *status_lb_text(enum lb_status status);

#endif
