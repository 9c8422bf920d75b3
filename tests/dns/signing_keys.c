/* Rows of keys, of rollovers and of signatures in their store come back as they were written. */
#include "zones/state/signing_keys.h"
#include "zones/state/signatures.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static struct store *store;
static char directory[] = "/tmp/graycloud-keys-XXXXXX";

static int
open_store(void **state)
{
	struct problems problems = {0};

	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	store = store_open(directory, STORE_SIGNATURES, STORE_WRITE, &problems);
	return store != NULL ? 0 : -1;
}

static int
close_store(void **state)
{
	char command[64];

	(void)state;
	store_close(store);
	snprintf(command, sizeof command, "%s/signatures", directory);
	for (const char *const *file = (const char *const[]){"data.mdb", "lock.mdb", NULL}; *file; file++) {
		char path[128];

		snprintf(path, sizeof path, "%s/%s", command, *file);
		remove(path);
	}
	remove(command);
	remove(directory);
	return 0;
}

static void
take_key(void *arg, const struct signing_key *key)
{
	*(struct signing_key *)arg = *key;
}

static void
a_key_comes_back_with_its_marks(void **state)
{
	struct signing_key key = {.algorithm = 13,
	    .key_tag = 4711,
	    .flags = 257,
	    .created = 5,
	    .marks = {MARK_EVERYWHERE, MARK_COMING, MARK_GOING, MARK_HIDDEN},
	    .since = {1, 2, 3, INT64_MAX}};
	struct signing_key read = {0};
	struct store_txn *txn;

	(void)state;
	memset(key.dnskey, 1, sizeof key.dnskey);
	memset(key.ds, 2, sizeof key.ds);
	assert_int_equal(store_begin(store, STORE_WRITE, &txn), 0);
	assert_int_equal(signing_key_put(txn, 7, &key), 0);
	signing_keys_each(txn, 7, take_key, &read);
	assert_int_equal(read.key_tag, 4711);
	assert_int_equal(read.flags, 257);
	assert_memory_equal(read.marks, key.marks, sizeof key.marks);
	assert_memory_equal(read.since, key.since, sizeof key.since);
	assert_memory_equal(read.ds, key.ds, sizeof key.ds);
	read = (struct signing_key){0};
	signing_keys_each(txn, 8, take_key, &read);
	assert_int_equal(read.key_tag, 0);
	assert_int_equal(signing_key_delete(txn, 7, &key), 0);
	signing_keys_each(txn, 7, take_key, &read);
	assert_int_equal(read.key_tag, 0);
	store_abort(txn);
}

static void
a_rollover_comes_back_with_its_servers(void **state)
{
	static struct rollover rollover, read;
	struct store_txn *txn;

	(void)state;
	rollover = (struct rollover){.kind = ROLLOVER_KEY,
	    .step = 2,
	    .steps = 5,
	    .hurry = true,
	    .request = 3,
	    .cancelled = 1,
	    .old = {13, 1},
	    .new = {15, 65535},
	    .began = 1,
	    .since = INT64_MAX,
	    .until = 4,
	    .until_boot = UINT64_MAX,
	    .boot = 9,
	    .ttl_dnskey = 3600,
	    .ttl_ds = 86400,
	    .ttl_data = 300,
	    .failed_looks = 2,
	    .nlacking = 40,
	    .validation = DS_UNSIGNED_PARENT,
	    .leading = {.term = 1,
		.change = 2,
		.leader = UINT64_MAX,
		.follows = true,
		.taken = INT64_MAX,
		.led = 3,
		.asked = 4}};
	memset(rollover.leading.name, 'n', LEADER_MAX);
	for (unsigned i = 0; i < ROLLOVER_SERVERS_MAX; i++) {
		memset(rollover.lacking[i], 'a' + (int)i, ROLLOVER_TEXT - 1);
	}
	snprintf(rollover.doing, sizeof rollover.doing, "a step");
	assert_int_equal(store_begin(store, STORE_WRITE, &txn), 0);
	assert_false(rollover_get(txn, 7, &read));
	assert_int_equal(rollover_put(txn, 7, &rollover), 0);
	assert_true(rollover_get(txn, 7, &read));
	assert_int_equal(read.step, 2);
	assert_int_equal(read.new.key_tag, 65535);
	assert_true(read.since == INT64_MAX && read.until_boot == UINT64_MAX);
	assert_int_equal(read.ttl_data, 300);
	assert_int_equal(read.nlacking, 40);
	assert_string_equal(read.doing, "a step");
	assert_string_equal(
	    read.lacking[ROLLOVER_SERVERS_MAX - 1], rollover.lacking[ROLLOVER_SERVERS_MAX - 1]);
	assert_int_equal(read.validation, DS_UNSIGNED_PARENT);
	assert_memory_equal(&read.leading, &rollover.leading, sizeof read.leading);
	assert_int_equal(rollover_delete(txn, 7), 0);
	assert_false(rollover_get(txn, 7, &read));
	store_abort(txn);
}

/* ---- signatures, found in a walk in which rows are written ---- */

enum { OWNERS = 400, HASH = 1000 };

static struct bytes
owner_key(unsigned number)
{
	static char text[16];

	return (struct bytes){text, (size_t)snprintf(text, sizeof text, "n%04u", number) + 2};
}

/* The signature shows what it was made for. */
static void
put_signature(struct store_txn *txn, unsigned number, uint32_t version)
{
	struct bytes key = owner_key(number);
	struct signature signature = {.algorithm = 13, .key_tag = (uint16_t)number, .expiration = version};
	const struct signature signatures[] = {signature, signature};

	/* Rows of two sizes, so that those beside them move. */
	assert_int_equal(
	    signature_put(txn, 7, &key, TYPE_A, HASH + number, signatures, 1 + version % 2, SIGNATURE_NOW),
	    0);
}

static void
assert_found(struct signature_reader *reader, unsigned number, uint32_t version)
{
	struct signature found[SIGNATURES_MAX];
	struct bytes key = owner_key(number);
	unsigned count = signature_find(reader, &key, TYPE_A, HASH + number, found);

	assert_int_equal(count, version > 0 ? 1 + version % 2 : 0);
	assert_true(count == 0 || found[0].expiration == version);
	assert_true(count == 0 || found[0].key_tag == number);
}

static void
signatures_are_found_while_others_are_written(void **state)
{
	uint32_t versions[OWNERS] = {0};
	struct signature_reader *reader;
	uint64_t random = 1;
	struct store_txn *txn;

	(void)state;
	assert_int_equal(store_begin(store, STORE_WRITE, &txn), 0);
	for (unsigned i = 0; i < OWNERS; i += 2)
		put_signature(txn, i, versions[i] = 1);
	/* The next transaction changes copies of these pages. */
	assert_int_equal(store_commit(txn), 0);
	assert_int_equal(store_begin(store, STORE_WRITE, &txn), 0);
	reader = signature_reader_new(txn, 7);
	for (unsigned i = 0; i < OWNERS; i += 50) {
		assert_found(reader, i, versions[i]);
		put_signature(txn, i, ++versions[i]);
		assert_found(reader, i, versions[i]);
	}
	for (unsigned i = 0; i < 20 * OWNERS; i++) {
		unsigned number = i % OWNERS, other = (unsigned)(mix64(++random) % OWNERS);

		assert_found(reader, number, versions[number]);
		/* Long runs without a change, then one elsewhere, at this place, or at the next one. */
		if (mix64(++random) % 20 == 0)
			put_signature(txn, other, ++versions[other]);
		if (mix64(++random) % 20 == 0)
			put_signature(txn, number, ++versions[number]);
		if (mix64(++random) % 20 == 0 && number + 1 < OWNERS)
			put_signature(txn, number + 1, ++versions[number + 1]);
		if (i == 10 * OWNERS) {
			assert_int_equal(signatures_drop_zone(txn, 7), 0);
			memset(versions, 0, sizeof versions);
		}
		assert_found(reader, number, versions[number]);
	}
	signature_reader_free(reader);
	store_abort(txn);
}

/* Both ways to write leave the same rows. */
static void
assert_same_rows(struct store_txn *txn, const struct bytes *key, uint16_t type)
{
	struct bytes one = {NULL, 0}, other = {NULL, 0};

	assert_int_equal(signature_row(txn, 17, key, type, &one), signature_row(txn, 18, key, type, &other));
	assert_int_equal(one.len, other.len);
	if (one.len > 0)
		assert_memory_equal(one.data, other.data, one.len);
}

static void
a_writer_leaves_the_rows_of_single_puts(void **state)
{
	static const uint16_t types[] = {TYPE_A, TYPE_NSEC};
	struct signature signatures[2] = {{.algorithm = 13}, {.algorithm = 15}};
	struct signature_writer *writer;
	uint64_t random = 1;
	struct store_txn *txn;
	unsigned at = 0;

	(void)state;
	assert_int_equal(store_begin(store, STORE_WRITE, &txn), 0);
	writer = signature_writer_new(txn);
	for (unsigned i = 0; i < 40 * OWNERS; i++) {
		/* Most often the next row, else another; now and then a new writer, which begins anywhere. */
		uint64_t draw = mix64(++random);
		struct bytes key;
		uint16_t type = types[draw >> 32 & 1];
		enum signature_order order = draw >> 40 & 1 ? SIGNATURE_NOW : SIGNATURE_LATER;
		unsigned count = 1 + (draw >> 41 & 1);

		at = draw % 8 > 0 ? (at + 1) % OWNERS : (unsigned)(draw >> 8) % OWNERS;
		key = owner_key(at);
		signatures[0].expiration = i;
		assert_int_equal(
		    signature_write_next(writer, 17, &key, type, draw >> 48 & 7, signatures, count, order),
		    0);
		assert_int_equal(
		    signature_put(txn, 18, &key, type, draw >> 48 & 7, signatures, count, order), 0);
		assert_same_rows(txn, &key, type);
		if (draw >> 52 & 63)
			continue;
		signature_writer_free(writer);
		writer = signature_writer_new(txn);
	}
	for (unsigned i = 0; i < 2 * OWNERS; i++) {
		struct bytes key = owner_key(i / 2);

		assert_same_rows(txn, &key, types[i % 2]);
	}
	signature_writer_free(writer);
	store_abort(txn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_key_comes_back_with_its_marks),
	    cmocka_unit_test(signatures_are_found_while_others_are_written),
	    cmocka_unit_test(a_writer_leaves_the_rows_of_single_puts),
	    cmocka_unit_test(a_rollover_comes_back_with_its_servers),
	};

	return cmocka_run_group_tests(tests, open_store, close_store);
}
