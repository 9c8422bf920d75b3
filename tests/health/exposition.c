/* exposition.c: the text of Prometheus's pages, to the octet. */
#include "zones/daemon/exposition.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *text;
static size_t text_len;

static FILE *
page_begin(void)
{
	FILE *page = open_memstream(&text, &text_len);

	assert_non_null(page);
	return page;
}

static void
page_is(FILE *page, const char *wanted)
{
	fclose(page);
	assert_string_equal(text, wanted);
	free(text);
}

static void
labels_are_escaped_and_those_without_a_value_left_out(void **state)
{
	char labels[EXPOSITION_LABELS_MAX];
	FILE *page = page_begin();

	(void)state;
	exposition_labels(labels, "a", "b\\c\"d\ne", "none", NULL, "f", "", NULL);
	assert_string_equal(labels, "a=\"b\\\\c\\\"d\\ne\",f=\"\"");
	exposition_line(page, "x", labels, 7);
	exposition_sample(page, "x", 8, "a", "\\", "none", NULL, NULL);
	exposition_labels(labels, "none", NULL, NULL);
	exposition_line(page, "x", labels, 9);
	page_is(page, "x{a=\"b\\\\c\\\"d\\ne\",f=\"\"} 7\nx{a=\"\\\\\"} 8\nx 9\n");
}

static void
a_label_that_has_no_room_is_left_out_whole(void **state)
{
	char labels[EXPOSITION_LABELS_MAX], value[EXPOSITION_LABELS_MAX + 1];

	(void)state;
	memset(value, '"', sizeof value);
	for (size_t len = 0; len < sizeof value; len++) {
		size_t written;

		value[len] = '\0';
		exposition_labels(labels, "a", value, "b", "c", NULL);
		written = strlen(labels);
		assert_true(written < sizeof labels);
		assert_true(written == 2 * len + strlen("a=\"\",b=\"c\"") ||
		    written == 2 * len + strlen("a=\"\"") ||
		    (2 * len > sizeof labels - 16 && written == strlen("b=\"c\"")));
		value[len] = '"';
	}
}

static void
numbers_read_as_they_are(void **state)
{
	static const double numbers[] = {0, 1, 9, 10, -3, 4294967296, 999999999999999, 1e15, 9007199254740992,
	    1e300, -1e300, 0.1, 0.000445, -2.5, 123456789.123456};
	char *end;

	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
		FILE *page = page_begin();

		exposition_line(page, "x", "", numbers[i]);
		fclose(page);
		assert_true(strtod(text + 2, &end) == numbers[i]);
		assert_string_equal(end, "\n");
		free(text);
	}
	FILE *page = page_begin();

	exposition_line(page, "x", "", 0.000445);
	exposition_line(page, "x", "", -3);
	exposition_line(page, "x", "", INFINITY);
	page_is(page, "x 0.000445\nx -3\nx inf\n");
}

static void
a_histogram_is_cumulative(void **state)
{
	static const struct bound bounds[] = {BOUND(0.05), BOUND(1)};
	uint64_t counts[3] = {0};
	struct histogram histogram = {bounds, 2, counts, 0};
	FILE *page = page_begin();

	(void)state;
	histogram_add(&histogram, 0.05); /* a bound is in its bucket */
	histogram_add(&histogram, 0.25);
	histogram_add(&histogram, 4);
	exposition_histogram(page, "x", "a=\"b\"", &histogram);
	exposition_histogram(page, "y", "", &histogram);
	page_is(page,
	    "x_bucket{a=\"b\",le=\"0.05\"} 1\nx_bucket{a=\"b\",le=\"1\"} 2\nx_bucket{a=\"b\",le=\"+Inf\"} 3\n"
	    "x_sum{a=\"b\"} 4.3\nx_count{a=\"b\"} 3\n"
	    "y_bucket{le=\"0.05\"} 1\ny_bucket{le=\"1\"} 2\ny_bucket{le=\"+Inf\"} 3\ny_sum 4.3\ny_count 3\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(labels_are_escaped_and_those_without_a_value_left_out),
	    cmocka_unit_test(a_label_that_has_no_room_is_left_out_whole),
	    cmocka_unit_test(numbers_read_as_they_are),
	    cmocka_unit_test(a_histogram_is_cumulative),
	};

	return cmocka_run_group_tests_name("exposition", tests, NULL, NULL);
}
