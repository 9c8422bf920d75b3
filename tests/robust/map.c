/* map.c: a hash map and a growing array against the plainest model. */
#include "zones/base/map.h"

#include "zones/base/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { KEYS = 3000 };

struct item {
	uint32_t key;
	bool in;
};

static struct bytes
key_of(const void *item)
{
	return (struct bytes){&((const struct item *)item)->key, sizeof(uint32_t)};
}

/* Every item is found if and only if the model has it, and the array has each once. */
static void
check_all(const struct map *map, const struct item *items)
{
	size_t count = 0;

	for (uint32_t i = 0; i < KEYS; i++) {
		assert_ptr_equal(map_find(map, key_of(&items[i])), items[i].in ? &items[i] : NULL);
		count += items[i].in;
	}
	assert_int_equal(map->count, count);
	for (size_t i = 0; i < map->count; i++)
		assert_true(((const struct item *)map->items[i])->in);
}

static void
a_map_holds_what_was_put_and_not_removed(void **state)
{
	struct map map = {.key = key_of};
	static struct item items[KEYS];
	uint64_t draw = 1;

	(void)state;
	for (uint32_t i = 0; i < KEYS; i++)
		items[i] = (struct item){.key = i * 7919};
	check_all(&map, items);
	for (int round = 0; round < 60000; round++) {
		struct item *item = &items[mix64(draw++) % KEYS];

		if (!item->in)
			map_add(&map, item);
		else
			assert_ptr_equal(map_remove(&map, key_of(item)), item);
		item->in = !item->in;
		if (round % 2500 == 0)
			check_all(&map, items);
	}
	check_all(&map, items);
	map_free(&map, NULL);
	assert_int_equal(map.count, 0);
	assert_null(map_find(&map, key_of(&items[0])));
}

static void
a_loop_that_runs_backwards_may_remove(void **state)
{
	struct map map = {.key = key_of};
	static struct item items[KEYS];

	(void)state;
	for (uint32_t i = 0; i < KEYS; i++) {
		items[i] = (struct item){i, true};
		map_add(&map, &items[i]);
	}
	for (size_t i = map.count; i-- > 0;) {
		struct item *item = map.items[i];

		if (item->key % 3 == 0) {
			map_remove(&map, key_of(item));
			item->in = false;
		}
	}
	check_all(&map, items);
	assert_null(map_remove(&map, key_of(&items[0])));
	map_free(&map, NULL);
}

static struct bytes
text_of(const void *item)
{
	return map_text(item);
}

static void
texts_are_keys_and_the_map_frees_its_items(void **state)
{
	struct map map = {.key = text_of};

	(void)state;
	map_add(&map, xstrdup("eu"));
	map_add(&map, xstrdup("eu-west"));
	map_add(&map, xstrdup(""));
	assert_string_equal(map_find(&map, map_text("eu")), "eu");
	assert_string_equal(map_find(&map, map_text("")), "");
	assert_null(map_find(&map, map_text("e")));
	map_free(&map, free);
	map_add(&map, xstrdup("us"));
	assert_string_equal(map.items[0], "us");
	map_free(&map, free);
}

static void
an_array_grows_and_shrinks(void **state)
{
	size_t *list = NULL, count = 0;

	(void)state;
	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < 1000; i++) {
			list = array_grow(list, count, sizeof *list);
			list[count] = count;
			count++;
		}
		count -= 700;
		for (size_t i = 0; i < count; i++)
			assert_int_equal(list[i], i);
	}
	free(list);
}

/* The texts of people, with numbers that a C library would take. */
static void
a_number_is_decimal_digits_and_nothing_else(void **state)
{
	static const char *const no_whole[] = {"", " 1", "1 ", "+1", "-1", "0x1", "1e3", "1.0", "101"};
	static const char *const no_number[] = {
	    "", " 1", "1 ", "+1", "0x1p3", "inf", "nan", "1e999", "1e-999", "1,5"};
	const char *at = "100-", *large = "18446744073709551616";
	uint64_t whole = 7;
	double number;

	(void)state;
	for (size_t i = 0; i < NITEMS(no_whole); i++)
		assert_false(whole_from_text(no_whole[i], 100, &whole));
	assert_int_equal(whole, 7);
	assert_true(whole_from_text("0100", 100, &whole));
	assert_int_equal(whole, 100);
	assert_false(whole_from_text(large, UINT64_MAX, &whole));
	assert_true(whole_at(&at, 100, &whole));
	assert_string_equal(at, "-");
	for (size_t i = 0; i < NITEMS(no_number); i++)
		assert_false(number_from_text(no_number[i], &number));
	assert_true(number_from_text("-1.5e2", &number) && number == -150);
}

static void
an_array_grows_by_several(void **state)
{
	uint32_t *list = NULL;
	size_t count = 0;

	(void)state;
	assert_null(array_grow_by(NULL, 0, 0, sizeof *list));
	for (size_t more = 0; more < 100; more++) {
		list = array_grow_by(list, count, more, sizeof *list);
		for (size_t i = 0; i < more; i++, count++)
			list[count] = (uint32_t)count;
		list = array_grow(list, count, sizeof *list);
		list[count] = (uint32_t)count;
		count++;
	}
	for (size_t i = 0; i < count; i++)
		assert_int_equal(list[i], i);
	free(list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_map_holds_what_was_put_and_not_removed),
	    cmocka_unit_test(a_loop_that_runs_backwards_may_remove),
	    cmocka_unit_test(texts_are_keys_and_the_map_frees_its_items),
	    cmocka_unit_test(an_array_grows_and_shrinks),
	    cmocka_unit_test(an_array_grows_by_several),
	    cmocka_unit_test(a_number_is_decimal_digits_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
