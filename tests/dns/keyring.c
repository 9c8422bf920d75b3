/* The keys of a zone: which sign what, and what is answered of them, at each step of a procedure. */
#include "signer/keys/keyring_follow.h"
#include "signer/keys/keyring_saved.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char state_directory[] = "/tmp/graycloud-keyring-XXXXXX";
static struct store *store;
static struct store_txn *txn;
static struct problems problems;
static struct zone_info zone = {.number = 1};
static char zone_text[] = "ring.example";
static struct dnssec_policy policy = {.name = zone_text, .algorithm = ALGORITHM_ECDSAP256};
static const struct rollover_clock now = {1000, 1000, 1};

static void
delete_all(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		char inner[512];

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
		delete_all(inner);
	}
	if (directory != NULL)
		closedir(directory);
	remove(path);
}

static int
set_up(void **state)
{
	(void)state;
	strcpy(state_directory + sizeof state_directory - 7, "XXXXXX");
	name_from_text(zone.name, "ring.example.", NULL);
	policy.ending = ENDING_NONE;
	if (mkdtemp(state_directory) == NULL)
		return -1;
	store = store_open(state_directory, STORE_SIGNATURES, STORE_WRITE, &problems);
	return store != NULL ? store_begin(store, STORE_WRITE, &txn) : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	store_abort(txn);
	store_close(store);
	delete_all(state_directory);
	problems_free(&problems);
	return 0;
}

static struct keyring *
open_ring(bool make)
{
	return keyring_open(txn, state_directory, &zone, &policy, make, &problems);
}

/* How many keys sign a type. */
static unsigned
signers(const struct keyring *ring, uint16_t type)
{
	struct key *keys[SIGNATURES_MAX];

	return keyring_signers(ring, type, keys);
}

/* Records of DNSKEY and of CDS. */
static void
expect_records(const struct keyring *ring, unsigned dnskeys, unsigned cds)
{
	struct rrset sets[SIGNED_KEYS_MAX];
	unsigned count = keyring_rrsets(ring, 60, sets);

	assert_int_equal(count, cds > 0 ? 3 : 1);
	assert_int_equal(sets[0].count, dnskeys);
	if (cds == 0)
		return;
	assert_int_equal(sets[1].count, cds);
	assert_int_equal(sets[2].type, TYPE_CDS);
	assert_int_equal(sets[2].count, cds);
	/* In canonical order. */
	for (unsigned i = 1; i < cds; i++) {
		const uint8_t *at = sets[2].records + (size_t)i * (2 + DS_OCTETS);

		assert_true(memcmp(at - DS_OCTETS, at + 2, DS_OCTETS) < 0);
	}
}

static void
advance(struct keyring *ring)
{
	keyring_advance(ring, &now);
	assert_int_equal(keyring_put(ring, txn), 0);
}

/* The zone is enabled, and its DS is at the parent. */
static struct keyring *
enabled(void)
{
	struct keyring *ring = open_ring(true);

	assert_non_null(ring);
	expect_records(ring, 1, 0);
	advance(ring);
	expect_records(ring, 1, 1);
	advance(ring);
	assert_int_equal(keyring_rollover(ring)->kind, ROLLOVER_NONE);
	expect_records(ring, 1, 1);
	return ring;
}

static void
a_key_rollover_shows_and_signs_what_each_step_says(void **state)
{
	static const unsigned steps[][4] = {/* DNSKEY, CDS, who signs DNSKEY, data */
	    {2, 1, 2, 1}, {2, 2, 2, 1}, {2, 2, 2, 1}, {2, 1, 2, 1}, {1, 1, 1, 1}};
	struct keyring *ring = enabled();
	struct key_id before[DATA_KEYS_MAX], after[DATA_KEYS_MAX];

	(void)state;
	keyring_data(ring, before);
	assert_true(keyring_roll(ring, ROLLOVER_KEY, ALGORITHM_ECDSAP256, &now, &problems));
	for (unsigned i = 0; i < NITEMS(steps); i++) {
		expect_records(ring, steps[i][0], steps[i][1]);
		assert_int_equal(signers(ring, TYPE_DNSKEY), steps[i][2]);
		assert_int_equal(signers(ring, TYPE_A), steps[i][3]);
		keyring_data(ring, after);
		assert_true(key_id_same(&before[0], &after[0]) == (i < 2));
		advance(ring);
	}
	assert_int_equal(keyring_rollover(ring)->kind, ROLLOVER_NONE);
	expect_records(ring, 1, 1);
	assert_true(before[0].key_tag != after[0].key_tag);
	keyring_free(ring);
}

static void
an_algorithm_rollover_signs_data_first_and_last(void **state)
{
	static const unsigned steps[][4] = {
	    {1, 1, 1, 2}, {2, 1, 2, 2}, {2, 2, 2, 2}, {2, 1, 2, 2}, {1, 1, 1, 2}, {1, 1, 1, 1}};
	struct keyring *ring = enabled();

	(void)state;
	assert_true(keyring_roll(ring, ROLLOVER_ALGORITHM, ALGORITHM_ED25519, &now, &problems));
	for (unsigned i = 0; i < NITEMS(steps); i++) {
		expect_records(ring, steps[i][0], steps[i][1]);
		assert_int_equal(signers(ring, TYPE_DNSKEY), steps[i][2]);
		assert_int_equal(signers(ring, TYPE_A), steps[i][3]);
		assert_int_equal(signers(ring, TYPE_CDS), 2 - (i == 5));
		advance(ring);
	}
	keyring_free(ring);
}

static void
disable_asks_for_the_deletion_of_all_ds(void **state)
{
	struct keyring *ring = enabled();
	struct rrset sets[SIGNED_KEYS_MAX];

	(void)state;
	keyring_begin(ring, ROLLOVER_DISABLE, &now);
	assert_int_equal(keyring_rrsets(ring, 60, sets), 3);
	assert_int_equal(sets[1].len, 7); /* RFC 8078 4: 0 3 0 AA==, 0 0 0 00 */
	assert_memory_equal(sets[1].records, "\0\5\0\0\3\0\0", 7);
	assert_memory_equal(sets[2].records, "\0\5\0\0\0\0\0", 7);
	assert_int_equal(signers(ring, TYPE_A), 1);
	keyring_begin(ring, ROLLOVER_ENABLE, &now);
	expect_records(ring, 1, 0);
	advance(ring);
	expect_records(ring, 1, 1);
	keyring_free(ring);
}

static void
a_step_outlives_a_restart(void **state)
{
	struct keyring *ring = enabled();
	struct signature found[2] = {{.algorithm = 13}, {.algorithm = 13}};
	struct key_id one[DATA_KEYS_MAX];
	const struct signing_key *rows;

	(void)state;
	assert_true(keyring_roll(ring, ROLLOVER_KEY, ALGORITHM_ECDSAP256, &now, &problems));
	assert_int_equal(keyring_put(ring, txn), 0);
	keyring_data(ring, one);
	keyring_free(ring);
	ring = open_ring(false);
	assert_non_null(ring);
	assert_int_equal(keyring_rollover(ring)->kind, ROLLOVER_KEY);
	expect_records(ring, 2, 1);
	/* The order of the rows does not matter. */
	assert_int_equal(keyring_rows(ring, &rows), 2);
	found[0].key_tag = rows[1].key_tag;
	found[1].key_tag = rows[0].key_tag;
	assert_true(keyring_fits(ring, TYPE_DNSKEY, found, 2));
	assert_false(keyring_fits(ring, TYPE_DNSKEY, found, 1));
	found[0].key_tag = one[0].key_tag;
	assert_true(keyring_fits(ring, TYPE_A, found, 1));
	found[0].key_tag ^= 1;
	assert_false(keyring_fits(ring, TYPE_A, found, 1));
	keyring_free(ring);
}

static void
the_files_of_a_key_that_left_are_not_loaded_again(void **state)
{
	struct keyring *ring = enabled();
	const struct signing_key *rows;
	uint16_t tag;

	(void)state;
	assert_true(keyring_roll(ring, ROLLOVER_EMERGENCY, ALGORITHM_ECDSAP256, &now, &problems));
	for (unsigned i = 0; i < 3; i++)
		advance(ring);
	keyring_retire_files(ring);
	assert_int_equal(keyring_rows(ring, &rows), 1);
	tag = rows[0].key_tag;
	keyring_free(ring);
	assert_int_equal(signatures_drop_zone(txn, zone.number), 0);
	ring = open_ring(false);
	assert_non_null(ring);
	assert_int_equal(keyring_rows(ring, &rows), 1);
	assert_int_equal(rows[0].key_tag, tag);
	keyring_free(ring);
}

static void
all_keys_of_an_imported_zone_leave_with_its_rollover(void **state)
{
	struct keyring *ring = enabled();
	const struct signing_key *rows;

	(void)state;
	assert_true(keyring_roll(ring, ROLLOVER_KEY, ALGORITHM_ECDSAP256, &now, &problems));
	keyring_forget_state(ring);
	keyring_free(ring);
	/* Two files, no row and no state: both sign. */
	assert_int_equal(signatures_drop_zone(txn, zone.number), 0);
	ring = open_ring(false);
	assert_non_null(ring);
	assert_int_equal(signers(ring, TYPE_A), 2);
	advance(ring);
	advance(ring);
	assert_int_equal(keyring_rollover(ring)->kind, ROLLOVER_NONE);
	expect_records(ring, 2, 1);
	assert_true(keyring_roll(ring, ROLLOVER_KEY, ALGORITHM_ECDSAP256, &now, &problems));
	expect_records(ring, 3, 1);
	for (unsigned i = 0; i < 5; i++)
		advance(ring);
	assert_int_equal(keyring_rows(ring, &rows), 1);
	expect_records(ring, 1, 1);
	keyring_free(ring);
}

/* ---- the store of signatures is lost ---- */

/* Where the rollover is after some steps, and its store is lost. */
static struct keyring *
lost_at(unsigned steps, enum rollover_kind kind, struct signing_key rows[KEY_STATE_KEYS], unsigned *count)
{
	struct keyring *ring = enabled();
	const struct signing_key *there;

	keyring_rollover(ring)->request = 7;
	assert_true(keyring_roll(ring, kind,
	    kind == ROLLOVER_ALGORITHM ? ALGORITHM_ED25519 : ALGORITHM_ECDSAP256, &now, &problems));
	assert_int_equal(keyring_put(ring, txn), 0);
	for (unsigned i = 0; i < steps; i++)
		advance(ring);
	keyring_rollover(ring)->first = keyring_rollover(ring)->until = 1000;
	assert_int_equal(keyring_put(ring, txn), 0);
	*count = keyring_rows(ring, &there);
	memcpy(rows, there, *count * sizeof *rows);
	assert_int_equal(signatures_drop_zone(txn, zone.number), 0);
	return ring;
}

static void
the_step_is_the_same_after_the_store_was_lost(void **state)
{
	static const enum rollover_kind kinds[] = {ROLLOVER_KEY, ROLLOVER_EMERGENCY, ROLLOVER_ALGORITHM};

	(void)state;
	for (size_t k = 0; k < NITEMS(kinds); k++) {
		unsigned all;

		rollover_steps(kinds[k], &all);
		for (unsigned steps = 0; steps <= all; steps++) {
			struct signing_key rows[KEY_STATE_KEYS];
			const struct signing_key *there;
			struct rollover before;
			unsigned count;
			struct keyring *ring = lost_at(steps, kinds[k], rows, &count);

			before = *keyring_rollover(ring);
			keyring_free(ring);
			ring = open_ring(false);
			assert_non_null(ring);
			assert_int_equal(keyring_rows(ring, &there), count);
			for (unsigned i = 0; i < count; i++)
				assert_memory_equal(&there[i], &rows[i], sizeof rows[i]);
			assert_int_equal(keyring_rollover(ring)->kind, before.kind);
			assert_int_equal(keyring_rollover(ring)->step, before.step);
			assert_int_equal(keyring_rollover(ring)->request, 7);
			assert_int_equal(keyring_rollover(ring)->first, 0);
			assert_int_equal(keyring_rollover(ring)->until, 0);
			assert_false(rollover_follows(keyring_rollover(ring)));
			while (keyring_rollover(ring)->kind != ROLLOVER_NONE)
				advance(ring);
			assert_int_equal(keyring_rows(ring, &there), 1);
			keyring_free(ring);
			tear_down(NULL);
			assert_int_equal(set_up(NULL), 0);
		}
	}
}

static void
a_state_of_another_policy_or_zone_is_not_taken(void **state)
{
	struct signing_key rows[KEY_STATE_KEYS];
	unsigned count;
	struct keyring *ring = lost_at(1, ROLLOVER_KEY, rows, &count);

	(void)state;
	keyring_free(ring);
	memset(policy.id.text, 'a', ID_LEN);
	ring = open_ring(false);
	memset(policy.id.text, 0, ID_LEN);
	assert_non_null(ring);
	assert_int_equal(keyring_rollover(ring)->kind, ROLLOVER_ENABLE);
	keyring_free(ring);
}

static char *
state_path(void)
{
	return xasprintf("%s/keys/ring.example/state", state_directory);
}

static void
a_state_that_is_cut_is_not_taken(void **state)
{
	struct signing_key rows[KEY_STATE_KEYS];
	unsigned count;
	struct keyring *ring = lost_at(1, ROLLOVER_KEY, rows, &count);
	char *path = state_path();

	(void)state;
	keyring_free(ring);
	assert_int_equal(truncate(path, 60), 0);
	free(path);
	ring = open_ring(false);
	assert_non_null(ring);
	assert_int_equal(keyring_rollover(ring)->kind, ROLLOVER_ENABLE);
	assert_int_equal(signers(ring, TYPE_A), 2);
	keyring_free(ring);
}

static void
a_state_whose_key_is_missing_makes_none(void **state)
{
	struct signing_key rows[KEY_STATE_KEYS];
	unsigned count;
	struct keyring *ring = lost_at(1, ROLLOVER_KEY, rows, &count);
	char *path = xasprintf(
	    "%s/keys/ring.example/Kring.example.+013+%05u.private", state_directory, rows[0].key_tag);

	(void)state;
	keyring_free(ring);
	assert_int_equal(unlink(path), 0);
	free(path);
	assert_null(open_ring(true));
	assert_true(problems.errors > 0);
}

static void
a_zone_that_is_not_signed_any_longer_has_no_state(void **state)
{
	struct keyring *ring = enabled();
	char *path = state_path();

	(void)state;
	assert_int_equal(access(path, F_OK), 0);
	keyring_forget_state(ring);
	assert_int_equal(access(path, F_OK), -1);
	free(path);
	keyring_free(ring);
}

static void
a_ksk_and_a_zsk_roll_one_by_one(void **state)
{
	static const unsigned zsk_steps[][4] = {{3, 1, 1, 1}, {3, 1, 1, 1}, {2, 1, 1, 1}},
			      ksk_steps[][4] = {{3, 1, 2, 1}, {3, 2, 2, 1}, {3, 1, 2, 1}, {2, 1, 1, 1}};
	struct keyring *ring;

	(void)state;
	policy.split = true;
	ring = open_ring(true);
	policy.split = false;
	assert_non_null(ring);
	expect_records(ring, 2, 0);
	advance(ring);
	advance(ring);
	expect_records(ring, 2, 1);
	assert_true(keyring_roll(ring, ROLLOVER_ZSK, ALGORITHM_ECDSAP256, &now, &problems));
	for (unsigned i = 0; i < NITEMS(zsk_steps); i++) {
		expect_records(ring, zsk_steps[i][0], zsk_steps[i][1]);
		assert_int_equal(signers(ring, TYPE_DNSKEY), zsk_steps[i][2]);
		assert_int_equal(signers(ring, TYPE_A), zsk_steps[i][3]);
		advance(ring);
	}
	assert_true(keyring_roll(ring, ROLLOVER_KSK, ALGORITHM_ECDSAP256, &now, &problems));
	for (unsigned i = 0; i < NITEMS(ksk_steps); i++) {
		expect_records(ring, ksk_steps[i][0], ksk_steps[i][1]);
		assert_int_equal(signers(ring, TYPE_DNSKEY), ksk_steps[i][2]);
		assert_int_equal(signers(ring, TYPE_A), ksk_steps[i][3]);
		advance(ring);
	}
	/* A rollover of all keys leaves one. */
	assert_true(keyring_roll(ring, ROLLOVER_KEY, ALGORITHM_ECDSAP256, &now, &problems));
	for (unsigned i = 0; i < 5; i++)
		advance(ring);
	expect_records(ring, 1, 1);
	assert_false(keyring_roll(ring, ROLLOVER_ZSK, ALGORITHM_ECDSAP256, &now, &problems));
	keyring_free(ring);
}

/* S110: the marks of its keys go along, and a store that is lost takes the procedure by which they went. */
static void
keys_of_another_provider_take_the_steps_of_the_zone(void **state)
{
	struct public_key others[1] = {{.len = DNSKEY_MAX, .dnskey = {1, 1, 3, 13, 5}}};
	struct keyring *ring = enabled();

	(void)state;
	policy.providers = others;
	policy.nproviders = 1;
	assert_true(keyring_take_providers(ring, &policy, &now));
	assert_int_equal(keyring_rollover(ring)->kind, ROLLOVER_PROVIDER_COMES);
	expect_records(ring, 2, 1);
	advance(ring);
	expect_records(ring, 2, 2);
	assert_int_equal(keyring_providers(ring)->rows[0].marks[MARK_DNSKEY], MARK_EVERYWHERE);
	assert_int_equal(keyring_providers(ring)->rows[0].marks[MARK_DS], MARK_COMING);
	advance(ring);
	assert_int_equal(keyring_providers(ring)->rows[0].marks[MARK_DS], MARK_EVERYWHERE);
	policy.nproviders = 0;
	assert_true(keyring_take_providers(ring, &policy, &now));
	assert_int_equal(keyring_rollover(ring)->kind, ROLLOVER_PROVIDER_GOES);
	assert_int_equal(keyring_put(ring, txn), 0);
	keyring_free(ring);
	assert_int_equal(signatures_drop_zone(txn, zone.number), 0);
	ring = open_ring(false);
	policy.providers = NULL;
	assert_non_null(ring);
	assert_int_equal(keyring_rollover(ring)->kind, ROLLOVER_NONE);
	expect_records(ring, 1, 1);
	keyring_free(ring);
}

/* ---- nodes with the same keys ---- */

/* Another node: its rows are those of another zone number, and it has the same files. */
static struct keyring *
other_ring(void)
{
	struct zone_info there = zone;

	there.number = 2;
	return keyring_open(txn, state_directory, &there, &policy, false, &problems);
}

static void
state_of(struct keyring *ring, struct key_state *state)
{
	const struct signing_key *rows;

	*state = (struct key_state){.rollover = *keyring_rollover(ring)};
	state->nkeys = keyring_rows(ring, &rows);
	for (unsigned i = 0; i < state->nkeys; i++) {
		state->keys[i] = rows[i];
		memset(state->keys[i].dnskey, 0, sizeof rows[i].dnskey);
		memset(state->keys[i].ds, 0, sizeof rows[i].ds);
	}
	keyring_apex(ring, state->apex);
	snprintf(state->rollover.leading.name, LEADER_MAX, "ns1");
}

static void
expect_same(const struct keyring *a, const struct keyring *b)
{
	const struct signing_key *ours, *theirs;
	unsigned count = keyring_rows(a, &ours);

	assert_int_equal(keyring_rows(b, &theirs), count);
	for (unsigned i = 0; i < count; i++) {
		unsigned n = 0;

		while (n + 1 < count && theirs[n].key_tag != ours[i].key_tag)
			n++;
		assert_int_equal(ours[i].key_tag, theirs[n].key_tag);
		assert_memory_equal(ours[i].marks, theirs[n].marks, sizeof ours[i].marks);
		assert_memory_equal(ours[i].since, theirs[n].since, sizeof ours[i].since);
		assert_memory_equal(ours[i].dnskey, theirs[n].dnskey, sizeof ours[i].dnskey);
		assert_memory_equal(ours[i].ds, theirs[n].ds, sizeof ours[i].ds);
	}
}

static void
a_node_that_follows_has_the_marks_of_the_one_that_leads(void **unused)
{
	static struct key_state state;
	struct keyring *ring = enabled(), *other = other_ring();
	struct rollover *rollover = keyring_rollover(other);

	(void)unused;
	rollover->request = 4;
	rollover->cancelled = 3;
	rollover->ttl_ds = 1000000; /* what this node saw counts, too */
	rollover->ttl_data = 2000000;
	rollover->ttl_dnskey = 3000000;
	rollover->ttl_ns = 4000000;
	assert_true(keyring_roll(ring, ROLLOVER_KEY, ALGORITHM_ECDSAP256, &now, &problems));
	for (unsigned i = 0; i < 6; i++) {
		state_of(ring, &state);
		assert_int_equal(key_state_compare(rollover, &state.rollover), KEY_STATE_NEWER);
		assert_true(keyring_follow(other, &state, 5000, &problems));
		assert_int_equal(keyring_put(other, txn), 0);
		expect_same(ring, other);
		assert_true(rollover_follows(rollover) == (i < 5));
		assert_int_equal(rollover->request, 4);
		assert_int_equal(rollover->cancelled, 3);
		assert_int_equal(rollover->ttl_ds, 1000000);
		assert_int_equal(rollover->ttl_data, 2000000);
		assert_int_equal(rollover->ttl_dnskey, 3000000);
		assert_int_equal(rollover->ttl_ns, 4000000);
		assert_int_equal(rollover->leading.taken, 5000);
		assert_int_equal(key_state_compare(rollover, &state.rollover), KEY_STATE_SAME);
		/* It is read again as it was written. */
		keyring_free(other);
		other = other_ring();
		rollover = keyring_rollover(other);
		expect_same(ring, other);
		if (i < 5)
			advance(ring);
	}
	assert_int_equal(rollover->kind, ROLLOVER_NONE);
	keyring_free(other);
	keyring_free(ring);
}

static void
a_key_that_a_state_lacks_leaves_with_its_file(void **unused)
{
	static struct key_state state;
	struct keyring *ring = enabled(), *other = other_ring();
	const struct signing_key *rows;
	char *directory = key_directory(state_directory, zone_text), *path;

	(void)unused;
	/* Both begin a rollover, and the second one is to follow. */
	assert_true(keyring_roll(ring, ROLLOVER_KEY, ALGORITHM_ECDSAP256, &now, &problems));
	assert_true(keyring_roll(other, ROLLOVER_KEY, ALGORITHM_ED25519, &now, &problems));
	assert_int_equal(keyring_put(other, txn), 0);
	keyring_rows(other, &rows);
	path = xasprintf("%s/Kring.example.+015+%05u.private", directory, rows[1].key_tag);
	assert_int_equal(access(path, F_OK), 0);
	state_of(ring, &state);
	assert_true(keyring_follow(other, &state, 5000, &problems));
	assert_int_equal(keyring_put(other, txn), 0);
	keyring_retire_files(other);
	assert_int_equal(access(path, F_OK), -1);
	expect_same(ring, other);
	keyring_free(other);
	other = other_ring(); /* nor is there a row of it */
	expect_same(ring, other);
	keyring_free(other);
	keyring_free(ring);
	free(path);
	free(directory);
}

static void
a_state_without_the_file_of_its_key_changes_nothing(void **unused)
{
	static struct key_state state;
	struct keyring *ring = enabled(), *other = other_ring();

	(void)unused;
	state_of(ring, &state);
	state.keys[state.nkeys] = state.keys[0];
	state.keys[state.nkeys++].key_tag ^= 1;
	assert_false(keyring_follow(other, &state, 5000, &problems));
	assert_int_equal(problems.errors, 1);
	assert_false(keyring_rollover(other)->leading.follows);
	expect_records(other, 1, 0);
	keyring_free(other);
	keyring_free(ring);
}

static void
who_takes_over_looks_at_all_servers_again(void **unused)
{
	static struct key_state state;
	static const struct rollover_pace pace = {600000, 3600000};
	struct keyring *ring = enabled(), *other = other_ring();
	struct rollover *rollover = keyring_rollover(other);

	(void)unused;
	assert_true(keyring_roll(ring, ROLLOVER_EMERGENCY, ALGORITHM_ECDSAP256, &now, &problems));
	rollover_seen(keyring_rollover(ring), true, &now, &pace);
	assert_true(keyring_rollover(ring)->until > 0);
	state_of(ring, &state);
	assert_true(keyring_follow(other, &state, 5000, &problems));
	keyring_lead(other);
	assert_false(rollover_follows(rollover));
	assert_int_equal(rollover->until, 0);
	assert_int_equal(rollover_due(rollover, &now, &pace), ROLLOVER_LOOK);
	expect_same(ring, other);
	assert_int_equal(key_state_compare(rollover, &state.rollover), KEY_STATE_OLDER);
	assert_int_equal(key_state_compare(&state.rollover, rollover), KEY_STATE_NEWER);
	keyring_free(other);
	keyring_free(ring);
}

static void
a_lost_key_needs_no_file(void **state)
{
	struct keyring *ring = enabled();
	char keys[512];

	(void)state;
	keyring_free(ring);
	snprintf(keys, sizeof keys, "%s/keys", state_directory);
	delete_all(keys);
	assert_null(open_ring(true)); /* and no key is made in its place */
	policy.ending = ENDING_KEY_LOST;
	ring = open_ring(true);
	assert_non_null(ring);
	assert_false(keyring_can_sign(ring));
	keyring_begin(ring, ROLLOVER_KEY_LOST, &now);
	advance(ring);
	assert_int_equal(keyring_rollover(ring)->kind, ROLLOVER_DISABLED);
	keyring_free(ring);
}

#define RING_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    RING_TEST(a_key_rollover_shows_and_signs_what_each_step_says),
	    RING_TEST(an_algorithm_rollover_signs_data_first_and_last),
	    RING_TEST(disable_asks_for_the_deletion_of_all_ds),
	    RING_TEST(a_step_outlives_a_restart),
	    RING_TEST(the_files_of_a_key_that_left_are_not_loaded_again),
	    RING_TEST(all_keys_of_an_imported_zone_leave_with_its_rollover),
	    RING_TEST(the_step_is_the_same_after_the_store_was_lost),
	    RING_TEST(a_state_of_another_policy_or_zone_is_not_taken),
	    RING_TEST(a_state_that_is_cut_is_not_taken),
	    RING_TEST(a_state_whose_key_is_missing_makes_none),
	    RING_TEST(a_zone_that_is_not_signed_any_longer_has_no_state),
	    RING_TEST(a_ksk_and_a_zsk_roll_one_by_one),
	    RING_TEST(a_lost_key_needs_no_file),
	    RING_TEST(keys_of_another_provider_take_the_steps_of_the_zone),
	    RING_TEST(a_node_that_follows_has_the_marks_of_the_one_that_leads),
	    RING_TEST(a_key_that_a_state_lacks_leaves_with_its_file),
	    RING_TEST(a_state_without_the_file_of_its_key_changes_nothing),
	    RING_TEST(who_takes_over_looks_at_all_servers_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
