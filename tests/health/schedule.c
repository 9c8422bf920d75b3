/* schedule.c's walks, and the metrics pages that are written by them, while endpoints come and go. */
#include "monitor/metrics/metrics_endpoint.h"
#include "zones/daemon/pages.h"

#include <event2/event.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { TARGETS = 400, KEPT = 50 /* of them never go */ };

static char directory[64], monitor_name[] = "web", other_name[] = "other";
static const struct monitor web = {
    .name = monitor_name, .interval_s = 3600, .timeout_ms = 1000, .id = {"web"}};
static const struct monitor other = {
    .name = other_name, .interval_s = 3600, .timeout_ms = 1000, .id = {"other"}};
static struct event_base *base;
static struct recorder *recorder;
static struct schedule *schedule;
static struct target *targets[TARGETS];

static void
wake(void *arg)
{
	(void)arg;
}

/* Nothing is checked: the loop never runs. */
static int
setup(void **state)
{
	struct problems problems = {0};

	(void)state;
	snprintf(directory, sizeof directory, "/tmp/graycloud-schedule-XXXXXX");
	if (mkdtemp(directory) == NULL ||
	    (recorder = recorder_open(directory, wake, NULL, &problems)) == NULL)
		return -1;
	base = event_base_new();
	schedule = schedule_new(base, NULL, recorder, 1);
	return 0;
}

static int
remove_file(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st, (void)kind, (void)ftw;
	return remove(path);
}

static void
go(unsigned i)
{
	if (targets[i] != NULL)
		schedule_remove(targets[i], false);
	targets[i] = NULL;
}

static int
teardown(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TARGETS; i++)
		go(i);
	schedule_free(schedule);
	recorder_close(recorder);
	event_base_free(base);
	return nftw(directory, remove_file, 8, FTW_DEPTH | FTW_PHYS);
}

/* The address contains the number. */
static void
come_by(unsigned i, const struct monitor *monitor)
{
	struct endpoint endpoint = {.key = {(uint8_t)(i >> 8), (uint8_t)i, 1}};
	struct address address = {.family = FAMILY_V4, .bytes = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
	char text[46];
	struct origin origin = {.address = address_to_text(&address, text), .ip = address};

	if (targets[i] == NULL)
		targets[i] = schedule_add(schedule, &endpoint, monitor, &origin, &address);
}

static void
come(unsigned i)
{
	come_by(i, &web);
}

static unsigned
number_of(const struct target *target)
{
	return (unsigned)target->address.bytes[2] << 8 | target->address.bytes[3];
}

static void
a_walk_meets_each_once_in_order(void **state)
{
	struct schedule_walk walk;

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		come(i);
	schedule_walk_begin(&walk, schedule);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 5; i++)
			assert_int_equal(number_of(schedule_walk_next(&walk)), i);
		assert_null(schedule_walk_next(&walk));
		assert_null(schedule_walk_next(&walk));
		schedule_walk_again(&walk);
	}
	schedule_walk_end(&walk);
}

static void
a_walk_steps_over_what_goes(void **state)
{
	struct schedule_walk walk, second;

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		come(i);
	schedule_walk_begin(&walk, schedule);
	schedule_walk_begin(&second, schedule);
	assert_int_equal(number_of(schedule_walk_next(&walk)), 0);
	go(0); /* behind the first, before the second */
	go(1); /* next of both */
	go(2);
	assert_int_equal(number_of(schedule_walk_next(&second)), 3);
	assert_int_equal(number_of(schedule_walk_next(&walk)), 3);
	schedule_walk_end(&second);
	go(5);
	assert_int_equal(number_of(schedule_walk_next(&walk)), 4);
	assert_null(schedule_walk_next(&walk));
	go(3), go(4);
	schedule_walk_again(&walk);
	assert_null(schedule_walk_next(&walk));
	schedule_walk_end(&walk);
}

static void
a_walk_meets_nothing_that_came_since(void **state)
{
	struct schedule_walk walk;

	(void)state;
	come(0), come(1);
	schedule_walk_begin(&walk, schedule);
	assert_int_equal(number_of(schedule_walk_next(&walk)), 0);
	go(0), come(0); /* it would be met a second time */
	come(2);
	assert_int_equal(number_of(schedule_walk_next(&walk)), 1);
	assert_null(schedule_walk_next(&walk));
	go(1);
	schedule_walk_again(&walk);
	assert_null(schedule_walk_next(&walk));
	schedule_walk_end(&walk);
}

/* --- pages --- */

/* A whole page; between two slices meanwhile is called. */
static char *
page_of(enum endpoint_families which, struct endpoint_choice *choice, void (*meanwhile)(unsigned turn))
{
	struct endpoint_lines *lines = endpoint_lines_new(schedule, which, choice);
	char *text = NULL;
	size_t len;
	FILE *page = open_memstream(&text, &len);
	bool more = true;

	for (unsigned turn = 0; more; turn++) {
		char *slice;
		size_t slice_len;
		FILE *file = open_memstream(&slice, &slice_len);

		more = endpoint_lines_write(lines, file);
		fclose(file);
		assert_true(slice_len < 2 * PAGES_SLICE);
		fputs(slice, page);
		free(slice);
		if (meanwhile != NULL)
			meanwhile(turn);
	}
	endpoint_lines_free(lines);
	fclose(page);
	return text;
}

static unsigned
count(const char *text, const char *part)
{
	unsigned found = 0;

	while ((text = strstr(text, part)) != NULL)
		found++, text++;
	return found;
}

static unsigned
count_of(const char *page, const char *metric, unsigned i)
{
	char part[128];

	snprintf(part, sizeof part, "\n%s{monitor=\"web\",address=\"10.0.%u.%u\"} ", metric, i >> 8, i & 255);
	return count(page, part);
}

static void
churn(unsigned turn)
{
	for (unsigned k = 0; k < 40; k++) {
		unsigned i = KEPT + (unsigned)(mix64(turn * 40 + k) % (TARGETS - KEPT));

		if (targets[i] == NULL)
			come(i);
		else
			go(i);
	}
}

static void
a_page_holds_together_while_endpoints_come_and_go(void **state)
{
	static const char *const metrics[] = {"graycloud_endpoint_checks_total",
	    "graycloud_endpoint_rtt_seconds_sum", "graycloud_endpoint_rtt_seconds_count",
	    "graycloud_endpoint_lateness_ratio_count"};
	char *page;

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 0; i < TARGETS; i++)
			if (i < KEPT || (i + round) % 3 == 0)
				come(i);
		page = page_of(ENDPOINT_LINES_ALL, NULL, churn);
		for (size_t m = 0; m < NITEMS(metrics); m++)
			for (unsigned i = 0; i < TARGETS; i++) {
				unsigned found = count_of(page, metrics[m], i);

				assert_true(i < KEPT ? found == 1 : found <= 1);
			}
		assert_int_equal(count(page, "# TYPE "), 7);
		free(page);
	}
}

static void
endpoints_are_chosen_by_monitor_and_by_pool(void **state)
{
	struct endpoint_choice *choice = endpoint_choice_new();
	char *page;

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		come_by(i, i < 5 ? &web : &other);
	assert_true(endpoint_choice_monitor(choice, "other"));
	page = page_of(ENDPOINT_LINES_ALL, choice, NULL);
	assert_int_equal(count(page, "checks_total{"), 5);
	assert_int_equal(count(page, "checks_total{monitor=\"other\""), 5);
	free(page);

	choice = endpoint_choice_new();
	assert_false(endpoint_choice_by_pool(choice));
	endpoint_choice_pool(choice, "eu");
	endpoint_choice_pool(choice, "us");
	assert_true(endpoint_choice_by_pool(choice));
	endpoint_choice_fill(choice, "eu", (struct target *[]){targets[7], targets[2], targets[7]}, 3);
	endpoint_choice_fill(choice, "asia", &targets[1], 1);
	endpoint_choice_fill(choice, "us", NULL, 0);
	endpoint_choice_monitor(choice, "web");
	endpoint_choice_monitor(choice, "other");
	page = page_of(ENDPOINT_LINES_ALL, choice, NULL);
	assert_int_equal(count(page, "checks_total{"), 2);
	assert_int_equal(count(page, "checks_total{monitor=\"web\",address=\"10.0.0.2\"}"), 1);
	assert_int_equal(count(page, "checks_total{monitor=\"other\",address=\"10.0.0.7\"}"), 1);
	free(page);

	choice = endpoint_choice_new();
	endpoint_choice_pool(choice, "gone");
	page = page_of(ENDPOINT_LINES_ALL, choice, NULL);
	assert_int_equal(count(page, "{"), 0);
	assert_int_equal(count(page, "# TYPE "), 7);
	free(page);
}

static void
a_reason_that_never_occurred_has_no_line(void **state)
{
	char *page;

	(void)state;
	come(0), come(1);
	targets[0]->recorded.record.state = HEALTH_SUSPECT;
	targets[0]->recorded.record.certificate_days = -3;
	score_ended(
	    &targets[1]->score, &(struct check_result){.conclusive = true, .reason = REASON_TCP_TIMEOUT});
	score_ended(&targets[1]->score, &(struct check_result){.conclusive = false});
	page = page_of(ENDPOINT_LINES_ALL, NULL, NULL);
	assert_int_equal(count(page, "_up{"), 1);
	assert_int_equal(count(page, "_up{monitor=\"web\",address=\"10.0.0.0\"} 1\n"), 1);
	assert_int_equal(count(page, "_days{"), 1);
	assert_int_equal(count(page, "_days{monitor=\"web\",address=\"10.0.0.0\"} -3\n"), 1);
	assert_int_equal(count(page, "failures_total{"), 1);
	assert_int_equal(
	    count(page, "failures_total{monitor=\"web\",address=\"10.0.0.1\",reason=\"TCP timeout\"} 1\n"),
	    1);
	assert_int_equal(count(page, "inconclusive_total{"), 1);
	assert_int_equal(count(page, "checks_total{monitor=\"web\",address=\"10.0.0.1\"} 1\n"), 1);
	free(page);
	page = page_of(ENDPOINT_LINES_FEW, NULL, NULL);
	assert_int_equal(count(page, "# TYPE "), 2);
	free(page);
	targets[0]->recorded.record.state = HEALTH_UNKNOWN; /* as it was counted */
}

static void
an_edited_monitor_goes_on_counting(void **state)
{
	struct monitor edited = web;
	char *page;

	(void)state;
	come(0);
	score_ended(&targets[0]->score, &(struct check_result){.conclusive = true, .rtt_us = 2000});
	edited.name = other_name;
	edited.interval_s = 5;
	schedule_update(targets[0], &edited);
	page = page_of(ENDPOINT_LINES_ALL, NULL, NULL);
	assert_int_equal(count(page, "checks_total{monitor=\"other\",address=\"10.0.0.0\"} 1\n"), 1);
	free(page);
	go(0), come(0);
	page = page_of(ENDPOINT_LINES_ALL, NULL, NULL);
	assert_int_equal(count(page, "checks_total{monitor=\"web\",address=\"10.0.0.0\"} 0\n"), 1);
	free(page);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_walk_meets_each_once_in_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_walk_steps_over_what_goes, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_walk_meets_nothing_that_came_since, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_page_holds_together_while_endpoints_come_and_go, setup, teardown),
	    cmocka_unit_test_setup_teardown(endpoints_are_chosen_by_monitor_and_by_pool, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_reason_that_never_occurred_has_no_line, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_edited_monitor_goes_on_counting, setup, teardown),
	};

	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
