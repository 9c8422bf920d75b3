#include "monitor/judge/verdict.h"

/* A new round-trip time has this share (1/N) in the average. */
enum { EWMA_PARTS = 8 };

/* S41: record an average that has changed by more than a tenth and by more than half a millisecond. */
enum { STEADY_PART = 10, STEADY_US = 500 };

struct health_record
verdict_unknown(const struct monitor *monitor, uint64_t now_ms, int64_t now_wall)
{
	return (struct health_record){
	    .version = HEALTH_RECORD_VERSION,
	    .state = HEALTH_UNKNOWN,
	    .verdict = HEALTH_UNKNOWN,
	    .certificate_days = INT32_MIN,
	    .since_ms = now_ms,
	    .since_wall = now_wall,
	    .interval_ms = monitor->interval_s * 1000,
	    .stale_after_ms = monitor_stale_ms(monitor),
	};
}

static uint8_t
one_more(uint8_t streak)
{
	return streak == UINT8_MAX ? streak : (uint8_t)(streak + 1);
}

static uint32_t
average(uint32_t ewma, uint32_t rtt, bool first)
{
	return first ? rtt : (uint32_t)((int64_t)ewma + ((int64_t)rtt - (int64_t)ewma) / EWMA_PARTS);
}

/* S41: small changes move no client. */
static uint32_t
steady(uint32_t before, uint32_t ewma)
{
	uint32_t moved = before > ewma ? before - ewma : ewma - before;

	return before == 0 || moved > MAX(before / STEADY_PART, STEADY_US) ? MAX(ewma, 1) : before;
}

/*
 * S23 as one table: the new verdict after a failed or a good check, depending on whether the number of them
 * in a row that the monitor requires is reached.  S21: up with a failed check is suspect until then.
 */
static const uint8_t transitions[HEALTH_DOWN + 1][2][2] = {
    /*                   failed, not yet / reached        good, not yet / reached */
    [HEALTH_UNKNOWN] = {{HEALTH_DOWN, HEALTH_DOWN}, {HEALTH_UP, HEALTH_UP}},
    [HEALTH_UP] = {{HEALTH_SUSPECT, HEALTH_DOWN}, {HEALTH_UP, HEALTH_UP}},
    [HEALTH_SUSPECT] = {{HEALTH_SUSPECT, HEALTH_DOWN}, {HEALTH_UP, HEALTH_UP}},
    [HEALTH_DOWN] = {{HEALTH_DOWN, HEALTH_DOWN}, {HEALTH_DOWN, HEALTH_UP}},
};

/* The streaks already count this check. */
static enum health_state
next_verdict(const struct health_record *record, bool good, const struct monitor *monitor)
{
	bool reached = good ? record->streak_up >= MAX(1, monitor->consecutive_up)
			    : record->streak_down >= MAX(1, monitor->consecutive_down);

	if (record->patient && record->verdict == HEALTH_UNKNOWN && !good && !reached)
		return HEALTH_UNKNOWN;
	return transitions[record->verdict][good][reached];
}

/* --- S39 --- */

/* Rounded up, so that nothing is released early. */
static uint32_t
whole_seconds(uint64_t ms)
{
	return (uint32_t)((ms + 999) / 1000);
}

static uint64_t
quiet_at_ms(const struct health_record *record, const struct monitor *monitor)
{
	return ((uint64_t)record->changed_s[0] + monitor->damping_period_s) * 1000;
}

/* Between healthy and down; the number of changes within the period, including this one. */
static unsigned
count_change(struct health_record *record, const struct monitor *monitor, uint64_t now_ms)
{
	unsigned within = 0;

	memmove(
	    record->changed_s + 1, record->changed_s, sizeof record->changed_s - sizeof record->changed_s[0]);
	record->changed_s[0] = whole_seconds(now_ms);
	record->nchanges = (uint8_t)MIN(record->nchanges + 1, HEALTH_CHANGES_KEPT);
	while (within < record->nchanges &&
	    record->changed_s[0] - record->changed_s[within] < monitor->damping_period_s)
		within++;
	return within;
}

/* Set a new verdict.  Returns true if damping begins with it. */
static bool
damp(struct health_record *record, enum health_state verdict, const struct monitor *monitor, uint64_t now_ms)
{
	bool changed =
	    record->verdict != HEALTH_UNKNOWN && (record->verdict == HEALTH_DOWN) != (verdict == HEALTH_DOWN);
	bool damped = record->damped_until_ms != 0, begins = false;

	record->verdict = (uint8_t)verdict;
	if (changed)
		begins = count_change(record, monitor, now_ms) > monitor->damping_changes && !damped;
	if (monitor->damping_changes == 0 || (damped && now_ms >= quiet_at_ms(record, monitor)))
		damped = begins = false;
	record->damped_until_ms = damped || begins ? quiet_at_ms(record, monitor) : 0;
	return begins;
}

/* --- a check --- */

static void
count_check(struct health_record *record, const struct check_result *result, bool good, int64_t now_wall)
{
	bool first = record->rtt_ewma_us == 0;

	record->probes++;
	record->failures += good ? 0 : 1;
	record->streak_up = good ? one_more(record->streak_up) : 0;
	record->streak_down = good ? 0 : one_more(record->streak_down);
	record->history = record->history << 1 | (good ? 1 : 0);
	record->history_count = MIN(record->history_count + 1, 64);
	record->last_code = result->code;
	if (result->certificate_days != INT32_MIN)
		record->certificate_days = result->certificate_days;
	if (good && result->rtt_us > 0) {
		record->rtt_us = result->rtt_us;
		record->rtt_ewma_us = average(record->rtt_ewma_us, result->rtt_us, first);
		record->rtt_steady_us = steady(record->rtt_steady_us, record->rtt_ewma_us);
		health_time_add(record, record->rtt_ewma_us, now_wall);
	}
}

enum verdict_news
verdict_judge(struct health_record *record, const struct check_result *result, const struct monitor *monitor,
    uint64_t now_ms, int64_t now_wall, enum health_state *before)
{
	bool good = result->reason == REASON_NONE, begins;
	enum health_state state, was = record->state;

	record->last_reason = (uint8_t)result->reason;
	memcpy(record->detail, result->detail, sizeof record->detail);
	if (!result
		 ->conclusive) /* S26: reported, but not counted and not fresh, so the record becomes stale */
		return VERDICT_SAME;
	count_check(record, result, good, now_wall);
	record->last_ms = now_ms;
	record->interval_ms = monitor->interval_s * 1000;
	record->stale_after_ms = monitor_stale_ms(monitor);
	begins = damp(record, next_verdict(record, good, monitor), monitor, now_ms);
	state = record->damped_until_ms != 0 ? HEALTH_DOWN : record->verdict;
	if (state == was && !begins)
		return VERDICT_SAME;
	if (before != NULL)
		*before = was;
	if (state != was) {
		record->state = (uint8_t)state;
		record->since_ms = now_ms;
		record->since_wall = now_wall;
	}
	return begins ? VERDICT_DAMPED : VERDICT_FLIPPED;
}

void
verdict_carry_over(struct health_record *record, uint64_t now_ms)
{
	record->last_ms = 0;
	record->since_ms = now_ms;
	record->nchanges = 0;
	if (record->damped_until_ms != 0) {
		record->changed_s[0] = whole_seconds(now_ms);
		record->nchanges = 1;
	}
}
