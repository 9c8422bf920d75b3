/* The files of keys (S105): which are taken, which are refused, and whether a key is made in their place. */
#include "signer/keys/keyring_follow.h"
#include "signer/keys/keyring_saved.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64], keys[128];
static struct store *store;
static struct store_txn *txn;
static struct problems problems;
static struct zone_info zone = {.number = 1};
static char zone_text[] = "files.example", node[] = "another node", nowhere[] = "";
static struct dnssec_policy policy = {.name = zone_text, .algorithm = ALGORITHM_ECDSAP256, .identity = node};
static const struct rollover_clock now = {1000, 1000, 1};

static int
set_up(void **state)
{
	(void)state;
	snprintf(directory, sizeof directory, "/tmp/graycloud-files-XXXXXX");
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(keys, sizeof keys, "%s/keys/%s", directory, zone_text);
	name_from_text(zone.name, zone_text, NULL);
	policy.split = false;
	store = store_open(directory, STORE_SIGNATURES, STORE_WRITE, &problems);
	return store != NULL ? store_begin(store, STORE_WRITE, &txn) : -1;
}

static int
tear_down(void **state)
{
	char *command = xasprintf("rm -r %s", directory);
	int rc;

	(void)state;
	store_abort(txn);
	store_close(store);
	problems_free(&problems);
	problems = (struct problems){0};
	rc = system(command);
	free(command);
	return rc;
}

static struct keyring *
open_ring(bool make)
{
	return keyring_open(txn, directory, &zone, &policy, make, &problems);
}

/* Is the last problem this one? Forget it. */
static void
expect_problem(const char *text)
{
	assert_true(problems.count > 0);
	if (strstr(problems.items[problems.count - 1].text, text) == NULL)
		fail_msg("%s", problems.items[problems.count - 1].text);
	problems_free(&problems);
	problems = (struct problems){0};
}

/* The private file of a key. */
static void
path_of(char out[256], const struct signing_key *row)
{
	snprintf(out, 256, "%s/Kfiles.example.+013+%05u.private", keys, row->key_tag);
}

/* A zone with one key, or a KSK and a ZSK. */
static struct signing_key
make_ring(bool split)
{
	const struct signing_key *rows;
	struct signing_key first;
	struct keyring *ring;

	policy.split = split;
	ring = open_ring(true);
	policy.split = false;
	assert_non_null(ring);
	keyring_rows(ring, &rows);
	first = rows[0];
	keyring_free(ring);
	return first;
}

/* ---- who can read them ---- */

static unsigned
mode_of(const char *path)
{
	struct stat info;

	assert_int_equal(stat(path, &info), 0);
	return info.st_mode & 07777;
}

static void
only_the_signers_user_can_read_keys(void **state)
{
	struct signing_key row = make_ring(false);
	char path[256];

	(void)state;
	path_of(path, &row);
	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(mode_of(keys), 0700);
}

static void
a_key_that_others_can_read_is_refused(void **state)
{
	static const mode_t modes[] = {0640, 0620, 0610, 0604, 0602, 0601};
	struct signing_key row = make_ring(false);
	char path[256];
	struct key *key;

	(void)state;
	path_of(path, &row);
	for (size_t i = 0; i < NITEMS(modes); i++) {
		assert_int_equal(chmod(path, modes[i]), 0);
		assert_null(key_load(zone.name, &row, keys, &problems));
		expect_problem("is open to other users");
	}
	assert_int_equal(chmod(path, 0400), 0);
	assert_non_null(key = key_load(zone.name, &row, keys, &problems));
	key_free(key);
}

/* A link could lead to a file that another user changes. */
static void
a_link_or_a_directory_is_no_key(void **state)
{
	struct signing_key row = make_ring(false);
	char path[256], other[300];

	(void)state;
	path_of(path, &row);
	snprintf(other, sizeof other, "%s/other", directory);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_null(key_load(zone.name, &row, keys, &problems));
	expect_problem("cannot be read");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_null(key_load(zone.name, &row, keys, &problems));
	assert_int_equal(problems.errors, 1);
}

/* ---- which key it is ---- */

/* The file has the name of one key, and is that of another one. */
static void
a_file_with_another_key_is_refused(void **state)
{
	struct signing_key row = make_ring(false), other_row;
	struct key *other = key_new(zone.name, ALGORITHM_ECDSAP256, DNSKEY_ZONE | DNSKEY_SEP);
	const struct key_id id = {row.algorithm, row.key_tag};
	char path[256], other_path[256];

	(void)state;
	assert_true(key_save(other, keys, &problems));
	key_describe(other, &other_row);
	key_free(other);
	path_of(path, &row);
	path_of(other_path, &other_row);
	assert_int_equal(rename(other_path, path), 0);
	assert_null(key_load(zone.name, &row, keys, &problems));
	expect_problem("is not that of key");
	assert_null(key_find(zone.name, &id, DNSKEY_ZONE | DNSKEY_SEP, keys, &problems));
	expect_problem("is not that of key");
	assert_null(open_ring(true));
	expect_problem("is not that of key");
}

/* ---- no key in place of another ---- */

static void
one_key_of_two_that_is_missing_stops_the_zone(void **state)
{
	struct signing_key row = make_ring(true);
	char path[256];

	(void)state;
	path_of(path, &row);
	assert_int_equal(unlink(path), 0);
	assert_null(open_ring(true));
	expect_problem("cannot be read");
}

static void
a_zone_that_was_enabled_elsewhere_waits_for_its_keys(void **state)
{
	(void)state;
	assert_null(open_ring(false));
	expect_problem("was enabled on another node");
	policy.identity = nowhere;
	assert_null(open_ring(false));
	expect_problem("has no key: make one");
	policy.identity = node;
	assert_int_equal(access(keys, F_OK), -1);
}

/* S100: the nameserver noted that it answered the zone signed. */
static void
no_key_is_made_for_a_zone_that_was_answered_signed(void **state)
{
	char path[128];
	FILE *file;

	(void)state;
	snprintf(path, sizeof path, "%s/serving", directory);
	assert_int_equal(mkdir(path, 0700), 0);
	strcat(path, "/signed");
	assert_non_null(file = fopen(path, "w"));
	fprintf(file, "another.example\n%s\n", zone_text);
	fclose(file);
	assert_null(open_ring(true));
	expect_problem("none is made in their place");
	assert_int_equal(access(keys, F_OK), -1);
	assert_int_equal(unlink(path), 0);
	make_ring(false);
}

/* ---- files without rows ---- */

static unsigned
signers(const struct keyring *ring, uint16_t type)
{
	struct key *list[SIGNATURES_MAX];

	return keyring_signers(ring, type, list);
}

/* The order of files in a directory, and of rows by tag, is any: several times. */
static void
a_ksk_and_a_zsk_without_rows_keep_their_work(void **state)
{
	for (unsigned i = 0; i < 8; i++) {
		struct signing_key ksk = make_ring(true);
		const struct signing_key *rows;
		struct rrset sets[SIGNED_KEYS_MAX];
		struct keyring *ring = open_ring(false);
		struct rollover *rollover = keyring_rollover(ring);

		/* Enabled again before the end of disable: the DS is that of the KSK still. */
		keyring_advance(ring, &now);
		keyring_advance(ring, &now);
		keyring_begin(ring, ROLLOVER_DISABLE, &now);
		keyring_begin(ring, ROLLOVER_ENABLE, &now);
		assert_int_equal(rollover->new.key_tag, ksk.key_tag);
		keyring_forget_state(ring);
		keyring_free(ring);
		assert_int_equal(signatures_drop_zone(txn, zone.number), 0);
		assert_non_null(ring = open_ring(false));
		assert_int_equal(keyring_rows(ring, &rows), 2);
		assert_int_equal(rows[0].key_tag, ksk.key_tag);
		assert_int_equal(signers(ring, TYPE_DNSKEY), 1);
		assert_int_equal(signers(ring, TYPE_A), 1);
		assert_int_equal(signers(ring, TYPE_CDS), 2);
		keyring_advance(ring, &now);
		assert_int_equal(keyring_rrsets(ring, 60, sets), SIGNED_KEYS_MAX);
		assert_int_equal(sets[2].count, 1);
		assert_int_equal(get16(sets[2].records + 2), ksk.key_tag);
		keyring_free(ring);
		assert_int_equal(tear_down(state), 0);
		assert_int_equal(set_up(state), 0);
	}
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    FILE_TEST(only_the_signers_user_can_read_keys),
	    FILE_TEST(a_key_that_others_can_read_is_refused),
	    FILE_TEST(a_link_or_a_directory_is_no_key),
	    FILE_TEST(a_file_with_another_key_is_refused),
	    FILE_TEST(one_key_of_two_that_is_missing_stops_the_zone),
	    FILE_TEST(a_zone_that_was_enabled_elsewhere_waits_for_its_keys),
	    FILE_TEST(no_key_is_made_for_a_zone_that_was_answered_signed),
	    FILE_TEST(a_ksk_and_a_zsk_without_rows_keep_their_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
