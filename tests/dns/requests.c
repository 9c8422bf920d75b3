/*
 * What becomes of requests of the configuration and of states of other nodes (S107, S110, S111): which
 * procedure begins, which goes on, and whose steps this node takes.
 */
#include "signer/keys/keyring_follow.h"
#include "signer/settle/rollovers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { HOUR_MS = 3600000 };

static char directory[64];
static struct store *store;
static struct store_txn *txn;
static struct problems problems;
static struct zone_info zone = {.number = 1};
static char zone_text[] = "asked.example";
static struct dnssec_policy policy;
static struct public_key provider = {.len = DNSKEY_MAX, .dnskey = {1, 1, 3, 13, 5}};
static const struct rollover_options options = {.pace = {600000, HOUR_MS}, .key_ttl = 3600};
static struct rollovers *rollovers;
static struct keyring *ring;

static int
set_up(void **state)
{
	const struct rollover_clock now = {1000, 1000, 1};

	(void)state;
	snprintf(directory, sizeof directory, "/tmp/graycloud-asked-XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	name_from_text(zone.name, zone_text, NULL);
	policy = (struct dnssec_policy){.name = zone_text, .algorithm = ALGORITHM_ECDSAP256};
	store = store_open(directory, STORE_SIGNATURES, STORE_WRITE, &problems);
	rollovers = rollovers_new(&options, &problems);
	if (store == NULL || rollovers == NULL || store_begin(store, STORE_WRITE, &txn) != 0)
		return -1;
	ring = keyring_open(txn, directory, &zone, &policy, true, &problems);
	if (ring == NULL)
		return -1;
	keyring_advance(ring, &now); /* its DS is at the parent */
	keyring_advance(ring, &now);
	return 0;
}

static int
tear_down(void **state)
{
	char *command = xasprintf("rm -r %s", directory);
	int rc;

	(void)state;
	keyring_free(ring);
	rollovers_free(rollovers);
	store_abort(txn);
	store_close(store);
	problems_free(&problems);
	rc = system(command);
	free(command);
	return rc;
}

static enum rollovers_settled
settle(bool here, const struct key_state *arrived)
{
	const struct rollovers_asked asked = {
	    .policy = &policy, .here = here, .arrived = arrived, .ttl_data = 300};

	return rollovers_settle(rollovers, zone.number, ring, &asked);
}

static void
expect(enum rollovers_settled settled, enum rollover_kind kind)
{
	assert_int_equal(settle(true, NULL), settled);
	assert_int_equal(keyring_rollover(ring)->kind, kind);
}

/* The step was seen, and its wait is over. */
static void
finish_step(struct rollover *rollover)
{
	rollover->first = rollover->shown = rollover->until = (int64_t)wall_ms() - 1000;
	rollover->looked = (int64_t)wall_ms();
	rollover->until_boot = rollover->boot = 0;
}

/* ---- rollovers ---- */

static void
a_rollover_begins_once_for_each_request(void **state)
{
	struct rollover *rollover = keyring_rollover(ring);

	(void)state;
	expect(ROLLOVERS_SAME, ROLLOVER_NONE);
	assert_int_equal(rollover->ttl_data, 300);
	assert_int_equal(rollover->ttl_dnskey, 3600);
	policy.rollover = 2;
	expect(ROLLOVERS_STEPPED, ROLLOVER_KEY);
	assert_int_equal(rollover->step, 0);
	expect(ROLLOVERS_SAME, ROLLOVER_KEY);
	policy.rollover = 1; /* `undo` */
	expect(ROLLOVERS_NOTED, ROLLOVER_KEY);
	finish_step(rollover);
	assert_true(rollovers_turn(rollovers, zone.number, ring));
	expect(ROLLOVERS_STEPPED, ROLLOVER_KEY);
	assert_int_equal(rollover->step, 1);
	for (unsigned i = 0; i < 4; i++) {
		finish_step(rollover);
		settle(true, NULL);
	}
	expect(ROLLOVERS_SAME, ROLLOVER_NONE);
	policy.rollover = 0;
	expect(ROLLOVERS_NOTED, ROLLOVER_NONE);
}

static void
a_request_of_another_node_or_before_the_ds_begins_nothing(void **state)
{
	const struct rollover_clock now = {1000, 1000, 1};

	(void)state;
	policy.rollover = 1;
	assert_int_equal(settle(false, NULL), ROLLOVERS_NOTED);
	assert_int_equal(keyring_rollover(ring)->kind, ROLLOVER_NONE);
	keyring_begin(ring, ROLLOVER_ENABLE, &now);
	policy.rollover = 2;
	expect(ROLLOVERS_NOTED, ROLLOVER_ENABLE);
	expect(ROLLOVERS_SAME, ROLLOVER_ENABLE);
}

static void
the_request_decides_which_rollover_it_is(void **state)
{
	static const struct {
		unsigned algorithm;
		bool emergency;
		enum rollover_kind kind;
	} rows[] = {{ALGORITHM_ECDSAP256, false, ROLLOVER_KEY},
	    {ALGORITHM_ECDSAP256, true, ROLLOVER_EMERGENCY}, {ALGORITHM_ED25519, false, ROLLOVER_ALGORITHM},
	    {ALGORITHM_ED25519, true, ROLLOVER_ALGORITHM}};

	for (size_t i = 0; i < NITEMS(rows); i++) {
		policy.rollover = 1;
		policy.algorithm = rows[i].algorithm;
		policy.emergency = rows[i].emergency;
		expect(ROLLOVERS_STEPPED, rows[i].kind);
		assert_int_equal(keyring_rollover(ring)->hurry, rows[i].emergency);
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
	}
	/* Without a KSK and a ZSK there is no ZSK to roll. */
	policy.rollover = 1;
	policy.roll = ROLL_ZSK;
	expect(ROLLOVERS_NOTED, ROLLOVER_NONE);
}

static void
only_a_rollover_that_runs_becomes_an_emergency(void **state)
{
	(void)state;
	policy.rollover = 1;
	expect(ROLLOVERS_STEPPED, ROLLOVER_KEY);
	policy.rollover = 2; /* another one, meanwhile */
	expect(ROLLOVERS_NOTED, ROLLOVER_KEY);
	assert_false(keyring_rollover(ring)->hurry);
	policy.rollover = 3;
	policy.emergency = true;
	expect(ROLLOVERS_NOTED, ROLLOVER_KEY);
	assert_true(keyring_rollover(ring)->hurry);
	assert_int_equal(tear_down(state), 0);
	assert_int_equal(set_up(state), 0);
	policy.providers = &provider;
	policy.nproviders = 1;
	expect(ROLLOVERS_STEPPED, ROLLOVER_PROVIDER_COMES);
	policy.rollover = 1;
	policy.emergency = true;
	expect(ROLLOVERS_NOTED, ROLLOVER_PROVIDER_COMES);
	assert_false(keyring_rollover(ring)->hurry);
}

static void
a_rollover_is_cancelled_until_the_ds_may_be_there(void **state)
{
	(void)state;
	policy.cancelled = 1; /* nothing runs */
	expect(ROLLOVERS_NOTED, ROLLOVER_NONE);
	policy.rollover = 1;
	expect(ROLLOVERS_STEPPED, ROLLOVER_KEY);
	finish_step(keyring_rollover(ring));
	expect(ROLLOVERS_STEPPED, ROLLOVER_KEY);
	policy.cancelled = 2;
	expect(ROLLOVERS_NOTED, ROLLOVER_KEY);
	assert_int_equal(tear_down(state), 0);
	assert_int_equal(set_up(state), 0);
	policy.rollover = 1;
	expect(ROLLOVERS_STEPPED, ROLLOVER_KEY);
	policy.cancelled = 1;
	assert_int_equal(settle(false, NULL), ROLLOVERS_NOTED); /* given at another node */
	assert_int_equal(keyring_rollover(ring)->kind, ROLLOVER_KEY);
	policy.cancelled = 2;
	expect(ROLLOVERS_STEPPED, ROLLOVER_CANCEL);
}

/* ---- the end ---- */

static void
disable_waits_for_a_rollover_and_is_taken_back(void **state)
{
	struct rollover *rollover = keyring_rollover(ring);

	(void)state;
	policy.rollover = 1;
	expect(ROLLOVERS_STEPPED, ROLLOVER_KEY);
	policy.ending = ENDING_DISABLE;
	expect(ROLLOVERS_SAME, ROLLOVER_KEY);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(rollover->kind, ROLLOVER_KEY);
		finish_step(rollover);
		settle(true, NULL);
	}
	expect(ROLLOVERS_STEPPED, ROLLOVER_DISABLE);
	policy.ending = ENDING_NONE;
	expect(ROLLOVERS_STEPPED, ROLLOVER_ENABLE);
	policy.ending = ENDING_DISABLE;
	expect(ROLLOVERS_STEPPED, ROLLOVER_DISABLE);
	finish_step(rollover);
	expect(ROLLOVERS_ENDED, ROLLOVER_DISABLED);
	expect(ROLLOVERS_ENDED, ROLLOVER_DISABLED);
}

/* Its data is not signed by anything else. */
static void
a_lost_key_waits_for_nothing(void **state)
{
	(void)state;
	policy.rollover = 1;
	expect(ROLLOVERS_STEPPED, ROLLOVER_KEY);
	policy.ending = ENDING_KEY_LOST;
	expect(ROLLOVERS_STEPPED, ROLLOVER_KEY_LOST);
	expect(ROLLOVERS_SAME, ROLLOVER_KEY_LOST);
	policy.ending = ENDING_NONE;
	expect(ROLLOVERS_STEPPED, ROLLOVER_ENABLE);
}

/* S110: then the DS of the other provider stays. */
static void
a_zone_with_another_provider_moves_out(void **state)
{
	struct rollover *rollover = keyring_rollover(ring);

	(void)state;
	policy.providers = &provider;
	policy.nproviders = 1;
	expect(ROLLOVERS_STEPPED, ROLLOVER_PROVIDER_COMES);
	for (unsigned i = 0; i < 2; i++) {
		finish_step(rollover);
		settle(true, NULL);
	}
	expect(ROLLOVERS_SAME, ROLLOVER_NONE);
	policy.ending = ENDING_DISABLE;
	expect(ROLLOVERS_STEPPED, ROLLOVER_MOVE_OUT);
	policy.ending = ENDING_NONE;
	expect(ROLLOVERS_STEPPED, ROLLOVER_ENABLE);
}

/* ---- another node leads ---- */

/* The state of the ring, as the node that leads would write it. */
static void
state_of(struct key_state *state)
{
	const struct signing_key *rows;

	*state = (struct key_state){.rollover = *keyring_rollover(ring)};
	state->nkeys = keyring_rows(ring, &rows);
	memcpy(state->keys, rows, state->nkeys * sizeof *rows);
	keyring_apex(ring, state->apex);
	snprintf(state->rollover.leading.name, LEADER_MAX, "ns1");
}

static void
who_follows_takes_looks_and_no_step(void **unused)
{
	static struct key_state state;
	struct rollover *rollover = keyring_rollover(ring);

	(void)unused;
	policy.rollover = 1;
	expect(ROLLOVERS_STEPPED, ROLLOVER_KEY);
	state_of(&state);
	state.rollover.leading.change++;
	assert_int_equal(settle(true, &state), ROLLOVERS_STEPPED);
	assert_true(rollover_follows(rollover));
	/* The same step: a newer look, and an older one. */
	state.rollover.looked = (int64_t)wall_ms();
	state.rollover.nlacking = 1;
	assert_int_equal(settle(true, &state), ROLLOVERS_NOTED);
	assert_int_equal(rollover->looked, state.rollover.looked);
	assert_int_equal(rollover->nlacking, 1);
	state.rollover.looked -= HOUR_MS;
	state.rollover.nlacking = 0;
	assert_int_equal(settle(true, &state), ROLLOVERS_SAME);
	assert_int_equal(rollover->nlacking, 1);
	/* That the other node leaves DNSSEC is a look at something else. */
	state.rollover.kind = ROLLOVER_DISABLE;
	state.rollover.leading.leader ^= 1;
	state.rollover.looked = (int64_t)wall_ms() + HOUR_MS;
	assert_int_equal(settle(true, &state), ROLLOVERS_SAME);
	assert_int_equal(rollover->nlacking, 1);
	/* What it sees itself is no step, and times in the future are those of the other clock. */
	finish_step(rollover);
	assert_false(rollovers_turn(rollovers, zone.number, ring));
	expect(ROLLOVERS_SAME, ROLLOVER_KEY);
	assert_int_equal(rollover->step, 0);
	rollover->since = (int64_t)wall_ms() + HOUR_MS;
	expect(ROLLOVERS_SAME, ROLLOVER_KEY);
	/* Requests are refused, until it leads. */
	policy.rollover = 2;
	policy.emergency = true;
	policy.cancelled = 1;
	expect(ROLLOVERS_NOTED, ROLLOVER_KEY);
	assert_false(rollover->hurry);
	policy.lead = 1;
	expect(ROLLOVERS_STEPPED, ROLLOVER_KEY);
	assert_false(rollover_follows(rollover));
	assert_true(rollover->since <= (int64_t)wall_ms());
	assert_int_equal(rollover->first, 0);
	expect(ROLLOVERS_SAME, ROLLOVER_KEY);
}

/* S106: a clock that was ahead wrote its times. */
static void
times_in_the_future_are_set_right(void **state)
{
	struct rollover *rollover = keyring_rollover(ring);

	(void)state;
	policy.rollover = 1;
	expect(ROLLOVERS_STEPPED, ROLLOVER_KEY);
	rollover->since = (int64_t)wall_ms() + HOUR_MS;
	expect(ROLLOVERS_NOTED, ROLLOVER_KEY);
	assert_true(rollover->since <= (int64_t)wall_ms());
}

#define REQUEST_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    REQUEST_TEST(a_rollover_begins_once_for_each_request),
	    REQUEST_TEST(a_request_of_another_node_or_before_the_ds_begins_nothing),
	    REQUEST_TEST(the_request_decides_which_rollover_it_is),
	    REQUEST_TEST(only_a_rollover_that_runs_becomes_an_emergency),
	    REQUEST_TEST(a_rollover_is_cancelled_until_the_ds_may_be_there),
	    REQUEST_TEST(disable_waits_for_a_rollover_and_is_taken_back),
	    REQUEST_TEST(a_lost_key_waits_for_nothing),
	    REQUEST_TEST(a_zone_with_another_provider_moves_out),
	    REQUEST_TEST(who_follows_takes_looks_and_no_step),
	    REQUEST_TEST(times_in_the_future_are_set_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
