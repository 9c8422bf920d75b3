/*
 * A compiler beside the stores of the signer: which configurations wait for signatures (S103), and which
 * zones are signed. Both stores are written here, as commands and graycloud-signer write them.
 */
#include "zones/compile/signature_source.h"
#include "zones/state/config_write.h"
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

/* The zone, with another serial each time. */
static uint64_t
put_zone(struct place *place)
{
	char *text =
	    xasprintf("$ORIGIN example.com.\n@ 60 SOA ns h %u 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.53\n",
		++place->serial);
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

static uint64_t
put_policy(struct place *place)
{
	static const char json[] = "{\"id\":\"" POLICY "\",\"name\":\"example.com\"}";
	struct config_edit *edit = begin(place);

	config_put_object(
	    edit, KIND_DNSSEC, POLICY, "example.com", NULL, (struct bytes){json, sizeof json - 1});
	return commit(edit);
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

/* The zone has its row, and all that a generation needs is signed. */
static void
sign(struct place *place, uint64_t generation)
{
	struct signed_zone row = {.version = 7, .ndata = 1, .data = {{.algorithm = 13, .key_tag = 1}}};
	struct store_txn *txn;

	assert_int_equal(store_begin(place->signatures, STORE_WRITE, &txn), 0);
	assert_int_equal(signed_zone_put(txn, 1, &row), 0);
	assert_int_equal(signer_generation_put(txn, generation), 0);
	assert_int_equal(store_commit(txn), 0);
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
	bool held = compiler_waits_for_signer(place->compiler, reading.config, reading.signatures);

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		a_change_of_a_signed_zone_waits_until_it_is_signed, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(
		a_configuration_waits_while_the_signer_is_ahead, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(
		a_zone_whose_policy_is_gone_is_not_signed_although_the_signer_has_ended, make_place,
		drop_place),
	    cmocka_unit_test_setup_teardown(
		nothing_waits_for_the_signer_if_no_zone_is_to_be_signed, make_place, drop_place),
	    cmocka_unit_test_setup_teardown(
		a_zone_that_is_enabled_again_waits_for_the_signer, make_place, drop_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
