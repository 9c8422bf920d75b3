/* S92: who is alive, counted in own beats. */
#include "sync/nodes/live.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
a_node_is_gone_after_ten_own_beats(void **state)
{
	struct live live = {0};

	(void)state;
	assert_false(live_alive(&live, 0));
	assert_true(live_beat(&live, 1, 1, true, 5));
	for (uint64_t echoes = 5; echoes < 15; echoes++)
		assert_true(live_alive(&live, echoes));
	assert_false(live_alive(&live, 15));
	assert_true(live_beat(&live, 1, 2, true, 20));
	assert_true(live_alive(&live, 20));
}

static void
nobody_ages_while_no_own_beat_comes_back(void **state)
{
	struct live live = {0};

	(void)state;
	live_beat(&live, 1, 1, true, 5);
	for (unsigned i = 0; i < 1000; i++)
		assert_true(live_alive(&live, 5));
}

static void
a_beat_that_was_read_is_of_the_past(void **state)
{
	struct live live = {0};

	(void)state;
	assert_true(live_beat(&live, 1, 7, false, 0));
	assert_false(live_alive(&live, 0));
	assert_false(live_beat(&live, 1, 7, true, 0)); /* the same one again is no sign of life */
	assert_false(live_alive(&live, 0));
	assert_true(live_beat(&live, 1, 8, true, 0));
	assert_true(live_alive(&live, 0));
}

static void
nobody_counts_after_another_connection_until_heard(void **state)
{
	struct live live = {0};

	(void)state;
	live_beat(&live, 1, 1, true, 0);
	live_connected(&live);
	assert_false(live_alive(&live, 0));
	live_beat(&live, 1, 1, false, 0);
	assert_false(live_alive(&live, 0));
	live_beat(&live, 1, 2, true, 0);
	assert_true(live_alive(&live, 0));
}

static void
a_process_that_was_started_again_is_alive(void **state)
{
	struct live live = {0};

	(void)state;
	live_beat(&live, 1, 1, true, 0);
	assert_false(live_alive(&live, 10));
	assert_true(live_beat(&live, 2, 1, true, 10)); /* the same count of another process */
	assert_true(live_alive(&live, 10));
}

static void
a_node_that_left_is_gone(void **state)
{
	struct live live = {0};

	(void)state;
	live_beat(&live, 1, 1, true, 0);
	live_left(&live);
	assert_false(live_alive(&live, 0));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_node_is_gone_after_ten_own_beats),
	    cmocka_unit_test(nobody_ages_while_no_own_beat_comes_back),
	    cmocka_unit_test(a_beat_that_was_read_is_of_the_past),
	    cmocka_unit_test(nobody_counts_after_another_connection_until_heard),
	    cmocka_unit_test(a_process_that_was_started_again_is_alive),
	    cmocka_unit_test(a_node_that_left_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
