/*
 * recorder.h -- write the monitor's results to the health store, and keep them through crashes.
 *
 * Flips are committed at once, at most one commit in 10 ms; counters and round-trip times once a second
 * together with the heartbeat.  The store is written without fsync: a thread saves a copy every 10 s,
 * which is used after a crash of the system.  A store that vanishes or is damaged at run time
 * is created again from memory (S27).
 *
 * One thread, except for the saver, which this module starts.  Nothing blocks longer than a commit.
 */
#ifndef RECORDER_H
#define RECORDER_H

#include <sys/queue.h>

#include "zones/state/hostname.h"

enum { RECORDER_PACE_MS = 10 };

/* One endpoint's record, in the monitor's memory; part of the object of the endpoint. */
struct recorded {
	struct endpoint endpoint;
	struct health_record record;
	bool listed, urgent;
	TAILQ_ENTRY(recorded) all;
	TAILQ_ENTRY(recorded) changed; /* not yet written */
};

/* One hostname's record, in the same way. */
struct recorded_name {
	char *name; /* lower case */
	struct name_record record;
	bool listed, urgent;
	TAILQ_ENTRY(recorded_name) all;
	TAILQ_ENTRY(recorded_name) changed;
};

struct recorder;

/*
 * Open the health store as its only writer, and read the verdicts of the last run.  wake is called if
 * recorder_commit should soon write waiting data.  Returns NULL with problems filled.
 */
struct recorder *recorder_open(
    const char *state, void (*wake)(void *arg), void *arg, struct problems *problems);
/* Write all that waits, save a copy, close. */
void recorder_close(struct recorder *recorder);

/* Add an endpoint.  Returns true if its record is that of the last run; else the caller must fill the record.
 */
bool recorder_add(struct recorder *recorder, struct recorded *recorded);
/* The endpoint is no longer probed: its record is deleted, with a flip to HEALTH_DISABLED (S24). */
void recorder_remove(struct recorder *recorder, struct recorded *recorded);
/* Delete the records of the last run whose endpoints and hostnames were not added by now.
 */
void recorder_forget_rest(struct recorder *recorder);

/* The record changed, but not its state: written within a second. */
void recorder_checked(struct recorder *recorder, struct recorded *recorded);
/* The state changed from before, or begins to be damped (S39): written at once. */
void recorder_flipped(
    struct recorder *recorder, struct recorded *recorded, enum health_state before, bool damped);

/* Begin to read committed data.  Returns 0 or a negative errno; the caller must end it with store_abort. */
int recorder_peek(struct recorder *recorder, struct store_txn **txn);

/* The same for a hostname; if the last run knew it, its record has the last good addresses. */
bool recorder_add_name(struct recorder *recorder, struct recorded_name *recorded);
void recorder_remove_name(struct recorder *recorder, struct recorded_name *recorded);
void recorder_name_refreshed(struct recorder *recorder, struct recorded_name *recorded);
/* Its addresses changed, or it was looked up for the first time. */
void recorder_name_changed(
    struct recorder *recorder, struct recorded_name *recorded, const struct name_record *before);

/* Write the result of a preview that was asked for at this time (wall clock); takes over text. */
void recorder_preview(struct recorder *recorder, const struct id *id, int64_t asked, char *text);

/* S40: the beats say that this monitor has receivers of notifications. */
void recorder_notifies(struct recorder *recorder);

/* Milliseconds until recorder_commit may be called; 0: now. */
unsigned recorder_wait_ms(const struct recorder *recorder);
/* Write the waiting flips. */
void recorder_commit(struct recorder *recorder);
/* S26: this machine is isolated since then, 0: no longer.  A flip, written at once; the next heartbeats
 * repeat it. */
void recorder_isolated(struct recorder *recorder, uint64_t since_ms);
/* The last recorded isolation, also of the last run. */
uint64_t recorder_isolated_since(const struct recorder *recorder);
/* Since when writes fail, by boot_ms; 0: they succeed.  The number of failures. */
uint64_t recorder_failing_since(const struct recorder *recorder);
uint64_t recorder_failures(const struct recorder *recorder);
/* Call it each second: writes waiting data and the heartbeat, and maintains the store. */
void recorder_beat(struct recorder *recorder, uint32_t endpoints, uint64_t generation);

#endif
