/*
 * A compiler beside the stores of the signer: which configurations wait for signatures (S103), and which
 * zones are signed. Both stores are written here, as commands and graycloud-signer write them.
 */
#include "zones/compile/signature_source.h"
#include "zones/state/config_write.h"
#include "zones/state/signing_keys.h"
#include "zones/zonefile/zonefile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define POLICY "44444444444444444444444444444444"

static const char HEAD[] = "{\"time\":1,\"who\":\"me\",\"command\":\"c\",\"reason\":\"\"}";

struct place {
	char *directory;
	struct store *config, *signatures;
	struct compiler *compiler;
	uint32_t serial;
};

static void follow(struct place *place);
static void sign(struct place *place, uint64_t generation);
static uint64_t put_policy(struct place *place);
static uint64_t put_zone(struct place *place);

static int
make_place(void **state)
{
	struct place *place = xcalloc(1, sizeof *place);
	struct problems problems = {0};

	place->directory = mkdtemp(xstrdup("/tmp/graycloud-ahead-XXXXXX"));
	place->config = store_open(place->directory, STORE_CONFIG, STORE_WRITE, &problems);
	place->signatures = store_open(place->directory, STORE_SIGNATURES, STORE_WRITE, &problems);
	place->compiler = compiler_new();
	*state = place;
	if (place->config == NULL || place->signatures == NULL)
		return -1;
	put_zone(place);
	sign(place, put_policy(place));
	follow(place);
	return 0;
}

static int
drop_place(void **state)
{
	struct place *place = *state;
	char *command = xasprintf("rm -rf %s", place->directory);
	int rc;

	compiler_free(place->compiler);
	store_close(place->config);
	store_close(place->signatures);
	rc = system(command);
	free(command);
	free(place->directory);
	free(place);
	return rc;
}

/* ---- writing ---- */

static struct config_edit *
begin(struct place *place)
{
	struct problems problems = {0};

	return config_edit_begin(place->config, &problems);
}

static uint64_t
commit(struct config_edit *edit)
{
	uint64_t generation;

	assert_int_equal(config_edit_commit(edit, (struct bytes){HEAD, sizeof HEAD - 1}, &generation), 0);
	return generation;
}

/* A zone, with another serial each time. */
static uint64_t
put_zone_of(struct place *place, const char *name)
{
	char *text = xasprintf(
	    "$ORIGIN %s.\n@ 60 SOA ns h %u 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.53\n", name, ++place->serial);
	struct config_edit *edit = begin(place);
	struct problems problems = {0};
	struct zone_difference difference;
	struct zone_data data;

	assert_true(zonefile_read("test", text, NULL, false, &data, &problems));
	config_put_zone(edit, &data, &difference);
	zone_data_free(&data);
	problems_free(&problems);
	free(text);
	return commit(edit);
}

/* Zone 1, which is signed. */
static uint64_t
put_zone(struct place *place)
{
	return put_zone_of(place, "example.com");
}

/* Each time one more rollover is asked for. */
static uint64_t
put_policy_of(struct place *place, const char *id, const char *name)
{
	struct config_edit *edit = begin(place);
	char *json = xasprintf("{\"id\":\"%s\",\"name\":\"%s\",\"rollover\":%u}", id, name, ++place->serial);

	config_put_object(edit, KIND_DNSSEC, id, name, NULL, (struct bytes){json, strlen(json)});
	free(json);
	return commit(edit);
}

static uint64_t
put_policy(struct place *place)
{
	return put_policy_of(place, POLICY, "example.com");
}

static uint64_t
delete_policy(struct place *place)
{
	struct config_edit *edit = begin(place);

	config_delete_object(edit, KIND_DNSSEC, POLICY, "example.com");
	return commit(edit);
}

static uint64_t
put_pool(struct place *place, const char *name)
{
	struct config_edit *edit = begin(place);
	char *json = xasprintf("{\"name\":\"%s\"}", name);

	config_put_object(edit, KIND_POOL, "22222222222222222222222222222222", name, NULL,
	    (struct bytes){json, strlen(json)});
	free(json);
	return commit(edit);
}

static uint64_t
put_lb(struct place *place)
{
	struct config_edit *edit = begin(place);
	char *json = xasprintf("{\"name\":\"www.example.com\",\"ttl\":%u}", ++place->serial);

	config_put_object(edit, KIND_LB, "55555555555555555555555555555555", "www.example.com", NULL,
	    (struct bytes){json, strlen(json)});
	free(json);
	return commit(edit);
}

/* A zone has its row, and all that a generation needs is signed. */
static void
sign_zone(struct place *place, uint32_t number, uint64_t generation)
{
	struct signed_zone row = {.version = 7, .ndata = 1, .data = {{.algorithm = 13, .key_tag = 1}}};
	struct store_txn *txn;

	assert_int_equal(store_begin(place->signatures, STORE_WRITE, &txn), 0);
	assert_int_equal(signed_zone_put(txn, number, &row), 0);
	assert_int_equal(signer_generation_put(txn, generation), 0);
	assert_int_equal(store_commit(txn), 0);
}

static void
sign(struct place *place, uint64_t generation)
{
	sign_zone(place, 1, generation);
}

/* ---- reading ---- */

struct reading {
	struct store_txn *config, *signatures;
	struct signature_source *source;
};

static struct reading
read_stores(struct place *place)
{
	struct reading reading;

	assert_int_equal(store_begin(place->signatures, STORE_READ, &reading.signatures), 0);
	assert_int_equal(store_begin(place->config, STORE_READ, &reading.config), 0);
	reading.source = signature_source_new(reading.signatures, reading.config);
	compiler_set_signing(place->compiler, signature_source_signing(reading.source));
	return reading;
}

static void
end(struct place *place, struct reading *reading)
{
	compiler_set_signing(place->compiler, NULL);
	signature_source_free(reading->source);
	store_abort(reading->config);
	store_abort(reading->signatures);
}

static void
follow(struct place *place)
{
	struct reading reading = read_stores(place);

	assert_int_equal(compiler_config(place->compiler, reading.config, false), COMPILED_NEW);
	end(place, &reading);
}

static bool
waits(struct place *place)
{
	struct reading reading = read_stores(place);
	bool held = compiler_waits_for_signer(place->compiler, reading.config, reading.signatures, false);

	end(place, &reading);
	return held;
}

static bool
waits_anew(struct place *place)
{
	struct reading reading = read_stores(place);
	bool held = compiler_waits_for_signer(place->compiler, reading.config, reading.signatures, true);

	end(place, &reading);
	return held;
}

/* ---- tests ---- */

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

/* ---- signatures that are lost ---- */

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
look(struct place *place)
{
	struct reading reading = read_stores(place);
	enum compiled compiled =
	    compiler_signatures(place->compiler, reading.config, reading.signatures, NULL, true);

	end(place, &reading);
	return compiled;
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
		a_configuration_waits_while_the_signer_is_ahead, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(
		changes_of_pools_and_load_balancers_wait_and_of_other_zones_and_policies_do_not, make_place,
		drop_place),
	    cmocka_unit_test_setup_teardown(a_zone_that_came_signed_waits, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(
		a_zone_whose_policy_is_gone_is_not_signed_although_the_signer_has_ended, make_place,
		drop_place),
	    cmocka_unit_test_setup_teardown(
		nothing_waits_for_the_signer_if_no_zone_is_to_be_signed, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(
		a_zone_that_is_enabled_again_waits_for_the_signer, make_place, drop_place),
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
	    cmocka_unit_test_setup_teardown(signatures_that_lack_more_are_not_used, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(
		a_renewal_is_an_edit_of_the_owners_that_were_renewed, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(
		a_zone_is_built_again_if_more_changed_than_was_renewed, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(
		owners_of_several_renewals_are_read_together, make_place, drop_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
