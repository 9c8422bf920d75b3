/* The state of keys as text, and which of two states is obeyed. */
#include "signer/rollover/key_state.h"

#include "signer/rollover/rollover.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static struct problems problems;

static int
forget_problems(void **state)
{
	(void)state;
	problems_free(&problems);
	problems = (struct problems){0};
	return 0;
}

static const struct signing_key left = {.algorithm = 15, .key_tag = 7, .dnskey = {1, 1, 3, 15, 200}};

static void
fill(struct key_state *state)
{
	*state = (struct key_state){.nkeys = 2,
	    .keys = {{.algorithm = 13,
			 .key_tag = 65535,
			 .flags = 257,
			 .created = 7,
			 .marks = {MARK_EVERYWHERE, MARK_EVERYWHERE, MARK_GOING, MARK_EVERYWHERE},
			 .since = {1, 2, 3, 1796000000000}},
		{.algorithm = 15, .key_tag = 1, .flags = 256, .marks = {MARK_COMING}}},
	    .rollover = {.kind = ROLLOVER_ALGORITHM,
		.step = 3,
		.steps = 6,
		.hurry = true,
		.request = 9,
		.old = {13, 65535},
		.new = {15, 1},
		.began = 11,
		.since = 12,
		.looked = 13,
		.first = 14,
		.until = 15,
		.ttl_dnskey = 3600,
		.ttl_ds = 86400,
		.ttl_data = 300,
		.ttl_ns = 172800,
		.nlacking = 1,
		.lacking = {"ns2.example (192.0.2.1) lacks \"DNSKEY\" 1"},
		.leading = {.term = 4, .change = 17, .leader = 0xfedcba9876543210, .name = "ns1"}}};
	name_from_text(state->apex, "a/b.example.", NULL);
	key_state_add_former(state, &left);
}

static void
a_state_comes_back_as_it_was_written(void **unused)
{
	static struct key_state state, read;
	struct rollover *rollover = &read.rollover;
	char *text;

	(void)unused;
	fill(&state);
	text = key_state_write(&state);
	assert_null(strchr(text, '\n'));
	assert_true(key_state_read(&read, text, &problems));
	free(text);
	assert_true(name_equal(read.apex, state.apex));
	assert_int_equal(read.nkeys, 2);
	assert_int_equal(read.keys[0].key_tag, 65535);
	assert_int_equal(read.keys[1].flags, 256);
	assert_memory_equal(read.keys[0].marks, state.keys[0].marks, KEY_MARKS);
	assert_memory_equal(read.keys[0].since, state.keys[0].since, sizeof read.keys[0].since);
	assert_int_equal(rollover->kind, ROLLOVER_ALGORITHM);
	assert_int_equal(rollover->step, 3);
	assert_int_equal(rollover->steps, 6);
	assert_true(rollover->hurry);
	assert_true(key_id_same(&rollover->old, &state.rollover.old));
	assert_true(key_id_same(&rollover->new, &state.rollover.new));
	assert_int_equal(rollover->until, 15);
	assert_int_equal(rollover->ttl_ds, 86400);
	assert_int_equal(rollover->ttl_ns, 172800);
	assert_string_equal(rollover->lacking[0], state.rollover.lacking[0]);
	assert_string_equal(rollover->doing, rollover_step(&state.rollover)->doing);
	assert_true(rollover->leading.leader == state.rollover.leading.leader);
	assert_int_equal(rollover->leading.term, 4);
	assert_int_equal(rollover->leading.change, 17);
	assert_int_equal(rollover->leading.asked, 9);
	assert_string_equal(rollover->leading.name, "ns1");
	assert_int_equal(read.nformer, 1);
	assert_true(key_state_is_former(&read, &left));
}

static void
a_key_that_has_left_is_known_by_its_digest(void **unused)
{
	static struct key_state state;
	struct signing_key same_tag = left, same_key = left, longer = left;

	(void)unused;
	fill(&state);
	assert_true(key_state_is_former(&state, &left));
	same_tag.dnskey[20] = 1;
	assert_false(key_state_is_former(&state, &same_tag));
	same_key.key_tag = 8;
	assert_false(key_state_is_former(&state, &same_key));
	longer.algorithm = 13;
	assert_false(key_state_is_former(&state, &longer));
	key_state_add_former(&state, &state.keys[0]); /* it is here again */
	assert_int_equal(state.nformer, 1);
	for (unsigned tag = 100; tag < 200; tag++)
		key_state_add_former(
		    &state, &(struct signing_key){.algorithm = 13, .key_tag = (uint16_t)tag});
	assert_int_equal(state.nformer, KEY_STATE_FORMER);
	assert_true(key_state_is_former(&state, &(struct signing_key){.algorithm = 13, .key_tag = 100}));
	assert_false(key_state_is_former(&state, &(struct signing_key){.algorithm = 13, .key_tag = 199}));
}

static void
a_state_of_before_there_was_such_a_list_is_read(void **unused)
{
	static struct key_state state, read;
	char *text, *at, *old;

	(void)unused;
	fill(&state);
	text = key_state_write(&state);
	at = strstr(text, ",\"former\":[");
	assert_non_null(at);
	old = xasprintf("%.*s}", (int)(at - text), text);
	assert_true(key_state_read(&read, old, &problems));
	assert_int_equal(read.nkeys, 2);
	assert_int_equal(read.nformer, 0);
	free(old);
	free(text);
}

/* Replace the first occurrence of a part of the text. */
static void
expect_refused(const char *part, const char *by)
{
	static struct key_state state, read;
	char *text, *at, *changed;

	fill(&state);
	text = key_state_write(&state);
	at = strstr(text, part);
	assert_non_null(at);
	changed = xasprintf("%.*s%s%s", (int)(at - text), text, by, at + strlen(part));
	if (key_state_read(&read, changed, &problems))
		fail_msg("%s in place of %s was read", by, part);
	assert_int_equal(problems.errors, 1);
	forget_problems(NULL);
	free(changed);
	free(text);
}

static void
a_state_with_a_fault_is_refused(void **unused)
{
	static const char *const faults[][2] = {{"{", "["}, {"\"step\":3", "\"step\":6"},
	    {"\"step\":3", "\"step\":-1"}, {"\"step\":3", "\"step\":\"3\""},
	    {"algorithm rollover", "algorithm rollunder"}, {"\"ns1\"", "\"ns\\u001b[2J\""},
	    {"\"ns1\"", "\"0123456789012345678901234567890123456789012345678901234567890123\""},
	    {"fedcba9876543210", "fedcba987654321"}, {"fedcba9876543210", "fedcba987654321x"},
	    {"[13,65535]", "[13,65536]"}, {"[13,65535]", "[256,65535]"}, {"[13,65535]", "[]"},
	    {"\"marks\":[2,2,3,2]", "\"marks\":[2,2,4,2]"}, {"\"marks\":[2,2,3,2]", "\"marks\":[2,2,3]"},
	    {"\"lacking_count\":1", "\"lacking_count\":2"}, {"\"ttl_ds\":86400", "\"ttl_ds\":4294967296"},
	    {"a/b.example", "a..example"}, {"\"keys\":[", "\"kees\":["},
	    {"\"former\":[[", "\"former\":[[256,"}, {"\"former\":[[15,7,\"", "\"former\":[[15,7,\"0"},
	    {"\"former\":[[15,7,\"", "\"former\":[[15,7,\"x"}, {"\"former\":[[15,7,", "\"former\":[[15,"},
	    {"\"former\":[[", "\"former\":[7,["}, {"\"former\":[", "\"former\":7,\"x\":["},
	    {"\"former\":[", "\"former\":[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],"}};

	(void)unused;
	for (unsigned i = 0; i < NITEMS(faults); i++)
		expect_refused(faults[i][0], faults[i][1]);
}

static struct rollover
led(enum rollover_kind kind, uint32_t term, uint64_t leader, uint32_t change)
{
	return (struct rollover){
	    .kind = (uint8_t)kind, .leading = {.term = term, .leader = leader, .change = change}};
}

static void
the_higher_term_is_obeyed_and_of_a_leader_the_later_change(void **unused)
{
	const struct {
		struct rollover here, there;
		enum key_state_order order;
	} table[] = {
	    {led(ROLLOVER_NONE, 0, 0, 3), led(ROLLOVER_KEY, 1, 5, 1), KEY_STATE_NEWER},
	    {led(ROLLOVER_KEY, 1, 5, 2), led(ROLLOVER_KEY, 1, 5, 3), KEY_STATE_NEWER},
	    {led(ROLLOVER_KEY, 1, 5, 3), led(ROLLOVER_KEY, 1, 5, 3), KEY_STATE_SAME},
	    {led(ROLLOVER_KEY, 1, 5, 4), led(ROLLOVER_KEY, 1, 5, 3), KEY_STATE_OLDER},
	    {led(ROLLOVER_NONE, 1, 5, 9), led(ROLLOVER_KEY, 1, 5, 8), KEY_STATE_OLDER},
	    {led(ROLLOVER_KEY, 1, 5, 9), led(ROLLOVER_NONE, 1, 5, 10), KEY_STATE_NEWER},
	    {led(ROLLOVER_KEY, 1, 5, 9), led(ROLLOVER_KEY, 2, 4, 2), KEY_STATE_NEWER}, /* a take-over */
	    {led(ROLLOVER_KEY, 2, 4, 2), led(ROLLOVER_KEY, 1, 5, 9), KEY_STATE_OLDER},
	    {led(ROLLOVER_KEY, 2, 4, 2), led(ROLLOVER_ALGORITHM, 2, 5, 1), KEY_STATE_NEWER}, /* at once */
	    {led(ROLLOVER_KEY, 2, 5, 2), led(ROLLOVER_ALGORITHM, 2, 4, 9), KEY_STATE_RIVAL},
	    {led(ROLLOVER_ENABLE, 0, 0, 1), led(ROLLOVER_NONE, 0, 0, 3), KEY_STATE_NEWER},
	    {led(ROLLOVER_NONE, 0, 0, 5), led(ROLLOVER_NONE, 0, 0, 3), KEY_STATE_SAME},
	    {led(ROLLOVER_NONE, 0, 0, 1), led(ROLLOVER_ENABLE, 0, 0, 3), KEY_STATE_SAME},
	    {led(ROLLOVER_NONE, 1, 5, 1), led(ROLLOVER_DISABLE, 1, 5, 3), KEY_STATE_SAME},
	    {led(ROLLOVER_DISABLE, 1, 5, 1), led(ROLLOVER_KEY, 2, 6, 3), KEY_STATE_BUSY},
	    {led(ROLLOVER_DISABLE, 1, 5, 1), led(ROLLOVER_NONE, 1, 5, 3), KEY_STATE_SAME},
	    {led(ROLLOVER_PROVIDER_COMES, 1, 5, 1), led(ROLLOVER_KEY, 2, 6, 3), KEY_STATE_BUSY},
	};

	(void)unused;
	for (unsigned i = 0; i < NITEMS(table); i++)
		if (key_state_compare(&table[i].here, &table[i].there) != table[i].order)
			fail_msg("row %u", i);
}

static void
of_two_leaders_at_most_one_is_obeyed(void **unused)
{
	(void)unused;
	for (unsigned bits = 0; bits < 256; bits++) {
		struct rollover a = led(
				    ROLLOVER_KEY, 1 + (bits & 1), 1 + (bits >> 1 & 3), 1 + (bits >> 3 & 1)),
				b = led(
				    ROLLOVER_KEY, 1 + (bits >> 4 & 1), 1 + (bits >> 5 & 3), 1 + (bits >> 7));

		assert_false(key_state_compare(&a, &b) == KEY_STATE_NEWER &&
		    key_state_compare(&b, &a) == KEY_STATE_NEWER);
		if (a.leading.term != b.leading.term || a.leading.leader != b.leading.leader)
			assert_true(key_state_compare(&a, &b) == KEY_STATE_NEWER ||
			    key_state_compare(&b, &a) == KEY_STATE_NEWER);
	}
}

static void
a_key_whose_ds_may_be_in_use_is_not_lost_to_a_rival(void **unused)
{
	static struct key_state state;
	struct signing_key rows[] = {
	    {.algorithm = 13, .key_tag = 65535, .marks = {[MARK_DS] = MARK_EVERYWHERE}},
	    {.algorithm = 13, .key_tag = 2, .marks = {MARK_COMING}}};
	struct rollover rival = led(ROLLOVER_KEY, 4, 1, 2), before = led(ROLLOVER_KEY, 3, 1, 2);

	(void)unused;
	fill(&state);
	assert_null(key_state_loses(&state, &rival, rows, 2));
	rows[1].marks[MARK_DS] = MARK_COMING;
	assert_ptr_equal(key_state_loses(&state, &rival, rows, 2), &rows[1]);
	assert_null(key_state_loses(&state, &before, rows, 2)); /* a person chose */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_state_comes_back_as_it_was_written),
	    cmocka_unit_test(a_key_that_has_left_is_known_by_its_digest),
	    cmocka_unit_test(a_state_of_before_there_was_such_a_list_is_read),
	    cmocka_unit_test_teardown(a_state_with_a_fault_is_refused, forget_problems),
	    cmocka_unit_test(the_higher_term_is_obeyed_and_of_a_leader_the_later_change),
	    cmocka_unit_test(of_two_leaders_at_most_one_is_obeyed),
	    cmocka_unit_test(a_key_whose_ds_may_be_in_use_is_not_lost_to_a_rival),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
