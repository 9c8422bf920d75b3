/*
 * A compiler beside the stores of the signer: which configurations wait for signatures (S103), and which
 * zones are signed.
 */
#include "tests/dns/signer_place.h"

/* ---- which configurations wait ---- */

static void
a_change_of_a_signed_zone_waits_until_it_is_signed(void **state)
{
	struct place *place = *state;
	uint64_t generation = put_zone(place);

	assert_true(compiler_has_signed(place->compiler));
	assert_true(waits(place));
	sign(place, generation);
	assert_false(waits(place));
}

/* S103: each pool and load balancer may belong to a signed zone. */
static void
changes_of_pools_and_load_balancers_wait_and_of_other_zones_and_policies_do_not(void **state)
{
	struct place *place = *state;

	put_zone_of(place, "unsigned.example");
	assert_false(waits(place));
	follow(place);
	put_zone_of(place, "unsigned.example");
	assert_false(waits(place));
	put_policy(place);
	assert_false(waits(place));
	follow(place);
	sign(place, put_lb(place));
	follow(place);
	put_lb(place);
	assert_true(waits(place));
	sign(place, put_lb(place));
	follow(place);
	put_pool(place, "eu");
	assert_true(waits(place));
}

/* The signer was faster than the nameserver: it has signed a zone that the snapshot does not have. */
static void
a_zone_that_came_signed_waits(void **state)
{
	struct place *place = *state;
	uint64_t generation = put_zone_of(place, "later.example");

	sign_zone(place, 2, generation - 1);
	assert_true(waits(place));
	sign_zone(place, 2, generation);
	assert_false(waits(place));
}

/* The store keeps the signatures of two configurations: those of one between may be gone. */
static void
a_configuration_waits_while_the_signer_is_ahead(void **state)
{
	struct place *place = *state;
	uint64_t generation = put_zone(place);

	sign(place, generation + 2);
	assert_true(waits(place));
	put_zone(place);
	assert_true(waits(place));
	put_zone(place);
	assert_false(waits(place));
}

static void
a_zone_whose_policy_is_gone_is_not_signed_although_the_signer_has_ended(void **state)
{
	struct place *place = *state;

	delete_policy(place);
	assert_false(waits(place));
	follow(place);
	assert_false(compiler_has_signed(place->compiler));
}

static void
nothing_waits_for_the_signer_if_no_zone_is_to_be_signed(void **state)
{
	struct place *place = *state;

	delete_policy(place);
	follow(place);
	put_pool(place, "eu");
	assert_false(waits(place));
	put_zone(place);
	assert_false(waits(place));
	follow(place);
}

/* The rows are those of the time before: data has changed since. */
static void
a_zone_that_is_enabled_again_waits_for_the_signer(void **state)
{
	struct place *place = *state;
	uint64_t generation;

	delete_policy(place);
	put_zone(place);
	follow(place);
	generation = put_policy(place);
	assert_true(waits(place));
	sign(place, generation);
	assert_false(waits(place));
	follow(place);
	assert_true(compiler_has_signed(place->compiler));
}

/* ---- renewals ---- */

/* A source of signatures that counts the RRsets that it is asked for. */
struct counting {
	struct compiler_signing signing;
	struct zone_signing zone;
	unsigned asked;
	bool known; /* it knows which owners were renewed */
};

static size_t
find_any(void *arg, const struct bytes *key, const struct signed_set *set, uint8_t *out)
{
	struct counting *counting = arg;
	struct rrsig_covers covers = {.apex = set->apex,
	    .apex_len = name_len(set->apex),
	    .type = set->rrset.type,
	    .labels = signed_labels(set->owner),
	    .ttl = set->rrset.ttl};

	(void)key;
	counting->asked++;
	return rrsig_write(out, &covers, &(struct signature){.algorithm = 13, .key_tag = 1});
}

static const struct zone_signing *
signed_by_counting(void *arg, const struct zone_info *info)
{
	(void)info;
	return &((struct counting *)arg)->zone;
}

static bool
one_was_renewed(
    void *arg, const struct zone_info *info, uint64_t version, compiler_renewed_fn *fn, void *fn_arg)
{
	uint8_t name[NAME_MAX_LEN], key[NAME_MAX_KEY];

	name_from_text(name, "n7.example.com", NULL);
	assert_int_equal(version, 1);
	fn(fn_arg, &(struct bytes){key, name_to_key(key, name, info->name)});
	return ((struct counting *)arg)->known;
}

/* Compile after the version rose. Returns how many RRsets were looked up. */
static unsigned
renew(struct place *place, struct counting *counting)
{
	struct reading reading = read_stores(place);

	compiler_set_signing(place->compiler, &counting->signing);
	counting->zone.version++;
	counting->asked = 0;
	assert_int_equal(
	    compiler_signatures(place->compiler, reading.config, reading.signatures, NULL, false),
	    COMPILED_NEW);
	assert_int_equal(
	    compiler_signatures(place->compiler, reading.config, reading.signatures, NULL, false),
	    COMPILED_SAME);
	assert_int_equal(compiler_unsigned(place->compiler), 0);
	end(place, &reading);
	return counting->asked;
}

static void
counting_init(struct place *place, struct counting *counting)
{
	struct config_edit *edit = begin(place);
	struct zone_info zone;
	struct reading reading;

	name_from_text(zone.name, "example.com", NULL);
	assert_true(config_zone(config_edit_txn(edit), zone.name, &zone));
	for (unsigned i = 0; i < 100; i++) {
		uint8_t name[NAME_MAX_LEN], key[NAME_MAX_KEY],
		    value[] = {0, 0, 0, 0, 60, 0, 1, 0, 4, 192, 0, 2, 1};
		char *text = xasprintf("n%u.example.com", i);
		size_t len;

		name_from_text(name, text, NULL);
		len = name_to_key(key, name, zone.name);
		put16(key + len, TYPE_A);
		config_put_rrsets(edit, &zone, 9, &(struct zone_row){key, len + 2, value, sizeof value}, 1);
		free(text);
	}
	commit(edit);
	*counting = (struct counting){.signing = {counting, signed_by_counting, one_was_renewed},
	    .zone = {.arg = counting, .find = find_any, .version = 1},
	    .known = true};
	reading = read_stores(place);
	compiler_set_signing(place->compiler, &counting->signing);
	assert_int_equal(compiler_config(place->compiler, reading.config, true), COMPILED_NEW);
	end(place, &reading);
	assert_true(counting->asked > 200);
}

static void
a_renewal_is_an_edit_of_the_owners_that_were_renewed(void **state)
{
	struct counting counting;

	counting_init(*state, &counting);
	assert_in_range(renew(*state, &counting), 1, 4);
}

static void
a_zone_is_built_again_if_more_changed_than_was_renewed(void **state)
{
	struct counting counting;

	counting_init(*state, &counting);
	counting.known = false;
	assert_true(renew(*state, &counting) > 200);
}

/* Signatures of another configuration come, after others were lost: of some owners there are none. */
static size_t
find_some(void *arg, const struct bytes *key, const struct signed_set *set, uint8_t *out)
{
	return key->len > 3 ? 0 : find_any(arg, key, set, out);
}

static void
signatures_that_lack_more_are_not_used(void **state)
{
	struct place *place = *state;
	struct counting counting;
	struct reading reading;

	counting_init(place, &counting);
	counting.known = false;
	counting.zone.find = find_some;
	counting.zone.version++;
	reading = read_stores(place);
	compiler_set_signing(place->compiler, &counting.signing);
	for (unsigned look = 0; look < 2; look++) {
		counting.asked = 0;
		compiler_signatures(place->compiler, reading.config, reading.signatures, NULL, false);
		assert_int_equal(compiler_unsigned(place->compiler), 0);
	}
	assert_int_equal(counting.asked, 0); /* they are known to be worse */
	counting.zone.find = find_any;
	end(place, &reading);
	assert_true(renew(place, &counting) > 200);
}

static void
count_owner(void *arg, const struct bytes *key)
{
	assert_true(key->len == 3 || key->len == 8);
	*(unsigned *)arg += (unsigned)key->len;
}

/* Rows of the signer: of each version until now, or none. */
static void
owners_of_several_renewals_are_read_together(void **state)
{
	static const struct bytes owners[] = {{"\0a\0", 3}, {"\0longer\0", 8}};
	struct place *place = *state;
	struct signed_zone row = {.version = 9};
	struct store_txn *txn;
	unsigned count = 0;

	assert_int_equal(store_begin(place->signatures, STORE_WRITE, &txn), 0);
	assert_int_equal(signed_zone_put(txn, 1, &row), 0);
	assert_int_equal(signatures_renewed_put(txn, 1, 8, owners, 2), 0);
	assert_int_equal(signatures_renewed_put(txn, 1, 9, owners, 1), 0);
	assert_true(signatures_renewed(txn, 1, 7, count_owner, &count));
	assert_int_equal(count, 3 + 8 + 3);
	assert_false(signatures_renewed(txn, 1, 6, count_owner, &count));
	assert_int_equal(signatures_drop_zone(txn, 1), 0);
	assert_int_equal(signed_zone_put(txn, 1, &row), 0);
	assert_false(signatures_renewed(txn, 1, 8, count_owner, &count));
	store_abort(txn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_change_of_a_signed_zone_waits_until_it_is_signed, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(
		changes_of_pools_and_load_balancers_wait_and_of_other_zones_and_policies_do_not, make_place,
		drop_place),
	    cmocka_unit_test_setup_teardown(a_zone_that_came_signed_waits, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(
		a_configuration_waits_while_the_signer_is_ahead, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(
		a_zone_whose_policy_is_gone_is_not_signed_although_the_signer_has_ended, make_place,
		drop_place),
	    cmocka_unit_test_setup_teardown(
		nothing_waits_for_the_signer_if_no_zone_is_to_be_signed, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(
		a_zone_that_is_enabled_again_waits_for_the_signer, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(
		a_renewal_is_an_edit_of_the_owners_that_were_renewed, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(
		a_zone_is_built_again_if_more_changed_than_was_renewed, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(signatures_that_lack_more_are_not_used, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(
		owners_of_several_renewals_are_read_together, make_place, drop_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
