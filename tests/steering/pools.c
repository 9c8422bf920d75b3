/*
 * pools.c -- S11 to S15, S41: which pool is usable and chosen, and how many of its origins answer.
 */
#include "tests/steering/scene.h"

#include "zones/dns/rrset.h"
#include "zones/model/status.h"
#include "zones/model/usable.h"

static void
equal_weights_give_all_and_rotate(void **state)
{
	struct scene *scene = scene_new(1, 4);
	struct steer_client who = client(1);
	unsigned firsts[4] = {0};
	static const double even[4] = {1, 1, 1, 1};

	(void)state;
	settle(scene);
	for (unsigned n = 0; n < 10000; n++) {
		struct steer_choice choice = ask(scene, &who, TABLE_V4, draw_of(n));

		assert_int_equal(choice.how, STEER_ALL);
		assert_int_equal(choice.count, 4);
		firsts[choice.index[0]]++;
	}
	assert_shares(firsts, even, 4, 10000);
	scene_free(scene);
}

/* S15 is judged over enabled origins of weight > 0, so that a failure does not change the shape. */
static void
a_failure_does_not_change_the_shape(void **state)
{
	struct scene *scene = scene_new(1, 3);
	struct steer_client who = client(1);

	(void)state;
	scene->origins[0][2].weight = 50;
	scene->states[0][2] = HEALTH_DOWN;
	settle(scene);
	assert_int_equal(ask(scene, &who, TABLE_V4, 1).count, 1);
	scene->origins[0][2].enabled = false;
	settle(scene);
	assert_int_equal(ask(scene, &who, TABLE_V4, 1).count, 2);
	scene->origins[0][2].enabled = true;
	scene->origins[0][2].weight = 0;
	settle(scene);
	assert_int_equal(ask(scene, &who, TABLE_V4, 1).count, 2);
	scene_free(scene);
}

static void
max_answers_gives_so_many_without_repetition(void **state)
{
	struct scene *scene = scene_new(1, 8);

	(void)state;
	for (int affinity = 0; affinity < 2; affinity++)
		for (int weighted = 0; weighted < 2; weighted++)
			for (unsigned n = 1; n <= 10; n++) {
				scene->origins[0][0].weight = weighted ? 50 : 100;
				scene->lb->affinity = affinity ? AFFINITY_IP : AFFINITY_NONE;
				scene->lb->max_answers = (uint8_t)n;
				settle(scene);
				for (unsigned k = 0; k < 50; k++) {
					struct steer_client who = client(k);
					struct steer_choice choice = ask(scene, &who, TABLE_V4, draw_of(k));
					unsigned seen = 0;

					assert_int_equal(choice.count, MIN(n, 8));
					for (unsigned i = 0; i < choice.count; i++) {
						assert_false(seen >> choice.index[i] & 1);
						seen |= 1u << choice.index[i];
					}
				}
			}
	scene_free(scene);
}

/* S13, S14 with "off": rows of pool states and where everybody goes. */
static void
failover_goes_in_order_and_ends_in_the_fallback(void **state)
{
	static const struct {
		const char *states; /* of the two origins of each pool: u p, d own, s uspect, ? unknown, x
				       disabled, F forced down, U forced up */
		const char *pool;   /* where A goes; "-": nothing */
		bool last_resort;
	} rows[] = {
	    {"uu uu uu", "eu", false},
	    {"ud uu uu", "eu", false},
	    {"dd uu uu", "us", false},
	    {"ss uu uu", "eu", false},
	    {"?? uu uu", "us", false},
	    {"FF uu uu", "us", false},
	    {"dU uu uu", "eu", false},
	    {"xx uu uu", "us", false},
	    {"dd dd uu", "ap", false},
	    {"dd dd dd", "ap", true},
	    {"dd dd dF", "ap", true},
	    {"dd dd FF", "-", true},
	    {"dd dd xx", "-", true},
	    {"?? ?? ??", "ap", true},
	};
	struct scene *scene = scene_new(3, 2);
	struct steer_client who = client(9);

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		for (unsigned p = 0; p < 3; p++)
			for (unsigned o = 0; o < 2; o++) {
				char c = rows[i].states[p * 3 + o];
				struct origin *origin = &scene->origins[p][o];

				scene->pools[p].monitor = (struct id){"0123456789abcdef0123456789abcdef"};
				origin->enabled = c != 'x';
				origin->forced = c == 'F' ? FORCED_DOWN : c == 'U' ? FORCED_UP : FORCED_NONE;
				scene->states[p][o] = c == 'd' || c == 'U' ? HEALTH_DOWN
				    : c == 's'                             ? HEALTH_SUSPECT
				    : c == '?'                             ? HEALTH_UNKNOWN
				    : c == 'x'                             ? HEALTH_DISABLED
									   : HEALTH_UP;
			}
		settle(scene);
		struct steer_choice choice = ask(scene, &who, TABLE_V4, 3);

		assert_int_equal(choice.last_resort, rows[i].last_resort);
		if (strcmp(rows[i].pool, "-") == 0)
			assert_int_equal(choice.count, 0);
		else
			assert_string_equal(choice.pool->name, rows[i].pool);
		assert_int_equal(
		    choice.count > 0, *rows[i].pool != '-'); /* S14: also where every verdict is bad */
	}
	scene_free(scene);
}

/* S12, S14, [CF] A15, A16: a disabled pool is stepped over, and as the fallback pool it answers nobody. */
static void
a_disabled_pool_answers_nobody(void **state)
{
	struct scene *scene = scene_new(3, 2);
	struct steer_client who = client(9);
	struct steer_choice choice;

	(void)state;
	for (unsigned p = 0; p < 3; p++) {
		static const char *const next[] = {"us:", "ap:", "-"};

		scene->pools[p].enabled = false;
		settle(scene);
		choice = ask(scene, &who, TABLE_V4, 3);
		assert_memory_equal(first(&choice), next[p], strlen(next[p]));
		assert_int_equal(choice.last_resort, p == 2);
	}
	scene_free(scene);
}

/* S12: A and AAAA of one client stay in one pool, also where it has none of that family. */
static void
a_usable_pool_without_the_family_gives_nothing(void **state)
{
	struct scene *scene = scene_new(2, 2);
	struct steer_client who = client(9);

	(void)state;
	assert_true(address_from_text(&scene->origins[1][0].ip, "2001:db8::1"));
	settle(scene);
	struct steer_choice choice = ask(scene, &who, TABLE_V6, 3);

	assert_string_equal(choice.pool->name, "eu");
	assert_int_equal(choice.count, 0);
	assert_false(choice.last_resort);
	scene_free(scene);
}

static void
minimum_origins_counts_weight_zero_and_only_where_a_monitor_judges(void **state)
{
	struct scene *scene = scene_new(1, 3);

	(void)state;
	scene->pools[0].minimum_origins = 3;
	scene->origins[0][0].weight = 0;
	scene->pools[0].monitor = (struct id){"0123456789abcdef0123456789abcdef"};
	settle(scene);
	assert_true(scene->tables[0]->usable);
	scene->states[0][0] = HEALTH_DOWN;
	settle(scene);
	assert_false(scene->tables[0]->usable);
	scene->pools[0].monitor = (struct id){""};
	settle(scene);
	assert_true(scene->tables[0]->usable);
	scene_free(scene);
}

/* S13, S14: where every usable pool has weight 0 nobody is drawn. */
static void
pools_of_weight_zero_are_never_drawn(void **state)
{
	struct scene *scene = scene_new(2, 1);

	(void)state;
	scene->lb->fallback.slot = 2;
	scene->lb->policy = STEERING_RANDOM;
	scene->lb->pools[0].weight = 0;
	scene->states[1][0] = HEALTH_DOWN;
	settle(scene);
	for (int affinity = 0; affinity < 2; affinity++) {
		struct steer_client who = client(3);
		struct steer_choice choice;

		scene->lb->affinity = affinity ? AFFINITY_IP : AFFINITY_NONE;
		choice = ask(scene, &who, TABLE_V4, 5);
		assert_true(choice.last_resort);
		assert_string_equal(first(&choice), "ap:1");
	}
	scene_free(scene);
}

/* S12: of the enabled origins, those that are forced up, or healthy and not forced down. */
static void
minimum_origins_counts_what_may_answer(void **state)
{
	static const struct {
		const char *origins; /* of three: u p, d own, U down but forced up, D up but forced down, x
					disabled, 0 up of weight 0 */
		unsigned minimum;
		bool usable;
	} rows[] = {
	    {"uuu", 3, true},
	    {"uuU", 3, true},
	    {"uud", 3, false},
	    {"uuD", 3, false},
	    {"uux", 3, false},
	    {"uu0", 3, true},
	    {"uux", 2, true},
	    {"Udd", 1, true},
	    {"ddd", 0, false},
	    {"000", 0, false},
	    {"x00", 1, false},
	    {"Uxx", 2, false},
	    {"u00", 3, true},
	};
	struct scene *scene = scene_new(1, 3);

	(void)state;
	scene->pools[0].monitor = (struct id){"0123456789abcdef0123456789abcdef"};
	for (size_t i = 0; i < NITEMS(rows); i++) {
		for (unsigned o = 0; o < 3; o++) {
			char c = rows[i].origins[o];
			struct origin *origin = &scene->origins[0][o];

			origin->enabled = c != 'x';
			origin->weight = c == '0' ? 0 : 100;
			origin->forced = c == 'U' ? FORCED_UP : c == 'D' ? FORCED_DOWN : FORCED_NONE;
			scene->states[0][o] = c == 'd' || c == 'U' ? HEALTH_DOWN
			    : c == 'x'                             ? HEALTH_DISABLED
								   : HEALTH_UP;
		}
		scene->pools[0].minimum_origins = rows[i].minimum;
		settle(scene);
		if (scene->tables[0]->usable != rows[i].usable)
			fail_msg("%s of %u", rows[i].origins, rows[i].minimum);
	}
	scene_free(scene);
}

/* S24: healthy by the state alone. */
static void
states_are_healthy_or_not(void **state)
{
	static const bool healthy[] = {[HEALTH_UNKNOWN] = false,
	    [HEALTH_UP] = true,
	    [HEALTH_SUSPECT] = true,
	    [HEALTH_DOWN] = false,
	    [HEALTH_DISABLED] = false,
	    [HEALTH_UNMONITORED] = true,
	    [HEALTH_UNRESOLVED] = false};

	(void)state;
	for (unsigned i = 0; i < NITEMS(healthy); i++)
		assert_int_equal(health_state_healthy((enum health_state)i), healthy[i]);
}

/* [CF] 3.5: a share of the clients goes where the policy sends them next; if all shed, to the fallback pool.
 */
static void
shedding_refuses_its_share_by_chance_or_by_client(void **state)
{
	struct scene *scene = scene_new(2, 1);

	(void)state;
	scene->lb->fallback.slot = 2;
	for (int by_hash = 0; by_hash < 2; by_hash++)
		for (int policy = 0; policy < 2; policy++) {
			unsigned counts[3] = {0}, last_resort = 0;
			double expected[3];

			scene->lb->policy = policy ? STEERING_RANDOM : STEERING_OFF;
			scene->pools[0].shed_percent = 30;
			scene->pools[1].shed_percent = 50;
			scene->pools[0].shed_by_hash = scene->pools[1].shed_by_hash = by_hash;
			settle(scene);
			for (uint32_t n = 0; n < CLIENTS; n++) {
				struct steer_client who = client(n);
				struct steer_choice choice = ask(scene, &who, TABLE_V4, draw_of(n)),
						    again = ask(scene, &who, TABLE_V4, draw_of(n + CLIENTS));

				counts[steer_address(&choice, 0)->bytes[2]]++;
				last_resort += choice.last_resort;
				assert_int_equal(choice.scope, by_hash ? 24 : 0);
				if (by_hash && !policy)
					assert_ptr_equal(choice.pool, again.pool);
			}
			assert_int_equal(counts[2], last_resort);
			/* random: both there (0.35): half each; only one there (0.35, 0.15): all to it */
			expected[0] = policy ? .7 * .5 * .5 + .7 * .5 : .7;
			expected[1] = policy ? .7 * .5 * .5 + .3 * .5 : .3 * .5;
			expected[2] = .3 * .5;
			assert_shares(counts, expected, 3, CLIENTS);
		}
	scene_free(scene);
}

/* S4: a pool that refuses everybody by their hash asks nobody who they are. */
static void
a_pool_that_sheds_all_or_none_does_not_ask_who(void **state)
{
	struct scene *scene = scene_new(2, 1);
	struct steer_client who = client(4);

	(void)state;
	scene->pools[0].shed_by_hash = true;
	for (unsigned percent = 0; percent <= 100; percent += 50) {
		scene->pools[0].shed_percent = percent;
		settle(scene);
		assert_int_equal(ask(scene, &who, TABLE_V4, 1).scope, percent == 50 ? 24 : 0);
	}
	assert_string_equal(ask(scene, &who, TABLE_V4, 1).pool->name, "us");
	scene_free(scene);
}

/* S41 */
static void
the_fastest_pools_are_equal_and_the_first_of_them_is_taken(void **state)
{
	static const struct {
		uint32_t latencies_us[3];
		const char *usable, *chosen;
	} rows[] = {
	    {{0, 0, 0}, "yyy", "eu"}, /* no data: failover order */
	    {{0, 0, 0}, "nyy", "us"},
	    {{20000, 10000, 30000}, "yyy", "us"},
	    {{20000, 10000, 30000}, "yny", "eu"},
	    {{11000, 10000, 10000}, "yyy", "eu"}, /* a tenth is as good */
	    {{11001, 10000, 10000}, "yyy", "us"},
	    {{1400, 400, 500}, "yyy", "eu"}, /* and so is a millisecond */
	    {{1401, 400, 500}, "yyy", "us"},
	    {{0, 30000, 20000}, "yyy", "ap"}, /* an unknown one comes after */
	    {{0, 30000, 20000}, "ynn", "eu"},
	    {{0, 0, UINT32_MAX - 1}, "yyy", "ap"},
	    {{20000, 0, 10000}, "nyn", "us"},
	};
	struct scene *scene = scene_new(3, 2);

	(void)state;
	scene->lb->policy = STEERING_DYNAMIC_LATENCY;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		struct steer_client who = client(1);
		struct steer_choice choice;

		for (unsigned p = 0; p < 3; p++)
			scene->pools[p].enabled = rows[i].usable[p] == 'y';
		settle(scene);
		for (unsigned p = 0; p < 3; p++)
			((struct pool_table *)(uintptr_t)scene->tables[p])->latency_us =
			    rows[i].latencies_us[p];
		choice = ask(scene, &who, TABLE_V4, i);
		if (strcmp(choice.pool->name, rows[i].chosen) != 0)
			fail_msg("row %zu: %s, not %s", i, choice.pool->name, rows[i].chosen);
		assert_int_equal(choice.scope, 0);
		assert_false(choice.client_mattered);
	}
	scene_free(scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(equal_weights_give_all_and_rotate),
	    cmocka_unit_test(a_failure_does_not_change_the_shape),
	    cmocka_unit_test(max_answers_gives_so_many_without_repetition),
	    cmocka_unit_test(failover_goes_in_order_and_ends_in_the_fallback),
	    cmocka_unit_test(a_disabled_pool_answers_nobody),
	    cmocka_unit_test(a_usable_pool_without_the_family_gives_nothing),
	    cmocka_unit_test(minimum_origins_counts_weight_zero_and_only_where_a_monitor_judges),
	    cmocka_unit_test(pools_of_weight_zero_are_never_drawn),
	    cmocka_unit_test(minimum_origins_counts_what_may_answer),
	    cmocka_unit_test(states_are_healthy_or_not),
	    cmocka_unit_test(shedding_refuses_its_share_by_chance_or_by_client),
	    cmocka_unit_test(a_pool_that_sheds_all_or_none_does_not_ask_who),
	    cmocka_unit_test(the_fastest_pools_are_equal_and_the_first_of_them_is_taken),
	};

	return cmocka_run_group_tests_name("pools", tests, NULL, NULL);
}
