/*
 * distribution.c -- every weighted choice gives each its share: a million clients or draws each, by
 * chi-squared.  Seeds are fixed: what passes once passes always.
 */
#include "tests/steering/scene.h"

/* What sanitizers look for shows in fewer. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { MILLION = 100000 };
#else
enum { MILLION = 1000000 };
#endif
enum { POOLS = 3, DRAWN = 6, CELLS = DRAWN * DRAWN * DRAWN };

/* The million draws: one client after another with one draw, or one client with one draw after another. */
enum by { BY_CLIENT, BY_DRAW };

typedef unsigned cell_fn(const struct steer_choice *choice);

static void
count(const struct scene *scene, enum by by, cell_fn *cell, unsigned counts[CELLS])
{
	memset(counts, 0, CELLS * sizeof *counts);
	for (uint32_t n = 0; n < MILLION; n++) {
		struct steer_client who = client(by == BY_CLIENT ? n : 7);
		struct steer_choice choice = ask(scene, &who, TABLE_V4, draw_of(by == BY_DRAW ? n : 7));

		counts[cell(&choice)]++;
	}
}

static const uint8_t *
address_at(const struct steer_choice *choice, unsigned place)
{
	return steer_address(choice, place)->bytes;
}

static unsigned
the_pool(const struct steer_choice *choice)
{
	return address_at(choice, 0)[2];
}

static unsigned
the_first(const struct steer_choice *choice)
{
	return address_at(choice, 0)[3] - 1u;
}

/* Pool and origin together: where one had to do with the other, shares of each alone would not show it. */
static unsigned
the_pair(const struct steer_choice *choice)
{
	return the_pool(choice) * 4 + the_first(choice);
}

/* Three answers in their order. */
static unsigned
the_three(const struct steer_choice *choice)
{
	unsigned three = 0;

	assert_int_equal(choice->count, 3);
	for (unsigned i = 0; i < choice->count; i++)
		three = three * DRAWN + address_at(choice, i)[3] - 1u;
	return three;
}

static void
assert_counts(const struct scene *scene, enum by by, cell_fn *cell, const double *shares, unsigned n)
{
	unsigned counts[CELLS];

	count(scene, by, cell, counts);
	assert_shares(counts, shares, n, MILLION);
}

static void
set_affinity(struct scene *scene, enum by by)
{
	scene->lb->affinity = by == BY_CLIENT ? AFFINITY_IP : AFFINITY_NONE;
}

/* S13, S18, [CF] 3.2: pools under random, by chance and by the client's key; those that are left take over by
 * their weights. */
static void
pools_get_their_weights_share(void **state)
{
	static const struct {
		unsigned weights[POOLS];
		unsigned down; /* bits */
		double shares[POOLS];
	} rows[] = {
	    {{100, 100, 100}, 0, {1, 1, 1}},
	    {{90, 9, 1}, 0, {90, 9, 1}},
	    {{50, 30, 20}, 1, {0, 30, 20}},
	    {{50, 0, 20}, 0, {50, 0, 20}},
	};
	struct scene *scene = scene_new(POOLS, 1);

	(void)state;
	scene->lb->policy = STEERING_RANDOM;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		for (unsigned p = 0; p < POOLS; p++) {
			scene->lb->pools[p].weight = rows[i].weights[p];
			scene->states[p][0] = rows[i].down >> p & 1 ? HEALTH_DOWN : HEALTH_UP;
		}
		settle(scene);
		for (enum by by = BY_CLIENT; by <= BY_DRAW; by++) {
			set_affinity(scene, by);
			assert_counts(scene, by, the_pool, rows[i].shares, POOLS);
		}
	}
	scene_free(scene);
}

/* S35, S36: pool_weights and pool_default_weight of a rule and of a set. */
static void
pools_of_rules_and_sets_get_their_weights_share(void **state)
{
	static const char *const conditions[] = {""};
	struct steer_pool all[] = {{0, 100}, {1, 100}, {2, 100}}, its[] = {{1, 30}};
	static const double shares[] = {60, 30, 60};
	struct scene *scene = scene_new(1, 1);

	(void)state;
	settle(scene);
	scene->lb->policy = STEERING_RANDOM;
	for (unsigned rule = 0; rule < 2; rule++) {
		struct brought brought = {0};

		scene->all.nsets = scene->all.nrules = 0;
		bring(scene, &brought, rule, 1, conditions);
		brought.overrides[0].parts = PART_POOLS | PART_WEIGHTS;
		brought.overrides[0].pools = all;
		brought.overrides[0].npools = POOLS;
		brought.overrides[0].weights = (struct steer_weights){its, 1, 60};
		for (enum by by = BY_CLIENT; by <= BY_DRAW; by++) {
			set_affinity(scene, by);
			assert_counts(scene, by, the_pool, shares, POOLS);
		}
		unbring(&brought);
	}
	scene_free(scene);
}

/* S15, S18, [CF] A4, A5, 3.4: one origin by weight, by chance, by origin_steering hash and with affinity. */
static void
origins_get_their_weights_share(void **state)
{
	static const unsigned weights[] = {100, 50, 50, 33, 1, 0, 10, 25};
	static const struct {
		enum by by;
		enum affinity affinity;
		enum origin_steering steering;
	} ways[] = {
	    {BY_DRAW, AFFINITY_NONE, ORIGIN_RANDOM},
	    {BY_CLIENT, AFFINITY_NONE, ORIGIN_HASH},
	    {BY_CLIENT, AFFINITY_IP, ORIGIN_RANDOM},
	};
	struct scene *scene = scene_new(1, NITEMS(weights));
	double shares[NITEMS(weights)];

	(void)state;
	for (unsigned down = 0; down < 2;
	     down++) /* the second goes down: the rest take over by their weights */
		for (size_t i = 0; i < NITEMS(ways); i++) {
			for (unsigned o = 0; o < NITEMS(weights); o++)
				shares[o] = scene->origins[0][o].weight = weights[o];
			if (down) {
				scene->states[0][1] = HEALTH_DOWN;
				shares[1] = 0;
			}
			scene->pools[0].origin_steering = ways[i].steering;
			scene->lb->affinity = ways[i].affinity;
			settle(scene);
			assert_counts(scene, ways[i].by, the_first, shares, NITEMS(weights));
		}
	scene_free(scene);
}

/* Which pool has nothing to do with which origin of it, also where some are shed on the way. */
static void
the_pool_says_nothing_of_the_origin(void **state)
{
	static const unsigned weights[] = {70, 10, 15, 5};
	static const double pools[] = {
	    .2, .4, .4}; /* 0.6 of a third stay in the first; the others share the rest */
	struct scene *scene = scene_new(POOLS, NITEMS(weights));
	double shares[POOLS * 4];

	(void)state;
	scene->lb->policy = STEERING_RANDOM;
	for (unsigned p = 0; p < POOLS; p++)
		for (unsigned o = 0; o < NITEMS(weights); o++) {
			scene->origins[p][o].weight = weights[o];
			shares[p * 4 + o] = pools[p] * weights[o];
		}
	scene->pools[0].shed_percent = 40;
	for (enum by by = BY_CLIENT; by <= BY_DRAW; by++) {
		set_affinity(scene, by);
		settle(scene);
		assert_counts(scene, by, the_pair, shares, POOLS * 4);
	}
	scene_free(scene);
}

/*
 * S15: max_answers = 3 gives every three in every order as often as drawing one after another by weight
 * without replacement; at random and as the first of the client's ranking.  Equal weights: all alike.
 */
static void
max_answers_draws_without_replacement(void **state)
{
	static const unsigned weights[][DRAWN] = {{100, 50, 50, 30, 20, 10}, {100, 100, 100, 100, 100, 100}};
	double shares[DRAWN * DRAWN * DRAWN];
	struct scene *scene = scene_new(1, DRAWN);

	(void)state;
	scene->lb->max_answers = 3;
	for (size_t row = 0; row < NITEMS(weights); row++) {
		const unsigned *w = weights[row];
		double sum = 0;

		for (unsigned o = 0; o < DRAWN; o++)
			sum += scene->origins[0][o].weight = w[o];
		for (unsigned i = 0; i < NITEMS(shares); i++) {
			unsigned a = i / DRAWN / DRAWN, b = i / DRAWN % DRAWN, c = i % DRAWN;

			shares[i] = a == b || b == c || c == a
			    ? 0
			    : w[a] / sum * w[b] / (sum - w[a]) * w[c] / (sum - w[a] - w[b]);
		}
		settle(scene);
		for (enum by by = BY_CLIENT; by <= BY_DRAW; by++) {
			set_affinity(scene, by);
			assert_counts(scene, by, the_three, shares, NITEMS(shares));
		}
	}
	scene_free(scene);
}

/* S15 */
static void
equal_answers_are_rotated_evenly(void **state)
{
	static const double even[7] = {1, 1, 1, 1, 1, 1, 1};
	struct scene *scene = scene_new(1, NITEMS(even));

	(void)state;
	settle(scene);
	assert_counts(scene, BY_DRAW, the_first, even, NITEMS(even));
	scene_free(scene);
}

/* [CF] 3.5: 10, 50 and 90 percent, at random and by the client's hash; the next pool of the shed clients, and
 * the fallback pool after the last. */
static void
pools_shed_their_share(void **state)
{
	static const unsigned percents[] = {10, 50, 90};
	struct scene *scene = scene_new(2, 1);

	(void)state;
	scene->lb->fallback.slot = 2;
	scene->lb->pools[0].weight = 75;
	scene->lb->pools[1].weight = 25;
	for (size_t i = 0; i < NITEMS(percents); i++)
		for (enum by by = BY_CLIENT; by <= BY_DRAW; by++) {
			double p = percents[i] / 100.0, q = .3;
			double off[] = {1 - p, p * (1 - q), p * q};
			/* random: both to be had, 3 to 1; else the one that is */
			double random[] = {(1 - p) * (1 - q) * .75 + (1 - p) * q,
			    (1 - p) * (1 - q) * .25 + p * (1 - q), p * q};

			scene->pools[0].shed_percent = percents[i];
			scene->pools[1].shed_percent = 30;
			scene->pools[0].shed_by_hash = scene->pools[1].shed_by_hash = by == BY_CLIENT;
			settle(scene);
			scene->lb->policy = STEERING_OFF;
			assert_counts(scene, by, the_pool, off, POOLS);
			scene->lb->policy = STEERING_RANDOM;
			set_affinity(scene, by);
			assert_counts(scene, by, the_pool, random, POOLS);
			scene->lb->affinity = AFFINITY_NONE;
		}
	scene_free(scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pools_get_their_weights_share),
	    cmocka_unit_test(pools_of_rules_and_sets_get_their_weights_share),
	    cmocka_unit_test(origins_get_their_weights_share),
	    cmocka_unit_test(the_pool_says_nothing_of_the_origin),
	    cmocka_unit_test(max_answers_draws_without_replacement),
	    cmocka_unit_test(equal_answers_are_rotated_evenly),
	    cmocka_unit_test(pools_shed_their_share),
	};

	return cmocka_run_group_tests_name("distribution", tests, NULL, NULL);
}
