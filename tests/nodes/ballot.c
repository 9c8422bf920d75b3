/* S91, S93: own votes out, the votes of all in, and the joint state of each endpoint. */
#include "sync/votes/ballot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct nodes nodes;
static struct rules *rules;
static struct ballot *ballot;
static const struct endpoint endpoint = {{7, 1, 2, 3}};

/* Three vantages of three sites, all alive; this node is the first. */
static int
set_up(void **state)
{
	static const char *const names[] = {"a", "b", "c"};
	unsigned slot;

	(void)state;
	nodes_begin(&nodes, "a");
	for (unsigned i = 0; i < NITEMS(names); i++) {
		nodes_slot(&nodes, names[i], &slot);
		nodes.list[slot].on_roster = nodes.list[slot].votes = nodes.list[slot].counts = true;
		nodes.list[slot].site_number = i;
		snprintf(nodes.list[slot].site, sizeof nodes.list[slot].site, "site-%s", names[i]);
	}
	nodes.sites = 3;
	rules = rules_new();
	ballot = ballot_new(&nodes, rules);
	ballot_own_begin(ballot);
	ballot_own_end(ballot);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	ballot_free(ballot);
	rules_free(rules);
	return 0;
}

static void
hear(unsigned slot, enum vote vote, bool news)
{
	struct sheet_vote sheet = {
	    endpoint, vote, vote == VOTE_DOWN ? REASON_TCP_TIMEOUT : REASON_NONE, 0, 100};
	uint8_t record[SHEET_RECORD];

	sheet_write(record, &sheet);
	ballot_heard(ballot, slot, endpoint.key[0], (struct bytes){record, sizeof record}, news);
}

/* The joint state as of the last combination. */
static enum vote
joint(void)
{
	size_t count;
	const struct health_flip *flips = ballot_joint_flips(ballot, &count);

	return count > 0 ? (enum vote)flips[count - 1].state : VOTE_UNKNOWN;
}

static void
own_verdicts_go_out_once(void **state)
{
	struct sheet_vote own = {endpoint, VOTE_DOWN, REASON_TCP_TIMEOUT, 503, 1000};
	struct sheet_vote moved = own;
	uint8_t *document;
	size_t len;

	(void)state;
	ballot_own(ballot, &own);
	assert_true(ballot_sheet_waits(ballot, 7));
	assert_false(ballot_sheet_waits(ballot, 8));
	document = ballot_sheet(ballot, 7, &len);
	assert_int_equal(len, SHEET_RECORD);
	assert_memory_equal(document, endpoint.key, sizeof endpoint.key);
	assert_int_equal(document[16], VOTE_DOWN);
	free(document);
	assert_false(ballot_sheet_waits(ballot, 7));
	moved.rtt_us = 1100; /* a round-trip time alone is no reason to send */
	ballot_own(ballot, &moved);
	assert_false(ballot_sheet_waits(ballot, 7));
	ballot_sheet_unsent(ballot, 7);
	assert_true(ballot_sheet_waits(ballot, 7));
}

static void
two_sites_of_three_take_an_endpoint_down(void **state)
{
	(void)state;
	for (unsigned slot = 0; slot < 3; slot++)
		hear(slot, VOTE_UP, true);
	ballot_combine(ballot, ENGINE_REACHABLE, true);
	assert_int_equal(joint(), VOTE_UP);
	hear(0, VOTE_DOWN, true);
	ballot_combine(ballot, ENGINE_REACHABLE, true);
	assert_int_equal(joint(), VOTE_UP);
	hear(1, VOTE_DOWN, true);
	ballot_combine(ballot, ENGINE_REACHABLE, true);
	assert_int_equal(joint(), VOTE_DOWN);
}

/* The own verdict counts when it comes back from the engine, not before. */
static void
the_own_verdict_alone_decides_nothing(void **state)
{
	struct sheet_vote own = {endpoint, VOTE_DOWN, REASON_TCP_TIMEOUT, 0, 0};

	(void)state;
	for (unsigned slot = 0; slot < 3; slot++)
		hear(slot, slot == 2 ? VOTE_DOWN : VOTE_UP, true);
	ballot_own(ballot, &own);
	ballot_combine(ballot, ENGINE_REACHABLE, true);
	assert_int_equal(joint(), VOTE_UP);
	hear(0, VOTE_DOWN, true);
	ballot_combine(ballot, ENGINE_REACHABLE, true);
	assert_int_equal(joint(), VOTE_DOWN);
}

static void
a_silent_engine_changes_nothing_and_later_votes_are_counted(void **state)
{
	(void)state;
	for (unsigned slot = 0; slot < 3; slot++)
		hear(slot, VOTE_UP, true);
	ballot_combine(ballot, ENGINE_REACHABLE, true);
	hear(1, VOTE_DOWN, true);
	hear(2, VOTE_DOWN, true);
	ballot_combine(ballot, ENGINE_SILENT, true);
	assert_int_equal(joint(), VOTE_UP);
	ballot_judge_all(ballot);
	ballot_combine(ballot, ENGINE_REACHABLE, true);
	assert_int_equal(joint(), VOTE_DOWN);
}

static void
in_a_failed_engine_the_own_verdict_decides(void **state)
{
	struct sheet_vote own = {endpoint, VOTE_DOWN, REASON_TCP_TIMEOUT, 0, 0};

	(void)state;
	for (unsigned slot = 0; slot < 3; slot++)
		hear(slot, VOTE_UP, true);
	ballot_combine(ballot, ENGINE_REACHABLE, true);
	ballot_own(ballot, &own);
	ballot_combine(ballot, ENGINE_FAILED, false); /* isolated, or its monitor is dead */
	assert_int_equal(joint(), VOTE_UP);
	ballot_judge_all(ballot);
	ballot_combine(ballot, ENGINE_FAILED, true);
	assert_int_equal(joint(), VOTE_DOWN);
}

static void
a_vote_that_is_taken_back_is_forgotten(void **state)
{
	struct cluster_ballot row;
	struct voted *voted;
	size_t at = 0;

	(void)state;
	hear(1, VOTE_UP, true);
	hear(2, VOTE_UP, true);
	ballot_heard(ballot, 2, endpoint.key[0], (struct bytes){"", 0}, true);
	ballot_combine(ballot, ENGINE_REACHABLE, true);
	voted = ballot_unwritten(ballot, true, &at);
	assert_non_null(voted);
	ballot_row(ballot, voted, &row);
	assert_int_equal(row.count, 1);
	assert_string_equal(row.votes[0].node, "b");
	ballot_heard(ballot, 1, endpoint.key[0], (struct bytes){"", 0}, true);
	assert_true(ballot_abandoned(voted));
	ballot_combine(ballot, ENGINE_REACHABLE, true);
	ballot_written(ballot, at, 0);
	assert_int_equal(ballot_count(ballot), 0);
}

/* Joint states are written first; votes alone wait, and remain until their portion is written. */
static void
votes_that_decide_nothing_are_not_urgent(void **state)
{
	size_t at = 0, rest = 0, count;

	(void)state;
	for (unsigned slot = 0; slot < 3; slot++)
		hear(slot, VOTE_UP, true);
	ballot_combine(ballot, ENGINE_REACHABLE, true);
	assert_non_null(ballot_unwritten(ballot, true, &at)); /* the store has no row */
	ballot_written(ballot, 0, 0);
	hear(0, VOTE_DOWN, true);
	ballot_combine(ballot, ENGINE_REACHABLE, true);
	at = 0;
	assert_null(ballot_unwritten(ballot, true, &at));
	ballot_written(ballot, 0, 0);
	assert_non_null(ballot_unwritten(ballot, false, &rest));
	hear(1, VOTE_DOWN, true);
	ballot_combine(ballot, ENGINE_REACHABLE, true);
	at = rest = 0;
	assert_null(ballot_unwritten(ballot, false, &rest));
	assert_non_null(ballot_unwritten(ballot, true, &at));
	ballot_written(ballot, 0, 1);
	at = 0;
	assert_null(ballot_unwritten(ballot, true, &at));
	assert_string_equal(ballot_flips(ballot, &count)[0].node, "b");
	assert_int_equal(count, 1);
}

static void
a_store_that_was_lost_is_written_at_once(void **state)
{
	size_t at = 0;

	(void)state;
	hear(0, VOTE_UP, true);
	ballot_combine(ballot, ENGINE_REACHABLE, true);
	ballot_written(ballot, 0, 0);
	ballot_lost(ballot);
	assert_non_null(ballot_unwritten(ballot, true, &at));
}

/* S16: of an address that only two sites know, both must say down; a site that is gone still counts. */
static void
sites_that_do_not_probe_an_address_are_not_counted(void **state)
{
	(void)state;
	hear(0, VOTE_UP, true);
	hear(1, VOTE_DOWN, true);
	ballot_combine(ballot, ENGINE_REACHABLE, true);
	assert_int_equal(joint(), VOTE_UP);
	hear(0, VOTE_DOWN, true);
	ballot_combine(ballot, ENGINE_REACHABLE, true);
	assert_int_equal(joint(), VOTE_DOWN);
}

static void
only_changes_that_the_watch_reports_are_events(void **state)
{
	size_t count;

	(void)state;
	hear(1, VOTE_UP, false);
	hear(1, VOTE_DOWN, false);
	ballot_flips(ballot, &count);
	assert_int_equal(count, 0);
	hear(1, VOTE_UP, true);
	assert_int_equal(ballot_flips(ballot, &count)[0].before, VOTE_DOWN);
	assert_int_equal(count, 1);
}

/* S92: votes make more beats; those between the timed ones age nobody. */
static void
beats_that_come_with_votes_do_not_age_others(void **state)
{
	uint64_t echoes;

	(void)state;
	assert_true(nodes_echo(&nodes, 10000));
	echoes = nodes.echoes;
	for (uint64_t at = 10010; at < 10400; at += 10)
		assert_false(nodes_echo(&nodes, at));
	assert_int_equal(nodes.echoes, echoes);
	assert_true(nodes_echo(&nodes, 10500));
	assert_int_equal(nodes.echoes, echoes + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(own_verdicts_go_out_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(two_sites_of_three_take_an_endpoint_down, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_own_verdict_alone_decides_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		a_silent_engine_changes_nothing_and_later_votes_are_counted, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(in_a_failed_engine_the_own_verdict_decides, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_vote_that_is_taken_back_is_forgotten, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(votes_that_decide_nothing_are_not_urgent, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_store_that_was_lost_is_written_at_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		sites_that_do_not_probe_an_address_are_not_counted, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		only_changes_that_the_watch_reports_are_events, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(beats_that_come_with_votes_do_not_age_others, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
