/* S94: each transition between reachable, silent and failed. */
#include "sync/engine/reach.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { T = 100000 };

/* A node that is connected, and hears its beat at T. */
static struct reach
reachable(void)
{
	struct reach reach;

	reach_begin(&reach, REACH_FAILED_MS, T - 1000);
	reach_connected(&reach);
	reach_echo(&reach, T - 10, T);
	assert_true(reach_judge(&reach, true, T));
	assert_int_equal(reach.state, ENGINE_REACHABLE);
	return reach;
}

static void
it_is_silent_at_the_start(void **state)
{
	struct reach reach;

	(void)state;
	reach_begin(&reach, REACH_FAILED_MS, T);
	assert_int_equal(reach.state, ENGINE_SILENT);
	assert_false(reach_judge(&reach, true, T + 100));
	reach_connected(&reach);
	assert_false(reach_judge(&reach, true, T + 200)); /* no beat came back yet */
}

static void
it_is_reachable_when_all_nodes_were_heard(void **state)
{
	struct reach reach;

	(void)state;
	reach_begin(&reach, REACH_FAILED_MS, T);
	reach_connected(&reach);
	reach_echo(&reach, T, T + 5);
	assert_false(reach_judge(&reach, false, T + 5));
	assert_true(reach_judge(&reach, true, T + 6));
	assert_int_equal(reach.state, ENGINE_REACHABLE);
	assert_int_equal(reach.since_ms, T + 6);
}

static void
three_beats_are_enough_if_a_node_is_gone(void **state)
{
	struct reach reach;

	(void)state;
	reach_begin(&reach, REACH_FAILED_MS, T);
	reach_connected(&reach);
	for (unsigned i = 1; i <= REACH_SETTLE_BEATS; i++) {
		assert_int_equal(reach.state, ENGINE_SILENT);
		reach_echo(&reach, T + i * 500, T + i * 500 + 5);
		reach_judge(&reach, false, T + i * 500 + 5);
	}
	assert_int_equal(reach.state, ENGINE_REACHABLE);
}

static void
it_is_silent_3_s_after_the_sending_of_the_last_beat_that_came_back(void **state)
{
	struct reach reach = reachable();

	(void)state;
	assert_false(reach_judge(&reach, true, T - 10 + REACH_SILENT_MS - 1));
	assert_true(reach_judge(&reach, true, T - 10 + REACH_SILENT_MS));
	assert_int_equal(reach.state, ENGINE_SILENT);
	assert_int_equal(reach.silent_ms, T - 10 + REACH_SILENT_MS);
}

/* A process that was stopped reads beats of long ago when it goes on. */
static void
a_beat_that_comes_back_late_shows_nothing(void **state)
{
	struct reach reach = reachable();
	uint64_t now = T + 60000;

	(void)state;
	reach_echo(&reach, T + 500, now);
	assert_true(reach_judge(&reach, true, now));
	assert_int_equal(reach.state, ENGINE_SILENT);
	reach_echo(&reach, now, now + 5);
	assert_true(reach_judge(&reach, true, now + 5));
	assert_int_equal(reach.state, ENGINE_REACHABLE);
}

static void
an_end_of_the_connection_makes_it_silent_at_once(void **state)
{
	struct reach reach = reachable();

	(void)state;
	reach_disconnected(&reach);
	assert_true(reach_judge(&reach, true, T + 1));
	assert_int_equal(reach.state, ENGINE_SILENT);
}

static void
after_another_connection_all_must_be_heard_again(void **state)
{
	struct reach reach = reachable();

	(void)state;
	reach_connected(&reach);
	assert_true(reach_judge(&reach, false, T + 1));
	assert_int_equal(reach.state, ENGINE_SILENT);
	reach_echo(&reach, T + 2, T + 3);
	assert_false(reach_judge(&reach, false, T + 3));
	assert_true(reach_judge(&reach, true, T + 4));
}

/* Probe each 500 ms from a time on; returns when the state changed, 0: never. */
static uint64_t
probe(struct reach *reach, unsigned reached, uint64_t from, uint64_t upto)
{
	for (uint64_t now = from; now <= upto; now += 500) {
		reach_probed(reach, reached, 3, now);
		if (reach_judge(reach, true, now))
			return now;
	}
	return 0;
}

static void
it_has_failed_10_s_after_it_fell_silent_if_the_network_works(void **state)
{
	struct reach reach = reachable();
	uint64_t silent = T + 3000;

	(void)state;
	reach_probed(&reach, 3, 3, T + 2000); /* probes begin before it is silent */
	assert_true(reach_judge(&reach, true, silent));
	assert_int_equal(probe(&reach, 2, silent, silent + 60000), silent + REACH_FAILED_MS);
	assert_int_equal(reach.state, ENGINE_FAILED);
	/* It answers again. */
	reach_connected(&reach);
	reach_echo(&reach, silent + 12000, silent + 12010);
	assert_true(reach_judge(&reach, true, silent + 12010));
	assert_int_equal(reach.state, ENGINE_REACHABLE);
}

static void
it_never_fails_in_a_partition(void **state)
{
	struct reach reach = reachable();

	(void)state;
	assert_true(reach_judge(&reach, true, T + 3000));
	assert_int_equal(probe(&reach, 1, T + 3000, T + 600000), 0);
	assert_int_equal(reach.state, ENGINE_SILENT);
}

static void
half_of_the_machines_prove_nothing(void **state)
{
	struct reach reach;

	(void)state;
	reach_begin(&reach, REACH_FAILED_MS, T);
	for (uint64_t now = T; now < T + 60000; now += 500) {
		reach_probed(&reach, 2, 4, now);
		assert_false(reach_judge(&reach, true, now));
	}
}

static void
the_time_begins_again_after_a_gap_in_the_proof(void **state)
{
	struct reach reach = reachable();

	(void)state;
	assert_true(reach_judge(&reach, true, T + 3000));
	assert_int_equal(probe(&reach, 3, T + 3000, T + 12000), 0);
	assert_int_equal(probe(&reach, 0, T + 12500, T + 12500), 0); /* one probe finds the way cut */
	assert_int_equal(probe(&reach, 3, T + 13000, T + 60000), T + 13000 + REACH_FAILED_MS);
	/* A process that was stopped, or a machine that slept, has not probed meanwhile. */
	assert_true(reach_judge(&reach, true, T + 100000));
	assert_int_equal(reach.state, ENGINE_SILENT);
	assert_int_equal(probe(&reach, 3, T + 100000, T + 200000), T + 100000 + REACH_FAILED_MS);
}

static void
a_cut_after_the_failure_freezes_again(void **state)
{
	struct reach reach = reachable();

	(void)state;
	assert_true(reach_judge(&reach, true, T + 3000));
	assert_true(probe(&reach, 3, T + 3000, T + 60000) > 0);
	assert_int_equal(reach.state, ENGINE_FAILED);
	assert_true(probe(&reach, 1, T + 60500, T + 60500) > 0);
	assert_int_equal(reach.state, ENGINE_SILENT);
}

static void
with_alone_freeze_it_never_fails(void **state)
{
	struct reach reach;

	(void)state;
	reach_begin(&reach, 0, T);
	assert_int_equal(probe(&reach, 3, T, T + 600000), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(it_is_silent_at_the_start),
	    cmocka_unit_test(it_is_reachable_when_all_nodes_were_heard),
	    cmocka_unit_test(three_beats_are_enough_if_a_node_is_gone),
	    cmocka_unit_test(it_is_silent_3_s_after_the_sending_of_the_last_beat_that_came_back),
	    cmocka_unit_test(a_beat_that_comes_back_late_shows_nothing),
	    cmocka_unit_test(an_end_of_the_connection_makes_it_silent_at_once),
	    cmocka_unit_test(after_another_connection_all_must_be_heard_again),
	    cmocka_unit_test(it_has_failed_10_s_after_it_fell_silent_if_the_network_works),
	    cmocka_unit_test(it_never_fails_in_a_partition),
	    cmocka_unit_test(half_of_the_machines_prove_nothing),
	    cmocka_unit_test(the_time_begins_again_after_a_gap_in_the_proof),
	    cmocka_unit_test(a_cut_after_the_failure_freezes_again),
	    cmocka_unit_test(with_alone_freeze_it_never_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
