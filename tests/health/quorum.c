/* quorum.c: the whole truth table of three sites, and seven properties of 1 to 6 sites, by every combination
 * of votes. */
#include "zones/model/quorum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const enum vote all_votes[] = {VOTE_GONE, VOTE_UNKNOWN, VOTE_UP, VOTE_SUSPECT, VOTE_DOWN};
static const enum vote befores[] = {VOTE_UNKNOWN, VOTE_UP, VOTE_SUSPECT, VOTE_DOWN};

enum { SITES_MOST = 6, VOTES = NITEMS(all_votes) };

/* A combination of votes, a site each; number counts in base VOTES. */
struct ballot {
	unsigned sites;
	struct vantage list[SITES_MOST];
};

static struct ballot
ballot_of(unsigned sites, unsigned number)
{
	struct ballot ballot = {.sites = sites};

	for (unsigned i = 0; i < sites; i++, number /= VOTES)
		ballot.list[i] = (struct vantage){.site = i, .vote = all_votes[number % VOTES]};
	return ballot;
}

static unsigned
combinations(unsigned sites)
{
	unsigned number = 1;

	while (sites-- > 0)
		number *= VOTES;
	return number;
}

static unsigned
votes_of(const struct ballot *ballot, enum vote vote)
{
	unsigned count = 0;

	for (unsigned i = 0; i < ballot->sites; i++)
		count += ballot->list[i].vote == vote;
	return count;
}

static unsigned
seen_up(const struct ballot *ballot)
{
	return votes_of(ballot, VOTE_UP) + votes_of(ballot, VOTE_SUSPECT);
}

static enum vote
combine(const struct ballot *ballot, enum vote before)
{
	return quorum_combine(ballot->list, ballot->sites, quorum_need(0, ballot->sites), before, NULL);
}

/* ---- the table of three sites ---- */

/* The results of NODES' table, for each multiset of three votes in the order "-?USD"; '=': as before. */
static const char *const table[][2] = {
    {"---", "="},
    {"--?", "="},
    {"--U", "U"},
    {"--S", "U"},
    {"--D", "="},
    {"-??", "="},
    {"-?U", "U"},
    {"-?S", "U"},
    {"-?D", "="},
    {"-UU", "U"},
    {"-US", "U"},
    {"-UD", "U"},
    {"-SS", "S"},
    {"-SD", "S"},
    {"-DD", "D"},
    {"???", "="},
    {"??U", "U"},
    {"??S", "U"},
    {"??D", "="},
    {"?UU", "U"},
    {"?US", "U"},
    {"?UD", "U"},
    {"?SS", "S"},
    {"?SD", "S"},
    {"?DD", "D"},
    {"UUU", "U"},
    {"UUS", "U"},
    {"UUD", "U"},
    {"USS", "S"},
    {"USD", "S"},
    {"UDD", "D"},
    {"SSS", "S"},
    {"SSD", "S"},
    {"SDD", "D"},
    {"DDD", "D"},
};

static enum vote
vote_of(char letter)
{
	return all_votes[strchr("-?USD", letter) - "-?USD"];
}

/* Every row in every order of its votes and from every state before. */
static void
three_sites_decide_by_the_table(void **state)
{
	static const unsigned orders[][3] = {
	    {0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	(void)state;
	assert_int_equal(NITEMS(table), 35);
	for (size_t row = 0; row < NITEMS(table); row++)
		for (size_t o = 0; o < NITEMS(orders); o++)
			for (size_t b = 0; b < NITEMS(befores); b++) {
				struct ballot ballot = {.sites = 3};
				char result = *table[row][1];

				for (unsigned i = 0; i < 3; i++)
					ballot.list[i] = (struct vantage){
					    .site = i, .vote = vote_of(table[row][0][orders[o][i]])};
				assert_int_equal(combine(&ballot, befores[b]),
				    result == '=' ? befores[b] : vote_of(result));
			}
}

/* ---- properties ---- */

typedef void property_fn(const struct ballot *ballot, unsigned need, enum vote before, enum vote result);

static void
for_all(property_fn *property)
{
	for (unsigned sites = 1; sites <= SITES_MOST; sites++)
		for (unsigned number = 0; number < combinations(sites); number++)
			for (size_t b = 0; b < NITEMS(befores); b++) {
				struct ballot ballot = ballot_of(sites, number);

				property(
				    &ballot, quorum_need(0, sites), befores[b], combine(&ballot, befores[b]));
			}
}

static void
check_p1(const struct ballot *ballot, unsigned need, enum vote before, enum vote result)
{
	if (result == VOTE_DOWN && before != VOTE_DOWN)
		assert_true(votes_of(ballot, VOTE_DOWN) >= need);
}

static void
check_p2(const struct ballot *ballot, unsigned need, enum vote before, enum vote result)
{
	(void)before;
	if (result == VOTE_DOWN)
		assert_true(votes_of(ballot, VOTE_DOWN) >= need || seen_up(ballot) == 0);
}

static void
check_p3(const struct ballot *ballot, unsigned need, enum vote before, enum vote result)
{
	(void)before;
	if (votes_of(ballot, VOTE_DOWN) >= need)
		assert_int_equal(result, VOTE_DOWN);
}

static void
check_p4(const struct ballot *ballot, unsigned need, enum vote before, enum vote result)
{
	(void)result;
	for (size_t own = 0; own < VOTES; own++)
		assert_int_equal(quorum_decide(ENGINE_SILENT, all_votes[own], ballot->list, ballot->sites,
				     need, before, NULL),
		    before);
}

static void
check_p5(const struct ballot *ballot, unsigned need, enum vote before, enum vote result)
{
	(void)result;
	for (unsigned liar = 0; liar < ballot->sites; liar++)
		for (size_t lie = 0; lie < VOTES; lie++) {
			struct ballot lied = *ballot;
			unsigned others;

			lied.list[liar].vote = all_votes[lie];
			others = votes_of(&lied, VOTE_UP) - (all_votes[lie] == VOTE_UP);
			if (others >= need)
				assert_int_equal(combine(&lied, before), VOTE_UP);
		}
}

static void
check_p6(const struct ballot *ballot, unsigned need, enum vote before, enum vote result)
{
	(void)need;
	for (unsigned leaver = 0; leaver < ballot->sites; leaver++) {
		struct ballot left = *ballot;

		left.list[leaver].vote = VOTE_GONE;
		if (combine(&left, before) == VOTE_DOWN)
			assert_true(result == VOTE_DOWN || before == VOTE_DOWN);
	}
}

static void
check_p7(const struct ballot *ballot, unsigned need, enum vote before, enum vote result)
{
	(void)need, (void)before;
	for (size_t b = 0; b < NITEMS(befores) && seen_up(ballot) > 0; b++)
		assert_int_equal(combine(ballot, befores[b]), result);
}

static void
p1_no_new_down_without_a_quorum_of_present_downs(void **state)
{
	(void)state;
	for_all(check_p1);
}

static void
p2_down_stays_only_by_a_quorum_or_if_nobody_sees_it_up(void **state)
{
	(void)state;
	for_all(check_p2);
}

static void
p3_a_quorum_of_downs_is_always_down(void **state)
{
	(void)state;
	for_all(check_p3);
}

static void
p4_a_silent_engine_changes_nothing(void **state)
{
	(void)state;
	for_all(check_p4);
}

static void
p5_one_liar_against_a_quorum_of_ups_changes_nothing(void **state)
{
	(void)state;
	for_all(check_p5);
}

static void
p6_nobodys_leaving_makes_a_new_down(void **state)
{
	(void)state;
	for_all(check_p6);
}

static void
p7_the_result_is_a_function_of_the_votes_if_anybody_sees_it_up(void **state)
{
	(void)state;
	for_all(check_p7);
}

/* ---- engine, sites, numbers ---- */

static void
in_a_failed_engine_the_own_verdict_decides_and_otherwise_nothing_changes(void **state)
{
	struct ballot ballot = ballot_of(3, 0);

	(void)state;
	for (size_t own = 0; own < VOTES; own++)
		for (size_t b = 0; b < NITEMS(befores); b++)
			assert_int_equal(
			    quorum_decide(ENGINE_FAILED, all_votes[own], ballot.list, 3, 2, befores[b], NULL),
			    all_votes[own] == VOTE_GONE || all_votes[own] == VOTE_UNKNOWN ? befores[b]
											  : all_votes[own]);
}

static void
nodes_of_one_site_share_one_voice(void **state)
{
	const struct vantage list[] = {{0, VOTE_DOWN}, {0, VOTE_UP}, {0, VOTE_DOWN}, {1, VOTE_DOWN},
	    {1, VOTE_UP}, {2, VOTE_SUSPECT}, {2, VOTE_DOWN}, {2, VOTE_UNKNOWN}, {3, VOTE_UNKNOWN},
	    {3, VOTE_GONE}};
	struct quorum_count tally;

	(void)state;
	assert_int_equal(quorum_site(list, NITEMS(list), 0), VOTE_DOWN);
	assert_int_equal(quorum_site(list, NITEMS(list), 1), VOTE_UP); /* a tie is not down */
	assert_int_equal(quorum_site(list, NITEMS(list), 2), VOTE_SUSPECT);
	assert_int_equal(quorum_site(list, NITEMS(list), 3), VOTE_UNKNOWN);
	assert_int_equal(quorum_site(list, NITEMS(list), 4), VOTE_GONE);
	assert_int_equal(quorum_combine(list, NITEMS(list), 3, VOTE_DOWN, &tally), VOTE_UP);
	assert_int_equal(tally.down, 1);
	assert_int_equal(tally.suspect, 1);
	assert_int_equal(tally.up, 1);
	assert_int_equal(tally.unknown, 1);
	assert_int_equal(tally.need, 3);
}

static void
the_need_is_more_than_half_of_the_sites_or_the_pools_number(void **state)
{
	static const unsigned majorities[] = {1, 1, 2, 2, 3, 3, 4};

	(void)state;
	for (unsigned sites = 0; sites < NITEMS(majorities); sites++) {
		assert_int_equal(quorum_need(0, sites), majorities[sites]);
		assert_int_equal(quorum_need(1, sites), 1);
		assert_int_equal(quorum_need(3, sites), 3);
	}
}

/* The majority of those that live would make this false failover. */
static void
the_death_of_sites_that_see_it_up_takes_nothing_down(void **state)
{
	struct ballot ballot = {.sites = 5,
	    .list = {{0, VOTE_DOWN}, {1, VOTE_DOWN}, {2, VOTE_UP}, {3, VOTE_GONE}, {4, VOTE_GONE}}};

	(void)state;
	assert_int_equal(combine(&ballot, VOTE_UP), VOTE_UP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(three_sites_decide_by_the_table),
	    cmocka_unit_test(p1_no_new_down_without_a_quorum_of_present_downs),
	    cmocka_unit_test(p2_down_stays_only_by_a_quorum_or_if_nobody_sees_it_up),
	    cmocka_unit_test(p3_a_quorum_of_downs_is_always_down),
	    cmocka_unit_test(p4_a_silent_engine_changes_nothing),
	    cmocka_unit_test(p5_one_liar_against_a_quorum_of_ups_changes_nothing),
	    cmocka_unit_test(p6_nobodys_leaving_makes_a_new_down),
	    cmocka_unit_test(p7_the_result_is_a_function_of_the_votes_if_anybody_sees_it_up),
	    cmocka_unit_test(in_a_failed_engine_the_own_verdict_decides_and_otherwise_nothing_changes),
	    cmocka_unit_test(nodes_of_one_site_share_one_voice),
	    cmocka_unit_test(the_need_is_more_than_half_of_the_sites_or_the_pools_number),
	    cmocka_unit_test(the_death_of_sites_that_see_it_up_takes_nothing_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
