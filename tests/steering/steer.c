/*
 * steer.c -- S11 to S19: who is sent where.
 */
#include "tests/steering/scene.h"

#include "zones/dns/rrset.h"
#include "zones/model/judge.h"
#include "zones/model/status.h"

enum { CLIENTS = 100000, ORIGINS = SCENE_ORIGINS };

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

/* S18: these stand for every node and version; a change of one is a change of who goes where. */
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

/* Who went where before and after a change. */
static void
chosen_origins(struct scene *scene, uint8_t chosen[CLIENTS])
{
	settle(scene);
	for (uint32_t n = 0; n < CLIENTS; n++) {
		struct steer_client who = client(n);
		struct steer_choice choice = ask(scene, &who, TABLE_V4, n);

		assert_int_equal(choice.count, 1);
		chosen[n] = steer_address(&choice, 0)->bytes[3];
	}
}

/* S19: the clients that moved are those that left origin a, or came to origin b (0: nobody). */
static void
assert_moved(const uint8_t *before, const uint8_t *after, uint8_t left, uint8_t came, bool all_left)
{
	unsigned moved = 0;

	for (unsigned n = 0; n < CLIENTS; n++) {
		if (all_left && before[n] == left)
			assert_int_not_equal(after[n], left);
		if (before[n] == after[n])
			continue;
		moved++;
		assert_true((left != 0 && before[n] == left) || (came != 0 && after[n] == came));
	}
	assert_true(moved > 0);
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

/* S24: who is healthy by its state alone. */
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

/* S15: with affinity the n answers are the first of one ranking, whatever n is; so they are with
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

/* S18: the order in which pools stand plays no part, and who loses a pool spreads over the others by their
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

/* S21: temporary withholds suspect origins while another is left; none does not. */
static void
temporary_withholds_suspects_while_another_is_left(void **state)
{
	struct scene *scene = scene_new(1, 3);
	static uint8_t before[CLIENTS], after[CLIENTS];

	(void)state;
	scene->lb->affinity = AFFINITY_IP;
	scene->lb->failover = FAILOVER_TEMPORARY;
	chosen_origins(scene, before);
	scene->states[0][1] = HEALTH_SUSPECT;
	chosen_origins(scene, after);
	assert_moved(before, after, 2, 0, true);
	scene->lb->failover = FAILOVER_NONE;
	chosen_origins(scene, after);
	assert_memory_equal(before, after, sizeof before);
	scene->lb->failover = FAILOVER_TEMPORARY;
	scene->states[0][0] = scene->states[0][2] = HEALTH_SUSPECT;
	chosen_origins(scene, after);
	assert_memory_equal(before, after, sizeof before); /* all are suspect: nobody is withheld */
	scene->states[0][0] = scene->states[0][2] = HEALTH_DOWN;
	chosen_origins(scene, after);
	for (uint32_t n = 0; n < CLIENTS; n++)
		assert_int_equal(after[n], 2);
	scene_free(scene);
}

/* As the server does: ask, and put the pin that is wanted. */
static uint8_t
ask_and_pin(struct scene *scene, uint32_t n, unsigned family)
{
	struct steer_client who = client(n);
	struct steer_choice choice = ask(scene, &who, family, n);

	if (choice.pin_wanted)
		assert_true(
		    pins_put(scene->pins, choice.pin_key, scene->lb->share, scene->now_s, &choice.pin));
	return choice.count > 0 ? steer_address(&choice, 0)->bytes[3] : 0;
}

/* S20 and S21, for a few hundred clients over the life of one origin. */
static void
a_sticky_client_stays_where_a_failure_put_it(void **state)
{
	enum { FEW = 500 };
	struct scene *scene = scene_new(1, 4);
	struct problems problems = {0};
	uint8_t home[FEW], refuge[FEW];
	unsigned moved = 0;

	(void)state;
	scene->lb->affinity = AFFINITY_IP;
	scene->lb->failover = FAILOVER_STICKY;
	scene->lb->affinity_ttl = 3600;
	scene->pins = pins_open(NULL, 65536, &problems);
	scene->now_s = 1000000;
	settle(scene);
	for (uint32_t n = 0; n < FEW; n++)
		home[n] = ask_and_pin(scene, n, TABLE_V4);
	/* down: its clients move, the others do not */
	scene->states[0][1] = HEALTH_DOWN;
	settle(scene);
	for (uint32_t n = 0; n < FEW; n++) {
		refuge[n] = ask_and_pin(scene, n, TABLE_V4);
		assert_true(home[n] == 2 ? refuge[n] != 2 : refuge[n] == home[n]);
		moved += home[n] == 2;
	}
	assert_true(moved > 50);
	/* up again: they stay where they are, also when weights change */
	scene->states[0][1] = HEALTH_UP;
	settle(scene);
	scene->now_s += 60;
	for (uint32_t n = 0; n < FEW; n++)
		assert_int_equal(ask_and_pin(scene, n, TABLE_V4), refuge[n]);
	scene->origins[0][1].weight = 10;
	settle(scene);
	for (uint32_t n = 0; n < FEW; n++)
		assert_int_equal(ask_and_pin(scene, n, TABLE_V4), refuge[n]);
	/* weight 0 breaks a pin, and so does disabling */
	scene->origins[0][1].weight = 100;
	scene->origins[0][0].weight = 0;
	scene->origins[0][2].enabled = false;
	settle(scene);
	for (uint32_t n = 0; n < FEW; n++) {
		uint8_t now = ask_and_pin(scene, n, TABLE_V4);

		assert_true(now == 2 || now == 4);
		if (refuge[n] == 4)
			assert_int_equal(now, 4);
	}
	/* at its end a pin is gone, and hashing alone decides */
	scene->origins[0][0].weight = 100;
	scene->origins[0][2].enabled = true;
	settle(scene);
	scene->now_s += 3600;
	for (uint32_t n = 0; n < FEW; n++)
		assert_int_equal(ask_and_pin(scene, n, TABLE_V4), home[n]);
	pins_close(scene->pins);
	scene_free(scene);
}

/* S20: the pool too, and A and AAAA of one client in one pool. */
static void
a_pin_holds_the_pool_for_both_families(void **state)
{
	struct scene *scene = scene_new(2, 2);
	struct problems problems = {0};

	(void)state;
	scene->lb->affinity = AFFINITY_IP;
	scene->lb->failover = FAILOVER_STICKY;
	scene->lb->affinity_ttl = 3600;
	scene->pins = pins_open(NULL, 65536, &problems);
	scene->now_s = 1000000;
	for (unsigned p = 0; p < 2; p++)
		assert_true(address_from_text(&scene->origins[p][1].ip, p ? "2001:db8::2" : "2001:db8::1"));
	scene->states[0][0] = scene->states[0][1] = HEALTH_DOWN;
	settle(scene);
	struct steer_client who = client(7);

	ask_and_pin(scene, 7, TABLE_V4);
	scene->states[0][0] = scene->states[0][1] = HEALTH_UP;
	settle(scene);
	assert_string_equal(ask(scene, &who, TABLE_V4, 1).pool->name, "us");
	assert_string_equal(ask(scene, &who, TABLE_V6, 1).pool->name, "us");
	assert_false(ask(scene, &who, TABLE_V6, 1).pin_wanted &&
	    ask(scene, &who, TABLE_V6, 1).pin.pool != pin_pool_tag(scene->tables[1]->hash));
	assert_int_equal(ask(scene, &who, TABLE_V6, 1).count, 1);
	/* another client, without a pin, goes to the first pool */
	struct steer_client other = client(8);

	assert_string_equal(ask(scene, &other, TABLE_V4, 1).pool->name, "eu");
	/* S14: pins are neither read nor written in the fallback */
	for (unsigned p = 0; p < 2; p++)
		for (unsigned o = 0; o < 2; o++)
			scene->states[p][o] = HEALTH_DOWN;
	settle(scene);
	assert_true(ask(scene, &other, TABLE_V4, 1).last_resort);
	assert_false(ask(scene, &other, TABLE_V4, 1).pin_wanted);
	pins_close(scene->pins);
	scene_free(scene);
}

/* S13: a pool sheds clients that have no valid pin, and by their key where there is affinity, whatever its
 * own policy. */
static void
a_pinned_client_is_not_shed(void **state)
{
	enum { FEW = 400 };
	struct scene *scene = scene_new(2, 3);
	struct problems problems = {0};
	unsigned shed = 0;

	(void)state;
	scene->lb->affinity = AFFINITY_IP;
	scene->lb->failover = FAILOVER_STICKY;
	scene->lb->affinity_ttl = 3600;
	scene->pins = pins_open(NULL, 65536, &problems);
	scene->now_s = 1000000;
	settle(scene);
	for (uint32_t n = 0; n < FEW / 2; n++)
		ask_and_pin(scene, n, TABLE_V4);
	scene->pools[0].shed_percent = 50;
	settle(scene);
	for (uint32_t n = 0; n < FEW; n++) {
		struct steer_client who = client(n);
		struct steer_choice one = ask(scene, &who, TABLE_V4, draw_of(n)),
				    two = ask(scene, &who, TABLE_V4, draw_of(n + FEW));

		assert_ptr_equal(one.pool, two.pool);
		if (n < FEW / 2)
			assert_string_equal(one.pool->name, "eu");
		else
			shed += one.pool != scene->tables[0];
	}
	assert_true(shed > FEW / 8 && shed < 3 * FEW / 8);
	/* S4: its neighbour, who has no pin, may be shed: alone in the only pool's only origin the client
	 * matters all the same */
	scene->lb->npools = 1;
	for (unsigned o = 1; o < 3; o++)
		scene->origins[0][o].enabled = false;
	settle(scene);
	for (uint32_t n = 0; n < FEW / 2; n++) {
		struct steer_client who = client(n);

		assert_int_equal(ask(scene, &who, TABLE_V4, 1).scope, 24);
	}
	pins_close(scene->pins);
	scene_free(scene);
}

/* S20: a pin lasts from its making, not from its last use; one that breaks makes a new one, with a new TTL.
 */
static void
a_pin_ends_when_it_was_made_to(void **state)
{
	struct scene *scene = scene_new(1, 4);
	struct problems problems = {0};
	struct steer_client who = client(7);
	struct steer_choice choice;
	struct brought brought = {0};
	uint8_t home, refuge;

	(void)state;
	scene->lb->affinity = AFFINITY_IP;
	scene->lb->failover = FAILOVER_STICKY;
	scene->lb->affinity_ttl = 3600;
	scene->pins = pins_open(NULL, 65536, &problems);
	scene->now_s = 1000000;
	settle(scene);
	home = ask_and_pin(scene, 7, TABLE_V4);
	scene->now_s += 3000;
	assert_int_equal(ask_and_pin(scene, 7, TABLE_V4), home);
	choice = ask(scene, &who, TABLE_V4, 1);
	if (choice.pin_wanted)
		assert_int_equal(choice.pin.expiry, 1003600);
	scene->states[0][home - 1] = HEALTH_DOWN;
	settle(scene);
	choice = ask(scene, &who, TABLE_V4, 1);
	assert_true(choice.pin_wanted);
	assert_int_equal(choice.pin.expiry, scene->now_s + 3600);
	refuge = ask_and_pin(scene, 7, TABLE_V4);
	scene->states[0][home - 1] = HEALTH_UP;
	settle(scene);
	scene->now_s += 3599; /* long after the first pin's end */
	assert_int_equal(ask_and_pin(scene, 7, TABLE_V4), refuge);
	scene->now_s += 1;
	assert_int_equal(ask_and_pin(scene, 7, TABLE_V4), home);
	/* S35: a rule's TTL of pins */
	bring(scene, &brought, true, 1, (const char *const[]){""});
	brought.overrides[0].parts = PART_AFFINITY_TTL;
	brought.overrides[0].affinity_ttl = 1800;
	who = client(8);
	choice = ask(scene, &who, TABLE_V4, 1);
	assert_true(choice.pin_wanted);
	assert_int_equal(choice.pin.expiry, scene->now_s + 1800);
	unbring(&brought);
	pins_close(scene->pins);
	scene_free(scene);
}

/* S21: force stands on top of suspicion; a suspect origin breaks a pin while another will do. */
static void
suspects_that_are_forced_up_are_kept(void **state)
{
	struct scene *scene = scene_new(1, 2);
	struct problems problems = {0};
	uint8_t home;

	(void)state;
	scene->lb->affinity = AFFINITY_IP;
	scene->lb->failover = FAILOVER_STICKY;
	scene->lb->affinity_ttl = 3600;
	scene->pins = pins_open(NULL, 65536, &problems);
	scene->now_s = 1000000;
	settle(scene);
	home = ask_and_pin(scene, 7, TABLE_V4);
	scene->states[0][home - 1] = HEALTH_SUSPECT;
	scene->origins[0][home - 1].forced = FORCED_UP;
	settle(scene);
	assert_int_equal(ask_and_pin(scene, 7, TABLE_V4), home);
	scene->origins[0][home - 1].forced = FORCED_NONE;
	settle(scene);
	assert_int_not_equal(ask_and_pin(scene, 7, TABLE_V4), home);
	pins_close(scene->pins);
	scene_free(scene);
}

/* --- S16: hostnames --- */

/* Make an origin a hostname with these addresses: "ADDRESS=STATE ...", STATE one of u(p) s(uspect) d(own) ?.
 */
static void
make_hostname(struct scene *scene, unsigned pool, unsigned at, const char *text)
{
	struct origin *origin = &scene->origins[pool][at];
	char copy[1024], *rest, *word;

	snprintf(copy, sizeof copy, "%s", text);
	snprintf(scene->addresses[pool][at], 40, "host%u.example", at);
	origin->ip = (struct address){0};
	free(origin->resolved);
	origin->resolved = resolved_new(32);
	origin->resolved->count = 0;
	for (word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
		struct resolved_address *address = &origin->resolved->list[origin->resolved->count++];
		char *state = strchr(word, '=');

		*state++ = '\0';
		assert_true(address_from_text(&address->address, word));
		address->state = *state == 'u' ? HEALTH_UP
		    : *state == 's'            ? HEALTH_SUSPECT
		    : *state == 'd'            ? HEALTH_DOWN
					       : HEALTH_UNKNOWN;
	}
	scene->states[pool][at] = status_origin(&scene->pools[pool], origin, HEALTH_UNKNOWN);
}

static void
drop_hostnames(struct scene *scene)
{
	for (unsigned p = 0; p < 3; p++)
		for (unsigned o = 0; o < scene->pools[p].norigins; o++)
			free(scene->origins[p][o].resolved);
	scene_free(scene);
}

/* All last octets of a choice, sorted: "1 2 3". */
static const char *
octets_of(const struct steer_choice *choice)
{
	static char text[256];
	uint8_t octets[64];
	unsigned count = MIN(choice->count, 64);
	int len = 0;

	for (unsigned i = 0; i < count; i++)
		octets[i] = steer_address(choice, i)->bytes[choice->family == TABLE_V4 ? 3 : 15];
	text[0] = '\0';
	for (unsigned wanted = 0; wanted < 256; wanted++)
		for (unsigned i = 0; i < count; i++)
			if (octets[i] == wanted)
				len += snprintf(text + len, sizeof text - (size_t)len, "%s%u",
				    len > 0 ? " " : "", wanted);
	return text;
}

static void
a_hostname_is_one_origin_with_the_addresses_that_are_up(void **state)
{
	static const struct {
		const char *addresses;
		enum failover failover;
		const char *four, *six;
		enum health_state judged;
	} rows[] = {
	    {"10.0.0.1=u 10.0.0.2=u 2001:db8::9=u", FAILOVER_NONE, "1 2", "9", HEALTH_UP},
	    {"10.0.0.1=u 10.0.0.2=d 2001:db8::9=d", FAILOVER_NONE, "1", "", HEALTH_UP},
	    {"10.0.0.1=u 10.0.0.2=s", FAILOVER_NONE, "1 2", "", HEALTH_UP},
	    {"10.0.0.1=u 10.0.0.2=s", FAILOVER_TEMPORARY, "1", "", HEALTH_UP},      /* S21 */
	    {"10.0.0.1=d 10.0.0.2=s", FAILOVER_TEMPORARY, "2", "", HEALTH_SUSPECT}, /* no other is left */
	    {"10.0.0.1=u 10.0.0.2=?", FAILOVER_NONE, "1", "", HEALTH_UP}, /* new: not before it is judged */
	    {"10.0.0.1=d 10.0.0.2=?", FAILOVER_NONE, "1 2", "",
		HEALTH_UNKNOWN}, /* S14: the fallback pool is this one */
	    {"10.0.0.1=d 10.0.0.2=d", FAILOVER_NONE, "1 2", "", HEALTH_DOWN},
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		struct scene *scene = scene_new(1, 1);
		struct steer_client who = client(1);

		scene->pools[0].monitor = id_new();
		scene->lb->failover = rows[i].failover;
		make_hostname(scene, 0, 0, rows[i].addresses);
		assert_int_equal(scene->states[0][0], rows[i].judged);
		settle(scene);
		struct steer_choice four = ask(scene, &who, TABLE_V4, i), six = ask(scene, &who, TABLE_V6, i);

		assert_string_equal(octets_of(&four), rows[i].four);
		assert_string_equal(octets_of(&six), rows[i].six);
		assert_int_equal(four.norigins, 1);
		assert_int_equal(
		    four.last_resort, rows[i].judged == HEALTH_DOWN || rows[i].judged == HEALTH_UNKNOWN);
		drop_hostnames(scene);
	}
}

static void
addresses_that_are_gone_are_answered_as_a_last_resort_only(void **state)
{
	struct scene *scene = scene_new(2, 1); /* pool 1 is the fallback pool, too */
	struct steer_client who = client(1);

	(void)state;
	make_hostname(scene, 0, 0, "10.0.0.1=u");
	scene->origins[0][0].resolved->gone = true;
	scene->states[0][0] = status_origin(&scene->pools[0], &scene->origins[0][0], HEALTH_UNKNOWN);
	assert_int_equal(scene->states[0][0], HEALTH_UNRESOLVED);
	settle(scene);
	assert_string_equal(first((struct steer_choice[]){ask(scene, &who, TABLE_V4, 1)}), "us:1");
	scene->origins[0][0].forced = FORCED_UP; /* S24: force makes no address */
	settle(scene);
	assert_string_equal(first((struct steer_choice[]){ask(scene, &who, TABLE_V4, 1)}), "us:1");
	scene->origins[0][0].forced = FORCED_NONE;
	scene->states[1][0] = HEALTH_DOWN;
	scene->lb->fallback.slot = 0;
	settle(scene);
	struct steer_choice choice = ask(scene, &who, TABLE_V4, 1);

	assert_true(choice.last_resort);
	assert_string_equal(octets_of(&choice), "1");
	drop_hostnames(scene);
}

static void
all_candidates_give_each_address_once_in_rotated_order(void **state)
{
	struct scene *scene = scene_new(1, 3);
	struct steer_client who = client(1);
	unsigned firsts[256] = {0};

	(void)state;
	make_hostname(scene, 0, 0, "10.0.0.11=u 10.0.0.12=u");
	make_hostname(scene, 0, 1, "10.0.0.12=u 10.0.0.13=u");
	settle(scene);
	for (unsigned n = 0; n < 4000; n++) {
		struct steer_choice choice = ask(scene, &who, TABLE_V4, draw_of(n));

		assert_string_equal(octets_of(&choice), "3 11 12 13");
		assert_int_equal(choice.norigins, 3);
		firsts[steer_address(&choice, 0)->bytes[3]]++;
	}
	assert_in_range(firsts[3], 850, 1150);
	assert_in_range(firsts[12], 850, 1150);
	drop_hostnames(scene);
}

static void
max_answers_bounds_the_addresses_of_hostnames(void **state)
{
	struct steer_client who = client(1);

	(void)state;
	for (unsigned most = 1; most <= 5; most++) {
		struct scene *scene = scene_new(1, 2);
		unsigned seen[256] = {0};

		scene->lb->max_answers = (uint8_t)most;
		make_hostname(scene, 0, 0, "10.0.0.11=u 10.0.0.12=u 10.0.0.13=u");
		settle(scene);
		for (unsigned n = 0; n < 2000; n++) {
			struct steer_choice choice = ask(scene, &who, TABLE_V4, draw_of(n));

			assert_in_range(choice.count, 1, most);
			for (unsigned i = 0; i < choice.count; i++)
				seen[steer_address(&choice, i)->bytes[3]]++;
		}
		assert_true(seen[2] > 0 && seen[11] > 0 && seen[12] > 0 && seen[13] > 0);
		drop_hostnames(scene);
	}
}

/* S18: the identity is the hostname. */
static void
clients_stay_with_a_hostname_whose_addresses_change(void **state)
{
	uint16_t before[CLIENTS];
	uint8_t first_before[CLIENTS];
	struct scene *scene = scene_new(1, 3);
	unsigned moved = 0;

	(void)state;
	scene->lb->affinity = AFFINITY_IP;
	make_hostname(scene, 0, 0, "10.0.0.11=u 10.0.0.12=u 10.0.0.13=u");
	for (unsigned round = 0; round < 2; round++) {
		settle(scene);
		for (unsigned n = 0; n < CLIENTS; n++) {
			struct steer_client who = client(n);
			struct steer_choice choice = ask(scene, &who, TABLE_V4, n);
			uint16_t origin = choice.from->list[choice.origin].origin;

			if (round == 0) {
				before[n] = origin;
				first_before[n] = steer_address(&choice, 0)->bytes[3];
				continue;
			}
			assert_int_equal(origin, before[n]);
			/* Only who had the address that went begins elsewhere, or whom the new one wins. */
			if (origin == 0 && first_before[n] != 13 && steer_address(&choice, 0)->bytes[3] != 14)
				moved += steer_address(&choice, 0)->bytes[3] != first_before[n];
		}
		make_hostname(scene, 0, 0, "10.0.0.14=u 10.0.0.12=u 10.0.0.11=u");
	}
	assert_int_equal(moved, 0);
	drop_hostnames(scene);
}

static void
one_origin_that_is_not_flattened_has_a_cname(void **state)
{
	struct scene *scene = scene_new(1, 2);
	struct steer_client who = client(1);
	unsigned cnames = 0;

	(void)state;
	make_hostname(scene, 0, 0, "10.0.0.11=u");
	scene->origins[0][0].unflattened = true;
	settle(scene);
	struct steer_choice both = ask(scene, &who, TABLE_V4, 1);

	assert_null(both.cname);
	assert_string_equal(octets_of(&both), "2 11");
	both = ask(scene, &who, TABLE_V6, 1); /* the only one of that family, for a CNAME is of both */
	assert_non_null(both.cname);
	assert_int_equal(both.count, 0);
	scene->states[0][1] = HEALTH_DOWN;
	settle(scene);
	both = ask(scene, &who, TABLE_V4, 1);
	assert_non_null(both.cname);
	assert_int_equal(get16(both.cname + 2), TYPE_CNAME);
	assert_memory_equal(both.cname + 12, "\5host0\7example", 15);
	scene->states[0][1] = HEALTH_UP;
	scene->origins[0][1].weight = 50;
	settle(scene);
	for (unsigned n = 0; n < 3000; n++)
		cnames += ask(scene, &who, TABLE_V4, draw_of(n)).cname != NULL;
	assert_in_range(cnames, 1850, 2150); /* two in three */
	drop_hostnames(scene);
}

/* ---- S35, S36 ---- */

/* The first set that matches, but the last rule, unless one terminates. */
static void
the_first_set_wins_and_the_last_rule(void **state)
{
	static const char *const conditions[] = {
	    "ip.src in {10.0.0.0/8}", "ip.src in {10.1.0.0/16}", "ip.src in {10.1.1.0/24}"};
	static const struct {
		const char *ecs;
		const char *set, *rule, *terminated; /* by the second rule */
		unsigned scope, rule_scope, terminated_scope;
	} rows[] = {
	    {"10.2.0.0", "eu", "eu", "eu", 8, 15, 15}, {"10.1.2.0", "eu", "us", "us", 8, 23, 16},
	    {"10.1.1.0", "eu", "ap", "us", 8, 24, 16},
	    {"192.0.2.0", "us", "us", "us", 1, 1, 1}, /* the load balancer's own */
	};
	struct scene *scene = scene_new(2, 1);
	struct brought brought = {0};

	(void)state;
	settle(scene);
	scene->lb->pools[0].slot = 1;
	for (unsigned mode = 0; mode < 3; mode++) {
		scene->all.nsets = scene->all.nrules = 0;
		unbring(&brought);
		bring(scene, &brought, mode > 0, 3, conditions);
		brought.overrides[1].terminates = mode == 2;
		for (size_t i = 0; i < NITEMS(rows); i++) {
			struct steer_client who = {.resolver = {FAMILY_V4, {10, 1, 1, 1}}, .source = 24};

			assert_true(address_from_text(&who.ecs, rows[i].ecs));
			struct steer_choice choice = ask(scene, &who, TABLE_V4, 1);

			assert_string_equal(choice.pool->name,
			    mode == 0       ? rows[i].set
				: mode == 1 ? rows[i].rule
					    : rows[i].terminated);
			assert_int_equal(choice.scope,
			    mode == 0       ? rows[i].scope
				: mode == 1 ? rows[i].rule_scope
					    : rows[i].terminated_scope);
		}
		/* without ECS the resolver is compared, and nobody else's answer depends on it */
		struct steer_client who = {.resolver = {FAMILY_V4, {10, 1, 1, 1}}};
		struct steer_choice choice = ask(scene, &who, TABLE_V4, 1);

		assert_string_equal(choice.pool->name, mode == 0 ? "eu" : mode == 1 ? "ap" : "us");
		assert_int_equal(choice.scope, 0);
		/* a disabled one is not asked */
		brought.overrides[0].disabled = true;
		assert_string_equal(ask(scene, &who, TABLE_V4, 1).pool->name, mode == 1 ? "ap" : "us");
	}
	unbring(&brought);
	scene_free(scene);
}

/* Each part that a rule may override, seen from the choice. */
static void
a_rule_overrides_what_it_names_and_nothing_else(void **state)
{
	static const char *const conditions[] = {"dns.qry.type eq 28", ""};
	struct scene *scene = scene_new(3, 4);
	struct brought brought = {0};
	struct steer_client who = client(9);

	(void)state;
	for (unsigned p = 0; p < 3; p++) {
		assert_true(address_from_text(&scene->origins[p][3].ip, "2001:db8::1"));
		scene->origins[p][3].ip.bytes[3] = (uint8_t)p;
	}
	settle(scene);
	bring(scene, &brought, true, 2, conditions);
	brought.overrides[0].pools = &brought.pools[1];
	brought.overrides[1].parts = 0;
	/* the type of the question */
	assert_string_equal(ask(scene, &who, TABLE_V4, 1).pool->name, "eu");
	assert_string_equal(ask(scene, &who, TABLE_V6, 1).pool->name, "us");
	assert_int_equal(ask(scene, &who, TABLE_V6, 1).scope, 0);
	/* ttl, on top of another rule */
	brought.overrides[1].parts = PART_TTL;
	brought.overrides[1].ttl = 7;
	assert_int_equal(ask(scene, &who, TABLE_V6, 1).ttl, 7);
	assert_string_equal(ask(scene, &who, TABLE_V6, 1).pool->name, "us");
	brought.overrides[0].terminates = true;
	assert_int_equal(ask(scene, &who, TABLE_V6, 1).ttl, 30);
	assert_int_equal(ask(scene, &who, TABLE_V4, 1).ttl, 7);
	/* affinity: one answer, and the client's prefix; with prefer_ecs never the resolver's */
	brought.overrides[1].parts = PART_AFFINITY;
	brought.overrides[1].affinity = AFFINITY_IP;
	assert_int_equal(ask(scene, &who, TABLE_V4, 1).how, STEER_HASHED);
	assert_int_equal(ask(scene, &who, TABLE_V4, 1).scope, 24);
	brought.overrides[1].parts |= PART_PREFER_ECS;
	brought.overrides[1].prefer_ecs = ECS_NEVER;
	assert_int_equal(ask(scene, &who, TABLE_V4, 1).scope, 0);
	/* fallback */
	brought.overrides[1].parts = PART_FALLBACK;
	brought.overrides[1].fallback = 1;
	assert_false(ask(scene, &who, TABLE_V4, 1).last_resort);
	for (unsigned p = 0; p < 3; p++)
		for (unsigned o = 0; o < 4; o++)
			scene->states[p][o] = HEALTH_DOWN;
	settle(scene);
	assert_string_equal(ask(scene, &who, TABLE_V4, 1).pool->name, "us");
	assert_true(ask(scene, &who, TABLE_V4, 1).last_resort);
	unbring(&brought);
	scene_free(scene);
}

/* random with weights of a rule, of the load balancer for the list of a rule, and of a set. */
static void
weights_go_with_the_list_that_is_chosen_from(void **state)
{
	static const char *const conditions[] = {""};
	struct steer_pool three[] = {{0, 100}, {1, 100}, {2, 100}}, own[] = {{0, 10}, {2, 50}},
			  its[] = {{1, 30}};
	static const double by_own[] = {10, 40, 50}, by_its[] = {70, 30, 70};
	struct scene *scene = scene_new(3, 1);
	struct brought brought = {0};

	(void)state;
	settle(scene);
	bring(scene, &brought, true, 1, conditions);
	scene->lb->policy = STEERING_RANDOM;
	scene->all.weights = (struct steer_weights){own, 2, 40};
	brought.overrides[0].pools = three;
	brought.overrides[0].npools = 3;
	for (int mode = 0; mode < 3;
	     mode++) { /* pools; pools and weights; weights of the load balancer's pools */
		unsigned counts[3] = {0};

		brought.overrides[0].parts = mode == 0 ? PART_POOLS
		    : mode == 1                        ? PART_POOLS | PART_WEIGHTS
						       : PART_WEIGHTS;
		brought.overrides[0].weights = (struct steer_weights){its, 1, 70};
		for (unsigned n = 0; n < CLIENTS; n++) {
			struct steer_client who = client(n);

			counts[ask(scene, &who, TABLE_V4, draw_of(n)).pool->name[0] == 'e'    ? 0
				: ask(scene, &who, TABLE_V4, draw_of(n)).pool->name[0] == 'u' ? 1
											      : 2]++;
		}
		assert_shares(counts, mode == 0 ? by_own : by_its, 3, CLIENTS);
	}
	unbring(&brought);
	scene_free(scene);
}

/* [CF] 3.3: no policy is geo where there are places: also those that a rule brings. */
static void
places_of_a_rule_make_geo_of_no_policy(void **state)
{
	static const char *const conditions[] = {"ip.src in {10.0.0.0/8}"};
	struct steer_pool pools[] = {{1, 100}};
	struct steer_place place = {.code = "AMS", .count = 1, .pools = pools};
	static const struct steer_site site = {.code = "AMS"};
	struct scene *scene = scene_new(2, 1);
	struct brought brought = {0};
	struct steer_client who = client(9);
	struct steering steering = {.site = &site};
	struct steer_choice choice;

	(void)state;
	settle(scene);
	bring(scene, &brought, true, 1, conditions);
	scene->lb->policy_open = true;
	brought.overrides[0].parts = PART_SITES;
	brought.overrides[0].places[PLACE_SITE] = (struct steer_places){&place, 1};
	for (unsigned in = 0; in < 2; in++) {
		who.ecs.bytes[0] = in ? 10 : 11;
		steering.client = who;
		steer(scene->lb, &scene->slots, &steering, TABLE_V4, &choice);
		assert_string_equal(choice.pool->name, in ? "us" : "eu");
		assert_int_equal(choice.scope, 8);
	}
	unbring(&brought);
	scene_free(scene);
}

/* S20: A and AAAA that rules send to different pools keep a pin each. */
static void
each_branch_has_pins_of_its_own(void **state)
{
	static const char *const conditions[] = {"dns.qry.type eq 1", "dns.qry.type eq 28"};
	struct scene *scene = scene_new(2, 4);
	struct problems problems = {0};
	struct brought brought = {0};
	uint8_t four, six;

	(void)state;
	for (unsigned o = 0; o < 4; o++) {
		assert_true(address_from_text(&scene->origins[1][o].ip, "2001:db8::"));
		scene->origins[1][o].ip.bytes[3] = (uint8_t)(o + 1);
	}
	settle(scene);
	bring(scene, &brought, true, 2, conditions);
	scene->lb->affinity = AFFINITY_IP;
	scene->lb->failover = FAILOVER_STICKY;
	scene->lb->affinity_ttl = 3600;
	scene->pins = pins_open(NULL, 65536, &problems);
	scene->now_s = 1000000;
	for (uint32_t n = 0; n < 20; n++) {
		four = ask_and_pin(scene, n, TABLE_V4);
		six = ask_and_pin(scene, n, TABLE_V6);
		scene->states[0][four - 1] = scene->states[1][six - 1] = HEALTH_DOWN;
		settle(scene);
		four = ask_and_pin(scene, n, TABLE_V4);
		six = ask_and_pin(scene, n, TABLE_V6);
		memset(scene->states, 0, sizeof scene->states);
		for (unsigned p = 0; p < 2; p++)
			for (unsigned o = 0; o < 4; o++)
				scene->states[p][o] = HEALTH_UP;
		settle(scene);
		for (unsigned again = 0; again < 3; again++) { /* where the failure put them */
			assert_int_equal(ask_and_pin(scene, n, TABLE_V4), four);
			assert_int_equal(ask_and_pin(scene, n, TABLE_V6), six);
		}
	}
	pins_close(scene->pins);
	unbring(&brought);
	scene_free(scene);
}

/* A condition over 10.0.0.0/24, so that neighbours differ. */
static char *
random_condition(uint64_t *at, unsigned depth)
{
	uint64_t n = *at = mix64(*at + UINT64_C(0x9e3779b97f4a7c15));
	unsigned length = 24 + (unsigned)(n >> 20) % 9,
		 host = (unsigned)n & 255 & ~((1u << (32 - length)) - 1);
	static const char *const joins[] = {"and", "or", "xor"};
	char *a, *b, *text;

	if (depth == 0 || n % 3 == 0)
		return xasprintf("%sip.src in {10.0.0.%u/%u 10.0.0.%u}", n >> 30 & 1 ? "not " : "", host,
		    length, (unsigned)(n >> 40) & 255);
	a = random_condition(at, depth - 1);
	b = random_condition(at, depth - 1);
	text = xasprintf("%s(%s %s %s)", n >> 31 & 1 ? "not " : "", a, joins[(n >> 32) % 3], b);
	free(a);
	free(b);
	return text;
}

/* S4 by brute force: sets and rules with lists of prefixes, with and without affinity that rules switch. */
static void
the_scope_of_sets_and_rules_is_honest(void **state)
{
	uint64_t at = 5;

	(void)state;
	for (unsigned round = 0; round < 150; round++) {
		struct scene *scene = scene_new(3, 3);
		struct brought sets = {0}, rules = {0};
		char *conditions[2 * SCENE_OVERRIDES];
		struct steer_choice all[256];

		settle(scene);
		for (unsigned i = 0; i < 2 * SCENE_OVERRIDES; i++)
			conditions[i] = random_condition(&at, 2);
		bring(scene, &sets, false, SCENE_OVERRIDES, (const char *const *)conditions);
		bring(
		    scene, &rules, true, SCENE_OVERRIDES, (const char *const *)conditions + SCENE_OVERRIDES);
		for (unsigned i = 0; i < SCENE_OVERRIDES; i++) {
			rules.overrides[i].parts = i == 0 ? PART_TTL : i == 1 ? PART_AFFINITY : PART_POOLS;
			rules.overrides[i].ttl = 60;
			rules.overrides[i].affinity = AFFINITY_IP;
			rules.overrides[i].terminates = round >> i & 1;
		}
		scene->lb->prefix_v4 = (uint8_t)(26 + round % 7);
		for (unsigned host = 0; host < 256; host++) {
			struct steer_client who = {.resolver = {FAMILY_V4, {10, 0, 0, 9}},
			    .ecs = {FAMILY_V4, {10, 0, 0, (uint8_t)host}},
			    .source = 32};

			all[host] = ask(scene, &who, TABLE_V4, 1);
		}
		for (unsigned host = 0; host < 256; host++) {
			unsigned size = all[host].scope < 24 ? 256 : 1u << (32 - all[host].scope),
				 base = host & ~(size - 1);

			for (unsigned other = base; other < base + size; other++)
				if (all[other].pool != all[host].pool || all[other].ttl != all[host].ttl ||
				    all[other].how != all[host].how ||
				    all[other].index[0] != all[host].index[0])
					fail_msg("round %u: 10.0.0.%u is not answered as 10.0.0.%u/%u", round,
					    other, host, all[host].scope);
		}
		for (unsigned i = 0; i < 2 * SCENE_OVERRIDES; i++)
			free(conditions[i]);
		unbring(&sets);
		unbring(&rules);
		scene_free(scene);
	}
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
	    {{0, 30000, 20000}, "yyy", "ap"}, /* who is not known comes behind */
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
	    cmocka_unit_test(siphash_agrees_with_its_published_vectors),
	    cmocka_unit_test(the_logarithm_is_that_of_libm_and_never_rises),
	    cmocka_unit_test(the_vectors_of_S18_hold),
	    cmocka_unit_test(removing_adding_disabling_and_reweighting_move_only_whom_they_must),
	    cmocka_unit_test(each_origin_gets_its_weights_share),
	    cmocka_unit_test(pools_are_drawn_by_weight_and_hashed_by_weight),
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
	    cmocka_unit_test(answers_with_affinity_are_the_first_of_the_ranking),
	    cmocka_unit_test(the_choice_of_a_pool_moves_only_its_own_clients),
	    cmocka_unit_test(an_affinity_group_holds_two_families_together),
	    cmocka_unit_test(the_key_is_the_clients_prefix),
	    cmocka_unit_test(the_scope_is_honest),
	    cmocka_unit_test(a_hostname_is_one_origin_with_the_addresses_that_are_up),
	    cmocka_unit_test(addresses_that_are_gone_are_answered_as_a_last_resort_only),
	    cmocka_unit_test(all_candidates_give_each_address_once_in_rotated_order),
	    cmocka_unit_test(max_answers_bounds_the_addresses_of_hostnames),
	    cmocka_unit_test(clients_stay_with_a_hostname_whose_addresses_change),
	    cmocka_unit_test(one_origin_that_is_not_flattened_has_a_cname),
	    cmocka_unit_test(hash_steering_keeps_a_client_where_weights_differ),
	    cmocka_unit_test(shedding_refuses_its_share_by_chance_or_by_client),
	    cmocka_unit_test(a_pool_that_sheds_all_or_none_does_not_ask_who),
	    cmocka_unit_test(temporary_withholds_suspects_while_another_is_left),
	    cmocka_unit_test(a_sticky_client_stays_where_a_failure_put_it),
	    cmocka_unit_test(a_pin_holds_the_pool_for_both_families),
	    cmocka_unit_test(a_pinned_client_is_not_shed),
	    cmocka_unit_test(a_pin_ends_when_it_was_made_to),
	    cmocka_unit_test(suspects_that_are_forced_up_are_kept),
	    cmocka_unit_test(the_first_set_wins_and_the_last_rule),
	    cmocka_unit_test(a_rule_overrides_what_it_names_and_nothing_else),
	    cmocka_unit_test(weights_go_with_the_list_that_is_chosen_from),
	    cmocka_unit_test(places_of_a_rule_make_geo_of_no_policy),
	    cmocka_unit_test(each_branch_has_pins_of_its_own),
	    cmocka_unit_test(the_scope_of_sets_and_rules_is_honest),
	    cmocka_unit_test(the_fastest_pools_are_equal_and_the_first_of_them_is_taken),
	};

	return cmocka_run_group_tests_name("steer", tests, NULL, NULL);
}
