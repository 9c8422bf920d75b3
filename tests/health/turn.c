/*
 * turn.c -- of the nodes of a cluster one reports (S40): whose turn it is, and what a takeover sends.
 */
#include "monitor/notify/turn.h"
#include "tests/health/one_store.h"

static int
open_store(void **state)
{
	(void)state;
	return open_one(STORE_CLUSTER);
}

/* Three nodes, of which this is one; a letter of live or able that is missing: the node does not beat, or
 * cannot report. */
static void
write_nodes(char self, const char *live, const char *able, uint64_t beat_ms, enum engine_state engine)
{
	struct cluster_engine row = {.state = (uint8_t)engine};
	struct store_txn *txn;

	assert_int_equal(store_begin(store, STORE_WRITE, &txn), 0);
	for (char name = 'a'; name <= 'c'; name++) {
		struct cluster_node node = {.name = {name},
		    .on_roster = true,
		    .live = strchr(live, name) != NULL,
		    .notifies = strchr(able, name) != NULL,
		    .monitor_alive = true,
		    .self = name == self,
		    .beat_ms = beat_ms};

		assert_int_equal(cluster_node_put(txn, &node), 0);
	}
	assert_int_equal(cluster_engine_put(txn, &row), 0);
	assert_int_equal(store_commit(txn), 0);
}

static void
look(struct turn *turn, uint64_t now_ms)
{
	struct store_txn *txn;

	assert_int_equal(store_begin(store, STORE_READ, &txn), 0);
	turn_look(turn, txn, now_ms);
	store_abort(txn);
}

/* The notice carries its time, so that a test knows it again. */
static void
keep(struct turn *turn, uint64_t at_ms)
{
	struct notice *notice = notice_new(NOTICE_POOL, (int64_t)at_ms);

	notice->before = notice->after = "";
	turn_keep(turn, notice, at_ms);
}

/* The times of all that is sent now. */
static const char *
sent(struct turn *turn)
{
	static char text[256];
	struct notice *notice;
	size_t len = 0;

	text[0] = '\0';
	while ((notice = turn_next(turn)) != NULL) {
		len += (size_t)snprintf(
		    text + len, sizeof text - len, "%s%lld", len > 0 ? " " : "", (long long)notice->wall);
		notice_drop(notice);
	}
	return text;
}

static void
a_node_that_stands_alone_reports_at_once(void **state)
{
	struct turn *turn = turn_new();

	(void)state;
	keep(turn, 10);
	assert_string_equal(sent(turn), "");
	turn_look(turn, NULL, 20);
	assert_string_equal(sent(turn), "10");
	keep(turn, 30);
	assert_string_equal(sent(turn), "30");
	turn_free(turn);
}

static void
the_first_node_that_can_reports(void **state)
{
	static const struct {
		const char *live, *able;
		char reporter;
	} rows[] = {{"abc", "abc", 'a'}, {"abc", "bc", 'b'}, {"bc", "abc", 'b'}, {"ac", "bc", 'c'}};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++)
		for (char self = 'a'; self <= 'c'; self++) {
			struct turn *turn = turn_new();

			write_nodes(self, rows[i].live, rows[i].able, 1000, ENGINE_REACHABLE);
			look(turn, 1000);
			assert_int_equal(turn_is_ours(turn), self == rows[i].reporter);
			turn_free(turn);
		}
}

static void
a_takeover_sends_what_the_other_may_not_have_sent(void **state)
{
	struct turn *turn = turn_new();

	(void)state;
	write_nodes('b', "abc", "abc", 10000, ENGINE_REACHABLE);
	look(turn, 10000);
	for (uint64_t at = 8000; at <= 14000; at += 500)
		keep(turn, at);
	assert_string_equal(sent(turn), "");
	/* The last beat was at 11000: what happened until a second before it was reported. */
	write_nodes('b', "abc", "abc", 11000, ENGINE_REACHABLE);
	look(turn, 11400);
	write_nodes('b', "bc", "abc", 11000, ENGINE_REACHABLE);
	look(turn, 16000);
	assert_string_equal(sent(turn), "10000 10500 11000 11500 12000 12500 13000 13500 14000");
	/* It is back, and this node is silent again. */
	write_nodes('b', "abc", "abc", 20000, ENGINE_REACHABLE);
	look(turn, 20000);
	keep(turn, 20100);
	assert_string_equal(sent(turn), "");
	turn_free(turn);
}

static void
a_node_that_returns_repeats_three_seconds_at_most(void **state)
{
	struct turn *turn = turn_new();

	(void)state;
	keep(turn, 1000); /* what changed while it was away: b has reported it */
	write_nodes('a', "bc", "abc", 5000, ENGINE_SILENT);
	look(turn, 5000);
	assert_false(turn_is_ours(turn));
	write_nodes('a', "abc", "abc", 6000, ENGINE_REACHABLE);
	keep(turn, 4000); /* b may have stopped already */
	look(turn, 6000);
	assert_string_equal(sent(turn), "4000");
	turn_free(turn);

	turn = turn_new(); /* nobody was there */
	keep(turn, 1000);
	write_nodes('a', "a", "abc", 6000, ENGINE_REACHABLE);
	look(turn, 6000);
	assert_string_equal(sent(turn), "1000");
	turn_free(turn);
}

static void
without_the_engine_nothing_changes_until_it_has_failed(void **state)
{
	struct turn *turn = turn_new();

	(void)state;
	write_nodes('b', "abc", "abc", 10000, ENGINE_REACHABLE);
	look(turn, 10000);
	write_nodes('b', "", "abc", 10000, ENGINE_SILENT);
	keep(turn, 15000);
	look(turn, 15000);
	assert_string_equal(sent(turn), "");
	write_nodes('b', "", "abc", 10000, ENGINE_FAILED);
	look(turn, 20000);
	assert_string_equal(sent(turn), "15000");
	turn_free(turn);
}

static void
the_oldest_of_too_many_are_dropped(void **state)
{
	struct turn *turn = turn_new();
	struct notice *notice;
	unsigned count = 0;

	(void)state;
	for (uint64_t at = 1; at <= TURN_KEPT_MAX + 10; at++)
		keep(turn, at);
	turn_look(turn, NULL, 1);
	while ((notice = turn_next(turn)) != NULL) {
		assert_int_equal(notice->wall, 11 + count++);
		notice_drop(notice);
	}
	assert_int_equal(count, TURN_KEPT_MAX);
	keep(turn, 1); /* freed with the turn */
	turn_free(turn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_node_that_stands_alone_reports_at_once),
	    cmocka_unit_test(the_first_node_that_can_reports),
	    cmocka_unit_test(a_takeover_sends_what_the_other_may_not_have_sent),
	    cmocka_unit_test(a_node_that_returns_repeats_three_seconds_at_most),
	    cmocka_unit_test(without_the_engine_nothing_changes_until_it_has_failed),
	    cmocka_unit_test(the_oldest_of_too_many_are_dropped),
	};

	return cmocka_run_group_tests(tests, open_store, close_store);
}
