/*
 * notify_lb.h -- finds load balancers whose status is news (S28, S40).
 *
 * A status depends on the pools of a load balancer, so it is judged again only if one of them has
 * changed or the load balancer was edited.  There may be 100,000: for each only its name, its pools and the
 * last report are kept (about 200 octets), its document is read again to judge it, and one call visits a few
 * of them.
 *
 * One thread: that of notify.c.
 */
#ifndef NOTIFY_LB_H
#define NOTIFY_LB_H

#include "zones/model/status.h"
#include "zones/state/config.h"

/* The state of a pool, from notify.c. */
struct pool_now {
	bool settled; /* its status can be used */
	struct status_of_pool now;
	bool was_known; /* it was known in the last run */
	struct status_of_pool was;
	uint64_t changed; /* the look in which settled or now changed last; looks count from 1 */
};
/* Returns NULL if the pool does not exist. */
typedef const struct pool_now *pool_now_fn(const void *arg, const struct id *pool);

/* Reports a new status.  before and after are static texts. */
typedef void lb_report_fn(
    void *arg, const struct id *id, const char *name, const char *before, const char *after, bool healthy);

struct notify_lbs;

struct notify_lbs *notify_lbs_new(void);
void notify_lbs_free(struct notify_lbs *lbs); /* accepts NULL */

/* The configuration was read completely: update the list of load balancers; the last reports stay. */
void notify_lbs_read(struct notify_lbs *lbs, struct store_txn *config);
/* A load balancer was written or deleted. */
void notify_lbs_edited(struct notify_lbs *lbs, struct store_txn *config, const struct id *id);
/* A pool has changed: visit all load balancers. */
void notify_lbs_wake(struct notify_lbs *lbs);

/* Visit some.  Returns true if there are more: call it again in the next turn of the loop. */
bool notify_lbs_look(struct notify_lbs *lbs, struct store_txn *config, uint64_t look, pool_now_fn *pool,
    lb_report_fn *report, void *arg);

#endif
