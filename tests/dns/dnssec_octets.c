/* The octets of DNSSEC: vectors of RFC 4034 and RFC 6605, canonical form, bitmaps, times. */
#include "signer/import/verifier.h"
#include "signer/keys/key.h"
#include "signer/sign/signing_threads.h"
#include "signer/time/validity.h"
#include "zones/answer/chain.h"
#include "zones/answer/signature_table.h"
#include "zones/dns/dnssec.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static uint8_t apex[NAME_MAX_LEN];

static const uint8_t *
name(const char *text)
{
	static uint8_t names[4][NAME_MAX_LEN];
	static unsigned next;
	uint8_t *out = names[next++ % 4];

	assert_true(name_from_text(out, text, NULL) > 0);
	return out;
}

/* RFC 6605 6.1: the key of example.net has the tag 55648. */
static const char rfc_public[] = "\x1a\x88\xc8\x86\x15\xd4\x37\xfb\xb8\xbf\x9e\x19\x42\xa1\x92\x9f"
				 "\x28\x56\x27\x06\xae\x6c\x2b\xd3\x99\xe7\xb1\xbf\xb6\xd1\xe9\xe7"
				 "\x5b\x92\xb4\xaa\x42\x91\x7a\xe1\xc6\x1b\x70\x1e\xf0\x35\xc3\xfe"
				 "\x7b\xe3\x00\x9c\xba\xfe\x5a\x2f\x71\x31\x6c\x90\x2d\xcf\x0d\x00";

static void
the_key_tag_is_that_of_the_rfc(void **state)
{
	uint8_t rdata[DNSKEY_MAX] = {1, 1, 3, 13};

	(void)state;
	memcpy(rdata + 4, rfc_public, 64);
	assert_int_equal(dnskey_tag(rdata, sizeof rdata), 55648);
}

static size_t
data_of(uint16_t type, const char *records, size_t len, unsigned count, uint8_t **data)
{
	struct signature signature = {.algorithm = 13, .key_tag = 7, .inception = 1, .expiration = 2};
	struct signed_set set = {.owner = name("Host.Example."),
	    .apex = apex,
	    .rrset = {.type = type,
		.ttl = 60,
		.count = (uint16_t)count,
		.records = (const uint8_t *)records,
		.len = len}};
	size_t all;

	*data = signed_data(&set, &signature, &all);
	return all;
}

static void
what_is_signed_has_names_in_lower_case_and_canonical_order(void **state)
{
	/* MX 10 B.example, MX 10 a.example: as the store sorts them, upper case first. */
	static const char records[] = "\0\x0d\0\x0a\1B\7example\0"
				      "\0\x0d\0\x0a\1a\7example\0";
	static const uint8_t owner[] = "\4host\7example";
	uint8_t *data;
	size_t len = data_of(TYPE_MX, records, sizeof records - 1, 2, &data),
	       at = RRSIG_FIXED + name_len(apex);

	(void)state;
	assert_int_equal(data[3], 2); /* labels */
	assert_memory_equal(data + RRSIG_FIXED, apex, name_len(apex));
	assert_memory_equal(data + at, owner, sizeof owner);
	assert_memory_equal(data + at + sizeof owner + 10 + 2, "\1a\7example", 10);
	at += sizeof owner + 10 + 13;
	assert_memory_equal(data + at + sizeof owner + 10 + 2, "\1b\7example", 10);
	assert_int_equal(len, at + sizeof owner + 10 + 13);
	free(data);
	/* Octets of other types keep their case (RFC 6840 5.1). */
	data_of(TYPE_TXT, "\0\3\2Ab", 5, 1, &data);
	assert_memory_equal(data + RRSIG_FIXED + name_len(apex) + sizeof owner + 10, "\2Ab", 3);
	free(data);
}

/* RFC 4034 6.2, RFC 6840 5.1. What a type has before its names, and how many names. */
static void
names_in_rdata_are_in_lower_case_in_the_types_of_the_rfcs(void **state)
{
	static const struct {
		uint16_t type;
		const char *before;
		size_t len;
		unsigned names;
	} rows[] = {{TYPE_NS, "", 0, 1}, {3, "", 0, 1}, {4, "", 0, 1}, {TYPE_CNAME, "", 0, 1},
	    {TYPE_SOA, "", 0, 2}, {7, "", 0, 1}, {8, "", 0, 1}, {9, "", 0, 1}, {TYPE_PTR, "", 0, 1},
	    {14, "", 0, 2}, {TYPE_MX, "\0A", 2, 1}, {17, "", 0, 2}, {18, "\0A", 2, 1}, {21, "\0A", 2, 1},
	    {26, "\0A", 2, 2}, {TYPE_SRV, "\0A\0B\0C", 6, 1}, {35, "\0A\0B\1U\3E2U\2RE", 13, 1},
	    {36, "\0A", 2, 1}, {TYPE_DNAME, "", 0, 1}, {TYPE_TXT, "\1A", 2, 0}, {TYPE_HTTPS, "\0A", 2, 0}};
	static const char upper[] = "\1B\7Example", lower[] = "\1b\7example";

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		uint8_t record[64], wanted[64];
		size_t len = rows[i].len + 2 * sizeof upper, at;
		uint8_t *data;

		put16(record, (uint16_t)len);
		memcpy(record + 2, rows[i].before, rows[i].len);
		for (unsigned n = 0; n < 2; n++) {
			at = 2 + rows[i].len + n * sizeof upper;
			memcpy(record + at, upper, sizeof upper);
			memcpy(wanted + at, n < rows[i].names ? lower : upper, sizeof upper);
		}
		memcpy(wanted, record, 2 + rows[i].len);
		at = data_of(rows[i].type, (const char *)record, 2 + len, 1, &data) - (2 + len);
		if (memcmp(data + at, wanted, 2 + len) != 0)
			fail_msg("type %u", rows[i].type);
		free(data);
	}
}

/* RFC 4034 6.3: the absence of an octet sorts before a zero octet. */
static void
the_shorter_of_two_records_is_first(void **state)
{
	static const char records[] = "\0\3\1a\0\0\2\1a", wanted[] = "\0\2\1a";
	uint8_t *data;
	size_t len = data_of(99, records, sizeof records - 1, 2, &data), owner = sizeof "\4host\7example",
	       first = RRSIG_FIXED + name_len(apex) + owner + 8;

	(void)state;
	assert_memory_equal(data + first, wanted, 4);
	assert_int_equal(len, first + 4 + owner + 8 + 5);
	free(data);
}

/* RFC 4034 3.1. The TTL of the record can be less than the one that is signed (S101). */
static void
an_rrsig_has_its_fields_in_the_order_of_the_rfc(void **state)
{
	static const uint8_t wanted[] = {0, 46, 0, 1, 0, 0, 0, 9, 0, RRSIG_FIXED + 9 + SIGNATURE_OCTETS, 0,
	    28, 15, 2, 0, 0, 0, 30, 0, 0, 0, 4, 0, 0, 0, 3, 1, 2, 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0,
	    0xAA};
	struct signature signature = {.algorithm = 15, .key_tag = 258, .inception = 3, .expiration = 4};
	struct rrsig_covers covers = {
	    .apex = apex, .apex_len = name_len(apex), .type = TYPE_AAAA, .labels = 2, .ttl = 30};
	uint8_t out[512];

	(void)state;
	memset(signature.octets, 0xAA, sizeof signature.octets);
	rrsig_write_after_owner(out, &covers, 9, &signature);
	assert_memory_equal(out, wanted, sizeof wanted);
	assert_int_equal(signed_labels(name("a.b.example.")), 3);
	assert_int_equal(signed_labels(name("*.b.example.")), 2); /* RFC 4034 3.1.3 */
}

static void
the_hash_changes_with_each_part_of_an_rrset(void **state)
{
	static const uint8_t records[] = {0, 4, 192, 0, 2, 1}, others[] = {0, 4, 192, 0, 2, 2};
	struct signed_set set = {.owner = name("a.example."),
	    .apex = apex,
	    .rrset = {.type = TYPE_A, .ttl = 60, .count = 1, .records = records, .len = 6}};
	uint64_t hash = signed_hash(&set);

	(void)state;
	assert_true(signed_hash(&set) == hash);
	set.rrset.ttl = 61;
	assert_true(signed_hash(&set) != hash);
	set.rrset.ttl = 60;
	set.owner = name("b.example.");
	assert_true(signed_hash(&set) != hash);
	set.owner = name("a.example.");
	set.rrset.records = others;
	assert_true(signed_hash(&set) != hash);
	set.rrset.records = records;
	set.rrset.type = TYPE_TXT;
	assert_true(signed_hash(&set) != hash);
	set.rrset.type = TYPE_A;
	set.rrset.count = 2;
	assert_true(signed_hash(&set) != hash);
}

/* RFC 4034 4.3: alfa.example.com. NSEC host.example.com. ( A MX RRSIG NSEC TYPE1234 ). */
static void
the_bitmap_is_that_of_the_rfc(void **state)
{
	static const uint8_t wanted[] = {0x04, 'h', 'o', 's', 't', 0x07, 'e', 'x', 'a', 'm', 'p', 'l', 'e',
	    0x03, 'c', 'o', 'm', 0x00, 0x00, 0x06, 0x40, 0x01, 0x00, 0x00, 0x00, 0x03, 0x04, 0x1b, 0, 0, 0, 0,
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20};
	struct type_set *types = calloc(1, sizeof *types);
	uint8_t out[NSEC_MAX];

	(void)state;
	type_set_add(types, TYPE_SVCB);
	type_set_clear(types);
	for (unsigned i = 0; i < 5; i++)
		type_set_add(types, (const uint16_t[]){TYPE_A, TYPE_MX, TYPE_RRSIG, TYPE_NSEC, 1234}[i]);
	type_set_add(types, TYPE_AAAA);
	type_set_remove(types, TYPE_AAAA);
	assert_int_equal(
	    nsec_write(out, (const uint8_t *)"\4host", 5, name("example.com."), types), sizeof wanted);
	assert_memory_equal(out, wanted, sizeof wanted);
	free(types);
}

/* ---- keys ---- */

static void
sign_and_load(unsigned algorithm)
{
	char directory[] = "/tmp/graycloud-key-XXXXXX";
	struct key *key = key_new(apex, algorithm, DNSKEY_ZONE | DNSKEY_SEP), *again;
	struct problems problems = {0};
	struct signature signature;
	struct signing_key row;
	char command[300];

	assert_non_null(mkdtemp(directory));
	assert_true(key_save(key, directory, &problems));
	key_describe(key, &row);
	assert_int_equal(row.algorithm, algorithm);
	assert_int_equal(
	    row.key_tag, dnskey_tag(row.dnskey, algorithm == ALGORITHM_ED25519 ? 36 : DNSKEY_MAX));
	assert_int_equal(get16(row.ds), row.key_tag);
	assert_non_null(again = key_load(apex, &row, directory, &problems));
	key_begin(again, &signature);
	assert_int_equal(signature.key_tag, row.key_tag);
	key_sign(again, 0, "octets", 6, &signature);
	/* A row of another key: its file is not there. */
	row.key_tag++;
	assert_null(key_load(apex, &row, directory, &problems));
	assert_int_equal(problems.errors, 1);
	problems_free(&problems);
	key_free(key);
	key_free(again);
	snprintf(command, sizeof command, "rm -r %s", directory);
	assert_int_equal(system(command), 0);
}

static void
a_key_is_saved_loaded_and_signs(void **state)
{
	(void)state;
	sign_and_load(ALGORITHM_ECDSAP256);
	sign_and_load(ALGORITHM_ED25519);
}

/* What a key signed verifies with its public part, and nothing else does. */
static void
verify(unsigned algorithm)
{
	struct key *key = key_new(apex, algorithm, DNSKEY_ZONE),
		   *other = key_new(apex, algorithm, DNSKEY_ZONE);
	struct signing_key row, foreign;
	struct signature signature = {.algorithm = 0};
	uint8_t data[] = "what is signed";
	struct verifier *right, *wrong;

	key_describe(key, &row);
	key_describe(other, &foreign);
	right = verifier_new(row.dnskey, signing_key_dnskey_len(&row));
	wrong = verifier_new(foreign.dnskey, signing_key_dnskey_len(&foreign));
	assert_non_null(right);
	assert_non_null(wrong);
	key_begin(key, &signature);
	key_sign(key, 0, data, sizeof data, &signature);
	assert_true(verifier_check(right, data, sizeof data, &signature));
	assert_false(verifier_check(wrong, data, sizeof data, &signature));
	for (size_t i = 0; i < SIGNATURE_OCTETS; i++) {
		signature.octets[i] ^= 1;
		assert_false(verifier_check(right, data, sizeof data, &signature));
		signature.octets[i] ^= 1;
	}
	data[3] ^= 1;
	assert_false(verifier_check(right, data, sizeof data, &signature));
	memset(signature.octets, 0, sizeof signature.octets);
	assert_false(verifier_check(right, data, sizeof data, &signature));
	assert_null(verifier_new(row.dnskey, signing_key_dnskey_len(&row) - 1u));
	verifier_free(right);
	verifier_free(wrong);
	key_free(key);
	key_free(other);
}

static void
a_signature_verifies_with_its_key_and_its_octets_alone(void **state)
{
	uint8_t none[DNSKEY_MAX] = {1, 0, 3, ALGORITHM_ECDSAP256, 1, 2, 3};

	(void)state;
	verify(ALGORITHM_ECDSAP256);
	verify(ALGORITHM_ED25519);
	assert_null(verifier_new(none, sizeof none)); /* no point of the curve */
	none[3] = ALGORITHM_RSASHA256;
	assert_null(verifier_new(none, sizeof none));
	assert_null(verifier_new(none, 0));
}

/* Signatures of Ed25519 are always the same. */
static void
threads_sign_what_one_signs(void **state)
{
	enum { JOBS = 300 };
	static const size_t counts[] = {JOBS, 3, 0, JOBS};
	static struct signing_job jobs[JOBS];
	struct key *key = key_new(apex, ALGORITHM_ED25519, DNSKEY_ZONE);
	struct signing_threads *threads = signing_threads_new(4);
	uint8_t data[JOBS][8];
	struct signature alone;

	(void)state;
	for (unsigned round = 0; round < NITEMS(counts); round++) {
		for (unsigned i = 0; i < JOBS; i++) {
			put32(data[i], i);
			put32(data[i] + 4, round);
			jobs[i] = (struct signing_job){.key = key, .data = data[i], .len = sizeof data[i]};
		}
		signing_threads_begin(threads, jobs, counts[round]);
		signing_threads_finish(threads);
		for (unsigned i = 0; i < counts[round]; i++) {
			key_sign(key, 0, data[i], sizeof data[i], &alone);
			assert_memory_equal(jobs[i].signature.octets, alone.octets, sizeof alone.octets);
		}
	}
	signing_threads_free(threads);
	key_free(key);
}

/* ECDSA has a random part, and its lanes have contexts of their own. */
static void
what_many_threads_sign_at_once_with_ecdsa_verifies(void **state)
{
	enum { JOBS = 2000 };
	static struct signing_job jobs[JOBS];
	static uint8_t data[JOBS][200];
	struct key *key = key_new(apex, ALGORITHM_ECDSAP256, DNSKEY_ZONE);
	struct signing_threads *threads = signing_threads_new(4);
	struct signing_key row;
	struct verifier *verifier;

	(void)state;
	key_describe(key, &row);
	verifier = verifier_new(row.dnskey, signing_key_dnskey_len(&row));
	for (unsigned i = 0; i < JOBS; i++) {
		put32(data[i], i);
		jobs[i] = (struct signing_job){.key = key, .data = data[i], .len = 4 + i % 197};
		key_begin(key, &jobs[i].signature);
	}
	signing_threads_begin(threads, jobs, JOBS);
	signing_threads_finish(threads);
	for (unsigned i = 0; i < JOBS; i++)
		assert_true(verifier_check(verifier, data[i], jobs[i].len, &jobs[i].signature));
	verifier_free(verifier);
	signing_threads_free(threads);
	key_free(key);
}

/* ---- times ---- */

static void
signatures_end_spread_and_are_renewed_while_half_of_the_validity_is_left(void **state)
{
	enum { NOW = 1000000, SECONDS = 14 * 86400 };
	uint32_t first = UINT32_MAX, last = 0;
	struct signature signature;

	(void)state;
	for (uint64_t hash = 0; hash < 1000; hash++) {
		validity_set(&signature, NOW, SECONDS, mix64(hash));
		assert_int_equal(signature.inception, NOW - VALIDITY_BACK_S);
		assert_in_range(signature.expiration, NOW + SECONDS - SECONDS / 4, NOW + SECONDS);
		assert_in_range(validity_due_at(&signature, NOW), NOW + SECONDS / 4, NOW + SECONDS / 3);
		assert_true(signature.expiration - validity_due_at(&signature, NOW) >= SECONDS / 2);
		assert_int_equal(validity_left(&signature, NOW), signature.expiration - NOW);
		assert_true(validity_left(&signature, signature.expiration + 5) == -5);
		first = MIN(first, signature.expiration);
		last = MAX(last, signature.expiration);
	}
	assert_true(last - first > SECONDS / 5); /* not all at once */
	assert_int_equal(validity_batch_s(SECONDS), 3600);
	assert_int_equal(validity_batch_s(160), 10);
}

static void
a_signature_of_a_clock_that_was_ahead_is_due_at_once(void **state)
{
	enum { SECONDS = 14 * 86400 };
	static const uint32_t nows[] = {1000000, 30, UINT32_MAX - 30};
	struct signature signature;

	(void)state;
	for (size_t i = 0; i < sizeof nows / sizeof *nows; i++) {
		uint32_t now = nows[i];

		validity_set(&signature, now + 60, SECONDS, 0);
		assert_false(validity_is_ahead(&signature, now));
		assert_true(validity_due_at(&signature, now) - now > SECONDS / 4);
		validity_set(&signature, now + 61, SECONDS, 0);
		assert_true(validity_is_ahead(&signature, now));
		assert_int_equal(validity_due_at(&signature, now), now);
		validity_set(&signature, now + 365u * 86400, SECONDS, 0);
		assert_true(validity_is_ahead(&signature, now));
		validity_set(&signature, now - SECONDS, SECONDS, 0);
		assert_false(validity_is_ahead(&signature, now));
	}
}

/* ---- the table of steered RRsets ---- */

static void
a_signature_is_found_by_its_content_and_by_no_other(void **state)
{
	struct signature_table *table = signature_table_new(0);
	struct signature signature = {.algorithm = 13}, found;
	uint8_t address[16] = {0};
	struct content owner;

	(void)state;
	content_init();
	owner = content_of_owner(name("lb.example."), 12, 30);
	for (unsigned i = 0; i < 5000; i++) {
		struct content content;

		put32(address, i);
		content = content_single(&owner, i & 1, address);
		signature.key_tag = (uint16_t)i;
		assert_false(signature_table_find(table, &content, &found));
		free(signature_table_add(table, &content, &signature));
		assert_null(signature_table_add(table, &content, &signature));
	}
	assert_int_equal(signature_table_count(table), 5000);
	for (unsigned i = 0; i < 5000; i++) {
		struct content content, other;

		put32(address, i);
		content = content_single(&owner, i & 1, address);
		other = content_single(&owner, !(i & 1), address);
		assert_true(signature_table_find(table, &content, &found));
		assert_int_equal(found.key_tag, i);
		assert_false(signature_table_find(table, &other, &found));
	}
	signature_table_free(table);
}

enum { SHARED = 100000 };

struct sharing {
	struct signature_table *table;
	struct content owner;
	_Atomic unsigned added; /* SHARED: the end */
	unsigned missed, wrong;
};

static struct content
shared_content(const struct sharing *sharing, unsigned i)
{
	uint8_t address[16] = {0};

	put32(address, i);
	return content_single(&sharing->owner, i & 1, address);
}

static void *
look_up(void *arg)
{
	struct sharing *sharing = arg;

	for (unsigned added = 0, round = 1; added < SHARED; round++) {
		struct signature found;
		struct content content;
		unsigned i;

		added = atomic_load(&sharing->added);
		if (added == 0)
			continue;
		i = (unsigned)(mix64(round) % added);
		content = shared_content(sharing, i);
		if (!signature_table_find(sharing->table, &content, &found))
			sharing->missed++;
		else
			sharing->wrong += found.key_tag != (uint16_t)i || found.octets[63] != (uint8_t)i;
	}
	return NULL;
}

static void
signatures_are_found_while_the_table_grows(void **state)
{
	struct sharing sharing = {.table = signature_table_new(0)};
	struct signature signature = {.algorithm = 13};
	void *replaced[64 * 32];
	unsigned count = 0;
	pthread_t reader;

	(void)state;
	content_init();
	sharing.owner = content_of_owner(name("lb.example."), 12, 30);
	assert_int_equal(pthread_create(&reader, NULL, look_up, &sharing), 0);
	for (unsigned i = 0; i < SHARED; i++) {
		struct content content = shared_content(&sharing, i);
		void *memory;

		signature.key_tag = (uint16_t)i;
		signature.octets[63] = (uint8_t)i;
		memory = signature_table_add(sharing.table, &content, &signature);
		assert_in_range(count, 0, NITEMS(replaced) - 1);
		if (memory != NULL)
			replaced[count++] = memory;
		atomic_store(&sharing.added, i + 1);
	}
	pthread_join(reader, NULL);
	assert_int_equal(sharing.missed, 0);
	assert_int_equal(sharing.wrong, 0);
	assert_true(count > 64);
	while (count > 0)
		free(replaced[--count]);
	signature_table_free(sharing.table);
}

static void
a_set_has_one_content_in_any_order(void **state)
{
	struct content a = {{0}}, b = {{0}}, address[3], other = {{0}};

	(void)state;
	content_init();
	for (uint8_t i = 0; i < 3; i++)
		address[i] = content_of_octets(&i, 1);
	for (unsigned i = 0; i < 3; i++) {
		content_add(&a, &address[i]);
		content_add(&b, &address[2 - i]);
		if (i < 2)
			content_add(&other, &address[i]);
	}
	assert_memory_equal(&a, &b, sizeof a);
	assert_memory_not_equal(&a, &other, sizeof a);
}

/* Each octet at each place of words of eight, and of the rest; also in place. */
static void
only_a_to_z_become_lower_case(void **state)
{
	(void)state;
	for (unsigned octet = 0; octet < 256; octet++)
		for (uint8_t len = 1; len <= 63; len++) {
			uint8_t label[NAME_MAX_LEN] = {len}, out[NAME_MAX_LEN] = {0};

			memset(label + 1, (int)octet, len);
			assert_int_equal(name_lower(out, label), len + 2);
			assert_int_equal(out[0], len);
			assert_int_equal(out[len + 1], 0);
			for (unsigned i = 1; i <= len; i++)
				assert_int_equal(
				    out[i], octet >= 'A' && octet <= 'Z' ? octet - 'A' + 'a' : octet);
			name_lower(label, label);
			assert_memory_equal(label, out, len + 2u);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_a_to_z_become_lower_case),
	    cmocka_unit_test(the_key_tag_is_that_of_the_rfc),
	    cmocka_unit_test(what_is_signed_has_names_in_lower_case_and_canonical_order),
	    cmocka_unit_test(names_in_rdata_are_in_lower_case_in_the_types_of_the_rfcs),
	    cmocka_unit_test(the_shorter_of_two_records_is_first),
	    cmocka_unit_test(an_rrsig_has_its_fields_in_the_order_of_the_rfc),
	    cmocka_unit_test(the_hash_changes_with_each_part_of_an_rrset),
	    cmocka_unit_test(the_bitmap_is_that_of_the_rfc),
	    cmocka_unit_test(a_key_is_saved_loaded_and_signs),
	    cmocka_unit_test(a_signature_verifies_with_its_key_and_its_octets_alone),
	    cmocka_unit_test(threads_sign_what_one_signs),
	    cmocka_unit_test(what_many_threads_sign_at_once_with_ecdsa_verifies),
	    cmocka_unit_test(signatures_end_spread_and_are_renewed_while_half_of_the_validity_is_left),
	    cmocka_unit_test(a_signature_of_a_clock_that_was_ahead_is_due_at_once),
	    cmocka_unit_test(a_signature_is_found_by_its_content_and_by_no_other),
	    cmocka_unit_test(signatures_are_found_while_the_table_grows),
	    cmocka_unit_test(a_set_has_one_content_in_any_order),
	};

	name_from_text(apex, "example.", NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
