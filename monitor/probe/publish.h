/*
 * publish.h -- write the monitor's results to the health store, and keep them through crashes.
 *
 * Flips are committed at once, at most one commit in 10 ms; counters and round-trip times once a second
 * together with the heartbeat.  The store is written without fsync: a thread saves a copy every 10 s,
 * which is used after a crash of the system.  A store that vanishes or is damaged at run time
 * is created again from memory (S27).
 *
 * One thread, except for the saver, which this module starts.  Nothing blocks longer than a commit.
 */
#ifndef PUBLISH_H
#define PUBLISH_H

#include <sys/queue.h>

#include "zones/state/hostname.h"

enum { PUBLISH_PACE_MS = 10 };

/* One endpoint's record, in the monitor's memory; part of the object of the endpoint. */
struct published {
	struct endpoint endpoint;
	struct health_record record;
	bool listed, urgent;
	TAILQ_ENTRY(published) all;
	TAILQ_ENTRY(published) changed; /* not yet written */
};

/* One hostname's record, in the same way. */
struct published_name {
	char *name; /* lower case */
	struct name_record record;
	bool listed, urgent;
	TAILQ_ENTRY(published_name) all;
	TAILQ_ENTRY(published_name) changed;
};

struct publish;

/*
 * Open the health store as its only writer, and read the verdicts of the last run.  wake is called if
 * publish_commit should soon write waiting data.  Returns NULL with problems filled.
 */
struct publish *publish_open(
    const char *state, void (*wake)(void *arg), void *arg, struct problems *problems);
/* Write all that waits, save a copy, close. */
void publish_close(struct publish *publish);

/* Add an endpoint.  Returns true if its record is that of the last run; false if there is none, and the
 * caller must fill the record. */
bool publish_add(struct publish *publish, struct published *published);
/* The endpoint is no longer probed: its record is deleted, with a flip to HEALTH_DISABLED (S24). */
void publish_remove(struct publish *publish, struct published *published);
/* Delete the records of the last run whose endpoints and hostnames were not added by now.
 */
void publish_forget_rest(struct publish *publish);

/* The record changed, but not its state: written within a second. */
void publish_checked(struct publish *publish, struct published *published);
/* The state changed from before, or begins to be damped (S39): written at once. */
void publish_flipped(
    struct publish *publish, struct published *published, enum health_state before, bool damped);

/* Begin to read committed data.  Returns 0 or a negative errno; the caller must end it with store_abort. */
int publish_peek(struct publish *publish, struct store_txn **txn);

/* The same for a hostname; if the last run knew it, its record has the last good addresses. */
bool publish_add_name(struct publish *publish, struct published_name *published);
void publish_remove_name(struct publish *publish, struct published_name *published);
void publish_name_refreshed(struct publish *publish, struct published_name *published);
/* Its addresses changed, or it was looked up for the first time. */
void publish_name_changed(
    struct publish *publish, struct published_name *published, const struct name_record *before);

/* Milliseconds until publish_commit may be called; 0: now. */
unsigned publish_wait_ms(const struct publish *publish);
/* Write the waiting flips. */
void publish_commit(struct publish *publish);
/* S26: this machine is isolated since then, 0: no longer.  A flip, written at once; the next heartbeats
 * repeat it. */
void publish_isolated(struct publish *publish, uint64_t since_ms);
/* The last published isolation, also of the last run. */
uint64_t publish_isolated_since(const struct publish *publish);
/* Since when writes fail, by boot_ms; 0: they succeed.  The number of failures. */
uint64_t publish_failing_since(const struct publish *publish);
uint64_t publish_failures(const struct publish *publish);
/* Call it each second: writes waiting data and the heartbeat, and maintains the store. */
void publish_beat(struct publish *publish, uint32_t endpoints, uint64_t generation);

#endif
