/* What looks at the parents of several zones mean for the clock of the signer (S106). */
#include "signer/time/outside.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define HOUR_MS ((int64_t)3600000)
#define DAY_S 86400
#define NOW_S UINT32_C(1796040000) /* 2026-11-30T12:00Z */
#define NOW_MS ((int64_t)NOW_S * 1000)

enum { BOOT_MS = 1000000, RETRY_MS = 60000 };

static struct outside outside;
static char text[OUTSIDE_TEXT];

static int
begin(void **state)
{
	(void)state;
	outside_free(&outside);
	return 0;
}

static void
list(unsigned zones)
{
	static const uint8_t apex[] = "\7example";

	outside_list_begin(&outside, BOOT_MS);
	for (unsigned zone = 1; zone <= zones; zone++)
		outside_list_add(&outside, zone, apex);
	outside_list_end(&outside);
}

/* A look ends. */
static void
note_at(uint32_t zone, enum parent_says says, int64_t at_ms)
{
	struct parent_time time = {
	    .says = (uint8_t)says, .at_ms = at_ms, .from = NOW_S - 14 * DAY_S, .until = NOW_S - DAY_S};

	snprintf(time.zone, sizeof time.zone, "zone%u.example", zone);
	outside_note(&outside, zone, &time);
}

static void
note(uint32_t zone, enum parent_says says)
{
	note_at(zone, says, NOW_MS);
}

static bool
is_good_at(int64_t wall_ms, uint64_t boot_ms)
{
	return outside_look(&outside, wall_ms, boot_ms, text) == NULL;
}

static bool
is_good(void)
{
	return is_good_at(NOW_MS, BOOT_MS);
}

/* ---- parents ---- */

static void
a_parent_whose_signatures_do_not_hold_stops_until_it_answers_otherwise(void **state)
{
	static const enum parent_says cures[] = {PARENT_HOLDS, PARENT_NOTHING};

	(void)state;
	assert_true(is_good());
	assert_false(outside_needs_looks(&outside, NOW_MS));
	for (size_t i = 0; i < NITEMS(cures); i++) {
		note(1, PARENT_HOLDS);
		assert_true(is_good());
		note(1, PARENT_OFF);
		assert_false(is_good());
		assert_true(outside_is_off(&outside, NOW_MS) && outside_needs_looks(&outside, NOW_MS));
		note(1, PARENT_SILENT);
		assert_false(is_good());
		note(1, cures[i]);
		assert_true(is_good());
		assert_false(outside_needs_looks(&outside, NOW_MS));
	}
}

static void
a_parent_whose_signatures_held_within_a_day_beats_others(void **state)
{
	(void)state;
	note_at(2, PARENT_HOLDS, NOW_MS - 24 * HOUR_MS);
	note(1, PARENT_OFF);
	assert_true(is_good());
	assert_false(outside_needs_looks(&outside, NOW_MS));
	assert_false(is_good_at(NOW_MS + HOUR_MS, BOOT_MS)); /* the hour is for looks that are late */
	assert_false(is_good_at(NOW_MS + 365 * 24 * HOUR_MS, BOOT_MS));
	note_at(2, PARENT_SILENT, NOW_MS);
	assert_false(is_good_at(NOW_MS + HOUR_MS, BOOT_MS));
	note(3, PARENT_NOTHING);
	assert_false(is_good_at(NOW_MS + HOUR_MS, BOOT_MS));
	note(3, PARENT_HOLDS);
	assert_true(is_good_at(NOW_MS + HOUR_MS, BOOT_MS));
	note_at(3, PARENT_HOLDS, NOW_MS + 30 * HOUR_MS); /* by a clock that was ahead */
	assert_false(is_good_at(NOW_MS + 2 * HOUR_MS, BOOT_MS));
}

static bool
is_one(void *arg, uint32_t zone)
{
	return zone == *(const uint32_t *)arg;
}

static void
zones_that_are_gone_do_not_count(void **state)
{
	uint32_t one = 1;

	(void)state;
	note(1, PARENT_OFF);
	note(2, PARENT_HOLDS);
	assert_true(is_good());
	outside_keep(&outside, is_one, &one);
	assert_false(is_good());
	note(2, PARENT_OFF);
	list(0);
	assert_true(is_good());
}

static void
the_reason_has_the_times_and_the_cure(void **state)
{
	struct parent_time time = {.says = PARENT_OFF,
	    .at_ms = NOW_MS,
	    .from = NOW_S - 14 * DAY_S,
	    .until = NOW_S - 30 * 60,
	    .zone = "a-name-that-is-as-long-as-it-is"};

	(void)state;
	outside_note(&outside, 1, &time);
	assert_false(is_good());
	assert_string_equal(text,
	    "nothing is signed: the parent's signatures over DS of a-name-that-is-as-long-as-it-is "
	    "(2026-11-16T12:00Z to 2026-11-30T11:30Z) have ended: set the clock; if the parent let them end, "
	    "--trust-clock");
	time.from = NOW_S + DAY_S;
	time.until = NOW_S + 2 * DAY_S;
	outside_note(&outside, 1, &time);
	assert_false(is_good());
	assert_string_equal(text,
	    "nothing is signed: the parent's signatures over DS of a-name-that-is-as-long-as-it-is "
	    "(2026-12-01T12:00Z to 2026-12-02T12:00Z) have not begun: set the clock; if the parent's is "
	    "wrong, "
	    "--trust-clock");
	time.from = NOW_S - DAY_S;
	outside_note(&outside, 1, &time);
	assert_false(is_good());
	assert_non_null(strstr(text, "do not hold: set the clock"));
}

/* ---- the first signature of a boot ---- */

static void
in_doubt_nothing_is_signed_before_each_parent_answered(void **state)
{
	(void)state;
	outside_begin_doubt(&outside, 365);
	assert_false(is_good());
	assert_non_null(strstr(text, "365 days ahead"));
	assert_false(outside_is_off(&outside, NOW_MS));
	assert_true(outside_needs_looks(&outside, NOW_MS));
	list(2);
	assert_false(is_good());
	assert_non_null(outside_due(&outside, BOOT_MS, RETRY_MS));
	outside_begin_look(&outside, 1, BOOT_MS);
	assert_false(is_good());
	note(1, PARENT_NOTHING);
	assert_false(is_good());
	assert_int_equal(outside_due(&outside, BOOT_MS, RETRY_MS)->zone, 2);
	outside_begin_look(&outside, 2, BOOT_MS);
	note(2, PARENT_NOTHING);
	assert_true(is_good());
	assert_false(outside_needs_looks(&outside, NOW_MS));
	outside_begin_doubt(&outside, 365); /* that was answered */
	assert_true(is_good());
}

static void
in_doubt_one_parent_is_enough_whose_signatures_hold(void **state)
{
	(void)state;
	outside_begin_doubt(&outside, 365);
	list(3);
	outside_begin_look(&outside, 1, BOOT_MS);
	note(1, PARENT_OFF);
	assert_false(is_good());
	assert_non_null(strstr(text, "have ended"));
	outside_begin_look(&outside, 2, BOOT_MS);
	note(2, PARENT_HOLDS);
	assert_true(is_good());
}

static void
in_doubt_a_parent_that_held_before_proves_nothing(void **state)
{
	(void)state;
	note(1, PARENT_HOLDS);
	outside_begin_doubt(&outside, 2);
	list(1);
	assert_false(is_good());
	outside_begin_look(&outside, 1, BOOT_MS);
	note(1, PARENT_OFF);
	assert_false(is_good());
	/* Of two parents, one is silent now. */
	begin(state);
	note(1, PARENT_HOLDS);
	note(2, PARENT_HOLDS);
	outside_begin_doubt(&outside, 2);
	list(2);
	outside_begin_look(&outside, 1, BOOT_MS);
	note(1, PARENT_OFF);
	outside_begin_look(&outside, 2, BOOT_MS);
	note(2, PARENT_SILENT);
	assert_false(is_good_at(NOW_MS, BOOT_MS + OUTSIDE_WAIT_MS));
}

static void
in_doubt_zones_that_are_gone_are_not_waited_for(void **state)
{
	(void)state;
	list(2);
	outside_begin_doubt(&outside, 365);
	list(1);
	outside_begin_look(&outside, 1, BOOT_MS);
	note(1, PARENT_NOTHING);
	assert_true(is_good());
}

static void
in_doubt_without_an_answer_it_is_signed_after_45_seconds_and_the_look(void **state)
{
	const uint64_t end = BOOT_MS + OUTSIDE_WAIT_MS;

	(void)state;
	outside_begin_doubt(&outside, 365);
	list(1);
	outside_begin_look(&outside, 1, BOOT_MS);
	note(1, PARENT_SILENT);
	/* Soon again: the network comes up, perhaps. */
	assert_null(outside_due(&outside, BOOT_MS + OUTSIDE_AGAIN_MS - 1, RETRY_MS));
	assert_non_null(outside_due(&outside, BOOT_MS + OUTSIDE_AGAIN_MS, RETRY_MS));
	assert_false(is_good_at(NOW_MS, end - 1));
	outside_begin_look(&outside, 1, end - 1);
	assert_false(is_good_at(NOW_MS, end + 1000));
	note(1, PARENT_SILENT);
	assert_true(is_good_at(NOW_MS, end + 1000));
	/* Looks go on. */
	assert_true(outside_needs_looks(&outside, NOW_MS));
	assert_null(outside_due(&outside, end + RETRY_MS - 2, RETRY_MS));
	assert_non_null(outside_due(&outside, end + RETRY_MS - 1, RETRY_MS));
	note(1, PARENT_OFF);
	assert_false(is_good_at(NOW_MS, end + 1000));
	note(1, PARENT_HOLDS);
	assert_true(is_good_at(NOW_MS, end + 1000));
	assert_false(outside_needs_looks(&outside, NOW_MS));
}

static void
in_doubt_without_a_zone_that_has_a_ds_it_is_signed_at_once(void **state)
{
	(void)state;
	outside_begin_doubt(&outside, 365);
	assert_false(is_good());
	list(0);
	assert_true(is_good());
}

/* ---- restarts ---- */

static struct store *store;
static char directory[] = "/tmp/graycloud-outside-XXXXXX";

static int
open_store(void **state)
{
	struct problems problems = {0};

	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	store = store_open(directory, STORE_SETS, STORE_WRITE, &problems);
	return store != NULL ? 0 : -1;
}

static int
close_store(void **state)
{
	static const char *const files[] = {"data.mdb", "lock.mdb", "writer", "boot"};
	char path[128];

	(void)state;
	store_close(store);
	for (size_t i = 0; i < NITEMS(files); i++) {
		snprintf(path, sizeof path, "%s/sets/%s", directory, files[i]);
		remove(path);
	}
	snprintf(path, sizeof path, "%s/sets", directory);
	remove(path);
	remove(directory);
	outside_free(&outside);
	return 0;
}

/* Write what changed, and read it as another signer. */
static void
restart(bool trust)
{
	struct store_txn *txn;

	assert_int_equal(store_begin(store, STORE_WRITE, &txn), 0);
	assert_int_equal(outside_write(&outside, txn), 0);
	outside_free(&outside);
	outside_load(&outside, txn, trust);
	assert_int_equal(store_commit(txn), 0);
}

static void
a_restart_knows_what_the_parents_showed(void **state)
{
	char before[OUTSIDE_TEXT];

	(void)state;
	restart(false);
	note(UINT32_MAX, PARENT_OFF);
	assert_false(is_good());
	snprintf(before, sizeof before, "%s", text);
	restart(false);
	assert_false(is_good());
	assert_string_equal(text, before);
	note(0, PARENT_HOLDS);
	restart(false);
	assert_true(is_good());
	assert_false(is_good_at(NOW_MS + 25 * HOUR_MS, BOOT_MS));
	note(UINT32_MAX, PARENT_NOTHING);
	restart(false);
	assert_true(is_good_at(NOW_MS + 25 * HOUR_MS, BOOT_MS));
}

static void
a_person_who_trusts_the_clock_does_so_for_the_boot(void **state)
{
	(void)state;
	note(0, PARENT_NOTHING);
	note(1, PARENT_OFF);
	restart(false);
	assert_false(is_good());
	restart(true);
	assert_true(is_good());
	restart(false);
	note(1, PARENT_OFF);
	assert_true(is_good());
	outside_begin_doubt(&outside, 365);
	assert_true(is_good());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(
		a_parent_whose_signatures_do_not_hold_stops_until_it_answers_otherwise, begin),
	    cmocka_unit_test_setup(a_parent_whose_signatures_held_within_a_day_beats_others, begin),
	    cmocka_unit_test_setup(zones_that_are_gone_do_not_count, begin),
	    cmocka_unit_test_setup(the_reason_has_the_times_and_the_cure, begin),
	    cmocka_unit_test_setup(in_doubt_nothing_is_signed_before_each_parent_answered, begin),
	    cmocka_unit_test_setup(in_doubt_one_parent_is_enough_whose_signatures_hold, begin),
	    cmocka_unit_test_setup(in_doubt_a_parent_that_held_before_proves_nothing, begin),
	    cmocka_unit_test_setup(in_doubt_zones_that_are_gone_are_not_waited_for, begin),
	    cmocka_unit_test_setup(
		in_doubt_without_an_answer_it_is_signed_after_45_seconds_and_the_look, begin),
	    cmocka_unit_test_setup(in_doubt_without_a_zone_that_has_a_ds_it_is_signed_at_once, begin),
	    cmocka_unit_test_setup(a_restart_knows_what_the_parents_showed, begin),
	    cmocka_unit_test_setup(a_person_who_trusts_the_clock_does_so_for_the_boot, begin),
	};

	return cmocka_run_group_tests(tests, open_store, close_store);
}
