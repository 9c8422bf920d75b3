/* hold.c: which addresses a hostname has after an answer, or without one (S16). */
#include "monitor/probe/hold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* What a hostname is at one time: addresses as letters, "a" to "m" of IPv4 and "n" to "z" of IPv6. */
struct scene {
	struct name_record record;
	struct name_memory memory;
	struct holds holds;
	const char *judged; /* letters of addresses that are judged; NULL: nobody judges */
};

static struct address
address_of(char letter)
{
	return (struct address){.family = letter < 'n' ? FAMILY_V4 : FAMILY_V6, .bytes = {(uint8_t)letter}};
}

static bool
judged(void *arg, const struct address *addresses, unsigned count)
{
	const struct scene *scene = arg;

	for (unsigned i = 0; scene->judged != NULL && i < count; i++)
		if (strchr(scene->judged, addresses[i].bytes[0]) == NULL)
			return false;
	return true;
}

static struct name_answer
answer_of(const char *text, struct address *room)
{
	static const struct {
		const char *text;
		enum name_failure failure;
	} failures[] = {{"NXDOMAIN", NAME_NXDOMAIN}, {"NODATA", NAME_NODATA}, {"TIMEOUT", NAME_TIMEOUT},
	    {"SERVFAIL", NAME_SERVFAIL}, {"REFUSED", NAME_REFUSED}, {"BAD", NAME_BAD_ANSWER},
	    {"LOCAL", NAME_LOCAL}};

	for (size_t i = 0; i < NITEMS(failures); i++)
		if (strcmp(failures[i].text, text) == 0)
			return (struct name_answer){.failure = failures[i].failure};
	for (size_t i = 0; text[i] != '\0'; i++)
		room[i] = address_of(text[i]);
	return (struct name_answer){NAME_RESOLVED, (unsigned)strlen(text), room};
}

/* The addresses, "-" before them where they are only the last known. */
static const char *
shown(const struct name_record *record)
{
	static char text[NAME_ADDRESSES_MAX + 2];
	size_t len = 0;

	if (record->gone)
		text[len++] = '-';
	for (unsigned i = 0; i < record->count; i++)
		text[len++] = (char)record->addresses[i].bytes[0];
	text[len] = '\0';
	return text;
}

static const char *
take(struct scene *scene, uint64_t at_s, const char *four, const char *six)
{
	struct address room[2][HOSTNAME_ADDRESSES_MAX];
	struct name_answer answers[] = {answer_of(four, room[0]), answer_of(six, room[1])};

	hold_take(&scene->record, &scene->memory, answers, &scene->holds, at_s * 1000, judged, scene);
	return shown(&scene->record);
}

static const char *
release_old(struct scene *scene, uint64_t at_s)
{
	hold_release(&scene->record, &scene->memory, &scene->holds, at_s * 1000, judged, scene);
	return shown(&scene->record);
}

static struct scene
scene_new(void)
{
	return (struct scene){.holds = holds_default};
}

static void
no_address_keeps_the_last_good_ones_for_the_hold_of_its_kind(void **state)
{
	static const struct {
		const char *answer, *hold;
		bool ends;
	} rows[] = {{"NXDOMAIN", NULL, true}, {"NODATA", NULL, true}, {"TIMEOUT", NULL, false},
	    {"SERVFAIL", NULL, false}, {"REFUSED", NULL, false}, {"BAD", NULL, false}, {"LOCAL", NULL, false},
	    {"TIMEOUT", "timeout=30", true}, {"SERVFAIL", "servfail=30", true},
	    {"REFUSED", "refused=30", true}, {"BAD", "other=30", true},
	    {"NXDOMAIN", "nxdomain=forever", false}, {"NODATA", "nodata=forever", false}};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		struct scene scene = scene_new();

		if (rows[i].hold != NULL)
			assert_true(holds_read(&scene.holds, rows[i].hold));
		assert_string_equal(take(&scene, 1, "ab", "NODATA"), "ab");
		assert_string_equal(take(&scene, 10, rows[i].answer, rows[i].answer), "ab");
		assert_int_equal(scene.memory.ends_ms, rows[i].ends ? 40000 : 0);
		assert_string_equal(take(&scene, 39, rows[i].answer, rows[i].answer), "ab");
		assert_string_equal(
		    take(&scene, 40, rows[i].answer, rows[i].answer), rows[i].ends ? "-ab" : "ab");
		assert_string_equal(take(&scene, 90, "c", "NODATA"), "c");
	}
}

static void
a_good_answer_begins_the_hold_anew(void **state)
{
	struct scene scene = scene_new();

	(void)state;
	take(&scene, 1, "a", "NODATA");
	take(&scene, 10, "NXDOMAIN", "NXDOMAIN");
	assert_string_equal(take(&scene, 30, "a", "NODATA"), "a");
	assert_string_equal(take(&scene, 41, "NXDOMAIN", "NXDOMAIN"), "a");
	assert_string_equal(take(&scene, 70, "NXDOMAIN", "NXDOMAIN"), "a");
	assert_string_equal(take(&scene, 71, "NXDOMAIN", "NXDOMAIN"), "-a");
}

static void
each_family_is_held_by_itself(void **state)
{
	struct scene scene = scene_new();

	(void)state;
	take(&scene, 1, "a", "z");
	assert_string_equal(take(&scene, 10, "a", "NODATA"), "az");
	assert_string_equal(take(&scene, 40, "a", "NODATA"), "a");
	assert_string_equal(take(&scene, 50, "TIMEOUT", "z"), "az");
}

static void
a_hostname_without_any_address_keeps_nothing(void **state)
{
	struct scene scene = scene_new();

	(void)state;
	assert_string_equal(take(&scene, 1, "NXDOMAIN", "NXDOMAIN"), "");
	assert_int_equal(scene.memory.ends_ms, 0);
}

static void
old_addresses_stay_until_the_new_ones_are_judged(void **state)
{
	struct scene scene = scene_new();

	(void)state;
	scene.judged = "ab";
	take(&scene, 1, "ab", "NODATA");
	assert_string_equal(take(&scene, 2, "cd", "NODATA"), "cdab");
	assert_string_equal(release_old(&scene, 3), "cdab");
	assert_string_equal(take(&scene, 4, "cd", "NODATA"), "cdab");
	scene.judged = "abcd";
	assert_string_equal(release_old(&scene, 5), "cd");
	assert_int_equal(scene.memory.obsolete, 0);
	/* One that is known stays: the others can go. */
	assert_string_equal(take(&scene, 6, "c", "NODATA"), "c");
}

static void
old_addresses_of_one_family_go_by_that_family(void **state)
{
	struct scene scene = scene_new();

	(void)state;
	scene.judged = "az";
	take(&scene, 1, "a", "z");
	assert_string_equal(take(&scene, 2, "b", "y"), "bayz");
	scene.judged = "azy";
	assert_string_equal(release_old(&scene, 3), "bay");
	scene.judged = "azyb";
	assert_string_equal(release_old(&scene, 4), "by");
}

static void
old_addresses_go_at_once_where_nobody_judges_and_in_time_where_that_is_bounded(void **state)
{
	struct scene scene = scene_new();

	(void)state;
	take(&scene, 1, "a", "NODATA");
	assert_string_equal(take(&scene, 2, "b", "NODATA"), "b");
	scene.judged = "";
	assert_true(holds_read(&scene.holds, "obsolete=5"));
	assert_string_equal(take(&scene, 10, "c", "NODATA"), "cb");
	assert_string_equal(release_old(&scene, 14), "cb");
	assert_string_equal(release_old(&scene, 15), "c");
}

static void
both_families_full_have_room(void **state)
{
	static const char many[] = "abcdefghijklmabcdefghijklmabcdef";
	struct scene scene = scene_new();
	struct address four[HOSTNAME_ADDRESSES_MAX], six[HOSTNAME_ADDRESSES_MAX];
	struct name_answer answers[] = {answer_of(many, four), answer_of(many, six)};

	(void)state;
	scene.judged = "";
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < HOSTNAME_ADDRESSES_MAX; i++) {
			four[i].bytes[1] = six[i].bytes[1] = (uint8_t)(i + 1);
			four[i].bytes[2] = six[i].bytes[2] = (uint8_t)round;
			six[i].family = FAMILY_V6;
		}
		hold_take(&scene.record, &scene.memory, answers, &scene.holds, 1000, judged, &scene);
		assert_int_equal(scene.record.count, NAME_ADDRESSES_MAX);
	}
}

static void
an_invalid_hold_is_refused(void **state)
{
	static const char *const rows[] = {"", "nxdomain", "nxdomain=", "nxdomain=-1", "nxdomain=86401",
	    "nxdomain=1s", "nx=1", "=1", "nxdomainx=1", "obsolete=never"};
	struct holds holds = holds_default;

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++)
		if (holds_read(&holds, rows[i]))
			fail_msg("%s", rows[i]);
	assert_true(holds_read(&holds, "nxdomain=0"));
	assert_int_equal(holds.seconds[HOLD_NXDOMAIN], 0);
	assert_true(holds_read(&holds, "obsolete=86400"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_address_keeps_the_last_good_ones_for_the_hold_of_its_kind),
	    cmocka_unit_test(a_good_answer_begins_the_hold_anew),
	    cmocka_unit_test(each_family_is_held_by_itself),
	    cmocka_unit_test(a_hostname_without_any_address_keeps_nothing),
	    cmocka_unit_test(old_addresses_stay_until_the_new_ones_are_judged),
	    cmocka_unit_test(old_addresses_of_one_family_go_by_that_family),
	    cmocka_unit_test(old_addresses_go_at_once_where_nobody_judges_and_in_time_where_that_is_bounded),
	    cmocka_unit_test(both_families_full_have_room),
	    cmocka_unit_test(an_invalid_hold_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
