/* The ends of --for under clocks that are set: this file's clocks, not the machine's. */
#include "admin/edit/intervene.h"
#include "zones/document/document_load.h"
#include "zones/document/json.h"
#include "zones/state/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { HOUR = 3600 };

/* Seconds that somebody set the wall clock on by, and that both clocks went on. */
static time_t stepped, passed;

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	long rc = syscall(SYS_clock_gettime, clock, now);

	if (clock == CLOCK_REALTIME)
		now->tv_sec += stepped + passed;
	if (clock == CLOCK_BOOTTIME)
		now->tv_sec += passed;
	return (int)rc;
}

/* A pool that is disabled, and its origin forced, for an hour from now on. */
static struct json *
for_an_hour(void)
{
	static const char text[] =
	    "{\"id\":\"0123456789abcdef0123456789abcdef\",\"name\":\"eu\",\"enabled\":true,\"origins\":[{"
	    "\"name\":\"\","
	    "\"address\":\"192.0.2.1\",\"enabled\":true,\"weight\":1,\"forced\":\"down\"}]}";
	struct json *pool = json_read_quietly((struct bytes){(const uint8_t *)text, sizeof text - 1});
	struct until until;

	stepped = passed = 0;
	wall_text(wall_ms() / 1000 * 1000 + HOUR * 1000, until.wall);
	deadline_boot_text(until.wall, HOUR * 1000, until.boot);
	until_put(pool, "disabled_until", &until);
	until_put(json_item(json_member(pool, "origins"), 0), "forced_until", &until);
	return pool;
}

/* The pool as a daemon reads it that starts now. */
static struct pool *
load(const struct json *document)
{
	char *text = json_write(document, false);
	struct pool *pool = document_load_pool((struct bytes){(const uint8_t *)text, strlen(text)});

	free(text);
	assert_non_null(pool);
	return pool;
}

static void
assert_over(const struct json *document, bool over)
{
	struct pool *pool = load(document);

	assert_int_equal(pool->enabled, over);
	assert_int_equal(pool->origins[0].forced == FORCED_NONE, over);
	model_free_pool(pool);
}

static void
a_step_back_prolongs_nothing(void **state)
{
	struct json *document = for_an_hour();
	struct pool *before = load(document);

	(void)state;
	stepped = -2 * HOUR;
	assert_over(document, false);
	passed = HOUR - 60;
	assert_over(document, false);
	assert_false(deadline_passed(&before->expiry));
	passed = HOUR + 60;
	assert_over(document, true);
	assert_true(deadline_passed(&before->expiry)); /* of a daemon that runs, too */
	model_free_pool(before);
	json_drop(document);
}

static void
a_step_forward_ends_it(void **state)
{
	struct json *document = for_an_hour();

	(void)state;
	stepped = HOUR + 60;
	assert_over(document, true);
	json_drop(document);
}

/* The same properties with another boot id. */
static void
after_another_boot_the_wall_clock_decides(void **state)
{
	struct json *document = for_an_hour();
	char boot[DEADLINE_TEXT];

	(void)state;
	snprintf(boot, sizeof boot, "%s 00000000-0000-4000-8000-000000000000 1",
	    json_text_of(document, "disabled_until"));
	assert_true(deadline_boot_valid(boot));
	json_put_text(document, "disabled_until_boot", boot);
	json_put_text(json_item(json_member(document, "origins"), 0), "forced_until_boot", boot);
	assert_over(document, false);
	stepped = -2 * HOUR;
	passed = HOUR + 60;
	assert_over(document, false);
	passed = 3 * HOUR + 60;
	assert_over(document, true);
	json_drop(document);
}

static void
a_time_by_hand_goes_by_the_wall_clock(void **state)
{
	struct json *document = for_an_hour();
	char wall[32];

	(void)state;
	wall_text(wall_ms() + 5 * HOUR * 1000, wall);
	json_put_text(document, "disabled_until", wall);
	json_put_text(json_item(json_member(document, "origins"), 0), "forced_until", wall);
	passed = 2 * HOUR;
	assert_over(document, false);
	passed = 6 * HOUR;
	assert_over(document, true);
	json_drop(document);
}

static void
only_what_was_written_is_valid(void **state)
{
	static const char *const bad[] = {"", "x", "2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z id",
	    "2026-11-20T12:00:00Z id x", "tomorrow id 1", "2026-11-20T12:00:00Z id -1"};

	(void)state;
	for (size_t i = 0; i < NITEMS(bad); i++)
		assert_false(deadline_boot_valid(bad[i]));
	assert_true(deadline_boot_valid("2026-11-20T12:00:00Z id 1"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_step_back_prolongs_nothing),
	    cmocka_unit_test(a_step_forward_ends_it),
	    cmocka_unit_test(after_another_boot_the_wall_clock_decides),
	    cmocka_unit_test(a_time_by_hand_goes_by_the_wall_clock),
	    cmocka_unit_test(only_what_was_written_is_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
