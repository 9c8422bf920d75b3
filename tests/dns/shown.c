/* Answers of servers against the step that they are to show. */
#include "signer/shown.h"

#include "zones/dns/wire.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { NOW = 1000000, AA = 0x8400, ROOM = 2048 };

static uint8_t apex[NAME_MAX_LEN];
static struct signing_key keys[3];
static uint8_t answer[ROOM];
static struct writer writer;

static int
set_up(void **state)
{
	(void)state;
	name_from_text(apex, "roll.example.", NULL);
	for (unsigned i = 0; i < NITEMS(keys); i++) {
		struct signing_key *key = &keys[i];

		*key = (struct signing_key){.algorithm = 13};
		memset(key->dnskey, (int)i + 1, sizeof key->dnskey);
		key->dnskey[0] = 1, key->dnskey[1] = 1, key->dnskey[2] = 3, key->dnskey[3] = 13;
		key->key_tag = dnskey_tag(key->dnskey, sizeof key->dnskey);
		put16(key->ds, key->key_tag);
		key->ds[2] = 13, key->ds[3] = 2;
		memset(key->ds + 4, (int)i + 1, 32);
	}
	return 0;
}

/* ---- answers ---- */

static void
begin(unsigned flags)
{
	writer = (struct writer){answer, answer, answer + sizeof answer, false};
	write16(&writer, 1);
	write16(&writer, (uint16_t)flags);
	write32(&writer, 0);
	write32(&writer, 0);
}

static void
add(uint16_t type, uint32_t ttl, const void *data, size_t len)
{
	write_bytes(&writer, apex, name_len(apex));
	write16(&writer, type);
	write16(&writer, CLASS_IN);
	write32(&writer, ttl);
	write16(&writer, (uint16_t)len);
	write_bytes(&writer, data, len);
	put16(answer + 6, (uint16_t)(get16(answer + 6) + 1));
}

static void
add_dnskey(unsigned key)
{
	add(TYPE_DNSKEY, 60, keys[key].dnskey, DNSKEY_MAX);
}

static void
add_ds(unsigned key)
{
	add(TYPE_DS, 3600, keys[key].ds, DS_OCTETS);
}

static void
add_rrsig(uint16_t type, unsigned key, uint32_t expiration)
{
	uint8_t data[RRSIG_FIXED + NAME_MAX_LEN + SIGNATURE_OCTETS] = {0};

	put16(data, type);
	data[2] = 13;
	put32(data + 8, expiration);
	put16(data + 16, keys[key].key_tag);
	memcpy(data + RRSIG_FIXED, apex, name_len(apex));
	add(TYPE_RRSIG, 60, data, RRSIG_FIXED + name_len(apex) + SIGNATURE_OCTETS);
}

/* Key 0 has all marks, key 1 comes: it is in DNSKEY and signs it. Key 2 is not of the zone. */
static struct shown
wanted(void)
{
	struct shown shown;

	memset(keys[0].marks, MARK_EVERYWHERE, sizeof keys[0].marks);
	memset(keys[1].marks, MARK_HIDDEN, sizeof keys[1].marks);
	keys[1].marks[MARK_DNSKEY] = keys[1].marks[MARK_SIGNS] = MARK_COMING;
	shown_fill(&shown, apex, keys, 2, false);
	return shown;
}

static size_t
written(void)
{
	return (size_t)(writer.at - answer);
}

static char why[SHOWN_WHY];
static uint32_t ttl;

static bool
dnskey_shown(void)
{
	struct shown shown = wanted();

	return shown_dnskey(&shown, answer, written(), NOW, &ttl, why);
}

static void
dnskey_with_both_keys_and_signatures_is_shown(void **state)
{
	(void)state;
	begin(AA);
	add_dnskey(1);
	add_dnskey(0);
	add_rrsig(TYPE_DNSKEY, 0, NOW + 10);
	add_rrsig(TYPE_DNSKEY, 1, NOW + 10);
	assert_true(dnskey_shown());
	assert_int_equal(ttl, 60);
}

static void
what_lacks_at_dnskey_is_named(void **state)
{
	(void)state;
	begin(AA);
	add_dnskey(0);
	add_rrsig(TYPE_DNSKEY, 0, NOW + 10);
	assert_false(dnskey_shown());
	assert_non_null(strstr(why, "lacks DNSKEY"));
	begin(AA);
	add_dnskey(0);
	add_dnskey(1);
	add_rrsig(TYPE_DNSKEY, 0, NOW + 10);
	assert_false(dnskey_shown());
	assert_non_null(strstr(why, "lacks the signature of key"));
	begin(AA);
	add_dnskey(0);
	add_dnskey(1);
	add_dnskey(2);
	assert_false(dnskey_shown());
	assert_non_null(strstr(why, "has the foreign DNSKEY"));
	begin(AA);
	add_dnskey(0);
	add_dnskey(1);
	add_rrsig(TYPE_DNSKEY, 0, NOW - 1);
	add_rrsig(TYPE_DNSKEY, 1, NOW + 10);
	assert_false(dnskey_shown());
	assert_non_null(strstr(why, "has ended"));
}

static void
signatures_of_data_are_those_of_the_step_and_no_others(void **state)
{
	struct shown shown = wanted();

	(void)state;
	begin(AA);
	add_rrsig(TYPE_SOA, 0, NOW + 10);
	assert_true(shown_data(&shown, answer, written(), NOW, why));
	add_rrsig(TYPE_SOA, 1, NOW + 10);
	assert_false(shown_data(&shown, answer, written(), NOW, why));
	assert_non_null(strstr(why, "still has the signature"));
	begin(AA);
	assert_false(shown_data(&shown, answer, written(), NOW, why));
}

static void
the_ds_of_the_parent_are_those_of_the_step_and_no_others(void **state)
{
	struct shown shown = wanted();

	(void)state;
	begin(AA);
	assert_false(shown_ds(&shown, answer, written(), &ttl, why));
	assert_non_null(strstr(why, "lacks the DS of key"));
	add_ds(0);
	assert_true(shown_ds(&shown, answer, written(), &ttl, why));
	assert_int_equal(ttl, 3600);
	add_ds(1);
	assert_false(shown_ds(&shown, answer, written(), &ttl, why));
	assert_non_null(strstr(why, "still has the DS of key"));
	begin(AA);
	add_ds(0);
	add_ds(2);
	assert_false(shown_ds(&shown, answer, written(), &ttl, why));
	assert_non_null(strstr(why, "matches no key of the zone"));
}

static void
before_the_ds_its_own_may_be_there_and_no_other(void **state)
{
	struct shown shown;

	(void)state;
	memset(keys[0].marks, MARK_HIDDEN, sizeof keys[0].marks);
	shown_fill(&shown, apex, keys, 1, true);
	begin(AA);
	assert_true(shown_ds(&shown, answer, written(), &ttl, why));
	add_ds(0);
	assert_true(shown_ds(&shown, answer, written(), &ttl, why));
	add_ds(2);
	assert_false(shown_ds(&shown, answer, written(), &ttl, why));
}

static void
a_server_that_is_lame_or_malformed_shows_nothing(void **state)
{
	(void)state;
	begin(0x8005);
	assert_false(dnskey_shown());
	assert_string_equal(why, "answers with rcode 5");
	begin(0x8000);
	assert_false(dnskey_shown());
	assert_string_equal(why, "is not authoritative");
	begin(AA);
	add_dnskey(0);
	writer.at -= 3;
	assert_false(dnskey_shown());
	assert_string_equal(why, "answers with a malformed message");
	writer.at = answer + 5;
	assert_false(dnskey_shown());
}

/* ---- another provider, with key 2 (S110) ---- */

/* Key 0 is the zone's own; providers has the marks of key 2. */
static struct shown
wanted_with(const char *marks)
{
	struct shown shown;

	memset(keys[0].marks, MARK_EVERYWHERE, sizeof keys[0].marks);
	for (unsigned i = 0; i < KEY_MARKS; i++)
		keys[2].marks[i] = marks[i] == '1' ? MARK_COMING : MARK_HIDDEN;
	shown_fill(&shown, apex, keys, 1, false);
	shown_add_providers(&shown, &keys[2], 1);
	return shown;
}

static bool
shows_keys(const struct shown *shown)
{
	return shown_dnskey(shown, answer, written(), NOW, &ttl, why);
}

static void
dnskey_of_both_providers_may_be_signed_by_either(void **state)
{
	struct shown shown = wanted_with("1111");

	(void)state;
	for (unsigned signer = 0; signer <= 2; signer += 2) {
		begin(AA);
		add_dnskey(0);
		add_dnskey(2);
		add_rrsig(TYPE_DNSKEY, signer, NOW + 10);
		assert_true(shows_keys(&shown));
		begin(AA);
		add_rrsig(TYPE_SOA, signer, NOW + 10);
		assert_true(shown_data(&shown, answer, written(), NOW, why));
		begin(AA);
		add_dnskey(signer);
		add_rrsig(TYPE_DNSKEY, signer, NOW + 10);
		assert_false(shows_keys(&shown));
		assert_non_null(strstr(why, "lacks DNSKEY"));
	}
	begin(AA);
	add_rrsig(TYPE_SOA, 2, NOW - 1);
	assert_false(shown_data(&shown, answer, written(), NOW, why));
}

/* As BIND does. */
static void
dnskey_of_another_provider_needs_a_key_with_a_ds_and_may_have_more_signatures(void **state)
{
	struct shown shown = wanted_with("1111");

	(void)state;
	keys[1] = keys[2]; /* its ZSK */
	keys[1].dnskey[1] = 0;
	keys[1].flags = DNSKEY_ZONE;
	keys[1].key_tag++;
	keys[1].marks[MARK_SIGNS] = keys[1].marks[MARK_DS] = MARK_HIDDEN;
	shown_add_providers(&shown, &keys[1], 1);
	for (unsigned both = 0; both < 2; both++) {
		begin(AA);
		add_dnskey(0);
		add_dnskey(1);
		add_dnskey(2);
		add_rrsig(TYPE_DNSKEY, 1, NOW + 10);
		if (both)
			add_rrsig(TYPE_DNSKEY, 2, NOW + 10);
		assert_int_equal(shows_keys(&shown), both);
	}
	assert_int_equal(set_up(state), 0);
}

static void
a_provider_that_goes_signs_nothing(void **state)
{
	struct shown shown = wanted_with("1010");

	(void)state;
	begin(AA);
	add_rrsig(TYPE_SOA, 2, NOW + 10);
	assert_false(shown_data(&shown, answer, written(), NOW, why));
	assert_non_null(strstr(why, "still has the signature"));
	begin(AA);
	add_ds(0);
	assert_true(shown_ds(&shown, answer, written(), &ttl, why)); /* its DS may go early */
	add_ds(2);
	assert_true(shown_ds(&shown, answer, written(), &ttl, why));
	shown = wanted_with("1000");
	assert_false(shown_ds(&shown, answer, written(), &ttl, why));
	assert_non_null(strstr(why, "still has the DS"));
}

static void
the_ds_of_both_providers_are_wanted(void **state)
{
	struct shown shown = wanted_with("1111");

	(void)state;
	begin(AA);
	add_ds(0);
	assert_false(shown_ds(&shown, answer, written(), &ttl, why));
	assert_non_null(strstr(why, "lacks the DS of key"));
	add_ds(2);
	assert_true(shown_ds(&shown, answer, written(), &ttl, why));
}

static void
a_zone_that_moves_out_has_nameservers_of_the_other_provider_alone(void **state)
{
	struct shown shown = wanted_with("1111");

	(void)state;
	shown.others_alone = true;
	begin(AA);
	add_rrsig(TYPE_SOA, 2, NOW + 10);
	assert_true(shown_data(&shown, answer, written(), NOW, why));
	begin(AA);
	add_rrsig(TYPE_SOA, 0, NOW + 10);
	assert_false(shown_data(&shown, answer, written(), NOW, why));
	assert_non_null(strstr(why, "still has the signature"));
}

static void
a_resolver_that_validates_says_ad_for_the_ds_of_the_step(void **state)
{
	enum { AD = 0x8020, SERVFAIL = 0x8002 };
	struct signing_key rows[2] = {keys[0], keys[1]};
	struct shown shown;

	(void)state;
	rows[0].marks[MARK_DS] = rows[0].marks[MARK_SIGNS] = MARK_EVERYWHERE;
	rows[1].marks[MARK_DS] = rows[1].marks[MARK_SIGNS] = MARK_COMING;
	shown_fill(&shown, apex, rows, 2, false);
	begin(AD);
	add_ds(0);
	assert_true(shown_validated(answer, written()));
	assert_false(shown_resolved_ds(&shown, answer, written(), why));
	assert_non_null(strstr(why, "lacks the DS of key"));
	add_ds(1);
	assert_true(shown_resolved_ds(&shown, answer, written(), why));
	put16(answer + 2, 0x8000);
	assert_false(shown_validated(answer, written()));
	assert_false(shown_resolved_ds(&shown, answer, written(), why));
	assert_string_equal(why, "does not validate the DS (no AD)");
	begin(SERVFAIL);
	assert_true(shown_failed(answer, written()));
	assert_false(shown_validated(answer, written()));
	assert_false(shown_resolved_ds(&shown, answer, written(), why));
	assert_true(shown_failed(NULL, 0));
	/* That there is no DS needs no AD. */
	rows[0].marks[MARK_DS] = rows[1].marks[MARK_DS] = MARK_GOING;
	shown_fill(&shown, apex, rows, 2, false);
	begin(0x8000);
	assert_false(shown_failed(answer, written()));
	assert_true(shown_resolved_ds(&shown, answer, written(), why));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_resolver_that_validates_says_ad_for_the_ds_of_the_step),
	    cmocka_unit_test(dnskey_with_both_keys_and_signatures_is_shown),
	    cmocka_unit_test(what_lacks_at_dnskey_is_named),
	    cmocka_unit_test(signatures_of_data_are_those_of_the_step_and_no_others),
	    cmocka_unit_test(the_ds_of_the_parent_are_those_of_the_step_and_no_others),
	    cmocka_unit_test(before_the_ds_its_own_may_be_there_and_no_other),
	    cmocka_unit_test(a_server_that_is_lame_or_malformed_shows_nothing),
	    cmocka_unit_test(dnskey_of_both_providers_may_be_signed_by_either),
	    cmocka_unit_test(dnskey_of_another_provider_needs_a_key_with_a_ds_and_may_have_more_signatures),
	    cmocka_unit_test(a_provider_that_goes_signs_nothing),
	    cmocka_unit_test(the_ds_of_both_providers_are_wanted),
	    cmocka_unit_test(a_zone_that_moves_out_has_nameservers_of_the_other_provider_alone),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
