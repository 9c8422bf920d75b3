/* score.c: what the checks of one endpoint came to. */
#include "monitor/judge/score.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void
ended(struct score *score, enum health_reason reason, uint32_t rtt_us)
{
	score_ended(score, &(struct check_result){.conclusive = true, .reason = reason, .rtt_us = rtt_us});
}

static void
a_score_is_small(void **state)
{
	(void)state;
	assert_true(sizeof(struct score) <= 72);
}

static void
failures_count_by_reason_and_only_those_seen(void **state)
{
	struct score score = {0};

	(void)state;
	assert_int_equal(score_checks(&score), 0);
	ended(&score, REASON_NONE, 3000);
	ended(&score, REASON_TCP_TIMEOUT, 0);
	ended(&score, REASON_HTTP_TIMEOUT, 0);
	ended(&score, REASON_TCP_TIMEOUT, 0);
	score_ended(&score, &(struct check_result){.conclusive = false, .reason = REASON_OTHER_FAILURE});
	assert_int_equal(score_checks(&score), 4);
	assert_int_equal(score.inconclusive, 1);
	assert_int_equal(score.nfailures, 2);
	assert_int_equal(score.failures[0].reason, REASON_TCP_TIMEOUT);
	assert_int_equal(score.failures[0].count, 2);
	assert_int_equal(score.failures[1].reason, REASON_HTTP_TIMEOUT);
	assert_int_equal(score.failures[1].count, 1);
	score_free(&score);
}

static void
a_time_that_is_not_known_is_none(void **state)
{
	struct score score = {0};

	(void)state;
	ended(&score, REASON_NONE, 0);
	assert_int_equal(score_checks(&score), 1);
	for (size_t i = 0; i <= SCORE_RTT_BOUNDS; i++)
		assert_int_equal(score.rtt_counts[i], 0);
}

static void
every_reason_has_room(void **state)
{
	struct score score = {0};

	(void)state;
	for (unsigned round = 0; round < 3; round++)
		for (unsigned reason = REASON_NONE + 1; reason < REASON_COUNT; reason++)
			ended(&score, reason, 0);
	assert_int_equal(score.nfailures, REASON_COUNT - 1);
	assert_int_equal(score_checks(&score), 3 * (REASON_COUNT - 1));
	score_free(&score);
}

static void
its_histograms_have_good_checks_and_lateness(void **state)
{
	struct score score = {0};
	char *text;
	size_t len;
	FILE *page = open_memstream(&text, &len);

	(void)state;
	ended(&score, REASON_NONE, 1000);
	ended(&score, REASON_NONE, 499000);
	ended(&score, REASON_NONE, 3500000);
	ended(&score, REASON_TCP_TIMEOUT, 77000);
	score_began(&score, 0.05);
	score_began(&score, 0.2);
	score_expose_rtt(&score, page, "r", "");
	score_expose_lateness(&score, page, "l", "");
	fclose(page);
	assert_string_equal(text,
	    "r_bucket{le=\"0.001\"} 1\nr_bucket{le=\"0.005\"} 1\nr_bucket{le=\"0.025\"} "
	    "1\nr_bucket{le=\"0.1\"} 1\n"
	    "r_bucket{le=\"0.5\"} 2\nr_bucket{le=\"2.5\"} 2\nr_bucket{le=\"+Inf\"} 3\nr_sum 4\nr_count 3\n"
	    "l_bucket{le=\"0.05\"} 1\nl_bucket{le=\"+Inf\"} 2\nl_sum 0.25\nl_count 2\n");
	free(text);
	score_free(&score);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_score_is_small),
	    cmocka_unit_test(failures_count_by_reason_and_only_those_seen),
	    cmocka_unit_test(a_time_that_is_not_known_is_none),
	    cmocka_unit_test(every_reason_has_room),
	    cmocka_unit_test(its_histograms_have_good_checks_and_lateness),
	};

	return cmocka_run_group_tests_name("score", tests, NULL, NULL);
}
