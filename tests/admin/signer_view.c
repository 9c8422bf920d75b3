/* What commands read of graycloud-signer: whether it is well (S106), and the keys of a zone (S108). */
#include "admin/look/signer_view.h"

#include "admin/doctor/zone_keys.h"
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

static char directory[64];
static struct store *config, *signatures;
static struct store_txn *config_txn, *txn;
static struct zone_info zone;

/* The zone is 1; with the flag it is to be signed. */
static void
write_config(bool enabled)
{
	static const char
	    json[] = "{\"id\":\"" POLICY "\",\"name\":\"example.com\"}",
	    text[] = "$ORIGIN example.com.\n@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.53\n";
	struct problems problems = {0};
	struct config_edit *edit = config_edit_begin(config, &problems);
	struct zone_difference difference;
	struct zone_data data;
	uint64_t generation;

	assert_true(zonefile_read("test", text, NULL, false, &data, &problems));
	config_put_zone(edit, &data, &difference);
	if (enabled)
		config_put_object(
		    edit, KIND_DNSSEC, POLICY, "example.com", NULL, (struct bytes){json, sizeof json - 1});
	assert_int_equal(config_edit_commit(edit, (struct bytes){HEAD, sizeof HEAD - 1}, &generation), 0);
	zone_data_free(&data);
	problems_free(&problems);
	assert_int_equal(store_begin(config, STORE_READ, &config_txn), 0);
	assert_true(config_zone(config_txn, (const uint8_t *)"\7example\3com", &zone));
}

static int
set_up(void **state)
{
	struct problems problems = {0};

	(void)state;
	snprintf(directory, sizeof directory, "/tmp/graycloud-view-XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	config = store_open(directory, STORE_CONFIG, STORE_WRITE, &problems);
	signatures = store_open(directory, STORE_SIGNATURES, STORE_WRITE, &problems);
	return config != NULL && signatures != NULL ? store_begin(signatures, STORE_WRITE, &txn) : -1;
}

static int
tear_down(void **state)
{
	char *command = xasprintf("rm -r %s", directory);
	int rc;

	(void)state;
	store_abort(txn);
	store_abort(config_txn);
	store_close(signatures);
	store_close(config);
	rc = system(command);
	free(command);
	return rc;
}

/* ---- the signer ---- */

/* A beat of this boot with its age, and when the first signature ends, in seconds from now (0: none). */
static struct signer_beat
beat_of(unsigned age_ms, int64_t ends, const char *fault)
{
	struct signer_beat beat = {.pid = 1, .at_ms = boot_ms() - age_ms};

	snprintf(beat.boot, sizeof beat.boot, "%s", boot_id());
	snprintf(beat.fault, sizeof beat.fault, "%s", fault);
	beat.expires = ends != 0 ? (int64_t)(wall_ms() / 1000) + ends : 0;
	return beat;
}

static void
expect_view(const char *state, bool ended, bool well)
{
	struct signer_view view;

	signer_view_read(&view, config_txn, txn);
	assert_true(view.wanted);
	assert_string_equal(signer_view_state(&view), state);
	assert_int_equal(signer_view_ended(&view), ended);
	assert_int_equal(signer_view_well(&view), well);
}

static void
a_signer_is_well_while_it_beats_and_signs_and_nothing_has_ended(void **unused)
{
	static const struct {
		unsigned age_ms;
		int64_t ends;
		const char *fault, *state;
		bool ended, well;
	} rows[] = {
	    {0, 0, "", "alive", false, true},
	    {0, 3600, "", "alive", false, true},
	    {0, -3600, "", "alive", true, false},
	    {0, 3600, "a key is missing", "stuck", false, false},
	    {60000, 3600, "", "dead", false, false},
	    {60000, 3600, "a key is missing", "dead", false, false},
	    {60000, -3600, "", "dead", true, false},
	};

	(void)unused;
	write_config(true);
	expect_view("dead", false, false); /* it never ran */
	for (size_t i = 0; i < NITEMS(rows); i++) {
		struct signer_beat beat = beat_of(rows[i].age_ms, rows[i].ends, rows[i].fault);

		assert_int_equal(signer_beat_put(txn, &beat), 0);
		expect_view(rows[i].state, rows[i].ended, rows[i].well);
	}
}

static void
without_signed_zones_no_signer_is_missed(void **unused)
{
	struct signer_beat beat = beat_of(60000, -3600, "");
	struct signer_view view;

	(void)unused;
	write_config(false);
	assert_int_equal(signer_beat_put(txn, &beat), 0);
	signer_view_read(&view, config_txn, txn);
	assert_false(view.wanted);
	assert_true(signer_view_well(&view));
	signer_view_read(&view, NULL, NULL);
	assert_true(signer_view_well(&view));
}

/* ---- keys ---- */

static void
expect_keys(struct store_txn *from, bool enabled, bool enabling, size_t count)
{
	struct zone_keys keys = {0};

	zone_keys_read(&keys, config_txn, from, &zone);
	assert_int_equal(keys.enabled, enabled);
	assert_int_equal(keys.enabling, enabling);
	assert_int_equal(keys.count, count);
	zone_keys_free(&keys);
}

static void
the_keys_of_a_zone_are_its_own_and_those_of_other_providers(void **unused)
{
	const struct signing_key own = {.algorithm = 13, .key_tag = 1},
				 other = {.algorithm = 13, .key_tag = 2};
	struct rollover rollover = {.kind = ROLLOVER_ENABLE};

	(void)unused;
	write_config(true);
	expect_keys(NULL, true, false, 0);
	expect_keys(txn, true, false, 0);
	assert_int_equal(signing_key_put(txn, zone.number, &own), 0);
	assert_int_equal(signing_key_put(txn, zone.number + 1, &own), 0);
	assert_int_equal(provider_key_put(txn, zone.number, &other), 0);
	assert_int_equal(rollover_put(txn, zone.number, &rollover), 0);
	expect_keys(txn, true, true, 2);
	rollover.kind = ROLLOVER_KEY;
	assert_int_equal(rollover_put(txn, zone.number, &rollover), 0);
	expect_keys(txn, true, false, 2);
	/* The signer has ended it, and the configuration still has it. */
	rollover.kind = ROLLOVER_DISABLED;
	assert_int_equal(rollover_put(txn, zone.number, &rollover), 0);
	expect_keys(txn, false, false, 0);
}

static void
a_zone_that_is_not_signed_has_no_keys(void **unused)
{
	const struct signing_key own = {.algorithm = 13, .key_tag = 1};

	(void)unused;
	write_config(false);
	assert_int_equal(signing_key_put(txn, zone.number, &own), 0);
	expect_keys(txn, false, false, 0);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(a_signer_is_well_while_it_beats_and_signs_and_nothing_has_ended),
	    STORE_TEST(without_signed_zones_no_signer_is_missed),
	    STORE_TEST(the_keys_of_a_zone_are_its_own_and_those_of_other_providers),
	    STORE_TEST(a_zone_that_is_not_signed_has_no_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
