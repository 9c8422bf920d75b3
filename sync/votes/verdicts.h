/*
 * verdicts.h -- read the verdicts of this node's own monitor from the health store.
 *
 * A change of state is read from the feed of flips at once; everything is read once a second, because a
 * record becomes stale without a change (S25). One thread.
 */
#ifndef VERDICTS_H
#define VERDICTS_H

#include "sync/votes/ballot.h"
#include "zones/state/hostname.h"

struct verdicts;

struct verdicts *verdicts_new(const char *state, struct ballot *ballot);
void verdicts_free(struct verdicts *verdicts);

/* Read what is new. all: read all records. Returns true if anything was read. */
bool verdicts_look(struct verdicts *verdicts, bool all);
/* To wait on for changes; -1: there is none. It changes when the store is opened. */
int verdicts_watch_fd(struct verdicts *verdicts);
void verdicts_watch_clear(struct verdicts *verdicts);

/* Of the last look: the monitor runs (S25); the time since which it is isolated (S26), 0: it is not. */
bool verdicts_alive(const struct verdicts *verdicts);
uint64_t verdicts_isolated_ms(const struct verdicts *verdicts);
/* S40: the monitor has receivers of notifications. */
bool verdicts_notifies(const struct verdicts *verdicts);
/* True if any of these changed since the last call. */
bool verdicts_changed(struct verdicts *verdicts);

/* Begin to read the store; NULL if there is none. The caller ends it with store_abort(). */
struct store_txn *verdicts_begin(struct verdicts *verdicts);
/* Flips of hostnames' addresses since the last call; the caller frees the list. */
struct health_flip *verdicts_names(struct verdicts *verdicts, size_t *count);

#endif
