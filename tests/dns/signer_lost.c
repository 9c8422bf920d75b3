/* S100: zones and load balancers whose signatures are lost, in a compiler that goes on with what it has read.
 */
#include "tests/dns/signer_place.h"

/* ---- zones ---- */

/* The store is made again, empty. */
static void
lose(struct place *place)
{
	struct store_txn *txn;

	assert_int_equal(store_begin(place->signatures, STORE_WRITE, &txn), 0);
	assert_int_equal(signatures_drop_zone(txn, 1), 0);
	assert_int_equal(signer_generation_put(txn, 0), 0);
	assert_int_equal(store_commit(txn), 0);
}

static enum compiled
look_at(struct place *place, bool anew)
{
	struct reading reading = read_stores(place);
	enum compiled compiled =
	    compiler_signatures(place->compiler, reading.config, reading.signatures, NULL, anew);

	end(place, &reading);
	return compiled;
}

static enum compiled
look(struct place *place)
{
	return look_at(place, true);
}

static void
a_zone_whose_signatures_are_lost_stays_as_it_is(void **state)
{
	struct place *place = *state;

	lose(place);
	assert_int_equal(look(place), COMPILED_SAME);
	assert_true(compiler_has_signed(place->compiler));
	put_pool(place, "eu");
	assert_true(waits(place));
	assert_true(waits_anew(place));
	put_zone(place);
	assert_true(waits(place));
}

/* The signer may go on with other zones: that all of them is signed says nothing of this one. */
static void
its_changes_wait_although_the_signer_has_done_all_that_it_can(void **state)
{
	struct place *place = *state;
	uint64_t generation = put_zone(place);
	struct store_txn *txn;

	lose(place);
	assert_int_equal(store_begin(place->signatures, STORE_WRITE, &txn), 0);
	assert_int_equal(signer_generation_put(txn, generation), 0);
	assert_int_equal(store_commit(txn), 0);
	assert_true(waits(place));
	sign(place, generation);
	assert_false(waits(place));
}

static void
what_is_not_of_signed_zones_does_not_wait_although_signatures_are_lost(void **state)
{
	struct place *place = *state;
	struct config_edit *edit;

	lose(place);
	edit = begin(place);
	config_put_object(edit, KIND_MONITOR, "33333333333333333333333333333333", "m", NULL,
	    (struct bytes){"{\"name\":\"m\"}", 12});
	commit(edit);
	assert_false(waits(place));
	assert_true(waits_anew(place)); /* all zones would be built again */
	follow(place);
	assert_true(compiler_has_signed(place->compiler));
}

/* Another zone is signed, and the signer has done all. */
static void
a_zone_that_is_signed_does_not_wait_for_one_whose_signatures_are_lost(void **state)
{
	struct place *place = *state;

	put_zone_of(place, "fine.example");
	sign_zone(place, 2, put_policy_of(place, "66666666666666666666666666666666", "fine.example"));
	follow(place);
	lose(place);
	sign_zone(place, 2, put_zone_of(place, "fine.example"));
	assert_false(waits(place));
	put_zone(place);
	assert_true(waits(place));
}

/* Run a command on the directory of the place and on another one beside it. */
static void
shell(const struct place *place, const char *format)
{
	char *command = xasprintf(format, place->directory);

	assert_int_equal(system(command), 0);
	free(command);
}

static void
open_other_config(struct place *place)
{
	struct problems problems = {0};
	char *directory = xasprintf("%s.other", place->directory);

	place->config = store_open(directory, STORE_CONFIG, STORE_WRITE, &problems);
	assert_non_null(place->config);
	problems_free(&problems);
	free(directory);
}

/* All is read again then, which a zone whose signatures are lost does not survive (S100). */
static void
a_configuration_that_was_restored_waits_while_signatures_are_lost(void **state)
{
	struct place *place = *state;
	struct store *config = place->config;
	struct store_txn *txn;

	shell(place, "d=%s && cp -r $d $d.other");
	sign(place, put_pool(place, "eu"));
	follow(place);
	lose(place);
	open_other_config(place); /* that of before the pool */
	assert_true(waits(place));
	store_close(place->config);
	shell(place, "d=%s && rm -r $d.other");
	place->config = config;
	put_policy(place);
	assert_false(waits(place));
	assert_int_equal(store_begin(place->config, STORE_WRITE, &txn), 0);
	assert_int_equal(
	    store_put(txn, TABLE_META, (struct bytes){"history", 7}, (struct bytes){"another", 8}), 0);
	assert_int_equal(store_commit(txn), 0);
	assert_true(waits(place)); /* it has the same generation, and is another one */
}

static void
a_zone_whose_signing_the_signer_ended_is_not_lost(void **state)
{
	const struct rollover over = {.kind = ROLLOVER_DISABLED};
	struct place *place = *state;
	struct store_txn *txn;

	lose(place);
	assert_int_equal(store_begin(place->signatures, STORE_WRITE, &txn), 0);
	assert_int_equal(rollover_put(txn, 1, &over), 0);
	assert_int_equal(store_commit(txn), 0);
	assert_int_equal(look(place), COMPILED_NEW);
	assert_false(compiler_has_signed(place->compiler));
}

/* ---- load balancers ---- */

static bool
keep_none(void *arg, const struct steered_signature *row)
{
	(void)arg, (void)row;
	return false;
}

/* A nameserver reads a signature, which ends in some seconds from now; then it is lost with the store. */
static void
lose_steered(struct place *place, int ends)
{
	static const uint8_t address[] = {192, 0, 2, 1};
	struct steered_signature row = {.zone = 1,
	    .ttl = 30,
	    .type = TYPE_A,
	    .count = 1,
	    .addresses = address,
	    .signature = {
		.algorithm = 13, .key_tag = 1, .expiration = (uint32_t)((int64_t)wall_ms() / 1000 + ends)}};
	struct store_txn *txn;

	name_from_text(row.owner, "lb.example.com", NULL);
	assert_int_equal(store_begin(place->signatures, STORE_WRITE, &txn), 0);
	assert_int_equal(steered_append(txn, &row), 0);
	assert_int_equal(store_commit(txn), 0);
	look_at(place, false);
	lose(place);
	assert_int_equal(store_begin(place->signatures, STORE_WRITE, &txn), 0);
	assert_int_equal(steered_prune(txn, keep_none, NULL), 0);
	assert_int_equal(store_commit(txn), 0);
	look(place);
}

static size_t
kept(const struct place *place)
{
	return signature_table_count(compiler_snapshot(place->compiler)->kept);
}

/* S100 */
static void
signatures_of_load_balancers_are_kept_until_all_is_signed_and_they_have_ended(void **state)
{
	struct place *place = *state;
	uint64_t generation = compiler_snapshot(place->compiler)->generation;

	assert_int_equal(kept(place), 0);
	lose_steered(place, -3600);
	assert_int_equal(kept(place), 1);
	look_at(place, false); /* not all is signed */
	assert_int_equal(kept(place), 1);
	look(place); /* the store is lost once more */
	assert_int_equal(kept(place), 1);
	sign(place, generation);
	look_at(place, false);
	assert_int_equal(kept(place), 0);
	lose_steered(place, 3600);
	sign(place, generation);
	look_at(place, false); /* it has not ended */
	assert_int_equal(kept(place), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_zone_whose_signatures_are_lost_stays_as_it_is, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(
		its_changes_wait_although_the_signer_has_done_all_that_it_can, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(
		what_is_not_of_signed_zones_does_not_wait_although_signatures_are_lost, make_place,
		drop_place),
	    cmocka_unit_test_setup_teardown(
		a_zone_that_is_signed_does_not_wait_for_one_whose_signatures_are_lost, make_place,
		drop_place),
	    cmocka_unit_test_setup_teardown(
		a_configuration_that_was_restored_waits_while_signatures_are_lost, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(
		a_zone_whose_signing_the_signer_ended_is_not_lost, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(
		signatures_of_load_balancers_are_kept_until_all_is_signed_and_they_have_ended, make_place,
		drop_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
