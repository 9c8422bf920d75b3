/* The public keys of a zone whose private ones are on another node (S109): what a validator would take, and
 * what not. */
#include "signer/import/known_keys.h"
#include "signer/keys/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t apex[] = "\7example", owner[] = "\3www\7example";
static const struct signed_set set = {.owner = owner,
    .apex = apex,
    .rrset = {.type = TYPE_A, .ttl = 60, .count = 1, .records = (const uint8_t *)"\0\4\300\0\2\1", .len = 6}};

enum { SHOWN, COMING, FOREIGN, KEYS };
static struct key *keys[KEYS];
static struct signing_key rows[KEYS];
static struct known_keys *known;

static struct signature
sign(unsigned key)
{
	struct signature signature = {.inception = 1000, .expiration = 2000};
	uint8_t *data;
	size_t len;

	key_begin(keys[key], &signature);
	data = signed_data(&set, &signature, &len);
	key_sign(keys[key], 0, data, len, &signature);
	free(data);
	return signature;
}

/* One key is in DNSKEY, one is a key of the zone that DNSKEY does not have yet, one is not known. */
static int
set_up(void **state)
{
	static uint8_t records[2 + DNSKEY_MAX];
	struct signed_zone zone = {.nkeys = 1};
	size_t len;

	(void)state;
	for (unsigned i = 0; i < KEYS; i++) {
		keys[i] = key_new(apex, i == COMING ? ALGORITHM_ED25519 : ALGORITHM_ECDSAP256, DNSKEY_ZONE);
		key_describe(keys[i], &rows[i]);
	}
	len = signing_key_dnskey_len(&rows[SHOWN]);
	put16(records, (uint16_t)len);
	memcpy(records + 2, rows[SHOWN].dnskey, len);
	zone.keys[0] = (struct rrset){.type = TYPE_DNSKEY, .count = 1, .records = records, .len = 2 + len};
	known = known_keys_new();
	known_keys_add_shown(known, &zone);
	known_keys_add(known, &rows[SHOWN]);
	known_keys_add(known, &rows[COMING]);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	known_keys_free(known);
	for (unsigned i = 0; i < KEYS; i++)
		key_free(keys[i]);
	return 0;
}

static void
one_signature_by_a_key_of_dnskey_is_enough(void **state)
{
	struct signature all[] = {sign(FOREIGN), sign(COMING), sign(SHOWN)};

	(void)state;
	assert_int_equal(known_keys_verify(known, &set, &all[2], 1), KNOWN_GOOD);
	assert_int_equal(known_keys_verify(known, &set, all, 3), KNOWN_GOOD);
}

static void
without_a_key_of_dnskey_nothing_is_good(void **state)
{
	struct signature all[] = {sign(FOREIGN), sign(COMING)};

	(void)state;
	assert_int_equal(known_keys_verify(known, &set, all, 0), KNOWN_STRANGE);
	assert_int_equal(known_keys_verify(known, &set, all, 1), KNOWN_STRANGE);
	assert_int_equal(known_keys_verify(known, &set, all, 2), KNOWN_STRANGE);
}

static void
each_signature_by_a_known_key_has_to_verify(void **state)
{
	struct signature all[] = {sign(SHOWN), sign(COMING)}, later = all[0];
	struct signed_set other = set;

	(void)state;
	all[1].octets[7] ^= 4;
	assert_int_equal(known_keys_verify(known, &set, all, 2), KNOWN_WRONG);
	assert_int_equal(known_keys_verify(known, &set, &all[1], 1), KNOWN_WRONG);
	later.expiration++; /* the times are signed, too */
	assert_int_equal(known_keys_verify(known, &set, &later, 1), KNOWN_WRONG);
	other.rrset.ttl = 61;
	assert_int_equal(known_keys_verify(known, &other, &all[0], 1), KNOWN_WRONG);
}

static void
a_complaint_names_the_set(void **state)
{
	char *wrong = known_keys_complaint(&set, KNOWN_WRONG),
	     *strange = known_keys_complaint(&set, KNOWN_STRANGE);

	(void)state;
	assert_string_equal(wrong, "a signature of www.example. A does not verify");
	assert_string_equal(strange, "no signature of www.example. A is by a key that DNSKEY has");
	free(wrong);
	free(strange);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(one_signature_by_a_key_of_dnskey_is_enough, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(without_a_key_of_dnskey_nothing_is_good, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(each_signature_by_a_known_key_has_to_verify, set_up, tear_down),
	    cmocka_unit_test(a_complaint_names_the_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
