/*
 * rendezvous.c -- S18, S19: who moves when an origin or pool comes, goes or changes its weight.
 */
#include "tests/steering/scene.h"

#include "zones/dns/rrset.h"
#include "zones/model/status.h"
#include "zones/model/usable.h"

static void
siphash_agrees_with_its_published_vectors(void **state)
{
	/* Aumasson and Bernstein, appendix A: key 00..0f, message 00..0e. */
	const uint64_t key[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
	uint8_t message[15];

	(void)state;
	for (unsigned i = 0; i < sizeof message; i++)
		message[i] = (uint8_t)i;
	assert_true(siphash(key, message, sizeof message) == UINT64_C(0xa129ca6149be45e5));
}

static void
the_logarithm_is_that_of_libm_and_never_rises(void **state)
{
	uint64_t before = UINT64_MAX;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		uint64_t hash = mix64(i) >> (i % 64);
		double exact = 64 - log2((double)hash), got = (double)steer_neg_log2(hash) / 1099511627776.0;

		if (hash > 0 && fabs(exact - got) > 3e-6)
			fail_msg(
			    "-log2(%016llx / 2^64): %.9f, not %.9f", (unsigned long long)hash, got, exact);
	}
	for (uint64_t hash = 1; hash < UINT64_MAX - (UINT64_C(1) << 48); hash += UINT64_C(1) << 48) {
		assert_true(steer_neg_log2(hash) <= before);
		before = steer_neg_log2(hash);
	}
	assert_true(steer_neg_log2(0) == UINT64_C(64) << 40);
}

/* S18: these hold for every node and version; a change of one moves clients. */
static void
the_vectors_of_S18_hold(void **state)
{
	static const struct {
		uint32_t client;
		const char *weights;
		const char *chosen;
	} rows[] = {
#include "tests/steering/steer_vectors.inc"
	};
	struct scene *scene = scene_new(1, 5);

	(void)state;
	scene->lb->affinity = AFFINITY_IP;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		struct steer_client who = client(rows[i].client);

		for (unsigned o = 0; o < 5; o++)
			scene->origins[0][o].weight = rows[i].weights[o] == '1' ? 100
			    : rows[i].weights[o] == 'h'                         ? 50
										: 10;
		settle(scene);
		struct steer_choice choice = ask(scene, &who, TABLE_V4, 7);

		assert_string_equal(first(&choice), rows[i].chosen);
	}
	scene_free(scene);
}

static void
removing_adding_disabling_and_reweighting_move_only_whom_they_must(void **state)
{
	static uint8_t before[CLIENTS], after[CLIENTS];
	struct scene *scene = scene_new(1, ORIGINS);
	struct origin *origins = scene->origins[0], last;

	(void)state;
	scene->lb->affinity = AFFINITY_IP;
	for (unsigned weights = 0; weights < 2; weights++) {
		for (unsigned o = 0; o < ORIGINS; o++)
			origins[o].weight = weights ? 10 * (o + 1) : 100;
		chosen_origins(scene, before);
		/* disabled */
		origins[3].enabled = false;
		chosen_origins(scene, after);
		assert_moved(before, after, 4, 0, true);
		origins[3].enabled = true;
		/* down */
		scene->states[0][3] = HEALTH_DOWN;
		chosen_origins(scene, after);
		assert_moved(before, after, 4, 0, true);
		scene->states[0][3] = HEALTH_UP;
		/* removed, by moving the last into its place: order plays no part */
		last = origins[3];
		origins[3] = origins[ORIGINS - 1];
		scene->pools[0].norigins = ORIGINS - 1;
		chosen_origins(scene, after);
		assert_moved(before, after, 4, 0, true);
		/* added again, in another place */
		origins[ORIGINS - 1] = last;
		scene->pools[0].norigins = ORIGINS;
		memcpy(before, after, sizeof before);
		chosen_origins(scene, after);
		assert_moved(before, after, 0, 4, false);
		/* re-weighted: down, its clients leave it; up again, they come back */
		memcpy(before, after, sizeof before);
		origins[ORIGINS - 1].weight = 5;
		chosen_origins(scene, after);
		assert_moved(before, after, 4, 0, false);
		origins[ORIGINS - 1].weight = weights ? 40 : 100;
		chosen_origins(scene, before);
		assert_moved(after, before, 0, 4, false);
		origins[ORIGINS - 1] = origins[3];
		origins[3] = last;
	}
	scene_free(scene);
}

static void
each_origin_gets_its_weights_share(void **state)
{
	static uint8_t chosen[CLIENTS];
	struct scene *scene = scene_new(1, ORIGINS);
	unsigned counts[ORIGINS] = {0}, drawn[ORIGINS] = {0};
	double weights[ORIGINS];

	(void)state;
	for (unsigned o = 0; o < ORIGINS; o++)
		weights[o] = scene->origins[0][o].weight = o == 0 ? 0 : 10 * o;
	scene->lb->affinity = AFFINITY_IP;
	chosen_origins(scene, chosen);
	for (unsigned n = 0; n < CLIENTS; n++)
		counts[chosen[n] - 1]++;
	assert_shares(counts, weights, ORIGINS, CLIENTS);

	scene->lb->affinity = AFFINITY_NONE;
	for (unsigned n = 0; n < CLIENTS; n++) {
		struct steer_client who = client(1);
		struct steer_choice choice = ask(scene, &who, TABLE_V4, draw_of(n));

		drawn[steer_address(&choice, 0)->bytes[3] - 1]++;
	}
	assert_shares(drawn, weights, ORIGINS, CLIENTS);
	scene_free(scene);
}

static void
pools_are_drawn_by_weight_and_hashed_by_weight(void **state)
{
	struct scene *scene = scene_new(3, 1);
	static const double weights[3] = {50, 30, 20};

	(void)state;
	settle(scene);
	scene->lb->policy = STEERING_RANDOM;
	for (unsigned p = 0; p < 3; p++)
		scene->lb->pools[p].weight = (uint32_t)weights[p];
	for (int affinity = 0; affinity < 2; affinity++) {
		unsigned counts[3] = {0};

		scene->lb->affinity = affinity ? AFFINITY_IP : AFFINITY_NONE;
		for (unsigned n = 0; n < CLIENTS; n++) {
			struct steer_client who = client(n);
			struct steer_choice choice = ask(scene, &who, TABLE_V4, draw_of(n));

			counts[steer_address(&choice, 0)->bytes[2]]++;
			assert_int_equal(choice.client_mattered, affinity);
			assert_int_equal(choice.scope, affinity ? 24 : 0);
		}
		assert_shares(counts, weights, 3, CLIENTS);
	}
	scene_free(scene);
}

/* S15: with affinity the n answers are the first of one ranking, for every n; so they are with
 * origin_steering hash. */
static void
answers_with_affinity_are_the_first_of_the_ranking(void **state)
{
	struct scene *scene = scene_new(1, 8);

	(void)state;
	for (int hash = 0; hash < 2; hash++) {
		scene->origins[0][5].weight = 40;
		scene->pools[0].origin_steering = hash ? ORIGIN_HASH : ORIGIN_RANDOM;
		scene->lb->affinity = hash ? AFFINITY_NONE : AFFINITY_IP;
		settle(scene);
		for (uint32_t k = 0; k < 200; k++) {
			struct steer_client who = client(k);
			struct steer_choice all;

			scene->lb->max_answers = 8;
			all = ask(scene, &who, TABLE_V4, k);
			for (unsigned n = 1; n < 8; n++) {
				struct steer_choice some;

				scene->lb->max_answers = (uint8_t)n;
				some = ask(scene, &who, TABLE_V4, k + n);
				assert_int_equal(some.count, n);
				assert_memory_equal(some.index, all.index, n * sizeof some.index[0]);
			}
		}
	}
	scene_free(scene);
}

/* S18: the order of pools has no influence, and clients that lose a pool spread over the others by their
 * weights. */
static void
the_choice_of_a_pool_moves_only_its_own_clients(void **state)
{
	static uint8_t before[CLIENTS], after[CLIENTS];
	struct scene *scene = scene_new(3, 1);

	(void)state;
	scene->lb->policy = STEERING_RANDOM;
	scene->lb->affinity = AFFINITY_IP;
	for (unsigned mode = 0; mode < 3; mode++) {
		scene->lb->pools[0].slot = mode == 1 ? 2 : 0;
		scene->lb->pools[2].slot = mode == 1 ? 0 : 2;
		scene->states[1][0] = mode == 2 ? HEALTH_DOWN : HEALTH_UP;
		settle(scene);
		for (uint32_t n = 0; n < CLIENTS; n++) {
			struct steer_client who = client(n);
			struct steer_choice choice = ask(scene, &who, TABLE_V4, n);

			after[n] = steer_address(&choice, 0)->bytes[2];
			assert_true(mode == 0 || after[n] == before[n] || (mode == 2 && before[n] == 1));
		}
		memcpy(before, after, sizeof before);
	}
	scene_free(scene);
}

/* S18: the same group on IPv4 and IPv6 keeps a client on one machine. */
static void
an_affinity_group_holds_two_families_together(void **state)
{
	static char groups[4][4] = {"a", "b", "a", "b"};
	struct scene *scene = scene_new(1, 4);

	(void)state;
	scene->lb->affinity = AFFINITY_IP;
	assert_true(address_from_text(&scene->origins[0][2].ip, "2001:db8::1"));
	assert_true(address_from_text(&scene->origins[0][3].ip, "2001:db8::2"));
	for (unsigned o = 0; o < 4; o++)
		scene->origins[0][o].affinity_group = groups[o];
	settle(scene);
	for (uint32_t n = 0; n < 1000; n++) {
		struct steer_client who = client(n);
		struct steer_choice four = ask(scene, &who, TABLE_V4, 1), six = ask(scene, &who, TABLE_V6, 2);

		assert_int_equal(
		    four.from->list[four.index[0]].origin + 2, six.from->list[six.index[0]].origin);
	}
	scene_free(scene);
}

/* S2, S4: which address is the key, how much of it, and what scope that means. */
static void
the_key_is_the_clients_prefix(void **state)
{
	static const struct {
		const char *resolver, *ecs;
		unsigned source;
		bool never;
		unsigned prefix, scope;
	} rows[] = {
	    {"203.0.113.5", "198.51.100.0", 24, false, 24, 24},
	    {"203.0.113.5", "198.51.100.128", 32, false, 24, 24},
	    {"203.0.113.5", "198.51.0.0", 16, false, 16, 24},
	    {"203.0.113.5", "198.51.100.0", 24, true, 24, 0},
	    {"203.0.113.5", "2001:db8::", 56, false, 56, 56},
	    {"203.0.113.5", "2001:db8::", 48, false, 48, 56},
	    {"203.0.113.5", NULL, 0, false, 24, 0},
	    {"2001:db8::1", NULL, 0, false, 48, 0},
	};
	struct scene *scene = scene_new(1, 4);

	(void)state;
	settle(scene);
	for (size_t i = 0; i < NITEMS(rows); i++) {
		struct steer_client who = {.source = (uint8_t)rows[i].source};

		assert_true(address_from_text(&who.resolver, rows[i].resolver));
		if (rows[i].ecs != NULL)
			assert_true(address_from_text(&who.ecs, rows[i].ecs));
		scene->lb->ecs_allowed = !rows[i].never;
		scene->lb->affinity = AFFINITY_IP;
		assert_int_equal(steer_key(scene->lb, &who).prefix, rows[i].prefix);
		assert_int_equal(ask(scene, &who, TABLE_V4, 1).scope, rows[i].scope);
	}
	scene_free(scene);
}

/* S4 by brute force: inside the scope everybody gets the same, and just outside of it somebody does not. */
static void
the_scope_is_honest(void **state)
{
	struct scene *scene = scene_new(1, 8);

	(void)state;
	scene->lb->affinity = AFFINITY_IP;
	settle(scene);
	for (uint32_t net = 0; net < 64; net++) {
		struct steer_client who = client(net);
		struct steer_choice here = ask(scene, &who, TABLE_V4, 1);

		who.source = 32;
		for (unsigned host = 0; host < 256; host++) {
			who.ecs.bytes[3] = (uint8_t)host;
			struct steer_choice there = ask(scene, &who, TABLE_V4, host);

			assert_int_equal(there.index[0], here.index[0]);
		}
	}
	for (unsigned o = 1; o < 8; o++)
		scene->states[0][o] = HEALTH_DOWN;
	settle(scene);
	struct steer_client who = client(1);

	assert_int_equal(
	    ask(scene, &who, TABLE_V4, 1).scope, 0); /* one candidate: the client does not matter */
	scene_free(scene);
}

/* origin_steering hash ([CF] 3.4): stable by client where weights differ, without effect where they do not.
 */
static void
hash_steering_keeps_a_client_where_weights_differ(void **state)
{
	struct scene *scene = scene_new(1, 4);
	unsigned counts[4] = {0};
	static const double weights[4] = {100, 50, 50, 100};

	(void)state;
	scene->pools[0].origin_steering = ORIGIN_HASH;
	settle(scene);
	struct steer_client who = client(1);

	assert_int_equal(ask(scene, &who, TABLE_V4, 1).how, STEER_ALL);
	scene->origins[0][1].weight = scene->origins[0][2].weight = 50;
	settle(scene);
	for (uint32_t n = 0; n < CLIENTS; n++) {
		who = client(n);
		struct steer_choice one = ask(scene, &who, TABLE_V4, draw_of(n)),
				    two = ask(scene, &who, TABLE_V4, draw_of(n + 1));

		assert_int_equal(one.count, 1);
		assert_int_equal(one.index[0], two.index[0]);
		assert_int_equal(one.scope, 24);
		counts[steer_address(&one, 0)->bytes[3] - 1]++;
	}
	assert_shares(counts, weights, 4, CLIENTS);
	scene_free(scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(siphash_agrees_with_its_published_vectors),
	    cmocka_unit_test(the_logarithm_is_that_of_libm_and_never_rises),
	    cmocka_unit_test(the_vectors_of_S18_hold),
	    cmocka_unit_test(removing_adding_disabling_and_reweighting_move_only_whom_they_must),
	    cmocka_unit_test(each_origin_gets_its_weights_share),
	    cmocka_unit_test(pools_are_drawn_by_weight_and_hashed_by_weight),
	    cmocka_unit_test(answers_with_affinity_are_the_first_of_the_ranking),
	    cmocka_unit_test(the_choice_of_a_pool_moves_only_its_own_clients),
	    cmocka_unit_test(an_affinity_group_holds_two_families_together),
	    cmocka_unit_test(the_key_is_the_clients_prefix),
	    cmocka_unit_test(the_scope_is_honest),
	    cmocka_unit_test(hash_steering_keeps_a_client_where_weights_differ),
	};

	return cmocka_run_group_tests_name("rendezvous", tests, NULL, NULL);
}
