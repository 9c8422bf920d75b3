/* CDS and CDNSKEY of nameservers against the step that they are to show (RFC 7344, S108). */
#include "tests/dns/shown_answers.h"

static uint8_t answers[3][ROOM];
static struct bytes put_answers[3]; /* CDS, CDNSKEY, DNSKEY */

/* Keep what was written as one of the answers. */
static void
keep(unsigned which)
{
	memcpy(answers[which], answer, written());
	put_answers[which] = (struct bytes){answers[which], written()};
}

static void
add_cds(unsigned key)
{
	add(TYPE_CDS, 60, keys[key].ds, DS_OCTETS);
}

static void
add_cdnskey(unsigned key)
{
	add(TYPE_CDNSKEY, 60, keys[key].dnskey, DNSKEY_MAX);
}

/* The answers of a nameserver with CDS and CDNSKEY of these keys, as bits; 8: the deletion of all DS. */
static void
answer_with(unsigned cds, unsigned cdnskey)
{
	begin(AA);
	for (unsigned i = 0; i < 3; i++)
		if (cds >> i & 1)
			add_cds(i);
	if (cds & 8)
		add(TYPE_CDS, 60, "\0\0\0\0", 5);
	keep(0);
	begin(AA);
	for (unsigned i = 0; i < 3; i++)
		if (cdnskey >> i & 1)
			add_cdnskey(i);
	if (cdnskey & 8)
		add(TYPE_CDNSKEY, 60, "\0\0\3\0", 5);
	keep(1);
	begin(AA);
	add_dnskey(0);
	add_rrsig(TYPE_DNSKEY, 0, NOW + 100);
	keep(2);
}

static bool
cds_is_shown(const struct shown *shown, bool *none)
{
	why[0] = '\0';
	return shown_cds(shown, put_answers[0], put_answers[1], put_answers[2], none, why);
}

/* ds: marks of the keys 0 and 1. */
static struct shown
ds_step(uint8_t first, uint8_t second, bool delete_ds)
{
	struct shown shown;

	memset(keys[0].marks, MARK_EVERYWHERE, sizeof keys[0].marks);
	memset(keys[1].marks, MARK_EVERYWHERE, sizeof keys[1].marks);
	keys[0].marks[MARK_DS] = first;
	keys[1].marks[MARK_DS] = second;
	shown_fill(&shown, apex, keys, 2, false);
	shown.delete_ds = delete_ds;
	return shown;
}

static void
cds_are_asked_for_where_the_ds_changes(void **state)
{
	(void)state;
	assert_true(ds_step(MARK_EVERYWHERE, MARK_COMING, false).ds_changes);
	assert_true(ds_step(MARK_GOING, MARK_EVERYWHERE, false).ds_changes);
	assert_false(ds_step(MARK_EVERYWHERE, MARK_HIDDEN, false).ds_changes);
}

static void
cds_are_those_of_the_step_and_no_others(void **state)
{
	struct shown both = ds_step(MARK_EVERYWHERE, MARK_COMING, false),
		     second = ds_step(MARK_GOING, MARK_EVERYWHERE, false),
		     neither = ds_step(MARK_GOING, MARK_HIDDEN, true),
		     beside = ds_step(MARK_EVERYWHERE, MARK_COMING, true); /* of another provider */
	const struct {
		const struct shown *shown;
		unsigned cds, cdnskey;
		const char *why; /* NULL: it is shown */
	} rows[] = {
	    {&both, 3, 3, NULL},
	    {&beside, 8, 8, NULL},
	    {&beside, 3, 3, "still has CDS"},
	    {&both, 3, 0, NULL},
	    {&both, 0, 3, NULL},
	    {&both, 1, 1, "lacks CDS"},
	    {&both, 0, 1, "lacks CDNSKEY"},
	    {&both, 3, 1, "lacks CDNSKEY"},
	    {&both, 7, 3, "has the foreign CDS"},
	    {&both, 3, 7, "has the foreign CDNSKEY"},
	    {&both, 8, 8, "has a CDS that asks the parent to delete the DS"},
	    {&both, 3, 8, "has a CDNSKEY that asks the parent to delete the DS"},
	    {&both, 0, 0, "has neither CDS nor CDNSKEY"},
	    {&second, 2, 2, NULL},
	    {&second, 3, 3, "still has CDS"},
	    {&second, 1, 1, "still has CDS"},
	    {&neither, 8, 8, NULL},
	    {&neither, 8, 0, NULL},
	    {&neither, 1, 1, "still has CDS"},
	    {&neither, 9, 8, "still has CDS"},
	    {&neither, 0, 0, "has neither CDS nor CDNSKEY"},
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		bool none;

		answer_with(rows[i].cds, rows[i].cdnskey);
		if (cds_is_shown(rows[i].shown, &none) != (rows[i].why == NULL) ||
		    (rows[i].why != NULL && strncmp(why, rows[i].why, strlen(rows[i].why)) != 0) ||
		    none != (rows[i].cds == 0 && rows[i].cdnskey == 0))
			fail_msg("row %zu: \"%s\"", i, why);
	}
}

static void
before_the_ds_cds_of_the_own_keys_may_be_there_or_not(void **state)
{
	struct shown shown;
	bool none;

	(void)state;
	keys[0].marks[MARK_DS] = MARK_GOING; /* enabled again before the end of disable */
	shown_fill(&shown, apex, keys, 1, true);
	answer_with(0, 0);
	assert_true(cds_is_shown(&shown, &none));
	answer_with(1, 1);
	assert_true(cds_is_shown(&shown, &none));
	answer_with(8, 8);
	assert_false(cds_is_shown(&shown, &none));
	assert_string_equal(why, "has a CDS that asks the parent to delete the DS");
}

static void
cds_of_lame_and_malformed_answers_show_nothing(void **state)
{
	struct shown both = ds_step(MARK_EVERYWHERE, MARK_COMING, false);
	bool none;

	(void)state;
	for (unsigned which = 0; which < 2; which++) {
		answer_with(3, 3);
		put16(answers[which] + 2, 0x8000);
		assert_false(cds_is_shown(&both, &none));
		assert_string_equal(why, "is not authoritative");
		assert_false(none);
		answer_with(3, 3);
		put_answers[which].len -= 3;
		assert_false(cds_is_shown(&both, &none));
		assert_string_equal(why, "answers with a malformed message");
	}
	answer_with(3, 3);
	begin(AA);
	add(TYPE_CDS, 60, "\1\2", 2);
	keep(0);
	assert_false(cds_is_shown(&both, &none));
	answer_with(8, 8);
	begin(AA);
	add(TYPE_CDS, 60, "\0\0", 2);
	keep(0);
	both.delete_ds = true;
	assert_false(cds_is_shown(&both, &none));
}

static void
cds_of_both_providers_are_wanted_and_those_of_the_other_one_not_judged(void **state)
{
	struct shown shown = wanted_with("1111");
	bool none;

	(void)state;
	assert_true(shown.ds_changes);
	answer_with(5, 5);
	assert_true(cds_is_shown(&shown, &none));
	answer_with(1, 1);
	assert_false(cds_is_shown(&shown, &none));
	assert_non_null(strstr(why, "lacks CDS"));
	begin(AA); /* the signature of the other provider over DNSKEY */
	add_dnskey(0);
	add_rrsig(TYPE_DNSKEY, 2, NOW + 100);
	keep(2);
	assert_true(cds_is_shown(&shown, &none));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cds_are_asked_for_where_the_ds_changes),
	    cmocka_unit_test(cds_are_those_of_the_step_and_no_others),
	    cmocka_unit_test(before_the_ds_cds_of_the_own_keys_may_be_there_or_not),
	    cmocka_unit_test(cds_of_lame_and_malformed_answers_show_nothing),
	    cmocka_unit_test(cds_of_both_providers_are_wanted_and_those_of_the_other_one_not_judged),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
