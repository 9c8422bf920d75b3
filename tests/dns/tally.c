/*
 * tally.c -- what a thread counts by load balancer and origin: nothing is lost while the table grows, and a
 * reader touches only what was used.
 */
#include "dnsd/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LBS = 300, ORIGINS = 7 };

static void
count_answer(struct tally *tally, uint32_t lb, uint32_t origin)
{
	static const struct peer peer = {.transport = TRANSPORT_UDP4};
	static const struct query query;
	static struct answer answer;
	struct candidate list[1] = {{.number = origin}};
	struct candidates from = {.count = 1, .list = list};
	struct steer_lb of = {.number = lb};

	answer_init(&answer, 0);
	answer.has_choice = true;
	answer.choice.lb = &of;
	answer.choice.from = &from;
	answer.choice.how = STEER_HASHED;
	answer.choice.norigins = 1;
	answer.choice.origin = answer.choice.count = 0;
	answer.choice.last_resort = false;
	tally_query(tally, &peer, &query, &answer);
}

struct sums {
	uint64_t counts[LBS][ORIGINS];
	size_t rows;
};

static void
add(void *arg, uint32_t lb, uint32_t origin, uint64_t count)
{
	struct sums *sums = arg;

	assert_in_range(lb, 0, LBS - 1);
	assert_in_range(origin, 0, ORIGINS - 1);
	sums->counts[lb][origin] += count;
	sums->rows++;
}

static void
nothing_is_lost_while_the_table_grows(void **state)
{
	struct tally *tally = tally_new();
	struct sums *sums = calloc(1, sizeof *sums);

	(void)state;
	for (uint32_t lb = 0; lb < LBS; lb++) {
		/* As the main thread does it: while pairs are few the table is small. */
		assert_true(tally_make_room(tally, (lb + 1) * ORIGINS));
		for (uint32_t i = 0; i < 3 * ORIGINS; i++)
			count_answer(tally, i % 2 ? lb : 0, i % ORIGINS);
	}
	tally_each(tally, add, sums);
	for (uint32_t lb = 1; lb < LBS; lb++)
		for (uint32_t origin = 0; origin < ORIGINS; origin++)
			assert_in_range(sums->counts[lb][origin], 1, 2);
	assert_int_equal(tally_get(&tally->uncounted), 0);
	free(sums);
	tally_free(tally);
}

static void
a_reader_touches_only_what_was_used(void **state)
{
	struct tally *tally = tally_new();
	struct sums *sums = calloc(1, sizeof *sums);

	(void)state;
	assert_true(tally_make_room(tally, TALLY_ROOM_MOST));
	assert_int_equal(atomic_load(&tally->table)->room, TALLY_ROOM_MOST);
	for (uint32_t i = 0; i < 100; i++)
		count_answer(tally, 5, i % ORIGINS);
	tally_each(tally, add, sums);
	assert_int_equal(sums->rows, ORIGINS);
	free(sums);
	tally_free(tally);
}

static void
a_table_that_is_nearly_full_is_followed_by_a_larger_one(void **state)
{
	struct tally *tally = tally_new();

	(void)state;
	for (uint32_t i = 0; i < TALLY_ROOM_LEAST; i++)
		count_answer(tally, i, 0);
	assert_true(tally_make_room(tally, 0));
	assert_true(atomic_load(&tally->table)->room > TALLY_ROOM_LEAST);
	tally_free(tally);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_lost_while_the_table_grows),
	    cmocka_unit_test(a_reader_touches_only_what_was_used),
	    cmocka_unit_test(a_table_that_is_nearly_full_is_followed_by_a_larger_one),
	};

	return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
