/* Which zones are signed, and by which keys, as the configuration changes (S105, S107). */
#include "signer/settle/settle.h"
#include "zones/state/config_write.h"
#include "zones/zonefile/zonefile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define POLICY "44444444444444444444444444444444"
#define AGAIN "55555555555555555555555555555555"
#define LB "66666666666666666666666666666666"
#define POOL "77777777777777777777777777777777"

static const char HEAD[] = "{\"time\":1,\"who\":\"me\",\"command\":\"c\",\"reason\":\"\"}";

static char directory[64], other_directory[80];
static struct store *config, *other_config, *signatures;
static struct problems problems;
static const struct validity validity = {14 * 86400, 7 * 86400};
static const struct rollover_options options = {.pace = {600000, 3600000}, .key_ttl = 3600};
static struct signing_threads *threads;
static struct zone_signer *zones;
static struct rollovers *rollovers;
static struct arrivals *arrivals;
static struct settle settle; /* of the last pass */
static unsigned serial;

/* ---- the configuration ---- */

static uint64_t
commit(struct config_edit *edit)
{
	uint64_t generation;

	assert_int_equal(config_edit_commit(edit, (struct bytes){HEAD, sizeof HEAD - 1}, &generation), 0);
	return generation;
}

/* The only zone of a configuration: zone 1. */
static void
put_zone(struct store *store, const char *name)
{
	char *text = xasprintf(
	    "$ORIGIN %s.\n@ 60 SOA ns h %u 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.53\n", name, ++serial);
	struct config_edit *edit = config_edit_begin(store, &problems);
	struct zone_difference difference;
	struct zone_data data;

	assert_true(zonefile_read("test", text, NULL, false, &data, &problems));
	config_put_zone(edit, &data, &difference);
	zone_data_free(&data);
	free(text);
	commit(edit);
}

/* A policy was enabled at this node. */
static uint64_t
put_object(struct store *store, enum kind kind, const char *id, const char *name, const char *more)
{
	struct config_edit *edit = config_edit_begin(store, &problems);
	char self[NODE_SELF_MAX], *json;

	json = xasprintf("{\"id\":\"%s\",\"name\":\"%s\",\"identity\":\"%s\",\"serial\":%u%s}", id, name,
	    membership_self(config_edit_txn(edit), self), ++serial, more);

	config_put_object(edit, kind, id, name, NULL, (struct bytes){json, strlen(json)});
	free(json);
	return commit(edit);
}

static uint64_t
put_policy(const char *id, const char *more)
{
	return put_object(config, KIND_DNSSEC, id, "a.example", more);
}

static void
delete_policy(const char *id)
{
	struct config_edit *edit = config_edit_begin(config, &problems);

	config_delete_object(edit, KIND_DNSSEC, id, "a.example");
	commit(edit);
}

/* ---- passes ---- */

static void
count_zone(void *arg)
{
	++*(unsigned *)arg;
}

static void
pass(struct store *store)
{
	unsigned looked = 0;
	struct store_txn *txn, *config_txn;

	assert_int_equal(store_begin(signatures, STORE_WRITE, &txn), 0);
	assert_int_equal(store_begin(store, STORE_READ, &config_txn), 0);
	zone_signer_begin(zones, txn, (uint32_t)(wall_ms() / 1000));
	settle = (struct settle){.zones = zones,
	    .rollovers = rollovers,
	    .arrivals = arrivals,
	    .state = directory,
	    .key_ttl = options.key_ttl,
	    .signatures = txn,
	    .config = config_txn,
	    .now = (uint32_t)(wall_ms() / 1000),
	    .progress = count_zone,
	    .progress_arg = &looked};
	settle_zones(&settle);
	assert_int_equal(settle.error, 0);
	zone_signer_end(zones);
	store_abort(config_txn);
	assert_int_equal(store_commit(txn), 0);
	settle_files(zones);
}

/* Another process. */
static void
restart(void)
{
	zone_signer_free(zones);
	zones = zone_signer_new(&validity, threads);
}

static void
count_key(void *arg, const struct signing_key *key)
{
	(void)key;
	++*(unsigned *)arg;
}

/* The row of the zone; false: it is not signed. keys: the rows of its keys. */
static bool
read_zone(struct signed_zone *row, unsigned *keys)
{
	struct store_txn *txn;
	bool there;

	*keys = 0;
	assert_int_equal(store_begin(signatures, STORE_READ, &txn), 0);
	there = signed_zone_get(txn, 1, row);
	signing_keys_each(txn, 1, count_key, keys);
	store_abort(txn);
	return there;
}

static bool
is_signed(void)
{
	struct signed_zone row;
	unsigned keys;

	return read_zone(&row, &keys) && keys == 1;
}

static uint64_t
version(void)
{
	struct signed_zone row;
	unsigned keys;

	assert_true(read_zone(&row, &keys));
	return row.version;
}

static void
set_generation(uint64_t generation)
{
	struct store_txn *txn;

	assert_int_equal(store_begin(signatures, STORE_WRITE, &txn), 0);
	assert_int_equal(signer_generation_put(txn, generation), 0);
	assert_int_equal(store_commit(txn), 0);
}

/* The step was seen, and its wait is over. */
static void
finish_step(void)
{
	struct rollover *rollover = keyring_rollover(zone_signer_keyring(zones, 1));

	rollover->first = rollover->shown = rollover->until = (int64_t)wall_ms() - 1000;
	rollover->looked = (int64_t)wall_ms();
	rollover->until_boot = rollover->boot = 0;
}

/* Take the files of keys away, or bring them back. */
static void
move_keys(bool away)
{
	char *here = xasprintf("%s/keys/a.example", directory), *there = xasprintf("%s/away", directory);

	assert_int_equal(away ? rename(here, there) : rename(there, here), 0);
	free(here);
	free(there);
}

static int
set_up(void **state)
{
	(void)state;
	snprintf(directory, sizeof directory, "/tmp/graycloud-settle-XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(other_directory, sizeof other_directory, "%s/other", directory);
	if (mkdir(other_directory, 0700) != 0)
		return -1;
	config = store_open(directory, STORE_CONFIG, STORE_WRITE, &problems);
	other_config = store_open(other_directory, STORE_CONFIG, STORE_WRITE, &problems);
	signatures = store_open(directory, STORE_SIGNATURES, STORE_WRITE, &problems);
	threads = signing_threads_new(1);
	zones = zone_signer_new(&validity, threads);
	rollovers = rollovers_new(&options, &problems);
	arrivals = arrivals_new(directory);
	if (config == NULL || other_config == NULL || signatures == NULL || rollovers == NULL)
		return -1;
	put_zone(config, "a.example");
	return 0;
}

static int
tear_down(void **state)
{
	char *command = xasprintf("rm -r %s", directory);
	int rc;

	(void)state;
	zone_signer_free(zones);
	rollovers_free(rollovers);
	arrivals_free(arrivals);
	signing_threads_free(threads);
	store_close(config);
	store_close(other_config);
	store_close(signatures);
	problems_free(&problems);
	problems = (struct problems){0};
	rc = system(command);
	free(command);
	return rc;
}

/* ---- tests ---- */

static void
a_zone_is_signed_as_long_as_the_configuration_has_it(void **state)
{
	char *saved = xasprintf("%s/keys/a.example/state", directory);
	struct signed_zone row;
	unsigned keys;
	uint64_t before;

	(void)state;
	pass(config);
	assert_false(settle.wrote || is_signed());
	put_policy(POLICY, "");
	pass(config);
	assert_true(settle.wrote && is_signed());
	assert_int_equal(access(saved, F_OK), 0);
	before = version();
	pass(config);
	assert_int_equal(version(), before);
	finish_step();
	pass(config); /* CDS comes */
	assert_int_equal(version(), before + 1);
	for (unsigned some = 1; some < 4; some++) { /* S109: once */
		put_policy(POLICY, some < 3 ? ",\"keyless_nodes\":true" : "");
		pass(config);
		assert_int_equal(settle.respared, some != 2);
	}
	delete_policy(POLICY);
	pass(config);
	assert_false(read_zone(&row, &keys));
	assert_int_equal(keys, 0);
	assert_int_equal(access(saved, F_OK), -1);
	assert_null(zone_signer_keyring(zones, 1));
	free(saved);
}

/* S107: the row that shows the end stays, so that the configuration brings nothing back, until it is enabled
 * again. */
static void
after_disable_a_zone_is_signed_again_only_if_it_is_enabled(void **state)
{
	char *saved = xasprintf("%s/keys/a.example/state", directory);
	struct signed_zone row;
	unsigned keys;

	(void)state;
	put_policy(POLICY, "");
	pass(config);
	put_policy(POLICY, ",\"ending\":\"disable\"");
	pass(config);
	assert_true(is_signed());
	finish_step();
	pass(config);
	assert_false(read_zone(&row, &keys));
	assert_int_equal(access(saved, F_OK), -1);
	pass(config);
	restart();
	pass(config);
	assert_false(read_zone(&row, &keys));
	put_policy(POLICY, "");
	pass(config);
	assert_true(is_signed());
	free(saved);
}

/* S105: what may concern the zone holds up the others, and nothing else does. */
static void
a_zone_whose_key_is_missing_is_stuck_by_what_may_be_its_own(void **state)
{
	static const struct {
		enum kind kind;
		const char *id, *name;
		bool stuck;
	} rows[] = {{KIND_POOL, POOL, "p", true}, {KIND_LB, LB, "www.a.example", true},
	    {KIND_DNSSEC, AGAIN, "b.example", true}, {KIND_MONITOR, POOL, "m", false}};

	(void)state;
	set_generation(put_policy(POLICY, ""));
	pass(config);
	assert_true(is_signed());
	move_keys(true);
	restart();
	pass(config);
	assert_true(settle.waits && !settle.stuck && is_signed());
	assert_non_null(strstr(settle.fault, "zone a.example is not signed"));
	for (size_t i = 0; i < NITEMS(rows); i++) {
		uint64_t generation = put_object(config, rows[i].kind, rows[i].id, rows[i].name, "");

		pass(config);
		assert_int_equal(settle.stuck, rows[i].stuck);
		set_generation(generation);
		pass(config);
		assert_false(settle.stuck);
	}
	put_zone(config, "c.example");
	pass(config);
	assert_false(settle.stuck);
	put_zone(config, "a.example");
	pass(config);
	assert_true(settle.stuck);
	move_keys(false);
	pass(config);
	assert_false(settle.waits || settle.stuck);
	assert_true(is_signed());
}

/* `disable --key-lost`, and then the key is found. */
static void
a_key_that_is_found_again_signs(void **state)
{
	(void)state;
	put_policy(POLICY, "");
	pass(config);
	finish_step();
	pass(config);
	finish_step();
	pass(config);
	move_keys(true);
	restart();
	put_policy(POLICY, ",\"ending\":\"key_lost\"");
	pass(config);
	assert_false(keyring_can_sign(zone_signer_keyring(zones, 1)));
	assert_true(is_signed());
	move_keys(false);
	put_policy(POLICY, "");
	pass(config);
	assert_true(keyring_can_sign(zone_signer_keyring(zones, 1)));
}

/* A configuration of another machine can have another zone under the number. */
static void
another_zone_under_the_number_is_not_signed_by_the_keys_of_the_first(void **state)
{
	struct key_id first[DATA_KEYS_MAX], second[DATA_KEYS_MAX];

	(void)state;
	put_policy(POLICY, "");
	pass(config);
	keyring_data(zone_signer_keyring(zones, 1), first);
	put_zone(other_config, "b.example");
	put_object(other_config, KIND_DNSSEC, AGAIN, "b.example", "");
	pass(other_config);
	assert_string_equal(keyring_name(zone_signer_keyring(zones, 1)), "b.example");
	keyring_data(zone_signer_keyring(zones, 1), second);
	assert_false(key_id_same(&first[0], &second[0]));
	assert_true(is_signed()); /* by one key */
}

/* S100 */
static void
rows_that_are_lost_while_the_signer_runs_are_written_again(void **state)
{
	struct store_txn *txn;

	(void)state;
	put_policy(POLICY, "");
	pass(config);
	assert_int_equal(store_begin(signatures, STORE_WRITE, &txn), 0);
	assert_int_equal(signatures_drop_zone(txn, 1), 0);
	assert_int_equal(store_commit(txn), 0);
	assert_false(is_signed());
	pass(config);
	assert_true(is_signed());
}

/* S107: nameservers find steered RRsets by the new key when all are signed by it, under another version. */
static void
new_keys_are_served_under_another_version_and_once(void **state)
{
	struct signed_zone before, row;
	struct store_txn *txn;
	struct key_id now[DATA_KEYS_MAX];
	unsigned keys;

	(void)state;
	put_policy(POLICY, "");
	for (unsigned i = 0; i < 3; i++) {
		pass(config);
		finish_step();
	}
	put_policy(POLICY, ",\"rollover\":1");
	for (unsigned i = 0; i < 2; i++) {
		pass(config);
		finish_step();
	}
	assert_true(read_zone(&row, &keys));
	pass(config); /* data: no RRset of keys changes */
	assert_true(read_zone(&before, &keys));
	assert_int_equal(before.version, row.version + 1);
	keyring_data(zone_signer_keyring(zones, 1), now);
	assert_int_equal(before.ndata, 1);
	assert_false(key_id_same(&before.data[0], &now[0]));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(store_begin(signatures, STORE_WRITE, &txn), 0);
		settle.signatures = txn;
		settle_new_keys(&settle);
		assert_int_equal(store_commit(txn), 0);
		assert_true(read_zone(&row, &keys));
		assert_true(key_id_same(&row.data[0], &now[0]));
		assert_int_equal(row.version, before.version + 1);
	}
}

#define SETTLE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SETTLE_TEST(a_zone_is_signed_as_long_as_the_configuration_has_it),
	    SETTLE_TEST(after_disable_a_zone_is_signed_again_only_if_it_is_enabled),
	    SETTLE_TEST(a_zone_whose_key_is_missing_is_stuck_by_what_may_be_its_own),
	    SETTLE_TEST(a_key_that_is_found_again_signs),
	    SETTLE_TEST(another_zone_under_the_number_is_not_signed_by_the_keys_of_the_first),
	    SETTLE_TEST(rows_that_are_lost_while_the_signer_runs_are_written_again),
	    SETTLE_TEST(new_keys_are_served_under_another_version_and_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
