/* verdict.c: what one check does to a record, a row for every transition. */
#include "monitor/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct monitor
monitor_of(unsigned up, unsigned down)
{
	return (struct monitor){
	    .interval_s = 10, .timeout_ms = 2000, .retries = 1, .consecutive_up = up, .consecutive_down = down};
}

static struct check_result
result_of(char check)
{
	struct check_result result = {.conclusive = true, .certificate_days = INT32_MIN};

	if (check == '-')
		result.reason = REASON_TCP_CONNECTION_FAILED;
	if (check == 'o') {
		result.conclusive = false;
		result.reason = REASON_NETWORK_UNREACHABLE;
	}
	return result;
}

/* Checks as +, -, and o for one that failed here; the states that they lead to, as u, U, S, D. */
struct row {
	unsigned up, down;
	const char *checks, *states;
};

static char
letter(uint8_t state)
{
	return "uUSD"[state];
}

static void
assert_rows(const struct row *rows, size_t count)
{
	for (size_t r = 0; r < count; r++) {
		struct monitor monitor = monitor_of(rows[r].up, rows[r].down);
		struct health_record record = verdict_unknown(&monitor, 1, 1);

		assert_int_equal(letter(record.state), 'u');
		for (size_t i = 0; rows[r].checks[i] != '\0'; i++) {
			struct check_result result = result_of(rows[r].checks[i]);
			uint8_t was = record.state;
			enum health_state before = HEALTH_UNRESOLVED;
			bool flipped = verdict_judge(&record, &result, &monitor, 100 + i, 200 + (int64_t)i, &before);

			if (letter(record.state) != rows[r].states[i])
				fail_msg("%s (up %u, down %u): check %zu gives %c, not %c", rows[r].checks, rows[r].up,
				    rows[r].down, i + 1, letter(record.state), rows[r].states[i]);
			assert_int_equal(flipped, was != record.state);
			assert_int_equal(before, flipped ? was : HEALTH_UNRESOLVED);
			if (flipped) {
				assert_int_equal(record.since_ms, 100 + i);
				assert_int_equal(record.since_wall, 200 + i);
			}
		}
	}
}

static void
the_first_conclusive_result_decides_at_once(void **state)
{
	static const struct row rows[] = {
	    {0, 0, "+", "U"},
	    {0, 0, "-", "D"},
	    {3, 3, "+", "U"},
	    {3, 3, "-", "D"},
	    {3, 3, "oo+", "uuU"},
	    {3, 3, "oo-", "uuD"},
	};

	(void)state;
	assert_rows(rows, NITEMS(rows));
}

static void
down_takes_consecutive_down_failures_in_a_row(void **state)
{
	static const struct row rows[] = {
	    {0, 0, "+-", "UD"},
	    {0, 1, "+-", "UD"},
	    {0, 2, "+--", "USD"},
	    {0, 3, "+---", "USSD"},
	    {0, 3, "+--+--+---", "USSUSSUSSD"},
	    {0, 2, "+-+-+", "USUSU"},
	    {0, 2, "+----", "USDDD"},
	};

	(void)state;
	assert_rows(rows, NITEMS(rows));
}

static void
up_takes_consecutive_up_good_checks_in_a_row(void **state)
{
	static const struct row rows[] = {
	    {0, 0, "-+", "DU"},
	    {1, 0, "-+", "DU"},
	    {2, 0, "-++", "DDU"},
	    {3, 0, "-++-+++", "DDDDDDU"},
	    {2, 2, "-++-+--", "DDUSUSD"},
	};

	(void)state;
	assert_rows(rows, NITEMS(rows));
}

static void
a_local_error_is_no_verdict_and_breaks_no_streak(void **state)
{
	static const struct row rows[] = {
	    {0, 2, "+-o-", "USSD"},
	    {2, 0, "-+o+", "DDDU"},
	    {0, 0, "+ooo", "UUUU"},
	    {0, 0, "-ooo", "DDDD"},
	};
	struct monitor monitor = monitor_of(0, 0);
	struct health_record record = verdict_unknown(&monitor, 1, 1);
	struct check_result good = result_of('+'), local = result_of('o');

	(void)state;
	strcpy(local.detail, "no way");
	assert_rows(rows, NITEMS(rows));
	verdict_judge(&record, &good, &monitor, 100, 100, NULL);
	verdict_judge(&record, &local, &monitor, 200, 200, NULL);
	assert_int_equal(record.last_ms, 100); /* so that it grows stale */
	assert_int_equal(record.probes, 1);
	assert_int_equal(record.history_count, 1);
	assert_int_equal(record.last_reason, REASON_NETWORK_UNREACHABLE);
	assert_string_equal(record.detail, "no way");
	verdict_judge(&record, &good, &monitor, 300, 300, NULL);
	assert_string_equal(record.detail, "");
}

static void
a_monitor_edited_under_way_counts_by_its_new_numbers(void **state)
{
	struct monitor before = monitor_of(0, 5), after = monitor_of(0, 2);
	struct health_record record = verdict_unknown(&before, 1, 1);
	struct check_result good = result_of('+'), bad = result_of('-');

	(void)state;
	verdict_judge(&record, &good, &before, 2, 2, NULL);
	verdict_judge(&record, &bad, &before, 3, 3, NULL);
	assert_int_equal(record.state, HEALTH_SUSPECT);
	after.interval_s = 7;
	assert_true(verdict_judge(&record, &bad, &after, 4, 4, NULL));
	assert_int_equal(record.state, HEALTH_DOWN);
	assert_int_equal(record.interval_ms, 7000);
	assert_int_equal(record.stale_after_ms, monitor_stale_ms(&after));
}

static void
history_and_counters_tell_the_last_64_checks(void **state)
{
	struct monitor monitor = monitor_of(0, 100);
	struct health_record record = verdict_unknown(&monitor, 1, 1);

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		struct check_result result = result_of(i % 4 == 0 ? '-' : '+');

		verdict_judge(&record, &result, &monitor, i, i, NULL);
		assert_int_equal(record.history & 1, i % 4 != 0);
		assert_int_equal(record.history_count, MIN(i + 1, 64));
	}
	assert_int_equal(record.history, UINT64_C(0x7777777777777777)); /* the last was 299, a good one */
	assert_int_equal(record.probes, 300);
	assert_int_equal(record.failures, 75);
	for (unsigned i = 0; i < 300; i++) {
		struct check_result result = result_of('+');

		verdict_judge(&record, &result, &monitor, i, i, NULL);
	}
	assert_int_equal(record.streak_up, 255);
	assert_int_equal(record.streak_down, 0);
}

static void
round_trip_times_are_averaged_over_good_checks(void **state)
{
	struct monitor monitor = monitor_of(0, 9);
	struct health_record record = verdict_unknown(&monitor, 1, 1);
	struct check_result result = result_of('+');

	(void)state;
	result.rtt_us = 1000;
	verdict_judge(&record, &result, &monitor, 1, 1, NULL);
	assert_int_equal(record.rtt_ewma_us, 1000);
	result.rtt_us = 1800;
	verdict_judge(&record, &result, &monitor, 2, 2, NULL);
	assert_int_equal(record.rtt_us, 1800);
	assert_int_equal(record.rtt_ewma_us, 1100);
	result.rtt_us = 300;
	verdict_judge(&record, &result, &monitor, 3, 3, NULL);
	assert_int_equal(record.rtt_ewma_us, 1000);
	result = result_of('-');
	result.rtt_us = 5000000;
	verdict_judge(&record, &result, &monitor, 4, 4, NULL);
	assert_int_equal(record.rtt_us, 300);
	assert_int_equal(record.rtt_ewma_us, 1000);
}

static void
staleness_and_death_are_told_by_the_clock_of_this_boot(void **state)
{
	struct monitor monitor = monitor_of(0, 0);
	struct health_record record = verdict_unknown(&monitor, 1, 1);
	struct health_beat beat = {.at_ms = 10000};
	struct check_result good = result_of('+');
	uint64_t bound = monitor_stale_ms(&monitor);

	(void)state;
	assert_int_equal(bound, 3 * 10000 + 2000 * 2); /* S25 */
	snprintf(beat.boot, sizeof beat.boot, "%s", boot_id());
	assert_false(health_stale(&record, &beat, 999999)); /* unknown is not stale, it is unknown */
	verdict_judge(&record, &good, &monitor, 10000, 1, NULL);
	assert_false(health_stale(&record, &beat, 10000 + bound));
	assert_true(health_stale(&record, &beat, 10001 + bound));
	assert_false(health_monitor_dead(&beat, 13000));
	assert_true(health_monitor_dead(&beat, 13001));
	record.last_ms = 0; /* carried over from another boot */
	assert_true(health_stale(&record, &beat, 10000));
	snprintf(beat.boot, sizeof beat.boot, "another");
	assert_true(health_monitor_dead(&beat, 10001));
	assert_true(health_stale(&record, &beat, 10000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_conclusive_result_decides_at_once),
	    cmocka_unit_test(down_takes_consecutive_down_failures_in_a_row),
	    cmocka_unit_test(up_takes_consecutive_up_good_checks_in_a_row),
	    cmocka_unit_test(a_local_error_is_no_verdict_and_breaks_no_streak),
	    cmocka_unit_test(a_monitor_edited_under_way_counts_by_its_new_numbers),
	    cmocka_unit_test(history_and_counters_tell_the_last_64_checks),
	    cmocka_unit_test(round_trip_times_are_averaged_over_good_checks),
	    cmocka_unit_test(staleness_and_death_are_told_by_the_clock_of_this_boot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
