/* S106: a clock that is behind what was signed, or was moved, signs nothing; in a new boot, how far it is
 * ahead. */
#include "signer/time/clock.h"
#include "zones/state/signatures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { MINUTE_MS = 60000, HOUR_S = 3600, DAY_S = 86400 };

static char directory[64];
static struct store *store;
static struct store_txn *sets;
static char text[CLOCK_TEXT];

static int
open_store(void **state)
{
	struct problems problems = {0};

	(void)state;
	snprintf(directory, sizeof directory, "/tmp/graycloud-clock-XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	store = store_open(directory, STORE_SETS, STORE_WRITE, &problems);
	return store != NULL ? store_begin(store, STORE_WRITE, &sets) : -1;
}

static int
close_store(void **state)
{
	char *command = xasprintf("rm -r %s", directory);
	int rc;

	(void)state;
	store_abort(sets);
	store_close(store);
	rc = system(command);
	free(command);
	return rc;
}

static uint32_t
now(void)
{
	return (uint32_t)(wall_ms() / 1000);
}

/* A clock that was accepted, and moved since. */
static struct clock_watch
moved(int minutes)
{
	struct clock_watch watch = {.begun = true};

	clock_watch_accept(&watch);
	watch.ahead_ms -= (int64_t)minutes * MINUTE_MS;
	return watch;
}

static void
a_clock_behind_the_newest_signature_signs_nothing(void **state)
{
	struct clock_watch watch = {.begun = true};

	(void)state;
	assert_null(clock_watch_look(&watch, 0, text));
	assert_null(clock_watch_look(&watch, now() - HOUR_S, text));
	assert_null(clock_watch_look(&watch, now() + 30, text)); /* less than a minute */
	assert_non_null(clock_watch_look(&watch, now() + HOUR_S, text));
	assert_non_null(strstr(text, "the clock is behind the newest signature"));
}

static void
a_clock_that_was_moved_signs_nothing_until_it_is_right_again(void **state)
{
	static const struct {
		int minutes;
		const char *why;
	} rows[] = {
	    {0, NULL}, {9, NULL}, {-9, NULL}, {16, "by 16 minutes forward"}, {-16, "by 16 minutes back"}};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		struct clock_watch watch = moved(rows[i].minutes);
		const char *why = clock_watch_look(&watch, 0, text);

		if (rows[i].why == NULL)
			assert_null(why);
		else
			assert_non_null(strstr(why, rows[i].why));
		clock_watch_forget(&watch); /* it may be moved */
		assert_null(clock_watch_look(&watch, 0, text));
	}
}

/* Else a clock that creeps would be stopped after ten minutes; and one that jumped would be right a second
 * later. */
static void
small_corrections_are_followed_and_others_are_not(void **state)
{
	struct clock_watch watch = moved(9);
	int64_t ahead;

	(void)state;
	assert_int_equal(clock_watch_write(&watch, sets), 0);
	assert_in_range(watch.ahead_ms - (int64_t)(wall_ms() - boot_ms()) + 1000, 0, 2000);
	assert_true(signer_clock_get(sets, &ahead));
	assert_true(ahead == watch.ahead_ms);
	watch = moved(16);
	assert_int_equal(clock_watch_write(&watch, sets), 0);
	assert_non_null(clock_watch_look(&watch, 0, text));
	assert_true(signer_clock_get(sets, &ahead));
	assert_true(ahead == watch.ahead_ms); /* for the next signer */
	watch = (struct clock_watch){.begun = true};
	clock_watch_begin(&watch, sets, false);
	assert_non_null(clock_watch_look(&watch, 0, text));
	clock_watch_begin(&watch, sets, true); /* a person's word */
	assert_null(clock_watch_look(&watch, 0, text));
}

static void
in_a_new_boot_a_clock_that_is_a_day_ahead_is_in_doubt(void **state)
{
	struct clock_watch watch = {.begun = true};

	(void)state;
	assert_int_equal(clock_watch_ahead(&watch, 0), 0);
	assert_int_equal(clock_watch_ahead(&watch, now() - DAY_S + HOUR_S), 0);
	assert_int_equal(clock_watch_ahead(&watch, now() - 2 * DAY_S - HOUR_S), 2);
	assert_int_equal(clock_watch_ahead(&watch, now() + 2 * DAY_S), 0);
	clock_watch_accept(&watch);
	assert_int_equal(clock_watch_ahead(&watch, now() - 2 * DAY_S - HOUR_S), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_clock_behind_the_newest_signature_signs_nothing),
	    cmocka_unit_test(a_clock_that_was_moved_signs_nothing_until_it_is_right_again),
	    cmocka_unit_test_setup_teardown(
		small_corrections_are_followed_and_others_are_not, open_store, close_store),
	    cmocka_unit_test(in_a_new_boot_a_clock_that_is_a_day_ahead_is_in_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
