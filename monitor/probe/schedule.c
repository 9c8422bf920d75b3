#include "monitor/probe/schedule.h"

#include <err.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	/*
	 * A start with many targets, or an edited monitor, must neither block the loop nor cause a flood:
	 * this is the maximum of checks that begin in a second, or twice the rate of the intervals if that is
	 * higher.
	 */
	STARTS_A_SECOND = 2000,
	BURST_MS = 10,       /* the starts of this many milliseconds may begin together */
	LINES_A_SECOND = 20, /* about flips and local errors: a failing site must not fill the log */
	SAY_AGAIN_MS = 60000 /* the same local error of any target */
};

struct schedule {
	struct event_base *base;
	struct checks *checks;
	struct recorder *recorder;
	struct event *starter;
	TAILQ_HEAD(, target) queue, targets, held;
	LIST_HEAD(, schedule_walk) walks;
	uint64_t newest;           /* number of the newest target */
	struct canaries *canaries; /* NULL: none */
	void *statistics;          /* by monitor */
	struct schedule_counters counters;
	double rate;      /* checks a second that the intervals require */
	double allowance; /* checks that may begin now */
	uint64_t topped_up_ns;
	uint64_t starter_ns; /* when the starter must run */
	unsigned lines;      /* logged in this second */
	struct local_error {
		enum health_reason reason;
		int error;
		uint64_t at_ms;
	} local_error; /* logged last */
};

static struct timeval
milliseconds(uint64_t ms)
{
	return (struct timeval){(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
}

/* --- log lines --- */

static bool
may_say(struct schedule *schedule)
{
	return schedule->lines++ < LINES_A_SECOND;
}

void
schedule_second(struct schedule *schedule)
{
	if (schedule->lines > LINES_A_SECOND)
		warnx("and %u more such lines", schedule->lines - LINES_A_SECOND);
	schedule->lines = 0;
}

/* "up -> down: TCP timeout", and details. */
static void
say_flip(const struct target *target, enum health_state before)
{
	const struct health_record *record = &target->recorded.record;
	bool hostname = target->hostname != NULL;
	bool why = record->last_reason != REASON_NONE, more = why && record->detail[0] != '\0';
	char address[46];

	if (!may_say(target->schedule))
		return;
	warnx("%s %s%s%s: %s -> %s%s%s%s%s%s%s", target->monitor->name, hostname ? target->hostname : "",
	    hostname ? " " : "", address_to_text(&target->address, address), health_state_text(before),
	    health_state_text(record->state), record->damped_until_ms != 0 ? ", damped" : "", why ? ": " : "",
	    why ? health_reason_text(record->last_reason) : "", more ? " (" : "", more ? record->detail : "",
	    more ? ")" : "");
}

/* A local shortage affects all targets: log it for the first one only, and again after a minute. */
static void
say_local_error(const struct target *target, const struct check_result *result)
{
	struct local_error *last = &target->schedule->local_error;
	const char *why = result->reason == REASON_OTHER_FAILURE ? strerror(result->error)
								 : health_reason_text(result->reason);
	bool more = result->detail[0] != '\0';
	char address[46];

	if (last->reason == result->reason && last->error == result->error &&
	    boot_ms() < last->at_ms + SAY_AGAIN_MS)
		return;
	if (!may_say(target->schedule))
		return; /* retry until the limit of lines allows it */
	*last = (struct local_error){result->reason, result->error, boot_ms()};
	warnx("%s %s: no verdict, the check failed on this machine: %s%s%s%s", target->monitor->name,
	    address_to_text(&target->address, address), why, more ? " (" : "", more ? result->detail : "",
	    more ? ")" : "");
}

/* --- checks --- */

static void
arm_starter(struct schedule *schedule, unsigned wait_us)
{
	struct timeval wait = {0, (suseconds_t)wait_us};

	if (TAILQ_EMPTY(&schedule->queue) || evtimer_pending(schedule->starter, NULL))
		return;
	schedule->starter_ns = boot_ns() + (uint64_t)wait_us * 1000;
	evtimer_add(schedule->starter, &wait);
}

static void
enqueue(struct target *target)
{
	struct schedule *schedule = target->schedule;

	if (target->queued)
		return;
	target->queued = true;
	TAILQ_INSERT_TAIL(&schedule->queue, target, queue);
	schedule->counters.queued++;
	arm_starter(schedule, 0);
}

static void
dequeue(struct target *target)
{
	if (!target->queued)
		return;
	target->queued = false;
	TAILQ_REMOVE(&target->schedule->queue, target, queue);
	target->schedule->counters.queued--;
}

static void
judge(struct target *target, const struct check_result *result)
{
	struct schedule *schedule = target->schedule;
	struct health_record *record = &target->recorded.record;
	enum verdict_news news;
	enum health_state before;

	if (result->conclusive)
		record->asked = target->monitor->edition;
	news = verdict_judge(record, result, target->monitor, boot_ms(), wall_ms(), &before);
	if (news != VERDICT_SAME) {
		schedule->counters.flips += before != record->state;
		schedule->counters.states[before]--;
		schedule->counters.states[record->state]++;
		recorder_flipped(schedule->recorder, &target->recorded, before, news == VERDICT_DAMPED);
		say_flip(target, before);
	} else
		recorder_checked(schedule->recorder, &target->recorded);
	statistics_ended(target->statistics, result);
	score_ended(&target->score, result);
	if (!result->conclusive)
		say_local_error(target, result);
}

/* Decide about a check that ended.  Returns false if it must be held until the canaries were asked. */
static bool
take_result(struct target *target, const struct check_result *result, uint64_t ended_ms)
{
	struct schedule *schedule = target->schedule;
	const struct isolation *isolation = canaries_isolation(schedule->canaries);
	bool good = result->reason == REASON_NONE;

	switch (result->conclusive ? isolation_rule(isolation, target->began_ms, ended_ms, good)
				   : ISOLATION_JUDGE) {
	case ISOLATION_WAIT:
		canaries_ask(schedule->canaries);
		return false;
	case ISOLATION_WITHHOLD:
		schedule->counters.withheld++;
		return true;
	default:
		judge(target, result);
		return true;
	}
}

/* S23: probes of one endpoint never overlap; a long one delays the next. */
static void
go_on(struct target *target)
{
	if (target->late)
		enqueue(target);
	target->late = false;
}

static void
on_done(void *arg, const struct check_result *result)
{
	struct target *target = arg;
	struct schedule *schedule = target->schedule;
	uint64_t now = boot_ms();

	target->check = NULL;
	schedule->counters.in_flight--;
	schedule->counters.checks++;
	if (take_result(target, result, now))
		go_on(target);
	else {
		target->held = *result;
		target->ended_ms = now;
		TAILQ_INSERT_TAIL(&schedule->held, target, holding);
	}
	arm_starter(schedule, 0);
}

static void
leave_held(struct target *target)
{
	if (target->ended_ms != 0)
		TAILQ_REMOVE(&target->schedule->held, target, holding);
	target->ended_ms = 0;
}

void
schedule_release_held(struct schedule *schedule)
{
	struct target *target, *next;

	for (target = TAILQ_FIRST(&schedule->held); target != NULL; target = next) {
		next = TAILQ_NEXT(target, holding);
		if (!take_result(target, &target->held, target->ended_ms))
			return; /* the following ones ended later */
		leave_held(target);
		go_on(target);
	}
}

void
schedule_set_canaries(struct schedule *schedule, struct canaries *canaries)
{
	schedule->canaries = canaries;
}

/* Count the lateness of checks that had a due time. */
static void
count_lateness(struct target *target, uint64_t now)
{
	double interval_ms = target->monitor->interval_s * 1e3, lateness;

	if (target->wanted_ms == 0)
		return;
	/* A timer may end a moment early. */
	lateness = (double)(now - MIN(now, target->wanted_ms)) / interval_ms;
	histogram_add(&target->statistics->lateness, lateness);
	score_began(&target->score, lateness);
	target->wanted_ms = 0;
}

/* No memory (S26): its timer runs again. */
static void
count_unstarted(struct target *target)
{
	static const struct check_result unstarted = {.conclusive = false};

	statistics_ended(target->statistics, &unstarted);
	score_ended(&target->score, &unstarted);
}

static void
start(struct target *target)
{
	struct schedule *schedule = target->schedule;
	const struct monitor *monitor = target->monitor;
	struct check_subject subject = {monitor,
	    monitor->address.family != FAMILY_NONE ? monitor->address : target->address, target->host,
	    target->hostname};
	uint64_t now = boot_ms(), awake = awake_ms();

	dequeue(target);
	count_lateness(target, awake);
	target->began_ms = now;
	target->check = check_start(schedule->checks, &subject, on_done, target);
	if (target->check != NULL)
		schedule->counters.in_flight++;
	else
		count_unstarted(target);
}

/* The number of checks that may begin now.  If the loop is late, checks in progress come first: their time is
 * running. */
static void
top_up(struct schedule *schedule)
{
	double rate = MAX(STARTS_A_SECOND, 2 * schedule->rate), most = rate * BURST_MS / 1000;
	uint64_t now = boot_ns();

	if (now > schedule->starter_ns + BURST_MS * UINT64_C(1000000))
		most = 1;
	schedule->allowance += (double)(now - schedule->topped_up_ns) / 1e9 * rate;
	schedule->allowance = MIN(schedule->allowance, most);
	schedule->topped_up_ns = now;
}

static void
on_starter(evutil_socket_t fd, short what, void *arg)
{
	struct schedule *schedule = arg;
	struct target *target;

	(void)fd, (void)what;
	top_up(schedule);
	while (schedule->counters.in_flight < schedule->counters.most &&
	    (target = TAILQ_FIRST(&schedule->queue)) != NULL) {
		if (schedule->allowance < 1) {
			arm_starter(schedule, BURST_MS * 1000 / 4);
			return;
		}
		schedule->allowance--;
		start(target);
	}
}

/* --- timers --- */

static void
set_timer(struct target *target, uint64_t now)
{
	uint64_t wait_ms = target->due_ms - MIN(target->due_ms, now);
	struct timeval wait = milliseconds(wait_ms);

	target->ends_ms = awake_ms() + wait_ms;
	evtimer_add(target->timer, &wait);
}

/* The next time of the target's own phase in the interval. */
static void
arm(struct target *target)
{
	uint64_t interval = (uint64_t)target->monitor->interval_s * 1000, now = boot_ms();
	uint64_t phase = get64(target->recorded.endpoint.key) % interval;

	/* Step from one to the next, because a timer may end a moment early; compute it again if time has
	 * passed. */
	target->due_ms += interval;
	if (target->due_ms <= now)
		target->due_ms = now + interval - (now + interval - phase) % interval;
	set_timer(target, now);
}

static void
on_due(evutil_socket_t fd, short what, void *arg)
{
	struct target *target = arg;

	(void)fd, (void)what;
	if (target->wanted_ms == 0)
		target->wanted_ms = target->ends_ms;
	arm(target);
	if (target->check != NULL || target->ended_ms != 0)
		target->late = true;
	else
		enqueue(target);
}

void
schedule_woke(struct schedule *schedule)
{
	struct target *target;

	TAILQ_FOREACH(target, &schedule->targets, all)
	set_timer(target, boot_ms());
}

/* --- walks --- */

void
schedule_walk_begin(struct schedule_walk *walk, struct schedule *schedule)
{
	walk->schedule = schedule;
	walk->newest = schedule->newest;
	walk->next = TAILQ_FIRST(&schedule->targets);
	LIST_INSERT_HEAD(&schedule->walks, walk, all);
}

void
schedule_walk_again(struct schedule_walk *walk)
{
	walk->next = TAILQ_FIRST(&walk->schedule->targets);
}

const struct target *
schedule_walk_next(struct schedule_walk *walk)
{
	const struct target *target = walk->next;

	if (target == NULL || target->number > walk->newest)
		return NULL;
	walk->next = TAILQ_NEXT(target, all);
	return target;
}

void
schedule_walk_end(struct schedule_walk *walk)
{
	LIST_REMOVE(walk, all);
}

/* The target is removed: walks that would reach it next continue with the following one. */
static void
walks_leave(struct schedule *schedule, const struct target *target)
{
	struct schedule_walk *walk;

	LIST_FOREACH(walk, &schedule->walks, all)
	if (walk->next == target)
		walk->next = TAILQ_NEXT(target, all);
}

/* --- targets --- */

static bool
still_fresh(const struct target *target)
{
	const struct health_record *record = &target->recorded.record;

	return record->last_ms != 0 && record->asked == target->monitor->edition &&
	    boot_ms() < record->last_ms + (uint64_t)target->monitor->interval_s * 1000;
}

struct target *
schedule_add(struct schedule *schedule, const struct endpoint *endpoint, const struct monitor *monitor,
    const struct origin *origin, const struct address *address)
{
	struct target *target = xcalloc(1, sizeof *target);

	target->schedule = schedule;
	target->monitor = monitor;
	target->statistics = statistics_of(&schedule->statistics, monitor);
	target->interval_s = monitor->interval_s;
	target->address = *address;
	target->host = origin->host == NULL ? NULL : xstrdup(origin->host);
	target->hostname = origin_is_hostname(origin) ? xstrdup(origin->address) : NULL;
	target->recorded.endpoint = *endpoint;
	target->timer = evtimer_new(schedule->base, on_due, target);
	if (target->timer == NULL)
		memory_exhausted(0);
	if (!recorder_add(schedule->recorder, &target->recorded))
		target->recorded.record = verdict_unknown(monitor, boot_ms(), wall_ms());
	schedule->rate += 1.0 / monitor->interval_s;
	target->number = ++schedule->newest;
	TAILQ_INSERT_TAIL(&schedule->targets, target, all);
	schedule->counters.targets++;
	schedule->counters.states[target->recorded.record.state]++;
	arm(target);
	if (!still_fresh(target))
		enqueue(target);
	return target;
}

void
schedule_be_patient(struct target *target)
{
	if (target->recorded.record.probes == 0)
		target->recorded.record.patient = true;
}

static void
drop_check(struct target *target)
{
	dequeue(target);
	leave_held(target);
	target->late = false;
	if (target->check == NULL)
		return;
	check_cancel(target->check);
	target->check = NULL;
	target->schedule->counters.in_flight--;
}

void
schedule_update(struct target *target, const struct monitor *monitor)
{
	struct health_record *record = &target->recorded.record;

	drop_check(target);
	target->schedule->rate += 1.0 / monitor->interval_s - 1.0 / target->interval_s;
	target->interval_s = monitor->interval_s;
	target->monitor = monitor;
	target->statistics = statistics_of(&target->schedule->statistics, monitor);
	record->interval_ms = monitor->interval_s * 1000;
	record->stale_after_ms = monitor_stale_ms(monitor);
	recorder_checked(target->schedule->recorder, &target->recorded);
	target->due_ms = 0;
	target->wanted_ms = 0;
	arm(target);
	enqueue(target);
}

void
schedule_remove(struct target *target, bool keep)
{
	struct schedule *schedule = target->schedule;

	drop_check(target);
	walks_leave(schedule, target);
	schedule->rate -= 1.0 / target->interval_s;
	TAILQ_REMOVE(&schedule->targets, target, all);
	schedule->counters.targets--;
	schedule->counters.states[target->recorded.record.state]--;
	arm_starter(schedule, 0);
	if (!keep)
		recorder_remove(schedule->recorder, &target->recorded);
	event_free(target->timer);
	free(target->host);
	free(target->hostname);
	score_free(&target->score);
	free(target);
}

struct schedule *
schedule_new(struct event_base *base, struct checks *checks, struct recorder *recorder, unsigned most)
{
	struct schedule *schedule = xcalloc(1, sizeof *schedule);

	schedule->base = base;
	schedule->checks = checks;
	schedule->recorder = recorder;
	schedule->counters.most = most;
	TAILQ_INIT(&schedule->queue);
	TAILQ_INIT(&schedule->targets);
	TAILQ_INIT(&schedule->held);
	LIST_INIT(&schedule->walks);
	schedule->starter = evtimer_new(base, on_starter, schedule);
	if (schedule->starter == NULL)
		memory_exhausted(0);
	return schedule;
}

void
schedule_free(struct schedule *schedule)
{
	if (schedule == NULL)
		return;
	event_free(schedule->starter);
	statistics_free(schedule->statistics);
	free(schedule);
}

const struct schedule_counters *
schedule_counters(const struct schedule *schedule)
{
	return &schedule->counters;
}

void
schedule_each_statistics(const struct schedule *schedule, statistics_fn *fn, void *arg)
{
	statistics_each(schedule->statistics, fn, arg);
}
