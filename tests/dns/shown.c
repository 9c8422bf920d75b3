/* Answers of servers against the step that they are to show. */
#include "tests/dns/shown_answers.h"

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
	assert_false(shown_ds(&shown, answer, written(), NOW, &ttl, why));
	assert_non_null(strstr(why, "lacks the DS of key"));
	add_ds(0);
	assert_true(shown_ds(&shown, answer, written(), NOW, &ttl, why));
	assert_int_equal(ttl, 3600);
	add_ds(1);
	assert_false(shown_ds(&shown, answer, written(), NOW, &ttl, why));
	assert_non_null(strstr(why, "still has the DS of key"));
	begin(AA);
	add_ds(0);
	add_ds(2);
	assert_false(shown_ds(&shown, answer, written(), NOW, &ttl, why));
	assert_non_null(strstr(why, "matches no key of the zone"));
}

/* Only a digest that is not compared goes by the name of the key. */
static void
a_ds_with_a_wrong_digest_is_none_of_the_zone(void **state)
{
	struct shown shown = wanted();
	uint8_t ds[DS_OCTETS];

	(void)state;
	memcpy(ds, keys[0].ds, sizeof ds);
	ds[DS_OCTETS - 1] ^= 1;
	begin(AA);
	add_ds(0);
	add(TYPE_DS, 3600, ds, sizeof ds);
	assert_false(shown_ds(&shown, answer, written(), NOW, &ttl, why));
	assert_non_null(strstr(why, "matches no key of the zone"));
	ds[3] = 4; /* SHA-384, which is longer */
	begin(AA);
	add_ds(0);
	add(TYPE_DS, 3600, ds, sizeof ds);
	assert_true(shown_ds(&shown, answer, written(), NOW, &ttl, why));
	put16(ds, (uint16_t)(keys[0].key_tag + 1));
	add(TYPE_DS, 3600, ds, sizeof ds);
	assert_false(shown_ds(&shown, answer, written(), NOW, &ttl, why));
}

/* S106: of a parent that is signed. Its signatures begin in 1970 here. */
static void
a_clock_that_no_signature_over_the_ds_agrees_with_is_wrong(void **state)
{
	struct shown shown = wanted();
	uint32_t begun = NOW - 10;

	(void)state;
	begin(AA);
	add_ds(0);
	add_rrsig(TYPE_DS, 2, NOW + 10);
	put32(writer.at - SIGNATURE_OCTETS - name_len(apex) - RRSIG_FIXED + 12, begun);
	assert_true(shown_ds(&shown, answer, written(), NOW, &ttl, why));
	assert_true(shown_ds(&shown, answer, written(), NOW + 10, &ttl, why));
	assert_false(shown_ds(&shown, answer, written(), NOW + 11, &ttl, why));
	assert_non_null(strstr(why, "is the clock here right?"));
	assert_false(shown_ds(&shown, answer, written(), begun - 1, &ttl, why));
	assert_non_null(strstr(why, "is the clock here right?"));
	/* One of several is enough: it is being renewed. */
	add_rrsig(TYPE_DS, 2, NOW - 1);
	assert_true(shown_ds(&shown, answer, written(), NOW, &ttl, why));
}

/* Add a signature over DS that holds from and until this. */
static void
add_ds_rrsig(uint32_t from, uint32_t until)
{
	add_rrsig(TYPE_DS, 2, until);
	put32(writer.at - SIGNATURE_OCTETS - name_len(apex) - RRSIG_FIXED + 12, from);
}

static uint8_t
join_time(struct parent_time *time)
{
	struct shown shown = wanted();

	shown_time(&shown, answer, written(), NOW, time);
	return time->says;
}

static void
the_signatures_of_the_parent_show_the_time(void **state)
{
	static const struct {
		uint32_t from, until;
		enum parent_says says;
	} rows[] = {
	    {NOW - 10, NOW + 10, PARENT_HOLDS},
	    {NOW + 60, NOW + 90, PARENT_HOLDS}, /* a clock that is a minute off harms nobody */
	    {NOW + 61, NOW + 90, PARENT_OFF},
	    {NOW - 90, NOW - 60, PARENT_HOLDS},
	    {NOW - 90, NOW - 61, PARENT_OFF},
	    {NOW - 0x70000000u, NOW - 0x60000000u, PARENT_OFF},
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		struct parent_time time = {0};

		begin(AA);
		add_ds(0);
		add_ds_rrsig(rows[i].from, rows[i].until);
		assert_int_equal(join_time(&time), rows[i].says);
		assert_int_equal(time.from, rows[i].from);
		assert_int_equal(time.until, rows[i].until);
	}
}

static void
the_times_of_several_servers_are_joined(void **state)
{
	struct parent_time time = {0};

	(void)state;
	begin(0x8000);
	add_ds(0);
	add_ds_rrsig(NOW - 10, NOW + 10);
	assert_int_equal(join_time(&time), PARENT_SILENT); /* not authoritative */
	begin(AA | 2);
	assert_int_equal(join_time(&time), PARENT_SILENT);
	begin(AA);
	assert_int_equal(join_time(&time), PARENT_NOTHING);
	add_ds(0);
	assert_int_equal(join_time(&time), PARENT_NOTHING); /* a parent that is not signed */
	begin(AA);
	add_ds(2);
	add_ds_rrsig(NOW - 10, NOW + 10);
	assert_int_equal(join_time(&time), PARENT_NOTHING); /* of no key of the zone */
	begin(AA);
	add_ds(1);
	add_ds_rrsig(NOW - 900, NOW - 500);
	add_ds_rrsig(NOW - 800, NOW - 400);
	assert_int_equal(join_time(&time), PARENT_OFF);
	assert_true(time.from == NOW - 900 && time.until == NOW - 400);
	begin(AA);
	assert_int_equal(join_time(&time), PARENT_OFF); /* another server without a DS */
	begin(AA);
	add_ds(1);
	add_ds_rrsig(NOW - 100, NOW + 100);
	assert_int_equal(join_time(&time), PARENT_HOLDS);
	begin(AA);
	add_ds(1);
	add_ds_rrsig(NOW - 900, NOW - 500);
	assert_int_equal(join_time(&time), PARENT_HOLDS);
}

static void
a_server_without_dnskey_is_unsigned(void **state)
{
	struct shown shown = wanted();

	(void)state;
	begin(AA);
	assert_true(shown_unsigned(&shown, answer, written()));
	add_dnskey(2);
	assert_false(shown_unsigned(&shown, answer, written()));
	begin(0x8000);
	assert_false(shown_unsigned(&shown, answer, written()));
	begin(AA | 2);
	assert_false(shown_unsigned(&shown, answer, written()));
}

static void
before_the_ds_its_own_may_be_there_and_no_other(void **state)
{
	struct shown shown;

	(void)state;
	memset(keys[0].marks, MARK_HIDDEN, sizeof keys[0].marks);
	shown_fill(&shown, apex, keys, 1, true);
	begin(AA);
	assert_true(shown_ds(&shown, answer, written(), NOW, &ttl, why));
	add_ds(0);
	assert_true(shown_ds(&shown, answer, written(), NOW, &ttl, why));
	add_ds(2);
	assert_false(shown_ds(&shown, answer, written(), NOW, &ttl, why));
}

static void
a_server_that_is_lame_or_malformed_shows_nothing(void **state)
{
	(void)state;
	begin(0x8005);
	assert_false(dnskey_shown());
	assert_string_equal(why, "answers REFUSED: it does not have the zone");
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
	for (unsigned wrong = 0; wrong < 2; wrong++) { /* a question, and another rcode */
		begin(wrong ? AA | 4 : AA & 0x7FFF);
		add_dnskey(0);
		add_dnskey(1);
		add_rrsig(TYPE_DNSKEY, 0, NOW + 10);
		add_rrsig(TYPE_DNSKEY, 1, NOW + 10);
		assert_false(dnskey_shown());
		assert_string_equal(why, wrong ? "answers with rcode 4" : "answers with a malformed message");
	}
}

/* S108: exactly the keys of the zone itself. */
static void
records_of_other_owners_show_nothing(void **state)
{
	struct shown shown = wanted();
	uint8_t own[NAME_MAX_LEN];

	(void)state;
	memcpy(own, apex, sizeof own);
	begin(AA);
	add_dnskey(0);
	add_rrsig(TYPE_DNSKEY, 0, NOW + 10);
	add_rrsig(TYPE_DNSKEY, 1, NOW + 10);
	name_from_text(apex, "other.example.", NULL);
	add_dnskey(1);
	memcpy(apex, own, sizeof own);
	assert_false(shown_dnskey(&shown, answer, written(), NOW, &ttl, why));
	assert_non_null(strstr(why, "lacks DNSKEY"));
}

/* ---- another provider, with key 2 (S110) ---- */

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

/* RFC 8901 2.1.2: the other provider needs the keys that sign data, and may leave out a KSK. */
static void
dnskey_of_another_provider_may_leave_out_the_own_ksk(void **state)
{
	struct signing_key rows[2] = {keys[0], keys[1]};
	struct shown shown;

	(void)state;
	memset(rows[0].marks, MARK_EVERYWHERE, sizeof rows[0].marks);
	rows[0].marks[MARK_DATA] = MARK_HIDDEN;
	rows[0].flags = DNSKEY_ZONE | DNSKEY_SEP;
	memset(rows[1].marks, MARK_HIDDEN, sizeof rows[1].marks);
	rows[1].marks[MARK_DNSKEY] = rows[1].marks[MARK_DATA] = MARK_EVERYWHERE;
	rows[1].flags = DNSKEY_ZONE;
	wanted_with("1111");
	shown_fill(&shown, apex, rows, 2, false);
	shown_add_providers(&shown, &keys[2], 1);
	for (unsigned own = 0; own < 2; own++) { /* neither of the own keys, then the ZSK */
		begin(AA);
		if (own)
			add_dnskey(1);
		add_dnskey(2);
		add_rrsig(TYPE_DNSKEY, 2, NOW + 10);
		assert_int_equal(shows_keys(&shown), own);
	}
	/* A nameserver whose signatures are not of the other provider alone is an own one. */
	add_rrsig(TYPE_DNSKEY, 0, NOW + 10);
	assert_false(shows_keys(&shown));
	assert_non_null(strstr(why, "lacks DNSKEY"));
	begin(AA);
	add_dnskey(0);
	add_dnskey(1);
	add_dnskey(2);
	assert_false(shows_keys(&shown));
	assert_non_null(strstr(why, "lacks the signature of key"));
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
	assert_true(shown_ds(&shown, answer, written(), NOW, &ttl, why)); /* its DS may go early */
	add_ds(2);
	assert_true(shown_ds(&shown, answer, written(), NOW, &ttl, why));
	shown = wanted_with("1000");
	assert_false(shown_ds(&shown, answer, written(), NOW, &ttl, why));
	assert_non_null(strstr(why, "still has the DS"));
}

static void
the_ds_of_both_providers_are_wanted(void **state)
{
	struct shown shown = wanted_with("1111");

	(void)state;
	begin(AA);
	add_ds(0);
	assert_false(shown_ds(&shown, answer, written(), NOW, &ttl, why));
	assert_non_null(strstr(why, "lacks the DS of key"));
	add_ds(2);
	assert_true(shown_ds(&shown, answer, written(), NOW, &ttl, why));
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
	for (unsigned i = 0; i < 2; i++) { /* a question, and NXDOMAIN */
		put16(answer + 2, i == 0 ? AD & 0x7FFF : AD | 3);
		assert_false(shown_validated(answer, written()));
	}
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
	    cmocka_unit_test(a_ds_with_a_wrong_digest_is_none_of_the_zone),
	    cmocka_unit_test(before_the_ds_its_own_may_be_there_and_no_other),
	    cmocka_unit_test(a_clock_that_no_signature_over_the_ds_agrees_with_is_wrong),
	    cmocka_unit_test(the_signatures_of_the_parent_show_the_time),
	    cmocka_unit_test(the_times_of_several_servers_are_joined),
	    cmocka_unit_test(a_server_without_dnskey_is_unsigned),
	    cmocka_unit_test(a_server_that_is_lame_or_malformed_shows_nothing),
	    cmocka_unit_test(records_of_other_owners_show_nothing),
	    cmocka_unit_test(dnskey_of_both_providers_may_be_signed_by_either),
	    cmocka_unit_test(dnskey_of_another_provider_needs_a_key_with_a_ds_and_may_have_more_signatures),
	    cmocka_unit_test(dnskey_of_another_provider_may_leave_out_the_own_ksk),
	    cmocka_unit_test(a_provider_that_goes_signs_nothing),
	    cmocka_unit_test(the_ds_of_both_providers_are_wanted),
	    cmocka_unit_test(a_zone_that_moves_out_has_nameservers_of_the_other_provider_alone),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
