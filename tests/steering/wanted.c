/* wanted.c -- the ring of load balancers to sign first: order, overflow, another file. */
#include "zones/steer/wanted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/graycloud-wanted-XXXXXX", path[100];

static struct wanted_ring *
open_ring(void)
{
	struct problems problems = {0};
	struct wanted_ring *ring = wanted_open(path, &problems);

	assert_non_null(ring);
	return ring;
}

static size_t
name_of(uint8_t name[NAME_MAX_LEN], unsigned i)
{
	char text[40];

	snprintf(text, sizeof text, "n%u.example.com.", i);
	return name_from_text(name, text, NULL);
}

static void
add(struct wanted_ring *ring, unsigned i)
{
	uint8_t name[NAME_MAX_LEN];
	size_t len = name_of(name, i);

	wanted_add(ring, name, len);
}

static void
assert_taken(const struct wanted_ring *ring, uint64_t *number, unsigned i)
{
	uint8_t name[NAME_MAX_LEN + 1], expected[NAME_MAX_LEN];

	name_of(expected, i);
	assert_true(wanted_take(ring, number, name));
	assert_true(name_equal(name, expected));
}

static void
names_are_taken_in_their_order_by_another_process(void **state)
{
	struct wanted_ring *ring = open_ring(), *view = wanted_view(path);
	uint8_t name[NAME_MAX_LEN + 1];
	uint64_t number = 0;

	(void)state;
	assert_non_null(view);
	assert_false(wanted_take(view, &number, name));
	for (unsigned i = 0; i < 5; i++)
		add(ring, i);
	for (unsigned i = 0; i < 5; i++)
		assert_taken(view, &number, i);
	assert_false(wanted_take(view, &number, name));
	wanted_close(view);
	wanted_close(ring);
	/* It outlives its writer. */
	ring = open_ring();
	assert_int_equal(wanted_next(ring), 5);
	wanted_close(ring);
}

static void
of_too_many_the_newest_are_taken(void **state)
{
	struct wanted_ring *ring = open_ring();
	uint8_t name[NAME_MAX_LEN + 1];
	uint64_t number = wanted_next(ring);
	unsigned total = WANTED_ITEMS + 100;

	(void)state;
	for (unsigned i = 0; i < total; i++)
		add(ring, i);
	for (unsigned i = total - WANTED_ITEMS; i < total; i++)
		assert_taken(ring, &number, i);
	assert_false(wanted_take(ring, &number, name));
	/* A reader of another ring begins at what is there. */
	number = UINT64_MAX;
	assert_taken(ring, &number, total - WANTED_ITEMS);
	wanted_close(ring);
}

static void
a_file_of_another_layout_is_replaced(void **state)
{
	struct wanted_ring *ring;
	FILE *file = fopen(path, "w");

	(void)state;
	assert_non_null(file);
	fputs("something else", file);
	fclose(file);
	assert_null(wanted_view(path));
	ring = open_ring();
	assert_int_equal(wanted_next(ring), 0);
	wanted_close(ring);
	unlink(path);
	assert_null(wanted_view(path));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_taken_in_their_order_by_another_process),
	    cmocka_unit_test(of_too_many_the_newest_are_taken),
	    cmocka_unit_test(a_file_of_another_layout_is_replaced),
	};
	int failed;

	if (mkdtemp(directory) == NULL)
		return 1;
	snprintf(path, sizeof path, "%s/wanted", directory);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(directory);
	return failed;
}
