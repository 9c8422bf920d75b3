/* probed.c: the sorted table finds what a walk over all origins finds. */
#include "admin/look/probed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { POOLS = 3, ORIGINS = 40, JUDGES = 2 };

struct world {
	struct pool pools[POOLS];
	struct origin origins[POOLS][ORIGINS];
	char addresses[POOLS][ORIGINS][32];
	struct judge judges[JUDGES];
	struct pictured_origin pictured[POOLS][ORIGINS];
	struct pictured_address seen[POOLS][ORIGINS][2];
	struct pictured_pool pictured_pools[POOLS];
	struct picture picture;
};

/*
 * Pools 0 and 1 have the same origins and monitor; pool 2 has a group of two.  Each seventh origin is a
 * hostname with two addresses.
 */
static struct world *
world_new(void)
{
	static char first[] = "first", second[] = "second", *const names[] = {first, second};
	struct world *world = xcalloc(1, sizeof *world);

	for (unsigned k = 0; k < JUDGES; k++)
		world->judges[k].monitor = id_new();
	for (unsigned p = 0; p < POOLS; p++) {
		struct pool *pool = &world->pools[p];

		*pool = (struct pool){.name = (char *)(uintptr_t)(p == 0 ? "eu"
					      : p == 1                   ? "us"
									 : "ap"),
		    .origins = world->origins[p],
		    .norigins = ORIGINS,
		    .judges = world->judges,
		    .njudges = p == 2 ? 2 : 1};
		if (p == 2)
			pool->monitor_group = id_new();
		world->pictured_pools[p] =
		    (struct pictured_pool){.model = pool, .judges = names, .origins = world->pictured[p]};
		for (unsigned i = 0; i < ORIGINS; i++) {
			bool hostname = i % 7 == 3;
			struct origin *origin = &world->origins[p][i];

			snprintf(world->addresses[p][i], 32, hostname ? "h%u.example.net" : "192.0.2.%u", i);
			origin->address = world->addresses[p][i];
			if (!hostname)
				assert_true(address_from_text(&origin->ip, origin->address));
			world->pictured[p][i] = (struct pictured_origin){
			    .addresses = world->seen[p][i], .naddresses = hostname ? 2 : 1};
			for (unsigned n = 0; n < 2; n++) {
				char text[32];

				snprintf(text, sizeof text, "198.51.%u.%u", 100 + n, i);
				assert_true(address_from_text(
				    &world->seen[p][i][n].address, hostname ? text : origin->address));
			}
		}
	}
	world->picture = (struct picture){.pools = world->pictured_pools, .npools = POOLS};
	return world;
}

static void
every_endpoint_finds_all_that_it_stands_for(void **state)
{
	struct world *world = world_new();
	struct probed_table table = probed_of(&world->picture);
	size_t found = 0, hostnames = 0;

	(void)state;
	for (unsigned p = 0; p < POOLS; p++)
		for (unsigned i = 0; i < ORIGINS; i++)
			for (unsigned n = 0; n < world->pictured[p][i].naddresses; n++)
				for (unsigned k = 0; k < world->pools[p].njudges; k++) {
					struct endpoint endpoint =
					    health_endpoint(world->judges[k].monitor.text,
						&world->origins[p][i], &world->seen[p][i][n].address);
					size_t count;
					const struct probed *probed = probed_find(&table, &endpoint, &count);
					/* The first monitor probes for all three pools, the second for the
					 * group's alone. */
					static const char *const first[] = {"ap", "eu", "us"};

					assert_int_equal(count, k == 0 ? 3 : 1);
					for (size_t at = 0; at < count; at++) {
						assert_string_equal(probed[at].pool->name, first[at]);
						assert_string_equal(
						    probed[at].origin->address, world->origins[p][i].address);
						assert_memory_equal(&probed[at].address,
						    &world->seen[p][i][n].address, sizeof probed->address);
					}
					assert_string_equal(probed[0].monitor, k == 0 ? "first" : "second");
					assert_true(count == 1 || probed[1].monitor == NULL);
					found++;
				}
	for (unsigned i = 3; i < ORIGINS; i += 7, hostnames++) {
		struct endpoint key = name_key(world->addresses[0][i]);
		size_t count;
		const struct probed *probed = probed_find(&table, &key, &count);

		assert_int_equal(count, POOLS);
		assert_string_equal(probed[1].pool->name, "eu");
		assert_ptr_equal(probed[1].origin, &world->origins[0][i]);
	}
	assert_int_equal(table.count, found + POOLS * hostnames);
	probed_free(&table);
	free(world);
}

static void
an_absent_endpoint_is_not_found(void **state)
{
	struct world *world = world_new();
	struct probed_table table = probed_of(&world->picture), none = {0};
	struct endpoint least = {{0}}, most, other = name_key("nowhere.example.net");
	size_t count;

	(void)state;
	memset(&most, 0xff, sizeof most);
	assert_null(probed_find(&table, &least, &count));
	assert_int_equal(count, 0);
	assert_null(probed_find(&table, &most, &count));
	assert_null(probed_find(&table, &other, &count));
	assert_null(probed_find(&none, &other, &count));
	probed_free(&table);
	world->picture.npools = 0;
	table = probed_of(&world->picture);
	assert_null(probed_find(&table, &other, &count));
	probed_free(&table);
	free(world);
}

static void
a_flip_is_told_in_words(void **state)
{
	struct world *world = world_new();
	struct probed probed = {.pool = &world->pools[2],
	    .origin = &world->origins[2][3],
	    .address = world->seen[2][3][1].address,
	    .monitor = "first"};
	struct health_flip flip = {
	    .before = HEALTH_UP, .state = HEALTH_DOWN, .reason = REASON_TCP_TIMEOUT, .damped = 1};
	char *text = probed_flip_text(&probed, &flip);

	(void)state;
	assert_string_equal(
	    text, "origin ap h3.example.net 198.51.101.3 by first: up -> down, damped: TCP timeout");
	free(text);
	probed = (struct probed){.pool = &world->pools[0], .origin = &world->origins[0][1]};
	flip = (struct health_flip){.before = HEALTH_DOWN, .state = HEALTH_UP};
	text = probed_flip_text(&probed, &flip);
	assert_string_equal(text, "origin eu 192.0.2.1: down -> up");
	free(text);
	free(world);
}

static void
addresses_that_come_and_go_are_told_with_the_reason(void **state)
{
	static const struct {
		struct health_flip flip;
		const char *text;
	} rows[] = {
	    {{.count = 3}, "0 -> 3 addresses"},
	    {{.count_before = 2, .count = 3, .reason = NAME_TIMEOUT}, "2 -> 3 addresses"},
	    {{.count_before = 2, .reason = NAME_NXDOMAIN}, "2 -> 0 addresses: NXDOMAIN"},
	    {{.reason = NAME_RCODE + 1}, "cannot be resolved: FORMERR"},
	    {{.count = 0}, "cannot be resolved"},
	    {{.count_before = 2, .state = HEALTH_DISABLED}, "no longer looked up"},
	};
	struct world *world = world_new();
	struct probed probed = {.pool = &world->pools[2], .origin = &world->origins[2][3]};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		struct health_flip flip = rows[i].flip;
		char *text, *wanted = xasprintf("origin ap h3.example.net: %s", rows[i].text);

		flip.kind = FLIP_ADDRESSES;
		text = probed_flip_text(&probed, &flip);
		assert_string_equal(text, wanted);
		free(text);
		free(wanted);
	}
	free(world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_endpoint_finds_all_that_it_stands_for),
	    cmocka_unit_test(an_absent_endpoint_is_not_found),
	    cmocka_unit_test(a_flip_is_told_in_words),
	    cmocka_unit_test(addresses_that_come_and_go_are_told_with_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
