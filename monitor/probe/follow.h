/*
 * follow.h -- follows the configuration: which endpoints must be probed and which hostnames looked
 * up.
 *
 * Reads the config store: every enabled origin of every enabled pool uses its hostname, if it has one (S16),
 * and if the pool has a monitor, an endpoint for each address.  An endpoint lives while an origin uses it
 * (S24).  After a change only the pools and monitors that the feed of changes names are read again, and after
 * a change of a hostname's addresses only its endpoints change, so that unchanged endpoints keep their
 * state and their timers.
 */
#ifndef FOLLOW_H
#define FOLLOW_H

#include "monitor/probe/resolve.h"
#include "monitor/probe/schedule.h"

struct follow;

struct follow *follow_new(
    struct schedule *schedule, struct resolver *resolver, struct recorder *recorder, const char *state);
/* Stops probing; the records stay. */
void follow_free(struct follow *follow);

/*
 * Read changes, if there are any.  Returns true if there are already more: call it again in a millisecond.
 * A config store that is missing is looked for at each call.
 */
bool follow_poll(struct follow *follow);

/* This descriptor becomes readable when the configuration may have changed; -1 while there is no store.
 * Changes when the store is found. */
int follow_watch_fd(struct follow *follow);
void follow_watch_clear(struct follow *follow);

/* Begin to read the followed configuration; -ENOENT while there is none.  The caller must end it with
 * store_abort.  *store is its number, for config_feed_read. */
int follow_peek(struct follow *follow, struct store_txn **txn, uint64_t *store);

/* Each enabled pool and its endpoints; an endpoint of two of its origins occurs twice. */
typedef void follow_pool_fn(void *arg, const char *pool, struct target *const *targets, size_t count);
void follow_each_pool(const struct follow *follow, follow_pool_fn *fn, void *arg);

/* The state directory. */
const char *follow_state(const struct follow *follow);

/* The generation of the configuration in use. */
uint64_t follow_generation(const struct follow *follow);

#endif
