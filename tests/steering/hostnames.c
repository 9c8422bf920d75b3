/*
 * hostnames.c -- S16: origins that are hostnames.
 */
#include "tests/steering/scene.h"

#include "zones/dns/rrset.h"
#include "zones/model/status.h"
#include "zones/model/usable.h"

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

static void
an_address_that_two_hostnames_share_is_answered_once(void **state)
{
	struct steer_client who = client(1);

	(void)state;
	/* Drawn, drawn by weight, hashed; of 2 to 5 addresses. */
	for (unsigned n = 0; n < 12; n++) {
		struct scene *scene = scene_new(1, 3);
		unsigned most = 2 + n / 3, both = 0;

		scene->lb->max_answers = (uint8_t)most;
		make_hostname(scene, 0, 0, "10.0.0.11=u 10.0.0.12=u");
		make_hostname(scene, 0, 1, "10.0.0.12=u 10.0.0.13=u");
		if (n % 3 == 1)
			scene->origins[0][2].weight = 50;
		if (n % 3 == 2)
			scene->lb->affinity = AFFINITY_IP;
		settle(scene);
		for (unsigned i = 0; i < 2000; i++) {
			struct steer_choice choice;
			unsigned seen[256] = {0};

			who = client(i);
			choice = ask(scene, &who, TABLE_V4, draw_of(i));
			assert_in_range(choice.count, 1, most);
			for (unsigned a = 0; a < choice.count; a++)
				assert_int_equal(seen[steer_address(&choice, a)->bytes[3]]++, 0);
			both += seen[11] + seen[12] + seen[13] == 3;
		}
		assert_true(most < 3 || both > 0);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_hostname_is_one_origin_with_the_addresses_that_are_up),
	    cmocka_unit_test(addresses_that_are_gone_are_answered_as_a_last_resort_only),
	    cmocka_unit_test(all_candidates_give_each_address_once_in_rotated_order),
	    cmocka_unit_test(max_answers_bounds_the_addresses_of_hostnames),
	    cmocka_unit_test(an_address_that_two_hostnames_share_is_answered_once),
	    cmocka_unit_test(clients_stay_with_a_hostname_whose_addresses_change),
	    cmocka_unit_test(one_origin_that_is_not_flattened_has_a_cname),
	};

	return cmocka_run_group_tests_name("hostnames", tests, NULL, NULL);
}
