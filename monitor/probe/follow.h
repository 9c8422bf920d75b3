/*
 * follow.h -- which endpoints are to be probed and which hostnames looked up, as the configuration says, and
 * goes on saying.
 *
 * Reads the config store: every enabled origin of every enabled pool uses its hostname, if it has one (S16);
 * where the pool has a monitor, an endpoint for each address.  An endpoint lives while an origin uses it
 * (S24).  After a change only the pools and monitors that the feed of changes names are read again, and after
 * a change of a hostname's addresses only its endpoints are others, so that what did not change keeps its
 * state and its timers.
 */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "monitor/probe/resolve.h"
#include "monitor/probe/schedule.h"

struct follow;

struct follow *follow_new(
    struct schedule *schedule, struct resolver *resolver, struct publish *publish, const char *state);
/* Stops probing; the records stay. */
void follow_free(struct follow *follow);

/*
 * Read what changed, if anything did.  True: look again in a millisecond, for there is already more.
 * A config store that is not there yet, or no longer, is looked for each time.
 */
bool follow_poll(struct follow *follow);

/* Becomes readable when the configuration may have changed; -1 while there is none.  Changes when the store
 * is found. */
int follow_watch_fd(struct follow *follow);
void follow_watch_clear(struct follow *follow);

/* Begin to read the configuration that is followed; -ENOENT while there is none. The caller ends it by
 * store_abort. *store is its number, for config_feed_read. */
int follow_peek(struct follow *follow, struct store_txn **txn, uint64_t *store);

/* Each enabled pool and what it has probed; an endpoint of two of its origins is there twice. */
typedef void follow_pool_fn(void *arg, const char *pool, struct target *const *targets, size_t count);
void follow_each_pool(const struct follow *follow, follow_pool_fn *fn, void *arg);

/* The generation that is probed. */
uint64_t follow_generation(const struct follow *follow);

#endif
