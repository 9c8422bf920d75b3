/*
 * The signatures of zone data (S106): when they are made, made again and noted for nameservers, pass by pass,
 * with a clock that the test sets.
 */
#include "signer/sign/zone_signer.h"
#include "zones/state/config_write.h"
#include "zones/zonefile/zonefile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOW = 1796000000, DAY = 86400, TTL_MOST = 7200, OWNERS = 40 };

static const char HEAD[] = "{\"time\":1,\"who\":\"me\",\"command\":\"c\",\"reason\":\"\"}";

static char directory[64];
static struct store *config, *signatures;
static struct problems problems;
static struct zone_info zone;
static char zone_text[] = "sign.example";
static struct dnssec_policy policy = {.name = zone_text, .algorithm = ALGORITHM_ED25519};
static const struct validity validity = {14 * DAY, 7 * DAY};
static struct signing_threads *threads;
static struct zone_signer *signer;
static struct keyring *ring;
static struct compiler *compiler;
static unsigned serial;
static bool stepped; /* the keys took a step: the row gets another version */

static void
put_zone(void)
{
	struct config_edit *edit = config_edit_begin(config, &problems);
	struct zone_difference difference;
	struct zone_data data;
	uint64_t generation;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fprintf(out, "$ORIGIN sign.example.\n$TTL 60\n@ SOA ns h %u 2 3 4 5\n@ NS ns\nns %u A 192.0.2.53\n",
	    ++serial, TTL_MOST);
	for (unsigned i = 0; i < OWNERS; i++)
		fprintf(out, "n%u A 192.0.2.1\n", i);
	fclose(out);
	assert_true(zonefile_read("test", text, NULL, false, &data, &problems));
	config_put_zone(edit, &data, &difference);
	assert_int_equal(config_edit_commit(edit, (struct bytes){HEAD, sizeof HEAD - 1}, &generation), 0);
	zone_data_free(&data);
	free(text);
}

/* ---- passes ---- */

/* One pass of the signer at a time, as signer.c has it. Returns how many signatures were made. */
static size_t
pass_at(uint32_t now, bool anew)
{
	struct store_txn *txn, *config_txn;
	struct signed_zone row = {.version = 1}, there;
	size_t made;

	assert_int_equal(store_begin(signatures, STORE_WRITE, &txn), 0);
	assert_int_equal(store_begin(config, STORE_READ, &config_txn), 0);
	if (ring == NULL) {
		assert_true(config_zone(config_txn, (const uint8_t *)"\4sign\7example", &zone));
		assert_non_null(ring = keyring_open(txn, directory, &zone, &policy, true, &problems));
		zone_signer_put(signer, zone.number, ring);
		row.nkeys = keyring_rrsets(ring, 3600, row.keys);
		row.ndata = keyring_data(ring, row.data);
		if (!signed_zone_get(txn, zone.number, &there))
			assert_int_equal(signed_zone_put(txn, zone.number, &row), 0);
	}
	zone_signer_begin(signer, txn, now);
	compiler_set_signing(compiler, zone_signer_signing(signer));
	if (zone_signer_due(signer, zone.number, now) || stepped) { /* settle.c:put_zone */
		assert_true(signed_zone_get(txn, zone.number, &row));
		row.nkeys = keyring_rrsets(ring, 3600, row.keys);
		row.version++;
		zone_signer_note_version(signer, zone.number);
		assert_int_equal(signed_zone_put(txn, zone.number, &row), 0);
	}
	assert_true(compiler_config(compiler, config_txn, anew) != COMPILED_FAILED);
	assert_true(compiler_signatures(compiler, config_txn, txn, NULL, false) != COMPILED_FAILED);
	zone_signer_flush(signer);
	zone_signer_put_renewed(signer);
	made = zone_signer_made(signer);
	assert_int_equal(zone_signer_error(signer), 0);
	zone_signer_end(signer);
	compiler_set_signing(compiler, NULL);
	store_abort(config_txn);
	assert_int_equal(store_commit(txn), 0);
	return made;
}

struct rows {
	uint32_t first_end, first_due, last_due, now;
	unsigned count, due, tags; /* those that are due; by other keys than this one */
	uint16_t tag;
};

static void
look_at_row(void *arg, const struct bytes *owner_key, uint16_t type, struct bytes value)
{
	struct rows *rows = arg;
	struct signature found[SIGNATURES_MAX];
	unsigned count = signature_row_first(value, found);

	(void)owner_key, (void)type;
	for (unsigned i = 0; i < count; i++) {
		uint32_t due = validity_due_at(&found[i], rows->now);

		rows->first_end = MIN(rows->first_end, found[i].expiration);
		rows->first_due = MIN(rows->first_due, due);
		rows->last_due = MAX(rows->last_due, due);
		rows->due += due <= rows->now;
		rows->tags += found[i].key_tag != rows->tag;
		rows->count++;
	}
}

static struct rows
read_rows(uint32_t now, uint16_t tag)
{
	struct rows rows = {.first_end = UINT32_MAX, .first_due = UINT32_MAX, .now = now, .tag = tag};
	struct store_txn *txn;

	assert_int_equal(store_begin(signatures, STORE_READ, &txn), 0);
	signature_rows_each(txn, zone.number, look_at_row, &rows);
	store_abort(txn);
	return rows;
}

static uint64_t
version(void)
{
	struct signed_zone row;
	struct store_txn *txn;

	assert_int_equal(store_begin(signatures, STORE_READ, &txn), 0);
	assert_true(signed_zone_get(txn, zone.number, &row));
	store_abort(txn);
	return row.version;
}

static void
count_owner(void *arg, const struct bytes *owner_key)
{
	(void)owner_key;
	++*(unsigned *)arg;
}

/* The owners that a nameserver looks up again that has this version; UINT_MAX: all. */
static unsigned
renewed_since(uint64_t since)
{
	struct store_txn *txn;
	unsigned count = 0;
	bool known;

	assert_int_equal(store_begin(signatures, STORE_READ, &txn), 0);
	known = signatures_renewed(txn, zone.number, since, count_owner, &count);
	store_abort(txn);
	return known ? count : UINT32_MAX;
}

static int
set_up(void **state)
{
	(void)state;
	snprintf(directory, sizeof directory, "/tmp/graycloud-sign-XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	config = store_open(directory, STORE_CONFIG, STORE_WRITE, &problems);
	signatures = store_open(directory, STORE_SIGNATURES, STORE_WRITE, &problems);
	threads = signing_threads_new(2);
	signer = zone_signer_new(&validity, threads);
	compiler = compiler_new();
	ring = NULL;
	if (config == NULL || signatures == NULL)
		return -1;
	put_zone();
	return 0;
}

static int
tear_down(void **state)
{
	char *command = xasprintf("rm -r %s", directory);
	int rc;

	(void)state;
	compiler_free(compiler);
	zone_signer_free(signer);
	signing_threads_free(threads);
	store_close(config);
	store_close(signatures);
	problems_free(&problems);
	problems = (struct problems){0};
	rc = system(command);
	free(command);
	return rc;
}

/* ---- tests ---- */

static void
all_is_signed_once_and_its_ends_and_ttls_are_known(void **state)
{
	size_t made = pass_at(NOW, false);
	struct rows rows;

	(void)state;
	rows = read_rows(NOW, 0);
	/* SOA, NS, DNSKEY, the addresses, an NSEC of each owner */
	assert_int_equal(made, 3 + 1 + OWNERS + 2 + OWNERS);
	assert_int_equal(rows.count, made);
	assert_int_equal(compiler_unsigned(compiler), 0);
	assert_int_equal(zone_signer_first_end(signer), rows.first_end);
	assert_int_equal(zone_signer_ttl(signer, zone.number), TTL_MOST);
	assert_int_equal(pass_at(NOW + 1, true), 0);
	assert_int_equal(version(), 1);
	/* Another serial: the SOA alone. */
	put_zone();
	assert_int_equal(pass_at(NOW + 2, false), 1);
	assert_int_equal(version(), 1);
}

static void
what_is_due_is_made_again_with_what_is_due_soon_and_no_more(void **state)
{
	size_t made = pass_at(NOW, false), again;
	struct rows rows = read_rows(NOW, 0);
	uint32_t first = rows.first_due, then = rows.first_due + validity_batch_s(validity.zone_s);

	(void)state;
	assert_false(zone_signer_is_due(signer, zone.number, first - 1));
	assert_true(zone_signer_any_due(signer, first));
	again = pass_at(first, false);
	assert_in_range(again, 1, made / 2);
	rows = read_rows(first, 0);
	assert_int_equal(rows.due, 0);
	assert_true(rows.first_due > then); /* those of the next hour went along */
	assert_int_equal(zone_signer_first_end(signer), rows.first_end);
	assert_false(zone_signer_is_due(signer, zone.number, then));
	/* Nameservers edit these owners. */
	assert_int_equal(version(), 2);
	assert_in_range(renewed_since(1), 1, again);
	assert_int_equal(renewed_since(2), 0);
	/* Until all were made again. */
	for (unsigned i = 0; i < 200 && rows.first_due < NOW + 5 * DAY; i++) {
		pass_at(rows.first_due, false);
		rows = read_rows(rows.first_due, 0);
		assert_int_equal(rows.due, 0);
	}
	assert_int_equal(rows.count, made);
	assert_true(rows.first_end > NOW + 14 * DAY);
}

/* Another process, with the same stores. */
static void
restart(void)
{
	compiler_free(compiler);
	zone_signer_free(signer);
	signer = zone_signer_new(&validity, threads);
	compiler = compiler_new();
	ring = NULL;
}

/* A signer that was not there while they became due meets them in the first build. */
static void
what_was_due_at_the_start_is_noted_for_nameservers(void **state)
{
	size_t made = pass_at(NOW, false);

	(void)state;
	restart();
	assert_int_equal(pass_at(NOW + 6 * DAY, false), made);
	assert_int_equal(read_rows(NOW + 6 * DAY, 0).due, 0);
	assert_int_equal(version(), 2);
	assert_int_equal(renewed_since(1), OWNERS + 2);
	assert_int_equal(pass_at(NOW + 6 * DAY, true), 0);
	assert_int_equal(version(), 2);
	restart(); /* nothing is due */
	assert_int_equal(pass_at(NOW + 6 * DAY + 1, false), 0);
	assert_int_equal(version(), 2);
}

/* S107: data is signed by the key of the step. */
static void
data_goes_over_to_the_new_key(void **state)
{
	const struct rollover_clock now = {1000, 1000, 1};
	struct key_id before[DATA_KEYS_MAX], after[DATA_KEYS_MAX];
	size_t made = pass_at(NOW, false);
	struct rows rows;

	(void)state;
	keyring_data(ring, before);
	keyring_advance(ring, &now);
	keyring_advance(ring, &now);
	assert_true(keyring_roll(ring, ROLLOVER_ZSK, ALGORITHM_ED25519, &now, &problems) == false);
	assert_true(keyring_roll(ring, ROLLOVER_EMERGENCY, ALGORITHM_ED25519, &now, &problems));
	assert_true(pass_at(NOW + 1, true) > 0); /* DNSKEY */
	keyring_advance(ring, &now);
	keyring_data(ring, after);
	stepped = true;
	assert_true(before[0].key_tag != after[0].key_tag);
	assert_true(pass_at(NOW + 2, true) >= made - 3);
	stepped = false;
	assert_int_equal(version(), 2);
	assert_int_equal(renewed_since(1), UINT32_MAX); /* nameservers build it again */
	rows = read_rows(NOW + 2, after[0].key_tag);
	assert_in_range(rows.tags, 1, 3); /* of DNSKEY, CDS and CDNSKEY, by both */
}

#define SIGN_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    SIGN_TEST(all_is_signed_once_and_its_ends_and_ttls_are_known),
	    SIGN_TEST(what_is_due_is_made_again_with_what_is_due_soon_and_no_more),
	    SIGN_TEST(what_was_due_at_the_start_is_noted_for_nameservers),
	    SIGN_TEST(data_goes_over_to_the_new_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
