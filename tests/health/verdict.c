/* verdict.c: what one check does to a record, a row for every transition. */
#include "monitor/judge/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct monitor
monitor_of(unsigned up, unsigned down)
{
	return (struct monitor){.interval_s = 10,
	    .timeout_ms = 2000,
	    .retries = 1,
	    .consecutive_up = up,
	    .consecutive_down = down};
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
			bool flipped = verdict_judge(&record, &result, &monitor, 100 + i, 200 + (int64_t)i,
					   &before) == VERDICT_FLIPPED;

			if (letter(record.state) != rows[r].states[i])
				fail_msg("%s (up %u, down %u): check %zu gives %c, not %c", rows[r].checks,
				    rows[r].up, rows[r].down, i + 1, letter(record.state), rows[r].states[i]);
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
an_address_that_is_new_to_a_hostname_is_not_down_by_its_first_check(void **state)
{
	struct monitor monitor = {.interval_s = 1, .timeout_ms = 1000, .consecutive_down = 3};
	struct check_result failed = {.conclusive = true, .reason = REASON_TCP_TIMEOUT},
			    good = {.conclusive = true};
	struct health_record record = verdict_unknown(&monitor, 1, 1);

	(void)state;
	record.patient = true;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(verdict_judge(&record, &failed, &monitor, 2, 2, NULL), VERDICT_SAME);
		assert_int_equal(record.state, HEALTH_UNKNOWN);
	}
	verdict_judge(&record, &failed, &monitor, 3, 3, NULL);
	assert_int_equal(record.state, HEALTH_DOWN);
	record = verdict_unknown(&monitor, 1, 1);
	record.patient = true;
	verdict_judge(&record, &failed, &monitor, 2, 2, NULL);
	verdict_judge(&record, &good, &monitor, 2, 2, NULL);
	assert_int_equal(record.state, HEALTH_UP);
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
	assert_int_equal(verdict_judge(&record, &bad, &after, 4, 4, NULL), VERDICT_FLIPPED);
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
	result = result_of('+');
	result.rtt_us = 0; /* not known */
	verdict_judge(&record, &result, &monitor, 5, 5, NULL);
	assert_int_equal(record.streak_up, 1);
	assert_int_equal(record.rtt_us, 300);
	assert_int_equal(record.rtt_ewma_us, 1000);
}

static void
staleness_and_death_go_by_the_clock_of_this_boot(void **state)
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

/* --- S23 as a plain model: the conclusive checks so far, read again each time --- */

struct model {
	unsigned up, down;
	char checks[64]; /* + and - */
	size_t count;
	bool healthy;
};

/* How many of the last checks were like this one. */
static unsigned
run_of(const struct model *model, char check)
{
	unsigned run = 0;

	while (run < model->count && model->checks[model->count - 1 - run] == check)
		run++;
	return run;
}

static char
model_enter(struct model *model, char check)
{
	model->checks[model->count++] = check;
	if (model->count == 1)
		model->healthy = check == '+';
	else if (model->healthy && run_of(model, '-') >= (model->down == 0 ? 1 : model->down))
		model->healthy = false;
	else if (!model->healthy && run_of(model, '+') >= (model->up == 0 ? 1 : model->up))
		model->healthy = true;
	return !model->healthy ? 'D' : check == '-' ? 'S' : 'U';
}

/* Every continuation of a record and its model by this number of checks. */
static size_t
compare(const struct health_record *record, const struct model *model, const struct monitor *monitor,
    unsigned depth)
{
	size_t compared = 0;

	for (const char *check = "+-o"; *check != '\0' && depth > 0; check++) {
		struct health_record next = *record;
		struct model next_model = *model;
		struct check_result result = result_of(*check);
		enum health_state before = HEALTH_UNRESOLVED;
		enum verdict_news news =
		    verdict_judge(&next, &result, monitor, 1000 - depth, 2000 - depth, &before);
		char expected = *check == 'o' ? letter(record->state) : model_enter(&next_model, *check);

		if (letter(next.state) != expected)
			fail_msg("up %u, down %u, %.*s then %c: %c, not %c", model->up, model->down,
			    (int)model->count, model->checks, *check, letter(next.state), expected);
		assert_int_equal(news, next.state == record->state ? VERDICT_SAME : VERDICT_FLIPPED);
		assert_int_equal(before, news == VERDICT_SAME ? HEALTH_UNRESOLVED : record->state);
		assert_int_equal(next.verdict, next.state);
		compared += 1 + compare(&next, &next_model, monitor, depth - 1);
	}
	return compared;
}

static void
all_sequences_of_ten_checks_give_what_a_model_of_S23_gives(void **state)
{
	size_t compared = 0;

	(void)state;
	for (unsigned numbers = 0; numbers < 25; numbers++) {
		struct monitor monitor = monitor_of(numbers / 5, numbers % 5);
		struct health_record record = verdict_unknown(&monitor, 1, 1);
		struct model model = {.up = numbers / 5, .down = numbers % 5};

		compared += compare(&record, &model, &monitor, 10);
	}
	assert_int_equal(compared, 25 * 88572); /* 3 + 9 + ... + 3^10 */
}

/* Also records that no sequence under these numbers leads to: those of a monitor that was edited. */
static void
every_state_and_streak_has_its_transition(void **state)
{
	(void)state;
	for (unsigned numbers = 0; numbers < 25; numbers++)
		for (unsigned was = 0; was <= HEALTH_DOWN; was++)
			for (unsigned streak = 0; streak <= 12; streak++) {
				struct monitor monitor = monitor_of(numbers / 5, numbers % 5);
				bool failing = streak > 6, good = numbers % 2 == 0;
				unsigned run = failing ? streak - 6 : streak;

				for (int check = 0; check < 2; check++, good = !good) {
					struct health_record record = verdict_unknown(&monitor, 1, 1);
					struct check_result result = result_of(good ? '+' : '-');
					unsigned up = !failing && good ? run + 1 : good,
						 down = failing && !good ? run + 1 : !good;
					char expected;

					record.state = record.verdict = (uint8_t)was;
					record.streak_up = (uint8_t)(failing ? 0 : run);
					record.streak_down = (uint8_t)(failing ? run : 0);
					if (was == HEALTH_UNKNOWN)
						expected = good ? 'U' : 'D';
					else if (was == HEALTH_DOWN)
						expected = up >= MAX(1, monitor.consecutive_up) ? 'U' : 'D';
					else
						expected = good                                ? 'U'
						    : down >= MAX(1, monitor.consecutive_down) ? 'D'
											       : 'S';
					verdict_judge(&record, &result, &monitor, 2, 2, NULL);
					assert_int_equal(letter(record.state), expected);
				}
			}
}

/* --- clocks --- */

static void
the_wall_clock_decides_nothing(void **state)
{
	static const int64_t steps[] = {0, -3600000, 1 << 30, -(INT64_C(1) << 40), 5, INT64_MAX, INT64_MIN};
	struct monitor monitor = monitor_of(2, 3);
	struct health_record steady, stepped;

	(void)state;
	monitor.damping_changes = 2;
	monitor.damping_period_s = 30;
	steady = stepped = verdict_unknown(&monitor, 1, 1);
	for (unsigned i = 0; i < 500; i++) {
		struct check_result result = result_of("+-+--+---++++--o"[i * i % 16]);
		uint64_t now = 1000 + i * UINT64_C(3000);

		assert_int_equal(verdict_judge(&steady, &result, &monitor, now, 7, NULL),
		    verdict_judge(&stepped, &result, &monitor, now, steps[i % NITEMS(steps)], NULL));
		steady.since_wall = stepped.since_wall;
		assert_memory_equal(&steady, &stepped, sizeof steady);
	}
}

/* --- S39 --- */

/* Each change of the verdict with its second; everything is counted again. */
struct damping_model {
	struct model verdict;
	unsigned changes[512], count;
	bool damped;
};

static char
damping_enter(struct damping_model *model, char check, unsigned second, const struct monitor *monitor)
{
	bool first = model->verdict.count == 0, was = model->verdict.healthy;
	char verdict = model_enter(&model->verdict, check);
	unsigned within = 0;

	if (!first && model->verdict.healthy != was)
		model->changes[model->count++] = second;
	for (unsigned i = 0; i < model->count; i++)
		within += model->changes[i] + monitor->damping_period_s > second;
	if (monitor->damping_changes == 0 || within == 0)
		model->damped = false;
	else if (within > monitor->damping_changes && model->verdict.healthy != was && !first)
		model->damped = true;
	return model->damped ? 'D' : verdict;
}

static void
damping_holds_down_what_changes_too_often_until_it_was_quiet(void **state)
{
	unsigned long damped = 0, released = 0;

	(void)state;
	srandom(39);
	for (unsigned run = 0; run < 20000; run++) {
		struct monitor monitor = monitor_of((unsigned)random() % 3, (unsigned)random() % 3);
		struct damping_model model = {
		    .verdict = {.up = monitor.consecutive_up, .down = monitor.consecutive_down}};
		struct health_record record = verdict_unknown(&monitor, 1, 1);
		unsigned second = 1, calm = 2 + (unsigned)random() % 12;

		monitor.damping_changes = (unsigned)random() % 16;
		monitor.damping_period_s = 10 + (unsigned)random() % 100;
		for (unsigned i = 0; i < 60; i++) {
			char check = random() % calm == 0 ? '-' : '+', expected;
			struct check_result result = result_of(check);
			bool was_damped = model.damped;
			enum verdict_news news;

			second += 1 + (unsigned)random() % 8;
			expected = damping_enter(&model, check, second, &monitor);
			news = verdict_judge(&record, &result, &monitor, second * UINT64_C(1000), 1, NULL);
			assert_int_equal(letter(record.state), expected);
			assert_int_equal(record.damped_until_ms != 0, model.damped);
			assert_int_equal(news == VERDICT_DAMPED, model.damped && !was_damped);
			if (model.damped) /* until when at the earliest */
				assert_int_equal(record.damped_until_ms,
				    (model.changes[model.count - 1] + monitor.damping_period_s) *
					UINT64_C(1000));
			damped += model.damped && !was_damped;
			released += !model.damped && was_damped;
		}
	}
	assert_true(damped > 1000 && released > 500); /* the runs did meet it */
}

static void
damping_that_is_switched_off_lets_go_with_the_next_check(void **state)
{
	struct monitor monitor = monitor_of(0, 0);
	struct health_record record = verdict_unknown(&monitor, 1, 1);
	struct check_result good = result_of('+'), bad = result_of('-');

	(void)state;
	monitor.damping_changes = 1;
	monitor.damping_period_s = 600;
	assert_int_equal(verdict_judge(&record, &good, &monitor, 1000, 1, NULL), VERDICT_FLIPPED);
	assert_int_equal(verdict_judge(&record, &bad, &monitor, 2000, 1, NULL), VERDICT_FLIPPED);
	assert_int_equal(verdict_judge(&record, &good, &monitor, 3000, 1, NULL), VERDICT_DAMPED);
	assert_int_equal(record.state, HEALTH_DOWN);
	assert_int_equal(record.since_ms, 2000); /* it was down before */
	assert_int_equal(record.damped_until_ms, 603000);
	assert_int_equal(verdict_judge(&record, &good, &monitor, 602999, 1, NULL), VERDICT_SAME);
	monitor.damping_changes = 0;
	assert_int_equal(verdict_judge(&record, &good, &monitor, 603000 - 1, 1, NULL), VERDICT_FLIPPED);
	assert_int_equal(record.state, HEALTH_UP);
}

static void
another_boot_begins_the_quiet_time_anew(void **state)
{
	struct monitor monitor = monitor_of(0, 0);
	struct health_record record = verdict_unknown(&monitor, 1, 1);
	struct check_result good = result_of('+'), bad = result_of('-');

	(void)state;
	monitor.damping_changes = 1;
	monitor.damping_period_s = 60;
	verdict_judge(&record, &good, &monitor, 5000000, 1, NULL);
	verdict_judge(&record, &bad, &monitor, 5001000, 1, NULL);
	verdict_judge(&record, &good, &monitor, 5002000, 1, NULL);
	verdict_carry_over(&record, 9000); /* a clock that runs from the boot on */
	assert_int_equal(record.last_ms, 0);
	verdict_judge(&record, &good, &monitor, 68999, 1, NULL);
	assert_int_equal(record.state, HEALTH_DOWN);
	verdict_judge(&record, &good, &monitor, 69000, 1, NULL);
	assert_int_equal(record.state, HEALTH_UP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_conclusive_result_decides_at_once),
	    cmocka_unit_test(an_address_that_is_new_to_a_hostname_is_not_down_by_its_first_check),
	    cmocka_unit_test(down_takes_consecutive_down_failures_in_a_row),
	    cmocka_unit_test(up_takes_consecutive_up_good_checks_in_a_row),
	    cmocka_unit_test(a_local_error_is_no_verdict_and_breaks_no_streak),
	    cmocka_unit_test(a_monitor_edited_under_way_counts_by_its_new_numbers),
	    cmocka_unit_test(history_and_counters_tell_the_last_64_checks),
	    cmocka_unit_test(round_trip_times_are_averaged_over_good_checks),
	    cmocka_unit_test(staleness_and_death_go_by_the_clock_of_this_boot),
	    cmocka_unit_test(all_sequences_of_ten_checks_give_what_a_model_of_S23_gives),
	    cmocka_unit_test(every_state_and_streak_has_its_transition),
	    cmocka_unit_test(the_wall_clock_decides_nothing),
	    cmocka_unit_test(damping_holds_down_what_changes_too_often_until_it_was_quiet),
	    cmocka_unit_test(damping_that_is_switched_off_lets_go_with_the_next_check),
	    cmocka_unit_test(another_boot_begins_the_quiet_time_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
