/*
 * pins.c -- the table of sticky clients: what it keeps, what goes first, and who cannot flush it (S20).
 */
#include "zones/steer/pins.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOW = 1700000000, REAL = 10000 };

static uint64_t
key(uint64_t n)
{
	return mix64(n * UINT64_C(0x9e3779b97f4a7c15) + 77);
}

static struct pin
pin_of(uint64_t n, bool confirmed, bool differs)
{
	return (struct pin){.expiry = NOW + 3600,
	    .pool = n & PIN_POOL_MASK,
	    .origin = n * 7 & PIN_ORIGIN_MASK,
	    .confirmed = confirmed,
	    .differs = differs};
}

static bool
same(const struct pin *a, const struct pin *b)
{
	return a->expiry == b->expiry && a->pool == b->pool && a->origin == b->origin &&
	    a->confirmed == b->confirmed && a->differs == b->differs;
}

static void
a_pin_is_found_until_it_ends(void **state)
{
	struct problems problems = {0};
	struct pins *pins = pins_open(NULL, 65536, &problems);
	struct pin pin, wanted;

	(void)state;
	for (uint64_t n = 0; n < 1000; n++) {
		wanted = pin_of(n, n & 1, n & 2);
		assert_true(pins_put(pins, key(n), (uint32_t)n % 3, NOW, &wanted));
	}
	for (uint64_t n = 0; n < 1000; n++) {
		wanted = pin_of(n, n & 1, n & 2);
		assert_true(pins_get(pins, key(n), (uint32_t)n % 3, NOW, &pin));
		assert_true(same(&pin, &wanted));
		assert_true(pins_get(pins, key(n), (uint32_t)n % 3, NOW + 3599, &pin));
		assert_false(pins_get(pins, key(n), (uint32_t)n % 3, NOW + 3600, &pin));
		assert_false(pins_get(pins, key(n + 5000), (uint32_t)n % 3, NOW, &pin));
	}
	assert_int_equal(pins_count(pins, NOW), 1000);
	wanted = pin_of(9, true, true);
	assert_true(pins_put(pins, key(0), 0, NOW, &wanted)); /* replaced, not added */
	assert_int_equal(pins_count(pins, NOW), 1000);
	assert_int_equal(pins_count(pins, NOW + 3600), 0);
	pins_close(pins);
}

/* S20: ten million made-up clients cannot flush the pins of real ones, of this load balancer or of another.
 */
static void
spoofed_clients_flush_no_real_pin(void **state)
{
	struct problems problems = {0};
	struct pins *pins = pins_open(NULL, 1 << 18, &problems);
	size_t held = 0, refused = 0, room = 0;
	struct pin pin;

	(void)state;
	for (uint64_t n = 0; n < REAL; n++) {
		struct pin real = pin_of(n, true, true);

		held += pins_put(pins, key(n), 5, NOW, &real);
	}
	assert_true(held > REAL * 99 / 100);
	for (uint64_t n = 0; n < 10000000; n++) {
		struct pin spoofed = pin_of(n, false, n % 4 == 0);

		refused += !pins_put(pins, key(n + UINT64_C(1000000000)), 5, NOW, &spoofed);
	}
	for (uint64_t n = 0; n < REAL; n++)
		held -= pins_get(pins, key(n), 5, NOW, &pin);
	assert_int_equal(held, 0);
	/* Another load balancer, whose quarter is elsewhere, still has room. */
	for (uint64_t n = 0; n < REAL; n++) {
		struct pin other = pin_of(n, false, false);

		room += pins_put(pins, key(n + UINT64_C(2000000000)), 5 + 32, NOW, &other);
	}
	assert_true(room > REAL * 99 / 100);
	pins_close(pins);
}

/* The same pin, of somebody's resolver. */
static struct pin
of_owner(struct pin pin, uint64_t owner, bool proven)
{
	pin.owner = (uint16_t)owner;
	pin.proven = proven;
	return pin;
}

/* Keys of one line of a table of 512: a line for each slice. */
static void
keys_of_one_line(uint64_t *found, unsigned wanted)
{
	for (uint64_t n = 0, count = 0; count < wanted; n++)
		if ((key(n) >> 48) % 16 == 3)
			found[count++] = key(n);
}

static void
a_pin_that_hashing_agrees_with_is_displaced_first(void **state)
{
	struct problems problems = {0};
	struct pins *pins = pins_open(NULL, 512, &problems);
	uint64_t found[120];
	struct pin pin, made;

	(void)state;
	keys_of_one_line(found, NITEMS(found));
	for (unsigned i = 0; i < 8; i++) { /* two of each kind, each of an owner of its own */
		made = of_owner(pin_of(i, i & 1, i & 2), i, false);
		assert_true(pins_put(pins, found[i], 0, NOW, &made));
	}
	/* A newcomer that hashing explains displaces only its like. */
	made = of_owner(pin_of(8, false, false), 8, false);
	assert_true(pins_put(pins, found[8], 0, NOW, &made));
	assert_int_equal(pins_get(pins, found[0], 0, NOW, &pin) + pins_get(pins, found[4], 0, NOW, &pin), 1);
	for (unsigned i = 1; i < 8; i++)
		assert_true(i == 4 || pins_get(pins, found[i], 0, NOW, &pin));
	/* Newcomers that differ displace pins that are worth less, and never a confirmed one that differs. */
	for (unsigned i = 9; i < NITEMS(found); i++) {
		made = of_owner(pin_of(i, false, true), i, false);
		assert_true(pins_put(pins, found[i], 0, NOW, &made));
	}
	for (unsigned i = 0; i < 8; i++)
		assert_true((i & 3) == 2 || pins_get(pins, found[i], 0, NOW, &pin) == ((i & 3) == 3));
	pins_close(pins);
}

static void
a_proven_client_displaces_any_that_is_not_and_is_displaced_by_none(void **state)
{
	struct problems problems = {0};
	struct pins *pins = pins_open(NULL, 512, &problems);
	uint64_t found[40];
	struct pin pin, made;

	(void)state;
	keys_of_one_line(found, NITEMS(found));
	for (unsigned i = 0; i < 8; i++) {
		made = of_owner(pin_of(i, true, true), i, false);
		assert_true(pins_put(pins, found[i], 0, NOW, &made));
	}
	made = of_owner(pin_of(8, false, true), 8, false);
	assert_false(pins_put(pins, found[8], 0, NOW, &made)); /* full of what stays until it ends */
	made = of_owner(pin_of(9, false, false), 9, true);
	assert_true(pins_put(pins, found[9], 0, NOW, &made));
	for (unsigned i = 10; i < NITEMS(found); i++) {
		made = of_owner(pin_of(i, true, true), i, false);
		pins_put(pins, found[i], 0, NOW, &made);
		assert_true(pins_get(pins, found[9], 0, NOW, &pin));
	}
	/* Put again without a proof, it stays proven; a pin that is proven later belongs to who proved it. */
	made = of_owner(pin_of(9, true, true), 99, false);
	assert_true(pins_put(pins, found[9], 0, NOW, &made));
	for (unsigned i = 10; i < NITEMS(found); i++) {
		made = of_owner(pin_of(i, true, true), i, false);
		pins_put(pins, found[i], 0, NOW, &made);
		assert_true(pins_get(pins, found[9], 0, NOW, &pin));
	}
	pins_close(pins);
}

/* S20: an outage, in which pins differ.  The attack confirms made-up clients, batch by batch. */
enum { VICTIMS = 778, ATTACKS = 1390000 };

static size_t
victims_held_after_attack(bool forges_sources, bool proves, bool victims_proven)
{
	struct problems problems = {0};
	struct pins *pins = pins_open(NULL, 1 << 18, &problems);
	size_t held = 0;
	struct pin pin;

	for (uint64_t n = 0; n < ATTACKS; n++) {
		struct pin made = of_owner(pin_of(n, false, true), forges_sources ? n : 5, proves);
		uint64_t its = key(n + UINT64_C(1000000000));

		pins_put(pins, its, 5, NOW, &made);
		if (pins_get(pins, its, 5, NOW, &pin)) {
			made.confirmed = true;
			pins_put(pins, its, 5, NOW, &made);
		}
		if (n % (ATTACKS / VICTIMS) == 0 && n / (ATTACKS / VICTIMS) < VICTIMS) {
			made = of_owner(
			    pin_of(n, false, true), 1000 + n / (ATTACKS / VICTIMS) / 2, victims_proven);
			pins_put(pins, key(n / (ATTACKS / VICTIMS)), 5, NOW, &made);
		}
	}
	for (uint64_t n = 0; n < VICTIMS; n++)
		held += pins_get(pins, key(n), 5, NOW, &pin);
	pins_close(pins);
	return held;
}

static void
one_network_crowds_nobody_out(void **state)
{
	(void)state;
	assert_int_equal(victims_held_after_attack(false, false, false), VICTIMS);
	/* Nor does it with cookies or over TCP, against clients without. */
	assert_int_equal(victims_held_after_attack(false, true, false), VICTIMS);
}

static void
forged_sources_crowd_out_nobody_who_is_proven(void **state)
{
	(void)state;
	assert_int_equal(victims_held_after_attack(true, false, true), VICTIMS);
	/* The bound is no wider than in S20: newcomers that prove nothing find a full table. */
	assert_true(victims_held_after_attack(true, false, false) < VICTIMS);
}

static void
list_one(void *arg, uint64_t its, const struct pin *pin)
{
	assert_int_equal(its, key(3));
	*(struct pin *)arg = *pin;
}

static void
pins_are_listed_with_their_client(void **state)
{
	struct problems problems = {0};
	struct pins *pins = pins_open(NULL, 65536, &problems);
	struct pin made = of_owner(pin_of(3, true, false), 77, true), seen = {0};

	(void)state;
	made.client =
	    (struct address){FAMILY_V6, {0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}};
	made.prefix = 128;
	assert_true(pins_put(pins, key(3), 5, NOW, &made));
	pins_each(pins, 5, NOW, list_one, &seen);
	assert_true(same(&seen, &made));
	assert_true(seen.proven && seen.owner == 77 && seen.prefix == 128);
	assert_memory_equal(&seen.client, &made.client, sizeof seen.client);
	seen = (struct pin){0};
	pins_each(pins, 5, NOW + 3600, list_one, &seen);
	assert_int_equal(seen.expiry, 0);
	pins_close(pins);
}

static void
the_table_outlives_its_process_and_a_strange_file_is_made_anew(void **state)
{
	char path[] = "/tmp/graycloud-pins-XXXXXX";
	struct problems problems = {0};
	struct pin made = pin_of(3, true, true), pin;
	struct pins *pins, *view;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "something else", 14), 14);
	close(fd);
	pins = pins_open(path, 1024, &problems);
	assert_non_null(pins);
	assert_true(pins_put(pins, key(1), 0, NOW, &made));
	/* no msync, no goodbye: as after kill -9 */
	view = pins_view(path);
	assert_non_null(view);
	assert_true(pins_get(view, key(1), 0, NOW, &pin));
	assert_true(same(&pin, &made));
	pins_close(view);
	pins_close(pins);
	pins = pins_open(path, 1024, &problems);
	assert_true(pins_get(pins, key(1), 0, NOW, &pin));
	pins_close(pins);
	pins = pins_open(path, 4096, &problems); /* of another size: created again */
	assert_false(pins_get(pins, key(1), 0, NOW, &pin));
	pins_close(pins);
	unlink(path);
	assert_null(pins_view(path));
	assert_null(pins_open("/nonexistent/pins", 1024, &problems));
	assert_int_equal(problems.errors, 1);
	problems_free(&problems);
}

/* Two writers and a reader on few lines: a pin that is read was put whole. */
struct storm {
	struct pins *pins;
	_Atomic bool stop;
	_Atomic unsigned long torn, read;
};

static void *
write_storm(void *arg)
{
	struct storm *storm = arg;

	for (uint64_t n = 0; n < 300000; n++) {
		struct pin made = pin_of(n % 50, false, false);

		made.origin = made.pool; /* what a reader can check */
		pins_put(storm->pins, key(n % 50), 0, NOW, &made);
	}
	storm->stop = true;
	return NULL;
}

static void *
read_storm(void *arg)
{
	struct storm *storm = arg;
	struct pin pin;

	while (!storm->stop)
		for (uint64_t n = 0; n < 50; n++)
			if (pins_get(storm->pins, key(n), 0, NOW, &pin)) {
				storm->read++;
				storm->torn += pin.pool != (n & PIN_POOL_MASK) || pin.origin != pin.pool;
			}
	return NULL;
}

static void
a_torn_pin_is_no_pin(void **state)
{
	struct problems problems = {0};
	struct storm storm = {.pins = pins_open(NULL, 256, &problems)};
	pthread_t threads[3];

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, i < 2 ? write_storm : read_storm, &storm), 0);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(storm.torn, 0);
	pins_close(storm.pins);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_pin_is_found_until_it_ends),
	    cmocka_unit_test(spoofed_clients_flush_no_real_pin),
	    cmocka_unit_test(a_pin_that_hashing_agrees_with_is_displaced_first),
	    cmocka_unit_test(a_proven_client_displaces_any_that_is_not_and_is_displaced_by_none),
	    cmocka_unit_test(one_network_crowds_nobody_out),
	    cmocka_unit_test(forged_sources_crowd_out_nobody_who_is_proven),
	    cmocka_unit_test(pins_are_listed_with_their_client),
	    cmocka_unit_test(the_table_outlives_its_process_and_a_strange_file_is_made_anew),
	    cmocka_unit_test(a_torn_pin_is_no_pin),
	};

	return cmocka_run_group_tests_name("pins", tests, NULL, NULL);
}
