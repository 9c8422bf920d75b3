/* One step of a procedure: marks, looks, waits, and how it ends or is cancelled (S107, S108). */
#include "signer/rollover/rollover.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ---- marks ---- */

static void
marks_come_and_go(void **state)
{
	struct signing_key key = {0};

	(void)state;
	rollover_mark(&key, KEY_DNSKEY | KEY_SIGNS, 10);
	assert_int_equal(key.marks[MARK_DNSKEY], MARK_COMING);
	assert_int_equal(key.marks[MARK_DS], MARK_HIDDEN);
	assert_int_equal(key.since[MARK_DNSKEY], 10);
	assert_int_equal(key.since[MARK_DS], 0);
	rollover_settle(&key, 20);
	assert_int_equal(key.marks[MARK_SIGNS], MARK_EVERYWHERE);
	assert_int_equal(key.since[MARK_SIGNS], 20);
	rollover_mark(&key, KEY_DNSKEY, 30);
	assert_int_equal(key.marks[MARK_SIGNS], MARK_GOING);
	assert_int_equal(key.since[MARK_DNSKEY], 20);
	assert_false(key_shows(&key, MARK_SIGNS));
	rollover_settle(&key, 40);
	assert_int_equal(key.marks[MARK_SIGNS], MARK_HIDDEN);
}

/* ---- looks and waits ---- */

static const struct rollover_pace pace = {600000, 3600000};
static const struct key_id first_key = {13, 1}, second_key = {13, 2};

static struct rollover_clock
at_second(int64_t second)
{
	return (struct rollover_clock){second * 1000, (uint64_t)second * 1000, 1};
}

static enum rollover_due
due(const struct rollover *rollover, int64_t second)
{
	struct rollover_clock now = at_second(second);

	return rollover_due(rollover, &now, &pace);
}

static void
seen(struct rollover *rollover, bool good, int64_t second)
{
	struct rollover_clock now = at_second(second);

	rollover_seen(rollover, good, &now, &pace);
}

static void
begin(struct rollover *rollover, enum rollover_kind kind)
{
	struct rollover_clock now = at_second(1000000);

	*rollover = (struct rollover){.ttl_dnskey = 3600, .ttl_ds = 86400, .ttl_data = 300};
	rollover_begin(rollover, kind, &first_key, &second_key, &now);
}

static void
a_step_needs_two_looks_the_margin_and_the_ttl(void **state)
{
	struct rollover rollover;
	struct rollover_clock end = at_second(1000000 + 600 + 3600 + 3600 + 1);

	(void)state;
	begin(&rollover, ROLLOVER_KEY);
	assert_int_equal(due(&rollover, 1000000), ROLLOVER_LOOK);
	seen(&rollover, true, 1000000);
	assert_int_equal(due(&rollover, 1000599), ROLLOVER_REST);
	assert_int_equal(due(&rollover, 1000600), ROLLOVER_LOOK);
	seen(&rollover, true, 1000600);
	assert_int_equal(rollover.until, end.wall_ms);
	assert_int_equal(due(&rollover, 1007800), ROLLOVER_REST);
	assert_int_equal(due(&rollover, 1007801), ROLLOVER_LOOK); /* the last look is old */
	seen(&rollover, true, 1007801);
	assert_int_equal(due(&rollover, 1007801), ROLLOVER_NEXT);
	rollover_advance(&rollover, &end);
	assert_int_equal(rollover.step, 1);
	assert_int_equal(rollover.until, 0);
}

/* The last look was at the step before, or by a clock that was set back since. */
static void
a_look_before_the_step_or_in_the_future_does_not_count(void **state)
{
	struct rollover rollover;

	(void)state;
	begin(&rollover, ROLLOVER_KEY);
	rollover.looked = 999999000;
	assert_int_equal(due(&rollover, 1000000), ROLLOVER_LOOK);
	rollover.looked = 1000000000;
	assert_int_equal(due(&rollover, 1000000), ROLLOVER_REST);
	rollover.looked = 1000001000;
	assert_int_equal(due(&rollover, 1000000), ROLLOVER_LOOK);
}

static void
a_server_that_falls_back_makes_the_wait_begin_again(void **state)
{
	struct rollover rollover;

	(void)state;
	begin(&rollover, ROLLOVER_KEY);
	seen(&rollover, true, 1000000);
	seen(&rollover, true, 1000600);
	seen(&rollover, false, 1007800);
	assert_int_equal(rollover.until, 0);
	assert_int_equal(rollover.failed_looks, 1);
	assert_int_equal(due(&rollover, 1007830), ROLLOVER_REST);
	assert_int_equal(due(&rollover, 1007860), ROLLOVER_LOOK);
	seen(&rollover, true, 1007860);
	assert_int_equal(rollover.failed_looks, 0);
	assert_int_equal(due(&rollover, 1008459), ROLLOVER_REST);
}

static void
a_clock_that_was_set_does_not_shorten_a_wait(void **state)
{
	struct rollover rollover;
	struct rollover_clock ahead = {2000000000, 1001000000, 1}, booted = {2000000000, 5000, 2};

	(void)state;
	begin(&rollover, ROLLOVER_EMERGENCY);
	seen(&rollover, true, 1000000);
	assert_int_equal(rollover.until, 1003601000);
	assert_int_equal(rollover_due(&rollover, &ahead, &pace), ROLLOVER_REST);
	assert_int_equal(rollover_due(&rollover, &booted, &pace), ROLLOVER_NEXT);
}

static void
an_emergency_takes_one_look_and_no_margin(void **state)
{
	struct rollover rollover;

	(void)state;
	begin(&rollover, ROLLOVER_EMERGENCY);
	seen(&rollover, true, 1000000);
	assert_int_equal(due(&rollover, 1003600), ROLLOVER_REST);
	assert_int_equal(due(&rollover, 1003601), ROLLOVER_NEXT);
}

static void
a_rollover_that_becomes_an_emergency_loses_its_margin(void **state)
{
	struct rollover rollover;

	(void)state;
	begin(&rollover, ROLLOVER_KEY);
	seen(&rollover, true, 1000000);
	rollover_hurry(&rollover, &pace);
	assert_int_equal(due(&rollover, 1000001), ROLLOVER_LOOK);
	begin(&rollover, ROLLOVER_KEY);
	seen(&rollover, true, 1000000);
	seen(&rollover, true, 1000600);
	rollover_hurry(&rollover, &pace);
	assert_int_equal(due(&rollover, 1004200), ROLLOVER_REST);
	assert_int_equal(due(&rollover, 1004201), ROLLOVER_NEXT);
}

static void
a_step_begins_again_if_a_clock_that_was_ahead_wrote_its_times(void **state)
{
	struct rollover rollover, before;

	(void)state;
	begin(&rollover, ROLLOVER_KEY);
	seen(&rollover, true, 31536000);
	seen(&rollover, true, 31536600);
	before = rollover;
	assert_false(rollover_set_right(&rollover, &(struct rollover_clock){31536540000, 0, 1}));
	assert_memory_equal(&rollover, &before, sizeof rollover);
	assert_int_equal(due(&rollover, 1000000), ROLLOVER_REST); /* for a year */
	assert_true(rollover_set_right(&rollover, &(struct rollover_clock){1000000000, 0, 1}));
	assert_int_equal(rollover.since, before.since);
	assert_int_equal(rollover.step, before.step);
	assert_int_equal(due(&rollover, 1000000), ROLLOVER_LOOK);
	seen(&rollover, true, 1000000);
	assert_int_equal(due(&rollover, 1000000), ROLLOVER_REST);
	seen(&rollover, true, 1000600);
	assert_true(rollover.until > 1000600000); /* the whole wait */
	rollover.since = 31536000000;
	assert_true(rollover_set_right(&rollover, &(struct rollover_clock){2000000000, 0, 1}));
	assert_int_equal(rollover.since, 2000000000);
	assert_int_equal(rollover.first, 0);
	/* Only the first look, then only the second one, was by that clock. */
	for (unsigned right = 0; right < 2; right++) {
		begin(&rollover, ROLLOVER_KEY);
		if (right)
			seen(&rollover, true, 1000000);
		seen(&rollover, true, 31536000);
		assert_true(rollover_set_right(&rollover, &(struct rollover_clock){1000600000, 0, 1}));
		assert_int_equal(rollover.first, 0);
	}
}

static void
a_ds_whose_ttl_nobody_saw_is_waited_for_a_day(void **state)
{
	struct rollover rollover;

	(void)state;
	begin(&rollover, ROLLOVER_DISABLE);
	rollover.ttl_ds = 0;
	seen(&rollover, true, 1000000);
	seen(&rollover, true, 1000600);
	assert_int_equal(rollover.until, (1000600 + 3600 + 86400 + 1) * INT64_C(1000));
}

static void
a_rollover_is_cancelled_before_the_ds_and_not_after(void **state)
{
	struct rollover rollover;
	struct rollover_clock now = at_second(1000000);

	(void)state;
	begin(&rollover, ROLLOVER_ALGORITHM);
	rollover_advance(&rollover, &now);
	assert_true(rollover_can_cancel(&rollover));
	rollover_advance(&rollover, &now);
	assert_false(rollover_can_cancel(&rollover));
	begin(&rollover, ROLLOVER_ENABLE);
	assert_true(rollover_step(&rollover) != NULL);
	begin(&rollover, ROLLOVER_KEY);
	rollover_begin(&rollover, ROLLOVER_CANCEL, &first_key, &second_key, &now);
	assert_int_equal(rollover.kind, ROLLOVER_CANCEL); /* its key signed no data */
	assert_int_equal(rollover.step, 0);
	assert_int_equal(rollover.steps, 1);
	begin(&rollover, ROLLOVER_ALGORITHM);
	rollover_begin(&rollover, ROLLOVER_CANCEL, &first_key, &second_key, &now);
	assert_int_equal(rollover.kind, ROLLOVER_CANCEL_ALGORITHM);
	assert_int_equal(rollover.step, 0);
	assert_int_equal(rollover.steps, 2);
	assert_false(rollover_can_cancel(&rollover));
	rollover_advance(&rollover, &now);
	rollover_advance(&rollover, &now);
	assert_int_equal(rollover.kind, ROLLOVER_NONE);
}

/* ---- ends ---- */

/* The last step is over. */
static void
end(struct rollover *rollover, enum rollover_kind kind)
{
	struct rollover_clock now = at_second(1000000);

	begin(rollover, kind);
	rollover_hurry(rollover, &pace);
	for (unsigned i = rollover->step, steps = rollover->steps; i < steps; i++) {
		assert_int_equal(rollover->kind, kind);
		rollover_advance(rollover, &now);
	}
}

static void
the_end_of_dnssec_stays_and_other_ends_do_not(void **state)
{
	struct rollover rollover;

	(void)state;
	for (unsigned kind = ROLLOVER_NONE + 1; kind < ROLLOVER_KINDS; kind++) {
		bool stays =
		    kind == ROLLOVER_DISABLE || kind == ROLLOVER_KEY_LOST || kind == ROLLOVER_MOVE_OUT;

		if (kind == ROLLOVER_DISABLED)
			continue;
		end(&rollover, kind);
		assert_int_equal(rollover.kind, stays ? ROLLOVER_DISABLED : ROLLOVER_NONE);
		assert_false(rollover.hurry); /* of the next one */
		assert_int_equal(rollover.old.algorithm, 0);
		assert_int_equal(due(&rollover, 1000000), stays ? ROLLOVER_REST : ROLLOVER_LOOK);
		seen(&rollover, true, 1000000);
		assert_int_equal(due(&rollover, 1000000 + 86399), ROLLOVER_REST);
		assert_int_equal(due(&rollover, 1000000 + 86400), stays ? ROLLOVER_REST : ROLLOVER_LOOK);
	}
}

/* S107: data that the new key has signed may be in caches. */
static void
what_has_signed_data_or_is_cancelled_is_not_cancelled(void **state)
{
	struct rollover_clock now = at_second(1000000);
	struct rollover rollover;

	(void)state;
	begin(&rollover, ROLLOVER_ZSK);
	assert_true(rollover_can_cancel(&rollover));
	rollover_advance(&rollover, &now);
	assert_false(rollover_can_cancel(&rollover));
	rollover_begin(&rollover, ROLLOVER_CANCEL, &first_key, &second_key, &now);
	assert_false(rollover_can_cancel(&rollover));
	begin(&rollover, ROLLOVER_CANCEL);
	assert_false(rollover_can_cancel(&rollover));
}

/* S111: of one leader the later change is obeyed. */
static void
a_rollover_that_becomes_an_emergency_is_one_change(void **state)
{
	struct rollover rollover;
	uint32_t change;

	(void)state;
	begin(&rollover, ROLLOVER_KEY);
	change = rollover.leading.change;
	rollover_hurry(&rollover, &pace);
	rollover_hurry(&rollover, &pace);
	assert_int_equal(rollover.leading.change, change + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(marks_come_and_go),
	    cmocka_unit_test(a_step_needs_two_looks_the_margin_and_the_ttl),
	    cmocka_unit_test(a_look_before_the_step_or_in_the_future_does_not_count),
	    cmocka_unit_test(a_server_that_falls_back_makes_the_wait_begin_again),
	    cmocka_unit_test(a_clock_that_was_set_does_not_shorten_a_wait),
	    cmocka_unit_test(an_emergency_takes_one_look_and_no_margin),
	    cmocka_unit_test(a_rollover_that_becomes_an_emergency_loses_its_margin),
	    cmocka_unit_test(a_step_begins_again_if_a_clock_that_was_ahead_wrote_its_times),
	    cmocka_unit_test(a_ds_whose_ttl_nobody_saw_is_waited_for_a_day),
	    cmocka_unit_test(a_rollover_is_cancelled_before_the_ds_and_not_after),
	    cmocka_unit_test(the_end_of_dnssec_stays_and_other_ends_do_not),
	    cmocka_unit_test(what_has_signed_data_or_is_cancelled_is_not_cancelled),
	    cmocka_unit_test(a_rollover_that_becomes_an_emergency_is_one_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
