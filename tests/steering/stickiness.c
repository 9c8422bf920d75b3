/*
 * stickiness.c -- S20, S21: who stays where a failure put them.
 */
#include "tests/steering/scene.h"

#include "zones/dns/rrset.h"
#include "zones/model/status.h"
#include "zones/model/usable.h"

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

/* S13: a pool sheds clients that have no valid pin, and by their key if there is affinity, with any policy of
 * its own. */
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
	 * matters nevertheless */
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

/* S21: force overrides suspicion; a suspect origin breaks a pin while there is another candidate. */
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(temporary_withholds_suspects_while_another_is_left),
	    cmocka_unit_test(a_sticky_client_stays_where_a_failure_put_it),
	    cmocka_unit_test(a_pin_holds_the_pool_for_both_families),
	    cmocka_unit_test(a_pinned_client_is_not_shed),
	    cmocka_unit_test(a_pin_ends_when_it_was_made_to),
	    cmocka_unit_test(suspects_that_are_forced_up_are_kept),
	};

	return cmocka_run_group_tests_name("stickiness", tests, NULL, NULL);
}
