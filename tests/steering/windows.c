/*
 * windows.c -- several origins as an answer of a signed zone (S101): few sets, exact shares.
 */
#include "tests/steering/scene.h"

enum { WORLDS = 3000, DRAWS = 200000 };

static uint64_t seed;

static unsigned
random_below(unsigned bound)
{
	seed = mix64(seed + UINT64_C(0x9e3779b97f4a7c15));
	return (unsigned)(seed % bound);
}

/* A pool of random weights; many of them are equal, or far apart. */
static struct scene *
random_scene(unsigned *n)
{
	unsigned norigins = 2 + random_below(SCENE_ORIGINS - 1), kinds = 1 + random_below(5);
	struct scene *scene = scene_new(1, norigins);

	for (unsigned o = 0; o < norigins; o++)
		scene->origins[0][o].weight = 1 + random_below(1 + kinds * kinds * 4);
	*n = 2 + random_below(SCENE_ORIGINS);
	scene->lb->max_answers = (uint8_t)*n;
	settle(scene);
	return scene;
}

static struct steer_choice
ask_signed(const struct scene *scene, const struct steer_client *who, uint64_t draw)
{
	struct steer_choice choice = {0};
	struct steering steering = {.client = *who, .draw = draw, .finite = true};

	steer(scene->lb, &scene->slots, &steering, TABLE_V4, &choice);
	return choice;
}

/* The candidates of some addresses, as bits. */
static unsigned
bits_of(const struct candidates *from, const uint16_t *index, unsigned count)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < count; i++)
		bits |= 1u << from->addresses[index[i]].candidate;
	return bits;
}

/* [CF] 3.4, S15: an origin is in its weight's share of the answers, or in all of them if that is more than 1.
 */
static void
each_origin_has_exactly_its_share(void **state)
{
	(void)state;
	seed = 1;
	for (unsigned world = 0; world < WORLDS; world++) {
		unsigned n, forced = 0;
		struct scene *scene = random_scene(&n);
		const struct candidates *from = &scene->tables[0]->serving[TABLE_V4];
		uint64_t total = 0, sum = 0, shares[SCENE_ORIGINS] = {0};
		uint32_t rest = from->cumulative[from->count - 1];

		for (unsigned place = 0; place < from->count; place++) {
			uint16_t chosen[STEER_ANSWERS_MAX];
			unsigned count = steer_window(scene->lb, from, place, n, chosen),
				 bits = bits_of(from, chosen, count);
			uint64_t share = steer_window_share(from, place, n, &total);

			assert_int_equal(count, MIN(n, from->count));
			assert_int_equal(__builtin_popcount(bits), count);
			sum += share;
			for (unsigned c = 0; c < from->count; c++)
				shares[c] += bits >> c & 1 ? share : 0;
		}
		assert_int_equal(sum, total);
		while (
		    forced < from->count && forced < n && (n - forced) * from->list[forced].weight >= rest) {
			assert_int_equal(shares[forced], total);
			rest -= from->list[forced++].weight;
		}
		for (unsigned c = forced; c < from->count; c++) /* shares / total = n * weight / rest */
			assert_int_equal(shares[c] * rest, total * (n - forced) * from->list[c].weight);
		scene_free(scene);
	}
}

/* Every client gets one of the sets that are signed ahead; S18: with the same first origin as elsewhere. */
static void
every_answer_is_one_of_the_sets(void **state)
{
	(void)state;
	seed = 2;
	for (unsigned world = 0; world < WORLDS; world++) {
		unsigned n, sets[SCENE_ORIGINS];
		struct scene *scene = random_scene(&n);
		const struct candidates *from = &scene->tables[0]->serving[TABLE_V4];

		scene->lb->affinity = random_below(2) ? AFFINITY_IP : AFFINITY_NONE;
		for (unsigned place = 0; place < from->count; place++) {
			uint16_t chosen[STEER_ANSWERS_MAX];

			sets[place] = bits_of(from, chosen, steer_window(scene->lb, from, place, n, chosen));
		}
		for (unsigned i = 0; i < 100; i++) {
			struct steer_client who = client(i);
			struct steer_choice choice = ask_signed(scene, &who, mix64(i)),
					    other = ask(scene, &who, TABLE_V4, mix64(i));
			unsigned bits = bits_of(from, choice.index, choice.count), place = 0;

			while (place < from->count && sets[place] != bits)
				place++;
			assert_true(place < from->count);
			assert_int_equal(from->addresses[choice.index[0]].candidate, choice.origin);
			if (scene->lb->affinity == AFFINITY_IP)
				assert_int_equal(choice.origin, other.origin);
		}
		scene_free(scene);
	}
}

/* Clients that use the first address, and those that use all of them, come in the shares of the weights. */
static void
first_and_all_are_drawn_by_weight(void **state)
{
	static const unsigned weights[] = {60, 20, 10, 5, 5};
	static const double firsts[] = {.6, .2, .1, .05, .05}, all[] = {1, .5, .25, .125, .125};

	(void)state;
	for (enum affinity affinity = AFFINITY_NONE; affinity <= AFFINITY_IP; affinity++) {
		struct scene *scene = scene_new(1, NITEMS(weights));
		unsigned first[NITEMS(weights)] = {0}, any[NITEMS(weights)] = {0};

		for (unsigned o = 0; o < NITEMS(weights); o++)
			scene->origins[0][o].weight = weights[o];
		scene->lb->max_answers = 2;
		scene->lb->affinity = affinity;
		settle(scene);
		for (uint32_t i = 0; i < DRAWS; i++) {
			struct steer_client who = client(i);
			struct steer_choice choice = ask_signed(scene, &who, mix64(i));

			assert_int_equal(choice.count, 2);
			first[steer_address(&choice, 0)->bytes[3] - 1]++;
			for (unsigned a = 0; a < choice.count; a++)
				any[steer_address(&choice, a)->bytes[3] - 1]++;
		}
		for (unsigned o = 0; o < NITEMS(weights); o++) {
			assert_true(fabs(first[o] / (double)DRAWS - firsts[o]) < .005);
			assert_true(fabs(any[o] / (double)DRAWS - all[o]) < .005);
		}
		scene_free(scene);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_origin_has_exactly_its_share),
	    cmocka_unit_test(every_answer_is_one_of_the_sets),
	    cmocka_unit_test(first_and_all_are_drawn_by_weight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
