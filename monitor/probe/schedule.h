/*
 * schedule.h -- when each endpoint is checked, and how its result is handled.
 *
 * Each target has its own timer, spread over the interval by its hash, so the cost depends on the checks and
 * not on the number of targets.  Due checks go through one queue that limits the checks in flight and the
 * rate at which they begin, so that a start with 30,000 targets does not block the loop.
 *
 *     timer -> due -> queue -> check_start -> isolation_rule -> verdict_judge -> recorder
 *                                                   |    ^
 *                                                   held: until the canaries were asked (S26)
 *
 * One thread: that of the event base.
 */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include "monitor/check/check.h"
#include "monitor/judge/score.h"
#include "monitor/judge/statistics.h"
#include "monitor/probe/canary.h"
#include "monitor/probe/recorder.h"

struct schedule;

/* An endpoint that is probed.  Its fields belong to schedule.c, except the last ones. */
struct target {
	struct recorded recorded;
	struct schedule *schedule;
	const struct monitor *monitor;
	unsigned interval_s; /* the monitor's, or before an edit the old one's */
	struct address address;
	char *host;     /* the origin's header.Host, or NULL */
	char *hostname; /* the origin's hostname; NULL: the origin is an address */
	struct event *timer;
	struct check *check; /* in progress, or NULL */
	uint64_t due_ms;     /* the next due time */
	uint64_t
	    ends_ms; /* when the timer ends, by awake_ms: a sleep of the machine does not count as lateness */
	uint64_t began_ms;        /* of the check in progress or held */
	struct check_result held; /* the result of a held check, if ended_ms is not 0 */
	uint64_t ended_ms;
	TAILQ_ENTRY(target) holding;
	uint64_t wanted_ms; /* when the waiting check was due, by awake_ms; 0: it is the first, and has no
			due time */
	struct statistics *statistics; /* counters of the monitor */
	struct score score;            /* its own counters */
	uint64_t number;               /* increases from 1 in the order of creation */
	TAILQ_ENTRY(target) all;
	bool queued;
	bool late; /* due again while its check is still in progress: the next one follows at once */
	TAILQ_ENTRY(target) queue;

	/* For follow.c. */
	unsigned users; /* origins */
	LIST_ENTRY(target) siblings;
};

/* Maximum number of checks at once. */
struct schedule *schedule_new(
    struct event_base *base, struct checks *checks, struct recorder *recorder, unsigned most);
/* Use these canaries from now on (S26). */
void schedule_set_canaries(struct schedule *schedule, struct canaries *canaries);
/* A round of the canaries ended: judge or drop the checks that waited for it. */
void schedule_release_held(struct schedule *schedule);
/* Remove all targets and walks first. */
void schedule_free(struct schedule *schedule);

/*
 * Probe an endpoint from now on: at once, or if a verdict of the last run is still fresh, at its due time.
 * address is the origin's or one of its hostname's.  monitor must stay valid until the target is removed or
 * updated.
 */
struct target *schedule_add(struct schedule *schedule, const struct endpoint *endpoint,
    const struct monitor *monitor, const struct origin *origin, const struct address *address);
/* S16: the target is a new address of a hostname: bad checks do not make it down before
 * consecutive_down. */
void schedule_be_patient(struct target *target);
/* The monitor was edited: the record stays (S24), the new check runs at once. */
void schedule_update(struct target *target, const struct monitor *monitor);
/* Stop probing it.  Deletes the record, unless keep is set because the monitor only stops. */
void schedule_remove(struct target *target, bool keep);

/* Data for the metrics page and the heartbeat. */
struct schedule_counters {
	unsigned targets, in_flight, queued, most;
	unsigned states[HEALTH_UNRESOLVED + 1]; /* targets by state */
	uint64_t checks, flips;
	uint64_t withheld; /* checks without a verdict because of isolation */
};

const struct schedule_counters *schedule_counters(const struct schedule *schedule);
/* The counters of each monitor that was ever used. */
void schedule_each_statistics(const struct schedule *schedule, statistics_fn *fn, void *arg);

/*
 * A walk over the targets that existed when it began, in the order of creation; targets may be added and
 * removed between two steps.  Targets that were added later are skipped, so that none is visited twice, even
 * if it is removed and added again.
 */
struct schedule_walk {
	struct schedule *schedule;
	struct target *next; /* NULL: the end, or only newer targets */
	uint64_t newest;     /* number of the last target to visit */
	LIST_ENTRY(schedule_walk) all;
};

void schedule_walk_begin(struct schedule_walk *walk, struct schedule *schedule);
/* Restart at the first remaining target. */
void schedule_walk_again(struct schedule_walk *walk);
/* Returns NULL at the end. */
const struct target *schedule_walk_next(struct schedule_walk *walk);
void schedule_walk_end(struct schedule_walk *walk);

/* The machine has slept, and the timers with it: overdue checks run now, the rest at their
 * due times. */
void schedule_woke(struct schedule *schedule);

/* Call it each second: logs the number of suppressed messages. */
void schedule_second(struct schedule *schedule);

#endif
