/*
 * schedule.h -- when each endpoint is checked, and what becomes of the result.
 *
 * Each target has a timer of its own, spread over the interval by its hash, so that the cost is that of the
 * checks and not of the targets.  What is due goes through one queue that bounds the checks in flight and
 * how fast they begin, so that a start with 30,000 targets does not keep the loop from its answers.
 *
 *     timer -> due -> queue -> check_start -> isolation_rule -> verdict_judge -> publish
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
#include "monitor/probe/publish.h"

struct schedule;

/* An endpoint that is probed.  Its fields belong to schedule.c, but for the last ones. */
struct target {
	struct published published;
	struct schedule *schedule;
	const struct monitor *monitor;
	unsigned interval_s; /* the monitor's: where it is edited, of the one before */
	struct address address;
	char *host;     /* the origin's header.Host, or NULL */
	char *hostname; /* the origin's, whose address it is; NULL: the origin is an address */
	struct event *timer;
	struct check *check; /* under way, or NULL */
	uint64_t due_ms;     /* when it is due next */
	uint64_t
	    ends_ms; /* when the timer ends, by awake_ms: how late we are is not how long the machine slept */
	uint64_t began_ms;        /* of the check under way, or held */
	struct check_result held; /* of the check that ended then, where ended_ms is not 0 */
	uint64_t ended_ms;
	TAILQ_ENTRY(target) holding;
	uint64_t wanted_ms; /* when the check that waits was due, by awake_ms; 0: it is the first, and has no
			       hour */
	struct statistics *statistics; /* of the monitor */
	struct score score;            /* of its own */
	uint64_t number;               /* counts up from 1 in the order of their coming */
	TAILQ_ENTRY(target) all;
	bool queued;
	bool late; /* due again while its check is still under way: it follows at once */
	TAILQ_ENTRY(target) queue;

	/* Of follow.c. */
	unsigned users; /* origins */
	LIST_ENTRY(target) siblings;
};

/* At most so many checks at once. */
struct schedule *schedule_new(
    struct event_base *base, struct checks *checks, struct publish *publish, unsigned most);
/* Judge by these from now on (S26). */
void schedule_heed(struct schedule *schedule, struct canaries *canaries);
/* A round of the canaries ended: judge or forget what was held for it. */
void schedule_heard(struct schedule *schedule);
/* All targets and walks must be gone. */
void schedule_free(struct schedule *schedule);

/*
 * Probe an endpoint from now on: at once, or where a verdict of the last run is still fresh, when it
 * is due.  address is the origin's or one of its hostname's.  monitor stays valid until the target is removed
 * or updated.
 */
struct target *schedule_add(struct schedule *schedule, const struct endpoint *endpoint,
    const struct monitor *monitor, const struct origin *origin, const struct address *address);
/* S16: the target is an address that a hostname has got: bad checks do not make it down before
 * consecutive_down. */
void schedule_be_patient(struct target *target);
/* The monitor was edited: the record stays (S24), the new check runs at once. */
void schedule_update(struct target *target, const struct monitor *monitor);
/* No longer probed: the record goes, unless keep says that the monitor only stops. */
void schedule_remove(struct target *target, bool keep);

/* What the metrics page and the heartbeat tell. */
struct schedule_counters {
	unsigned targets, in_flight, queued, most;
	unsigned states[HEALTH_UNRESOLVED + 1]; /* targets by state */
	uint64_t checks, flips;
	uint64_t withheld; /* checks that isolation left without a verdict */
};

const struct schedule_counters *schedule_counters(const struct schedule *schedule);
/* Of each monitor that was ever used. */
void schedule_each_statistics(const struct schedule *schedule, statistics_fn *fn, void *arg);

/*
 * A walk over the targets that were there when it began, in the order of their coming; targets may come and
 * go between two steps. What came since is not met, so that none is met twice, also where one goes and comes
 * again.
 */
struct schedule_walk {
	struct schedule *schedule;
	struct target *next; /* NULL: the end, or only what came since */
	uint64_t newest;     /* number of the last target to be met */
	LIST_ENTRY(schedule_walk) all;
};

void schedule_walk_begin(struct schedule_walk *walk, struct schedule *schedule);
/* Once more from the first of those that are still there. */
void schedule_walk_again(struct schedule_walk *walk);
/* NULL: that was all. */
const struct target *schedule_walk_next(struct schedule_walk *walk);
void schedule_walk_end(struct schedule_walk *walk);

/* The machine has slept, and the timers with it: what fell due meanwhile is checked now, the rest at its
 * hour. */
void schedule_woke(struct schedule *schedule);

/* Each second: say how many messages were held back. */
void schedule_second(struct schedule *schedule);

#endif
