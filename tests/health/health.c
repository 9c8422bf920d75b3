/* health.c on a real store: records, the feed of flips, the heartbeat. */
#include "zones/state/health.h"
#include "tests/health/one_store.h"

static int
open_store(void **state)
{
	(void)state;
	return open_one(STORE_HEALTH);
}

static struct endpoint
endpoint_of(const char *monitor, const char *address, const char *host)
{
	struct origin origin = {0};
	struct endpoint endpoint;
	char *own_host = host == NULL ? NULL : xstrdup(host);

	origin.address = xstrdup(address);
	origin.host = own_host;
	address_from_text(&origin.ip, address);
	endpoint = health_endpoint(monitor, &origin, &origin.ip);
	free(origin.address);
	free(own_host);
	return endpoint;
}

static void
an_endpoint_is_what_its_probe_asks(void **state)
{
	static const char *const asks[][3] = {{"a", "192.0.2.1", NULL}, {"b", "192.0.2.1", NULL},
	    {"a", "192.0.2.2", NULL}, {"a", "2001:db8::1", NULL}, {"a", "192.0.2.1", "example.com"},
	    {"a", "192.0.2.1", "example.org"}, {"a", "www.example.com", NULL}};
	struct endpoint seen[NITEMS(asks)], same;

	(void)state;
	for (size_t i = 0; i < NITEMS(asks); i++) {
		seen[i] = endpoint_of(asks[i][0], asks[i][1], asks[i][2]);
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(&seen[i], &seen[j], sizeof seen[i]);
	}
	same = endpoint_of("a", "2001:0DB8:0::1", NULL);
	assert_memory_equal(&same, &seen[3], sizeof same);
	same = endpoint_of("a", "192.0.2.1", "Example.COM");
	assert_memory_equal(&same, &seen[4], sizeof same);
	same = endpoint_of("a", "WWW.example.com", NULL);
	assert_memory_equal(&same, &seen[6], sizeof same);
}

static void
a_record_is_read_as_it_was_written_and_gone_when_deleted(void **state)
{
	struct endpoint endpoint = endpoint_of("m", "192.0.2.1", NULL);
	struct health_record record = {.version = HEALTH_RECORD_VERSION,
	    .state = HEALTH_DOWN,
	    .last_reason = REASON_HTTP_TIMEOUT,
	    .probes = 7,
	    .detail = "x"};
	struct health_record read;
	struct bytes value;
	struct store_txn *txn = begin(STORE_WRITE);

	(void)state;
	assert_false(health_get(txn, &endpoint, &read));
	assert_int_equal(health_put(txn, &endpoint, &record), 0);
	assert_true(health_get(txn, &endpoint, &read));
	assert_memory_equal(&read, &record, sizeof read);
	/* A record without detail is stored without it. */
	record.detail[0] = '\0';
	assert_int_equal(health_put(txn, &endpoint, &record), 0);
	assert_true(store_get(txn, TABLE_STATE, (struct bytes){endpoint.key, sizeof endpoint.key}, &value));
	assert_int_equal(value.len, offsetof(struct health_record, detail));
	assert_true(health_get(txn, &endpoint, &read));
	assert_memory_equal(&read, &record, sizeof read);
	record.version = HEALTH_RECORD_VERSION + 1; /* of another version: reads as none */
	assert_int_equal(health_put(txn, &endpoint, &record), 0);
	assert_false(health_get(txn, &endpoint, &read));
	assert_int_equal(health_delete(txn, &endpoint), 0);
	assert_int_equal(health_delete(txn, &endpoint), 0);
	assert_false(health_get(txn, &endpoint, &read));
	assert_int_equal(store_commit(txn), 0);
}

struct counted {
	uint64_t first, last, count;
};

static bool
count_flip(void *arg, uint64_t sequence, const struct health_flip *flip)
{
	struct counted *counted = arg;

	assert_int_equal(flip->at_ms, sequence); /* as the tests write them */
	if (counted->count++ == 0)
		counted->first = sequence;
	counted->last = sequence;
	return true;
}

static void
put_flips(uint64_t upto)
{
	struct store_txn *txn = begin(STORE_WRITE);

	for (uint64_t at = health_flip_last(txn) + 1; at <= upto; at++) {
		struct health_flip flip = {.state = HEALTH_UP, .at_ms = at};

		assert_int_equal(health_flip_put(txn, &flip), 0);
	}
	assert_int_equal(store_commit(txn), 0);
}

static void
the_feed_of_flips_tells_what_came_after_a_sequence_or_that_it_cannot(void **state)
{
	struct counted counted = {0};
	struct store_txn *txn = begin(STORE_READ);

	(void)state;
	assert_int_equal(health_flip_last(txn), 0);
	assert_true(health_flips_after(txn, 0, count_flip, &counted));
	assert_false(
	    health_flips_after(txn, 1, count_flip, &counted)); /* another feed than the one read before */
	store_abort(txn);
	put_flips(10);
	txn = begin(STORE_READ);
	assert_true(health_flips_after(txn, 10, count_flip, &counted));
	assert_int_equal(counted.count, 0);
	assert_true(health_flips_after(txn, 7, count_flip, &counted));
	assert_int_equal(counted.first, 8);
	assert_int_equal(counted.last, 10);
	assert_false(health_flips_after(txn, 11, count_flip, &counted));
	store_abort(txn);

	put_flips(HEALTH_FLIPS_KEPT + 100);
	txn = begin(STORE_READ);
	assert_int_equal(store_count(txn, TABLE_FLIPS), HEALTH_FLIPS_KEPT);
	assert_false(health_flips_after(txn, 99, count_flip, &counted));
	counted = (struct counted){0};
	assert_true(health_flips_after(txn, 100, count_flip, &counted));
	assert_int_equal(counted.count, HEALTH_FLIPS_KEPT);
	assert_int_equal(counted.last, HEALTH_FLIPS_KEPT + 100);
	store_abort(txn);
}

static void
every_reason_has_words_and_so_has_one_that_is_not_known(void **state)
{
	(void)state;
	for (unsigned i = 0; i < REASON_COUNT; i++) {
		assert_non_null(health_reason_text(i));
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(health_reason_text(i), health_reason_text(j));
	}
	assert_string_equal(health_reason_text(250), health_reason_text(REASON_OTHER_FAILURE));
}

static void
a_pool_that_counts_otherwise_has_other_endpoints(void **state)
{
	struct origin origin = {.address = (char *)"192.0.2.1"};
	struct pool plain = {.quorum = 0}, any = {.quorum = 1}, two = {.quorum = 2},
		    west = {.check_regions = 2};
	const struct pool *pools[] = {&plain, &any, &two, &west};
	struct endpoint endpoints[NITEMS(pools)], shared;

	(void)state;
	assert_true(address_from_text(&origin.ip, origin.address));
	shared = health_endpoint("m", &origin, &origin.ip);
	for (size_t i = 0; i < NITEMS(pools); i++) {
		endpoints[i] = health_pool_endpoint(pools[i], "m", &origin, &origin.ip);
		assert_true((memcmp(&endpoints[i], &shared, sizeof shared) == 0) == (i == 0));
		for (size_t k = 0; k < i; k++)
			assert_memory_not_equal(&endpoints[i], &endpoints[k], sizeof shared);
	}
}

static void
the_times_of_a_day_are_kept(void **state)
{
	const int64_t half = HEALTH_TIME_MS, begin = 1000000 * half;
	struct health_record record = {0};

	(void)state;
	for (unsigned ago = 0; ago < HEALTH_TIMES; ago++)
		assert_int_equal(health_time_us(&record, ago, begin), 0);
	/* The last one of each half hour, within 6 %. */
	for (uint32_t us = 1; us < 60000000; us += 1 + us / 50) {
		uint32_t kept;

		health_time_add(&record, us + 1000, begin);
		health_time_add(&record, us, begin + half - 1);
		kept = health_time_us(&record, 0, begin + half - 1);
		assert_in_range(kept, us - us * 6 / 100 - (us < 16), us + us * 6 / 100 + (us < 16));
	}
	memset(&record, 0, sizeof record);
	for (unsigned n = 0; n < 100; n++)
		health_time_add(&record, 1 << (n % 20 + 4), begin + n * half);
	for (unsigned ago = 0; ago < HEALTH_TIMES; ago++)
		assert_int_equal(health_time_us(&record, ago, begin + 99 * half), 1 << ((99 - ago) % 20 + 4));
	assert_int_equal(health_time_us(&record, HEALTH_TIMES, begin + 99 * half), 0);
	/* Without checks they grow old. */
	assert_int_equal(health_time_us(&record, 0, begin + 101 * half), 0);
	assert_int_equal(health_time_us(&record, 2, begin + 101 * half), 1 << (99 % 20 + 4));
	/* A gap, and a clock that is set. */
	health_time_add(&record, 64, begin + 102 * half);
	assert_int_equal(health_time_us(&record, 0, begin + 102 * half), 64);
	assert_int_equal(health_time_us(&record, 1, begin + 102 * half), 0);
	assert_int_equal(health_time_us(&record, 3, begin + 102 * half), 1 << (99 % 20 + 4));
	health_time_add(&record, 128, begin + 50 * half);
	for (unsigned ago = 0; ago < HEALTH_TIMES; ago++)
		assert_int_equal(health_time_us(&record, ago, begin + 50 * half), ago == 0 ? 128 : 0);
	health_time_add(&record, 256, begin + 1000 * half);
	for (unsigned ago = 1; ago < HEALTH_TIMES; ago++)
		assert_int_equal(health_time_us(&record, ago, begin + 1000 * half), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_pool_that_counts_otherwise_has_other_endpoints),
	    cmocka_unit_test(an_endpoint_is_what_its_probe_asks),
	    cmocka_unit_test(a_record_is_read_as_it_was_written_and_gone_when_deleted),
	    cmocka_unit_test(the_feed_of_flips_tells_what_came_after_a_sequence_or_that_it_cannot),
	    cmocka_unit_test(the_times_of_a_day_are_kept),
	    cmocka_unit_test(every_reason_has_words_and_so_has_one_that_is_not_known),
	};

	return cmocka_run_group_tests(tests, open_store, close_store);
}
