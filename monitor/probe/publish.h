/*
 * publish.h -- write what the monitor knows to the health store, and keep it through crashes.
 *
 * Flips are committed at once, at most one commit in 10 ms; counters and round-trip times once a second
 * together with the heartbeat.  The store is written without fsync: a thread saves a copy of it every 10 s,
 * which the store falls back to after a crash of the system.  A store that vanishes or is damaged under way
 * is made anew from what is in memory (S27).
 *
 * One thread, but for the saving, which is in here.  Nothing blocks longer than a commit.
 */
#ifndef PUBLISH_H
#define PUBLISH_H

#include <sys/queue.h>

#include "zones/state/hostname.h"

enum { PUBLISH_PACE_MS = 10 };

/* One endpoint's record, in the monitor's memory; part of whoever keeps the endpoint. */
struct published {
	struct endpoint endpoint;
	struct health_record record;
	bool listed, urgent;
	TAILQ_ENTRY(published) all;
	TAILQ_ENTRY(published) changed; /* not yet written */
};

/* One hostname's record, likewise. */
struct published_name {
	char *name; /* lower case */
	struct name_record record;
	bool listed, urgent;
	TAILQ_ENTRY(published_name) all;
	TAILQ_ENTRY(published_name) changed;
};

struct publish;

/*
 * Open the health store as its only writer, and read the verdicts of the last run.  wake is called
 * when something waits that publish_commit should write soon.  NULL with problems filled where it cannot be.
 */
struct publish *publish_open(
    const char *state, void (*wake)(void *arg), void *arg, struct problems *problems);
/* Write all that waits, save a copy, close. */
void publish_close(struct publish *publish);

/* Take up an endpoint.  True: its record is that of the last run; false: there is none, and record is the
 * caller's to fill. */
bool publish_add(struct publish *publish, struct published *published);
/* The endpoint is no longer probed: its record is deleted, with a flip to HEALTH_DISABLED (S24). */
void publish_remove(struct publish *publish, struct published *published);
/* Records of the last run whose endpoints and hostnames were not added by now belong to nobody: delete them.
 */
void publish_forget_rest(struct publish *publish);

/* The record changed, but not its state: written within a second. */
void publish_checked(struct publish *publish, struct published *published);
/* The state changed from before, or begins to be damped (S39): written at once. */
void publish_flipped(
    struct publish *publish, struct published *published, enum health_state before, bool damped);

/* Begin to read what was committed.  0 or a negative errno; the caller ends it by store_abort. */
int publish_peek(struct publish *publish, struct store_txn **txn);

/* The same for a hostname; where the last run knew it, its record is what was last good. */
bool publish_add_name(struct publish *publish, struct published_name *published);
void publish_remove_name(struct publish *publish, struct published_name *published);
void publish_name_refreshed(struct publish *publish, struct published_name *published);
/* Its addresses are others than before, or it was looked up for the first time. */
void publish_name_changed(
    struct publish *publish, struct published_name *published, const struct name_record *before);

/* Milliseconds until publish_commit may be called; 0: now. */
unsigned publish_wait_ms(const struct publish *publish);
/* Write the flips that wait. */
void publish_commit(struct publish *publish);
/* S26: this machine is cut off since then, 0: no longer.  A flip, written at once; the next heartbeats say
 * it, too. */
void publish_isolated(struct publish *publish, uint64_t since_ms);
/* As it was said last, also by the last run. */
uint64_t publish_isolated_since(const struct publish *publish);
/* Since when nothing could be written, by boot_ms; 0: it can.  How often it failed. */
uint64_t publish_failing_since(const struct publish *publish);
uint64_t publish_failures(const struct publish *publish);
/* Each second: write all that waits and the heartbeat, and look after the store. */
void publish_beat(struct publish *publish, uint32_t endpoints, uint64_t generation);

#endif
