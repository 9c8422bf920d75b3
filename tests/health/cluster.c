/* cluster.c and membership.c on real stores: joint states, votes, nodes, the engine, outcomes. */
#include "zones/state/cluster.h"
#include "tests/health/one_store.h"
#include "zones/geo/geo.h"
#include "zones/state/config_write.h"
#include "zones/state/roster.h"

static int
open_store(void **state)
{
	(void)state;
	return open_one(STORE_CLUSTER);
}

static void
a_joint_state_is_read_as_health_and_keeps_its_begin(void **state)
{
	struct store_txn *txn = begin(STORE_WRITE);
	const struct endpoint endpoint = {{1, 2, 3}};
	struct health_record own = {.version = HEALTH_RECORD_VERSION,
	    .state = HEALTH_DOWN,
	    .rtt_steady_us = 700,
	    .last_ms = 5,
	    .certificate_days = 3};
	struct health_record first = cluster_record(VOTE_UP, REASON_NONE, &own, NULL, 1000, 2000), second,
			     read;
	struct health_beat beat = {.at_ms = UINT32_MAX};

	(void)state;
	snprintf(beat.boot, sizeof beat.boot, "%s", boot_id());
	second = cluster_record(VOTE_UP, REASON_TCP_TIMEOUT, NULL, &first, 5000, 6000);
	assert_int_equal(first.state, HEALTH_UP);
	assert_int_equal(first.rtt_steady_us, 700);
	assert_int_equal(second.since_ms, 1000);
	assert_int_equal(second.since_wall, 2000);
	assert_int_equal(cluster_record(VOTE_DOWN, REASON_NONE, NULL, &second, 7000, 8000).since_ms, 7000);
	assert_int_equal(health_put(txn, &endpoint, &first), 0);
	assert_int_equal(store_commit(txn), 0);
	txn = begin(STORE_READ);
	assert_true(health_get(txn, &endpoint, &read));
	assert_int_equal(read.state, HEALTH_UP);
	/* It is as old as the beat of graycloud-sync, not as a check. */
	assert_false(health_stale(&read, &beat, UINT64_C(1) << 60));
	assert_false(health_stale(&second, &beat, UINT64_C(1) << 60));
	store_abort(txn);
}

static void
a_ballot_keeps_the_vote_of_each_node_and_its_need(void **state)
{
	struct store_txn *txn = begin(STORE_WRITE);
	const struct endpoint endpoint = {{9}}, other = {{8}};
	struct cluster_ballot ballot = {.need = 2,
	    .count = 3,
	    .votes = {
		{.node = "a", .site = "fra", .vote = VOTE_DOWN, .counts = 1, .reason = REASON_TCP_TIMEOUT},
		{.node = "b", .site = "nyc", .vote = VOTE_UP, .counts = 1, .rtt_us = 99},
		{.node = "c", .site = "fra", .vote = VOTE_UP, .counts = 0}}};
	static struct cluster_ballot read;
	struct vantage vantages[QUORUM_VANTAGES_MAX];
	const char *sites[QUORUM_SITES_MAX];
	unsigned nsites;

	(void)state;
	assert_int_equal(cluster_ballot_put(txn, &endpoint, &ballot), 0);
	assert_false(cluster_ballot_get(txn, &other, &read));
	assert_true(cluster_ballot_get(txn, &endpoint, &read));
	assert_int_equal(read.need, 2);
	assert_int_equal(read.count, 3);
	assert_memory_equal(read.votes, ballot.votes, 3 * sizeof *read.votes);
	assert_int_equal(cluster_vantages(&read, vantages, sites, &nsites), 3);
	assert_int_equal(nsites, 2);
	assert_string_equal(sites[0], "fra");
	assert_string_equal(sites[1], "nyc");
	assert_int_equal(vantages[0].vote, VOTE_DOWN);
	assert_int_equal(vantages[2].site, 0);
	assert_int_equal(vantages[2].vote, VOTE_GONE);
	assert_int_equal(cluster_ballot_delete(txn, &endpoint), 0);
	assert_false(cluster_ballot_get(txn, &endpoint, &read));
	assert_int_equal(store_commit(txn), 0);
}

struct seen {
	uint64_t first, last, count;
};

static bool
see_flip(void *arg, uint64_t sequence, const struct cluster_vote_flip *flip)
{
	struct seen *seen = arg;

	assert_string_equal(flip->site, "fra");
	seen->first = seen->count++ == 0 ? sequence : seen->first;
	seen->last = sequence;
	return true;
}

static void
the_feed_of_votes_keeps_its_newest(void **state)
{
	struct store_txn *txn = begin(STORE_WRITE);
	struct cluster_vote_flip flip = {.node = "a", .site = "fra", .vote = VOTE_DOWN};
	struct seen seen = {0};

	(void)state;
	for (unsigned i = 0; i < HEALTH_FLIPS_KEPT + 5; i++)
		assert_int_equal(cluster_vote_flip_put(txn, &flip), 0);
	assert_int_equal(cluster_vote_flip_last(txn), HEALTH_FLIPS_KEPT + 5);
	assert_int_equal(store_count(txn, TABLE_VOTE_FLIPS), HEALTH_FLIPS_KEPT);
	assert_false(cluster_vote_flips_after(txn, 2, see_flip, &seen));
	assert_true(cluster_vote_flips_after(txn, 5, see_flip, &seen));
	assert_int_equal(seen.first, 6);
	assert_int_equal(seen.last, HEALTH_FLIPS_KEPT + 5);
	assert_int_equal(store_commit(txn), 0);
}

static bool
count_node(void *arg, const struct cluster_node *node)
{
	*(unsigned *)arg = *(unsigned *)arg * 10 + (unsigned)node->endpoints;
	return true;
}

static void
nodes_and_the_engine_are_kept(void **state)
{
	struct store_txn *txn = begin(STORE_WRITE);
	struct cluster_node b = {.name = "b", .endpoints = 2}, a = {.name = "a", .endpoints = 1}, read;
	struct cluster_engine engine = {.state = ENGINE_SILENT, .since_ms = 7, .member = "https://a"}, found;
	unsigned order = 0;

	(void)state;
	assert_false(cluster_engine_get(txn, &found));
	assert_int_equal(cluster_node_put(txn, &b), 0);
	assert_int_equal(cluster_node_put(txn, &a), 0);
	assert_int_equal(cluster_engine_put(txn, &engine), 0);
	assert_true(cluster_node_each(txn, count_node, &order));
	assert_int_equal(order, 12);
	assert_true(cluster_node_get(txn, "b", &read));
	assert_int_equal(cluster_node_delete(txn, "b"), 0);
	assert_false(cluster_node_get(txn, "b", &read));
	assert_true(cluster_engine_get(txn, &found));
	assert_string_equal(found.member, "https://a");
	assert_int_equal(store_commit(txn), 0);
}

static void
outcomes_are_found_by_id_and_the_oldest_go(void **state)
{
	struct store_txn *txn = begin(STORE_WRITE);
	struct cluster_outcome outcome = {.what = OUTCOME_COMMITTED}, read;
	char id[ID_LEN + 1];

	(void)state;
	for (unsigned i = 0; i < CLUSTER_OUTCOMES_KEPT + 3; i++) {
		snprintf(id, sizeof id, "%032x", i);
		outcome.generation = i;
		assert_int_equal(cluster_outcome_put(txn, id, &outcome), 0);
	}
	assert_int_equal(store_count(txn, TABLE_OUTCOMES), 2 * CLUSTER_OUTCOMES_KEPT);
	assert_false(cluster_outcome_get(txn, "00000000000000000000000000000002", &read));
	assert_true(cluster_outcome_get(txn, "00000000000000000000000000000003", &read));
	assert_true(cluster_outcome_get(txn, id, &read));
	assert_int_equal(read.generation, CLUSTER_OUTCOMES_KEPT + 2);
	assert_int_equal(store_commit(txn), 0);
}

static void
a_joined_node_goes_by_the_cluster_store_and_another_by_its_own_health(void **state)
{
	struct problems problems = {0};
	struct store *config = store_open(directory, STORE_CONFIG, STORE_WRITE, &problems);
	const struct membership joined = {.cluster = "shop", .node = "ns1"};
	struct membership read;
	struct store_txn *txn;

	(void)state;
	assert_non_null(config);
	assert_int_equal(membership_verdicts(NULL), STORE_HEALTH);
	assert_int_equal(store_begin(config, STORE_WRITE, &txn), 0);
	assert_int_equal(membership_verdicts(txn), STORE_HEALTH);
	assert_int_equal(membership_put(txn, &joined), 0);
	assert_int_equal(membership_verdicts(txn), STORE_CLUSTER);
	assert_true(membership_get(txn, &read));
	assert_string_equal(read.cluster, "shop");
	assert_string_equal(read.node, "ns1");
	assert_int_equal(membership_put(txn, NULL), 0);
	assert_false(membership_get(txn, &read));
	assert_int_equal(store_commit(txn), 0);
	store_close(config);
}

static void
put_node(struct config_edit *edit, unsigned number, const char *site, const char *region, bool votes)
{
	char id[ID_LEN + 1], name[16], *json;

	snprintf(id, sizeof id, "%032u", number);
	snprintf(name, sizeof name, "ns%u", number);
	json = xasprintf("{\"id\":\"%s\",\"name\":\"%s\",\"site\":\"%s\",\"region\":\"%s\",\"votes\":%s}", id,
	    name, site, region, votes ? "true" : "false");
	config_put_object(edit, KIND_NODE, id, name, NULL, (struct bytes){json, strlen(json)});
	free(json);
}

static void
the_roster_counts_sites_and_regions(void **state)
{
	struct problems problems = {0};
	struct store *config = store_open(directory, STORE_CONFIG, STORE_WRITE, &problems);
	struct config_edit *edit = config_edit_begin(config, &problems);
	const uint32_t weu = UINT32_C(1) << geo_region("WEU"), enam = UINT32_C(1) << geo_region("ENAM");
	struct pool pool = {.quorum = 0};
	struct roster roster;

	(void)state;
	assert_non_null(edit);
	put_node(edit, 1, "fra", "WEU", true);
	put_node(edit, 2, "fra", "WEU", true);
	put_node(edit, 3, "nyc", "ENAM", true);
	put_node(edit, 4, "ams", "WEU", true);
	put_node(edit, 5, "lon", "WEU", false);
	put_node(edit, 6, "sin", "", true);
	roster = roster_read(config_edit_txn(edit));
	assert_int_equal(roster.count, 6);
	assert_int_equal(roster_sites(&roster, 0), 4);
	assert_int_equal(roster_sites(&roster, weu), 2);
	assert_int_equal(roster_sites(&roster, weu | enam), 3);
	assert_int_equal(roster_sites(&roster, UINT32_C(1) << geo_region("SAS")), 0);
	assert_int_equal(roster_need(&roster, &pool), 3);
	pool.check_regions = weu | enam;
	assert_int_equal(roster_need(&roster, &pool), 2);
	pool.quorum = 1;
	assert_int_equal(roster_need(&roster, &pool), 1);
	assert_string_equal(roster_find(&roster, "ns3")->site, "nyc");
	assert_null(roster_find(&roster, "ns7"));
	roster_free(&roster);
	config_edit_drop(edit);
	store_close(config);
}

static bool
keep_all_but_one(void *arg, const char *node)
{
	return strcmp(node, arg) != 0;
}

static void
count_document(void *arg, struct bytes document)
{
	(void)document;
	++*(unsigned *)arg;
}

static unsigned
documents(struct store_txn *txn)
{
	unsigned count = 0;

	/* A sequence of the future reports all. */
	cluster_pins_after(txn, UINT64_MAX, count_document, &count);
	return count;
}

/* S90: names that begin alike, and numbers with octets of 0 and 255. */
static void
pins_of_a_node_that_left_are_deleted_and_no_others(void **state)
{
	static const char *const names[] = {"ns", "ns1", "ns10", "ns2"};
	static const uint16_t numbers[] = {0, 1, 255, 256, 399};
	struct store_txn *txn = begin(STORE_WRITE);

	(void)state;
	for (size_t i = 0; i < NITEMS(names); i++)
		for (size_t k = 0; k < NITEMS(numbers); k++)
			assert_int_equal(
			    cluster_pins_put(txn, names[i], numbers[k], (struct bytes){"document", 8}), 0);
	assert_int_equal(documents(txn), 20);
	assert_int_equal(cluster_pins_sweep(txn, keep_all_but_one, (void *)(uintptr_t) "nobody"), 0);
	assert_int_equal(documents(txn), 20);
	assert_int_equal(cluster_pins_sweep(txn, keep_all_but_one, (void *)(uintptr_t) "ns1"), 0);
	assert_int_equal(documents(txn), 15);
	assert_int_equal(cluster_pins_sweep(txn, keep_all_but_one, (void *)(uintptr_t) "ns"), 0);
	assert_int_equal(documents(txn), 10);
	assert_int_equal(cluster_pins_sweep(txn, keep_all_but_one, (void *)(uintptr_t) "ns2"), 0);
	assert_int_equal(documents(txn), 5);
	store_abort(txn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pins_of_a_node_that_left_are_deleted_and_no_others),
	    cmocka_unit_test(a_joint_state_is_read_as_health_and_keeps_its_begin),
	    cmocka_unit_test(a_ballot_keeps_the_vote_of_each_node_and_its_need),
	    cmocka_unit_test(the_feed_of_votes_keeps_its_newest),
	    cmocka_unit_test(nodes_and_the_engine_are_kept),
	    cmocka_unit_test(outcomes_are_found_by_id_and_the_oldest_go),
	    cmocka_unit_test(a_joined_node_goes_by_the_cluster_store_and_another_by_its_own_health),
	    cmocka_unit_test(the_roster_counts_sites_and_regions),
	};

	return cmocka_run_group_tests(tests, open_store, close_store);
}
