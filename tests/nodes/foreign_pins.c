/* S99: documents of sticky pins of other nodes, whose clocks differ. */
#include "sync/pins/foreign_pins.h"

#include "tests/health/one_store.h"
#include "zones/steer/pin_sheet.h"

enum { END = 1796000000 };

static struct nodes nodes;
static unsigned other;
static struct ballot *ballot;
static struct rules *rules;
static struct verdicts *verdicts;
static struct scribe *scribe;
static struct foreign_pins *pins;

static int
set_up(void **state)
{
	struct problems problems = {0};

	(void)state;
	memset(directory + sizeof directory - 7, 'X', 6);
	if (open_one(STORE_CLUSTER) < 0)
		return -1;
	store_close(store); /* the scribe opens it */
	nodes_begin(&nodes, "a");
	nodes_slot(&nodes, "b", &other);
	rules = rules_new();
	ballot = ballot_new(&nodes, rules);
	verdicts = verdicts_new(directory, ballot);
	scribe = scribe_open(directory, ballot, verdicts, true, &problems);
	pins = foreign_pins_new(&nodes, scribe);
	return scribe == NULL;
}

static int
tear_down(void **state)
{
	verdicts_free(verdicts);
	ballot_free(ballot);
	rules_free(rules);
	return close_store(state);
}

/* A document with one pin. */
static void
hear(unsigned number)
{
	uint8_t document[PIN_SHEET_OCTETS_MAX];
	struct shared_pin pin = {.key = 7,
	    .pin = {.expiry = END,
		.differs = true,
		.pool = 1,
		.origin = 2,
		.prefix = 24,
		.client.family = FAMILY_V4}};
	size_t len = pin_sheet_add(document, pin_sheet_begin(document, number), &pin);

	foreign_pins_heard(pins, other, number, (struct bytes){document, len});
}

struct found {
	unsigned count;
	uint32_t end; /* of the last one */
};

static void
find_end(void *arg, const struct shared_pin *pin)
{
	((struct found *)arg)->count++;
	((struct found *)arg)->end = pin->pin.expiry;
}

static void
read_document(void *arg, struct bytes document)
{
	pin_sheet_read(document, find_end, arg);
}

/* What the store has of them in the end. */
static struct found
stored(void)
{
	struct scribe_page page = {.nodes = &nodes};
	struct problems problems = {0};
	struct found found = {0};
	struct store_txn *txn;

	scribe_write(scribe, &page, true);
	foreign_pins_free(pins);
	scribe_close(scribe);
	store = store_open(directory, STORE_CLUSTER, STORE_READ, &problems);
	assert_non_null(store);
	txn = begin(STORE_READ);
	cluster_pins_after(txn, 0, read_document, &found);
	store_abort(txn);
	return found;
}

static void
an_end_is_moved_by_whole_seconds_and_small_differences_are_left(void **state)
{
	static const struct {
		int64_t ahead_ms;
		int32_t shift;
	} rows[] = {{0, 0}, {1999, 0}, {-1999, 0}, {2000, -2}, {-2000, 2}, {2499, -2}, {2500, -3}, {-2500, 3},
	    {600000, -600}, {-600400, 600}};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++)
		assert_int_equal(foreign_pins_shift(rows[i].ahead_ms), rows[i].shift);
}

/* A clock that is ten minutes ahead. */
static void
beat(void)
{
	struct beat beat = {.instance = 1, .count = 1, .wall = wall_ms() + 600000};

	nodes_beat(&nodes, other, &beat, true);
	foreign_pins_clock(pins, other);
}

static void
a_document_waits_for_the_clock_of_its_node(void **state)
{
	(void)state;
	hear(1);
	assert_int_equal(stored().count, 0);
}

static void
it_is_written_with_the_first_beat_and_those_after_it_at_once(void **state)
{
	struct found found;

	(void)state;
	hear(1);
	beat();
	hear(2);
	found = stored();
	assert_int_equal(found.count, 2);
	assert_in_range(found.end, END - 601, END - 599);
}

static void
one_that_is_deleted_while_it_waits_is_not_written(void **state)
{
	(void)state;
	hear(1);
	hear(2);
	foreign_pins_heard(pins, other, 2, (struct bytes){"", 0});
	beat();
	assert_int_equal(stored().count, 1);
}

static void
a_node_that_does_not_beat_is_taken_as_it_says(void **state)
{
	struct found found;

	(void)state;
	hear(2);
	foreign_pins_begun(pins); /* it would come again */
	hear(1);
	hear(1);
	foreign_pins_settled(pins);
	found = stored();
	assert_int_equal(found.count, 1);
	assert_int_equal(found.end, END);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_end_is_moved_by_whole_seconds_and_small_differences_are_left),
	    cmocka_unit_test_setup_teardown(a_document_waits_for_the_clock_of_its_node, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		it_is_written_with_the_first_beat_and_those_after_it_at_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(
		one_that_is_deleted_while_it_waits_is_not_written, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_node_that_does_not_beat_is_taken_as_it_says, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("foreign_pins", tests, NULL, NULL);
}
