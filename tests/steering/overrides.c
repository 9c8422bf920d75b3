/*
 * overrides.c -- S35, S36: what pool sets and rules change.
 */
#include "tests/steering/scene.h"

#include "zones/dns/rrset.h"
#include "zones/model/status.h"
#include "zones/model/usable.h"

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

/* [CF] 3.3: no policy means geo if there are places: also those of a rule. */
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_set_wins_and_the_last_rule),
	    cmocka_unit_test(a_rule_overrides_what_it_names_and_nothing_else),
	    cmocka_unit_test(weights_go_with_the_list_that_is_chosen_from),
	    cmocka_unit_test(places_of_a_rule_make_geo_of_no_policy),
	    cmocka_unit_test(each_branch_has_pins_of_its_own),
	    cmocka_unit_test(the_scope_of_sets_and_rules_is_honest),
	};

	return cmocka_run_group_tests_name("overrides", tests, NULL, NULL);
}
