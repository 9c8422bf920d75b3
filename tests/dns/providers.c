/* Keys of other providers (S110): which procedure they need, their marks at each step, and their rows. */
#include "signer/rollover/providers.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

enum { ZONE = 7, NOW = 1000 };

static const struct rollover_clock now = {NOW, NOW, 1};
static struct public_key keys[3]; /* a KSK and two ZSKs */
static struct dnssec_policy policy = {.providers = keys};
static uint8_t apex[NAME_MAX_LEN];
static struct providers providers;
static struct rollover rollover;

static int
set_up(void **state)
{
	(void)state;
	name_from_text(apex, "two.example.", NULL);
	providers = (struct providers){.count = 0};
	rollover = (struct rollover){.kind = ROLLOVER_NONE};
	for (unsigned i = 0; i < NITEMS(keys); i++) {
		keys[i].len = DNSKEY_MAX;
		memset(keys[i].dnskey, (int)i + 1, DNSKEY_MAX);
		memcpy(keys[i].dnskey, (const uint8_t[]){1, i == 0, 3, 13}, 4);
	}
	policy.nproviders = 0;
	return 0;
}

/* The policy has this many keys: those from first on. What is due? */
static enum rollover_kind
list(unsigned first, size_t count)
{
	policy.providers = keys + first;
	policy.nproviders = count;
	providers_list(&providers, apex, &policy);
	return providers_due(&providers, &rollover);
}

static void
begin(enum rollover_kind kind)
{
	rollover_begin(&rollover, kind, NULL, NULL, &now);
	providers_take_step(&providers, &rollover, NOW);
}

static void
advance(void)
{
	providers_settle(&providers, NOW);
	rollover_advance(&rollover, &now);
	providers_take_step(&providers, &rollover, NOW);
}

/* Marks in the order of enum key_mark, "cehg" for their states. */
static void
expect(unsigned row, const char *marks)
{
	static const char letters[] = "hceg";
	char got[KEY_MARKS + 1] = "";

	for (unsigned i = 0; i < KEY_MARKS; i++)
		got[i] = letters[providers.rows[row].marks[i]];
	assert_string_equal(got, marks);
}

static void
keys_come_by_two_steps(void **state)
{
	(void)state;
	assert_int_equal(list(0, 2), ROLLOVER_PROVIDER_COMES);
	begin(ROLLOVER_PROVIDER_COMES);
	expect(0, "cchc");
	expect(1, "chhc");
	assert_int_equal(list(0, 2), ROLLOVER_NONE); /* it runs */
	advance();
	expect(0, "eece");
	assert_false(providers_hold(&providers)); /* the DS may not be there yet */
	expect(1, "ehhe");
	advance();
	expect(0, "eeee");
	assert_int_equal(rollover.kind, ROLLOVER_NONE);
	assert_int_equal(list(0, 2), ROLLOVER_NONE);
	assert_true(providers_hold(&providers));
}

static void
keys_that_the_policy_lost_go_by_three_steps(void **state)
{
	keys_come_by_two_steps(state);
	assert_int_equal(list(1, 1), ROLLOVER_PROVIDER_GOES);
	begin(ROLLOVER_PROVIDER_GOES);
	expect(0, "egeg");
	expect(1, "ehhe"); /* it stays */
	assert_int_equal(list(1, 1), ROLLOVER_NONE);
	advance();
	expect(0, "ehgh");
	advance();
	expect(0, "ghhh");
	advance();
	expect(0, "hhhh");
	assert_int_equal(rollover.kind, ROLLOVER_NONE);
	assert_int_equal(list(1, 1), ROLLOVER_NONE);
}

static void
a_key_that_is_taken_back_turns_the_procedure(void **state)
{
	(void)state;
	list(0, 1);
	begin(ROLLOVER_PROVIDER_COMES);
	assert_int_equal(list(0, 0), ROLLOVER_PROVIDER_GOES);
	begin(ROLLOVER_PROVIDER_GOES);
	expect(0, "cghg");
	assert_int_equal(list(0, 1), ROLLOVER_PROVIDER_COMES);
	begin(ROLLOVER_PROVIDER_COMES);
	expect(0, "cchc");
	assert_int_equal(list(0, 2), ROLLOVER_PROVIDER_COMES); /* another one comes, too */
	begin(ROLLOVER_PROVIDER_COMES);
	expect(1, "chhc");
}

static void
a_key_that_comes_beside_others_leaves_their_ds(void **state)
{
	keys_come_by_two_steps(state);
	assert_int_equal(list(0, 3), ROLLOVER_PROVIDER_COMES);
	begin(ROLLOVER_PROVIDER_COMES);
	expect(0, "eeee");
	expect(2, "chhc");
}

static void
other_procedures_end_first(void **state)
{
	(void)state;
	rollover.kind = ROLLOVER_KEY;
	assert_int_equal(list(0, 1), ROLLOVER_NONE);
	rollover.kind = ROLLOVER_ENABLE; /* before the DS it begins again, with them */
	assert_int_equal(list(0, 1), ROLLOVER_ENABLE);
	rollover.step = 1;
	assert_int_equal(list(0, 1), ROLLOVER_NONE);
}

static void
rows_outlive_a_restart_until_all_is_over(void **state)
{
	char directory[] = "/tmp/graycloud-providers-XXXXXX", *command;
	struct problems problems = {0};
	struct store *store;
	struct store_txn *txn;

	keys_come_by_two_steps(state);
	assert_non_null(mkdtemp(directory));
	store = store_open(directory, STORE_SIGNATURES, STORE_WRITE, &problems);
	assert_non_null(store);
	assert_int_equal(store_begin(store, STORE_WRITE, &txn), 0);
	assert_int_equal(providers_write(&providers, txn, ZONE, true), 0);
	providers_read(&providers, txn, ZONE);
	assert_int_equal(providers.count, 2);
	assert_int_equal(list(0, 0), ROLLOVER_PROVIDER_GOES);
	assert_int_equal(providers_write(&providers, txn, ZONE, true), 0); /* shown, and not listed */
	assert_int_equal(providers.count, 2);
	begin(ROLLOVER_PROVIDER_GOES);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(providers_write(&providers, txn, ZONE, false), 0);
		providers_read(&providers, txn, ZONE);
		list(0, 0);
		assert_int_equal(providers.count, 2);
		advance();
	}
	assert_int_equal(providers_write(&providers, txn, ZONE, false), 0); /* another procedure runs */
	assert_int_equal(providers.count, 2);
	list(1, 1); /* hidden, and listed */
	assert_int_equal(providers_write(&providers, txn, ZONE, true), 0);
	assert_int_equal(providers.count, 1);
	list(0, 0);
	assert_int_equal(providers_write(&providers, txn, ZONE, true), 0);
	providers_read(&providers, txn, ZONE);
	assert_int_equal(providers.count, 0);
	store_abort(txn);
	store_close(store);
	command = xasprintf("rm -r %s", directory);
	assert_int_equal(system(command), 0);
	free(command);
	problems_free(&problems);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(keys_come_by_two_steps, set_up),
	    cmocka_unit_test_setup(keys_that_the_policy_lost_go_by_three_steps, set_up),
	    cmocka_unit_test_setup(a_key_that_is_taken_back_turns_the_procedure, set_up),
	    cmocka_unit_test_setup(a_key_that_comes_beside_others_leaves_their_ds, set_up),
	    cmocka_unit_test_setup(other_procedures_end_first, set_up),
	    cmocka_unit_test_setup(rows_outlive_a_restart_until_all_is_over, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
