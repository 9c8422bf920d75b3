/*
 * status.h -- S28: what people call the health of pools and load balancers.
 *
 * Pure: from configuration and states to words.
 */
#ifndef STATUS_H
#define STATUS_H

#include "zones/model/lists.h"

/*
 * S38: what the monitors of a pool together say; verdicts has one for each of judges.  Down where one that
 * must be healthy says so, or more than half of those that vote; suspect where any of them doubts.  One
 * without a verdict abstains; where all do the state is unknown.
 */
enum health_state status_of_judges(
    const struct judge *judges, const enum health_state *verdicts, size_t count);

/* S24: the state of one address of an origin, its own or one of its hostname's; verdict is what its monitors
 * say. */
enum health_state status_address(const struct pool *pool, const struct origin *origin,
    const struct address *address, enum health_state verdict);

/*
 * S24, S16: the state of an origin; verdict is that of its own address.  That of a hostname is made of the
 * states in origin->resolved, which status_address gave.
 */
enum health_state status_origin(
    const struct pool *pool, const struct origin *origin, enum health_state verdict);

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
	LB_HEALTHY,  /* all pools of all its lists are */
	LB_DEGRADED, /* some are not */
	LB_CRITICAL, /* from no list can anything be chosen: everybody gets a fallback pool */
	LB_DISABLED
};

/* What is known of a pool; one that is not there is critical. */
struct status_of_pool {
	enum pool_status status;
	bool usable; /* S12 */
};
typedef struct status_of_pool status_pool_fn(const void *arg, const struct id *pool);

/* Fills last_resort for each list (S14): nothing can be chosen from it now, its fallback pool answers. */
enum lb_status status_lb(const struct lb *lb, const struct pool_list *lists, size_t count,
    status_pool_fn *pool, const void *arg, bool *last_resort);
const char *status_lb_text(enum lb_status status);

#endif
