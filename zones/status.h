/*
 * status.h -- S28: what people call the health of pools and load balancers.
 *
 * Pure: from configuration and states to words.
 */
#ifndef STATUS_H
#define STATUS_H

#include "health.h"

/*
 * S38: what the monitors of a pool together say; verdicts has one for each of judges.  Down where one that must be healthy
 * says so, or more than half of those that vote; suspect where any of them doubts.  One without a verdict abstains; where all
 * do the state is unknown.
 */
enum health_state status_of_judges(const struct judge *judges, const enum health_state *verdicts, size_t count);

/* S24: the state of one address of an origin, its own or one of its hostname's; verdict is what its monitors say. */
enum health_state status_address(const struct pool *pool, const struct origin *origin, const struct address *address,
    enum health_state verdict);

/*
 * S24, S16: the state of an origin; verdict is that of its own address.  That of a hostname is made of the states in
 * origin->resolved, which status_address gave.
 */
enum health_state status_origin(const struct pool *pool, const struct origin *origin, enum health_state verdict);

/* [CF] 4.3; POOL_DISABLED is what [CF] shows by a switch beside the word. */
enum pool_status {
	POOL_HEALTHY,        /* every enabled origin is healthy */
	POOL_DEGRADED,       /* usable (S12), but not every origin is healthy */
	POOL_CRITICAL,       /* not usable */
	POOL_HEALTH_UNKNOWN, /* no monitor, or no result yet */
	POOL_NO_HEALTH,      /* as a load balancer's fallback its health is ignored */
	POOL_DISABLED
};

/* states has one entry for each origin. */
enum pool_status status_pool(const struct pool *pool, const enum health_state *states);
const char *status_pool_text(enum pool_status status);

enum lb_status {
	LB_HEALTHY,  /* all default pools are */
	LB_DEGRADED, /* some are not, and the fallback pool is not in use */
	LB_CRITICAL, /* none is usable: the fallback pool answers */
	LB_DISABLED
};

/* statuses and usable (S12) have one entry for each of the default pools. */
enum lb_status status_lb(const struct lb *lb, const enum pool_status *statuses, const bool *usable);
const char *status_lb_text(enum lb_status status);

#endif
