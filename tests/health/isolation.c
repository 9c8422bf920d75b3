/* isolation.c: which checks may be judged, over all ways that a link may fail and come back. */
#include "monitor/judge/isolation.h"

#include "zones/base/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void
a_failed_check_waits_for_a_round_that_was_asked_after_its_end(void **state)
{
	struct isolation isolation = {0};

	(void)state;
	assert_int_equal(
	    isolation_rule(&isolation, 5, 10, true), ISOLATION_JUDGE); /* nothing was asked yet */
	assert_int_equal(isolation_rule(&isolation, 5, 10, false), ISOLATION_WAIT);
	assert_false(
	    isolation_round(&isolation, 9, 11, true)); /* asked before the check's end, answered after it */
	assert_int_equal(isolation_rule(&isolation, 5, 10, false), ISOLATION_WAIT);
	assert_false(isolation_round(&isolation, 12, 13, true));
	assert_int_equal(isolation_rule(&isolation, 5, 10, false), ISOLATION_JUDGE);
}

static void
nothing_is_judged_while_isolated_nor_what_began_before_its_end(void **state)
{
	struct isolation isolation = {0};

	(void)state;
	assert_true(isolation_round(&isolation, 100, 110, false));
	assert_int_equal(isolation.since_ms, 110);
	for (int good = 0; good < 2; good++) {
		assert_int_equal(isolation_rule(&isolation, 50, 105, good), ISOLATION_WITHHOLD);
		assert_int_equal(isolation_rule(&isolation, 120, 130, good), ISOLATION_WITHHOLD);
	}
	assert_false(isolation_round(&isolation, 200, 210, false));
	assert_int_equal(isolation.since_ms, 110);
	assert_true(isolation_round(&isolation, 300, 305, true));
	assert_int_equal(isolation.clear_ms, 305);
	for (int good = 0; good < 2; good++)
		assert_int_equal(isolation_rule(&isolation, 304, 400, good), ISOLATION_WITHHOLD);
	assert_int_equal(isolation_rule(&isolation, 306, 400, true), ISOLATION_JUDGE);
	assert_int_equal(isolation_rule(&isolation, 306, 400, false), ISOLATION_WAIT);
}

/*
 * A link that is cut from one tick to another, for two rounds and more.  A check fails where the link is cut
 * at any time of it, and so does a round: no check of an endpoint that lives is ever judged as failed,
 * whenever it ran.
 */
static void
no_cut_of_two_rounds_or_more_makes_a_living_endpoint_fail(void **state)
{
	enum { ROUND = 10, END = 400 };
	unsigned judged = 0, withheld = 0;

	(void)state;
	for (unsigned cut = 50; cut < 70; cut++)
		for (unsigned length = 2 * ROUND; length < 200; length += 7)
			for (unsigned began = 20; began < 300; began++)
				for (unsigned takes = 1; takes < 40; takes += 6) {
					struct isolation isolation = {0};
					unsigned ended = began + takes;
					bool good = ended <= cut || began >= cut + length;
					enum isolation_rule rule = ISOLATION_WAIT;

					/* A round is asked each ROUND ticks; its answer takes 2, a failure
					 * the whole ROUND. */
					for (unsigned now = 1;
					     now < END && (now <= ended || rule == ISOLATION_WAIT); now++) {
						unsigned asked = now - now % ROUND;
						bool lives = asked + 2 <= cut || asked >= cut + length;

						if (asked > 0 && lives && now % ROUND == 2)
							isolation_round(&isolation, asked, now, true);
						else if (asked > 0 && !lives && now % ROUND == ROUND - 1)
							isolation_round(&isolation, asked, now, false);
						if (now >= ended)
							rule = isolation_rule(&isolation, began, ended, good);
					}
					assert_int_not_equal(rule, ISOLATION_WAIT);
					if (!good)
						assert_int_equal(rule, ISOLATION_WITHHOLD);
					judged += rule == ISOLATION_JUDGE;
					withheld += rule == ISOLATION_WITHHOLD;
				}
	assert_true(judged > 10000 && withheld > 10000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_failed_check_waits_for_a_round_that_was_asked_after_its_end),
	    cmocka_unit_test(nothing_is_judged_while_isolated_nor_what_began_before_its_end),
	    cmocka_unit_test(no_cut_of_two_rounds_or_more_makes_a_living_endpoint_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
