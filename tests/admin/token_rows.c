/* token_rows.c -- versions of the rows of tokens, and what stays of a token that was deleted (S96). */
#include "zones/state/token_rows.h"
#include "tests/health/one_store.h"
#include "zones/state/membership.h"

static int
open_store(void **state)
{
	(void)state;
	return open_one(STORE_CONFIG);
}

static struct bytes
text(const char *string)
{
	return (struct bytes){string, strlen(string)};
}

static void
a_row_has_a_version_and_a_damaged_one_has_none(void **state)
{
	static const struct {
		const char *row;
		uint64_t version;
		bool deleted;
	} rows[] = {
	    {"{\"name\":\"ci\"}", 1, false}, /* of a node that stands alone */
	    {"{\"name\":\"ci\",\"version\":7}", 7, false},
	    {"{\"deleted\":true,\"version\":8}", 8, true},
	    {"{\"version\":0}", 0, false},
	    {"{\"version\":-3}", 0, false},
	    {"{\"version\":\"9\"}", 1, false},
	    {"[]", 0, false},
	    {"", 0, false},
	    {"{\"version\":7", 0, false},
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		struct token_row row = token_row_read(text(rows[i].row));

		assert_int_equal(row.version, rows[i].version);
		assert_int_equal(row.deleted, rows[i].deleted);
	}
}

static void
a_row_of_a_deleted_token_ends_after_thirty_days(void **state)
{
	const int64_t day = INT64_C(86400) * 1000;
	struct token_row row = token_row_read(text("{\"deleted\":true,\"deleted_wall\":1000,\"version\":8}"));

	(void)state;
	assert_false(token_row_ended(&row, 1000 + 30 * day));
	assert_true(token_row_ended(&row, 1001 + 30 * day));
	assert_false(token_row_ended(&row, 0)); /* the clock was set back */
	/* When it was deleted is not known. */
	row = token_row_read(text("{\"deleted\":true,\"version\":8}"));
	assert_false(token_row_ended(&row, 1000 * day));
	row = token_row_read(text("{\"deleted_wall\":1000,\"version\":8}"));
	assert_false(token_row_ended(&row, 1000 * day));
	row = token_row_read(text("{\"created\":77,\"version\":8}"));
	assert_int_equal(row.created_wall, 77);
}

static void
a_node_keeps_when_its_rows_were_those_of_the_engine(void **state)
{
	struct store_txn *txn;
	int64_t wall = 0;
	uint64_t counter = 0;

	(void)state;
	txn = begin(STORE_WRITE);
	assert_false(token_rows_seen(txn, &wall, &counter));
	assert_int_equal(token_rows_seen_put(txn, 5000, 3), 0);
	assert_true(token_rows_seen(txn, &wall, &counter));
	assert_int_equal(wall, 5000);
	assert_int_equal(counter, 3);
	store_abort(txn);
}

static void
a_change_is_counted_on_a_node_that_shares_its_tokens(void **state)
{
	const struct membership membership = {"shop", "ns1"};
	struct store_txn *txn;
	struct bytes row;

	(void)state;
	assert_int_equal(store_begin(store, STORE_WRITE, &txn), 0);
	assert_false(token_rows_shared(txn));
	assert_int_equal(token_row_put(txn, "ci", text("{}")), 0);
	assert_int_equal(token_rows_counter(txn), 0);
	assert_int_equal(membership_put(txn, &membership), 0);
	assert_true(token_rows_shared(txn));
	assert_int_equal(token_row_put(txn, "ci", text("{\"version\":2}")), 0);
	assert_int_equal(token_rows_counter(txn), 1);
	/* Detached, it goes on: the others are to hear of it when the node returns. */
	assert_int_equal(membership_put(txn, NULL), 0);
	assert_int_equal(membership_detached_put(txn, &membership), 0);
	assert_true(token_rows_shared(txn));
	assert_int_equal(token_row_put(txn, "ci", text("{\"version\":3}")), 0);
	assert_int_equal(token_rows_counter(txn), 2);
	assert_true(token_row_get(txn, "ci", &row));
	assert_int_equal(row.len, strlen("{\"version\":3}"));
	assert_false(token_row_get(txn, "", &row));
	assert_false(token_row_get(txn, "other", &row));
	store_abort(txn);
}

static void
a_choice_waits_until_it_is_deleted(void **state)
{
	struct store_txn *txn;

	(void)state;
	assert_int_equal(store_begin(store, STORE_WRITE, &txn), 0);
	assert_int_equal(membership_choice_get(txn), CHOICE_NONE);
	assert_int_equal(membership_choice_put(txn, CHOICE_PUSH), 0);
	assert_int_equal(membership_choice_get(txn), CHOICE_PUSH);
	assert_int_equal(membership_choice_put(txn, CHOICE_RESET), 0);
	assert_int_equal(membership_choice_get(txn), CHOICE_RESET);
	assert_int_equal(membership_choice_put(txn, CHOICE_NONE), 0);
	assert_int_equal(membership_choice_get(txn), CHOICE_NONE);
	store_abort(txn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_row_has_a_version_and_a_damaged_one_has_none),
	    cmocka_unit_test(a_row_of_a_deleted_token_ends_after_thirty_days),
	    cmocka_unit_test(a_node_keeps_when_its_rows_were_those_of_the_engine),
	    cmocka_unit_test(a_change_is_counted_on_a_node_that_shares_its_tokens),
	    cmocka_unit_test(a_choice_waits_until_it_is_deleted),
	};

	return cmocka_run_group_tests(tests, open_store, close_store);
}
