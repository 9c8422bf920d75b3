#include "verdict.h"

/* The share of a new round-trip time in the average is one of so many. */
enum { EWMA_PARTS = 8 };

/* S41: an average that has moved by more than a tenth, and half a millisecond. */
enum { STEADY_PART = 10, STEADY_US = 500 };

struct health_record
verdict_unknown(const struct monitor *monitor, uint64_t now_ms, int64_t now_wall)
{
	return (struct health_record){
	    .version = HEALTH_RECORD_VERSION,
	    .state = HEALTH_UNKNOWN,
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

/* S41: noise moves nobody. */
static uint32_t
steady(uint32_t before, uint32_t ewma)
{
	uint32_t moved = before > ewma ? before - ewma : ewma - before;

	return before == 0 || moved > MAX(before / STEADY_PART, STEADY_US) ? MAX(ewma, 1) : before;
}

/* What the state becomes; the streaks already count this check. */
static enum health_state
next_state(const struct health_record *record, bool good, const struct monitor *monitor)
{
	if (record->state == HEALTH_UNKNOWN) /* S23: the first conclusive result decides at once */
		return good ? HEALTH_UP : HEALTH_DOWN;
	if (record->state == HEALTH_DOWN) /* S23: up after max(1, consecutive_up) good ones */
		return good && record->streak_up >= MAX(1, monitor->consecutive_up) ? HEALTH_UP : HEALTH_DOWN;
	if (good)
		return HEALTH_UP;
	/* S23, S21: up with a failed check is suspect until consecutive_down is reached. */
	return record->streak_down >= MAX(1, monitor->consecutive_down) ? HEALTH_DOWN : HEALTH_SUSPECT;
}

static void
count_check(struct health_record *record, const struct check_result *result, bool good)
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
	if (good) {
		record->rtt_us = result->rtt_us;
		record->rtt_ewma_us = average(record->rtt_ewma_us, result->rtt_us, first);
		record->rtt_steady_us = steady(record->rtt_steady_us, record->rtt_ewma_us);
	}
}

bool
verdict_judge(struct health_record *record, const struct check_result *result, const struct monitor *monitor,
    uint64_t now_ms, int64_t now_wall, enum health_state *before)
{
	bool good = result->reason == REASON_NONE;
	enum health_state state, was = record->state;

	record->last_reason = (uint8_t)result->reason;
	memcpy(record->detail, result->detail, sizeof record->detail);
	if (!result->conclusive) /* S26: said, but neither counted nor fresh, so that it grows stale */
		return false;
	count_check(record, result, good);
	record->last_ms = now_ms;
	record->interval_ms = monitor->interval_s * 1000;
	record->stale_after_ms = monitor_stale_ms(monitor);
	state = next_state(record, good, monitor);
	if (state == was)
		return false;
	record->state = (uint8_t)state;
	record->since_ms = now_ms;
	record->since_wall = now_wall;
	if (before != NULL)
		*before = was;
	return true;
}
