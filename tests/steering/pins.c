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
what_is_put_is_got_until_it_ends(void **state)
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

static void
what_hashing_says_too_goes_first(void **state)
{
	struct problems problems = {0};
	struct pins *pins = pins_open(NULL, 256, &problems); /* a line for each slice */
	uint64_t found[6];
	unsigned count = 0;
	struct pin pin, made;

	(void)state;
	/* keys of one line */
	for (uint64_t n = 0; count < 6; n++)
		if ((key(n) >> 48) % 16 == 3)
			found[count++] = key(n);
	made = pin_of(1, true, true);
	assert_true(pins_put(pins, found[0], 0, NOW, &made));
	made = pin_of(2, false, true);
	assert_true(pins_put(pins, found[1], 0, NOW, &made));
	made = pin_of(3, true, false);
	assert_true(pins_put(pins, found[2], 0, NOW, &made));
	made = pin_of(4, false, false);
	assert_true(pins_put(pins, found[3], 0, NOW, &made));
	/* a newcomer that hashing explains displaces only its like */
	made = pin_of(5, false, false);
	assert_true(pins_put(pins, found[4], 0, NOW, &made));
	assert_false(pins_get(pins, found[3], 0, NOW, &pin));
	assert_true(pins_get(pins, found[2], 0, NOW, &pin));
	/* newcomers that differ displace in turn what is worth less, and never the confirmed one that differs
	 */
	for (unsigned i = 0; i < 100; i++) {
		made = pin_of(i, false, true);
		pins_put(pins, found[5] + ((uint64_t)i << 20), 0, NOW, &made);
	}
	assert_true(pins_get(pins, found[0], 0, NOW, &pin));
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
	pins = pins_open(path, 4096, &problems); /* of another size: begun anew */
	assert_false(pins_get(pins, key(1), 0, NOW, &pin));
	pins_close(pins);
	unlink(path);
	assert_null(pins_view(path));
	assert_null(pins_open("/nonexistent/pins", 1024, &problems));
	assert_int_equal(problems.errors, 1);
	problems_free(&problems);
}

/* Two writers and a reader on few lines: what is read was put whole. */
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
	    cmocka_unit_test(what_is_put_is_got_until_it_ends),
	    cmocka_unit_test(spoofed_clients_flush_no_real_pin),
	    cmocka_unit_test(what_hashing_says_too_goes_first),
	    cmocka_unit_test(the_table_outlives_its_process_and_a_strange_file_is_made_anew),
	    cmocka_unit_test(a_torn_pin_is_no_pin),
	};

	return cmocka_run_group_tests_name("pins", tests, NULL, NULL);
}
