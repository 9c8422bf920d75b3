/* Shipments of signatures from another node (S109): every way in which their octets can be damaged. */
#include "zones/state/shipment.h"

#include "zones/dns/wire.h"
#include "zones/state/former_keys.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

enum { STATES = 2 * 4 * 8, HEAD = 1 + STATES + 8 + 1, ROOM = 65536 };

static const uint8_t apex[] = "\7EXAMPLE\3com";
static uint8_t octets[ROOM];
static size_t len;

static void
add(const void *data, size_t count)
{
	memcpy(octets + len, data, count);
	len += count;
}

static void
add_item(char kind, const void *data, size_t count)
{
	uint8_t head[5] = {(uint8_t)kind};

	put32(head + 1, (uint32_t)count);
	add(head, sizeof head);
	add(data, count);
}

/* A whole shipment with a row of signatures and one of another kind. */
static int
set_up(void **state)
{
	static const uint8_t row[] = {0, TYPE_A, 0, 3, 'k', 'e', 'y', 'c', 'o', 'n'};
	uint8_t head[HEAD] = {1};

	(void)state;
	for (unsigned i = 0; i < 8; i++)
		put64(head + 1 + 8 * i, i + 1);
	put64(head + 1 + STATES, 1796000000000);
	head[HEAD - 1] = sizeof apex;
	len = 0;
	add(head, sizeof head);
	add(apex, sizeof apex);
	add_item('S', row, sizeof row);
	add_item('R', "roll", 4);
	return 0;
}

/* Open a copy of exactly this length, so that a read beyond its end is found. */
static const char *
open_copy(struct shipment *shipment, size_t count)
{
	static uint8_t *copy;

	free(copy);
	copy = malloc(count > 0 ? count : 1);
	assert_non_null(copy);
	memcpy(copy, octets, count);
	return shipment_open(shipment, (struct bytes){copy, count});
}

static void
a_whole_shipment_is_read(void **state)
{
	struct shipment shipment;
	struct shipment_item item;
	struct bytes key, contents;
	uint16_t type;
	size_t at = 0;

	(void)state;
	assert_null(open_copy(&shipment, len));
	assert_true(shipment.whole);
	assert_int_equal(shipment.before.sets, 4);
	assert_int_equal(shipment.after.identity, 5);
	assert_int_equal(shipment.made_ms, 1796000000000);
	assert_memory_equal(shipment.apex, "\7example\3com", sizeof apex);
	assert_true(shipment_next(&shipment, &at, &item));
	assert_int_equal(item.kind, 'S');
	assert_true(shipment_row(&item, &type, &key, &contents));
	assert_int_equal(type, TYPE_A);
	assert_int_equal(key.len, 3);
	assert_int_equal(contents.len, 3);
	assert_true(shipment_next(&shipment, &at, &item));
	assert_int_equal(item.kind, 'R');
	assert_false(shipment_next(&shipment, &at, &item));
}

static void
one_that_is_cut_is_refused_unless_an_item_ends_there(void **state)
{
	size_t first = HEAD + sizeof apex, second = first + 5 + 10;
	struct shipment shipment;

	(void)state;
	for (size_t count = 0; count < len; count++) {
		const char *wrong = open_copy(&shipment, count);

		if (count == first || count == second)
			assert_null(wrong);
		else
			assert_string_equal(
			    wrong, count < first ? "its head is damaged" : "its rows are damaged");
	}
}

static void
lengths_that_do_not_fit_are_refused(void **state)
{
	static const uint32_t lengths[] = {9, 11, 0xffff, 0x7fffffff, 0xfffffffb, 0xffffffff};
	struct shipment shipment;

	(void)state;
	for (unsigned i = 0; i < NITEMS(lengths); i++) {
		set_up(state);
		put32(octets + HEAD + sizeof apex + 1, lengths[i]);
		assert_non_null(open_copy(&shipment, len));
	}
	for (unsigned n = 0; n < 256; n++) {
		set_up(state);
		octets[HEAD - 1] = (uint8_t)n;
		if (n != sizeof apex)
			assert_non_null(open_copy(&shipment, len));
	}
	set_up(state);
	octets[HEAD] = 64; /* a label that is too long */
	assert_string_equal(open_copy(&shipment, len), "its head is damaged");
	octets[HEAD - 1] = 0; /* no name, and no items */
	assert_string_equal(open_copy(&shipment, HEAD), "its head is damaged");
}

/* A zone with one RRset of its apex: a record of two octets. */
static size_t
zone_row(uint8_t row[64], unsigned count, unsigned record)
{
	size_t at = 17 + 12;

	memset(row, 0, 64);
	row[16] = 1;
	put16(row + 17, TYPE_DNSKEY);
	put16(row + 17 + 6, (uint16_t)count);
	put32(row + 17 + 8, 4);
	put16(row + at, (uint16_t)record);
	return at + 4 + 1; /* and no keys */
}

static void
an_item_that_cannot_be_used_refuses_all(void **state)
{
	uint8_t row[64], key[SIGNING_KEY_OCTETS] = {13};
	struct shipment shipment;
	static const struct {
		unsigned count, record;
		bool good;
	} zones[] = {{1, 2, true}, {0, 2, false}, {2, 2, false}, {65535, 2, false}, {1, 1, false},
	    {1, 3, false}, {1, 65535, false}};

	(void)state;
	for (unsigned i = 0; i < NITEMS(zones); i++) {
		set_up(state);
		add_item('Z', row, zone_row(row, zones[i].count, zones[i].record));
		assert_int_equal(open_copy(&shipment, len) == NULL, zones[i].good);
	}
	for (unsigned mark = 0; mark < 6; mark++) {
		set_up(state);
		key[3 + 2 + 8] = (uint8_t)mark;
		add_item('K', key, sizeof key);
		assert_int_equal(open_copy(&shipment, len) == NULL, mark <= MARK_GOING);
	}
	set_up(state);
	add_item('K', key, sizeof key - 1);
	assert_string_equal(open_copy(&shipment, len), "its rows are damaged");
	set_up(state);
	add_item('T', "steered", 7);
	assert_string_equal(open_copy(&shipment, len), "its rows are damaged");
	set_up(state);
	add_item('X', "unknown", 7);
	assert_string_equal(open_copy(&shipment, len), "its rows are damaged");
	set_up(state);
	octets[0] |= 4;
	assert_string_equal(open_copy(&shipment, len), "it was written by a newer version");
}

static void
a_zone_has_the_rrsets_of_its_keys_and_few_keys(void **state)
{
	static uint8_t large[2 * SHIPMENT_KEYS_OCTETS];
	uint8_t row[64], key[SIGNING_KEY_OCTETS] = {13};
	struct shipment shipment;

	for (unsigned type = 0; type < 300; type++) {
		size_t count = zone_row(row, 1, 2);

		set_up(state);
		put16(row + 17, (uint16_t)type);
		add_item('Z', row, count);
		assert_int_equal(open_copy(&shipment, len) == NULL, type == TYPE_DNSKEY);
	}
	for (unsigned rrsets = 0; rrsets < 256; rrsets++) {
		set_up(state);
		zone_row(row, 1, 2);
		row[16] = (uint8_t)rrsets;
		add_item('Z', row, sizeof row);
		assert_int_equal(open_copy(&shipment, len) == NULL, rrsets == 1);
	}
	for (size_t count = SHIPMENT_KEYS_OCTETS - 2; count <= SHIPMENT_KEYS_OCTETS; count++) {
		memset(large, 0, sizeof large);
		zone_row(large, 1, (unsigned)count);
		put32(large + 17 + 8, (uint32_t)(2 + count));
		set_up(state);
		add_item('Z', large, 17 + 12 + 2 + count + 1);
		assert_int_equal(open_copy(&shipment, len) == NULL, count == SHIPMENT_KEYS_OCTETS - 2);
	}
	set_up(state);
	for (size_t i = 0; i < SHIPMENT_KEYS_MAX; i++)
		add_item('K', key, sizeof key);
	assert_null(open_copy(&shipment, len));
	add_item('K', key, sizeof key);
	assert_string_equal(open_copy(&shipment, len), "its rows are damaged");
}

/* A version that does not know the item refuses by its flag. */
static void
keys_that_have_left_are_whole_entries(void **state)
{
	uint8_t entries[2 * FORMER_KEY_OCTETS] = {13, 1, 2, 3};
	struct shipment shipment;

	for (size_t count = 0; count <= sizeof entries; count++) {
		set_up(state);
		octets[0] |= 2;
		add_item('F', entries, count);
		assert_int_equal(open_copy(&shipment, len) == NULL,
		    count == FORMER_KEY_OCTETS || count == 2 * FORMER_KEY_OCTETS);
	}
}

static void
a_key_has_left_by_its_name_and_its_octets(void **state)
{
	struct signing_key key = {.algorithm = 13, .key_tag = 5}, other = key;
	uint8_t row[2 * FORMER_KEY_OCTETS] = {15};
	struct former_key former;

	(void)state;
	other.dnskey[DNSKEY_MAX - 1] = 1;
	former_key_of(&key, &former);
	row[FORMER_KEY_OCTETS] = 13;
	put16(row + FORMER_KEY_OCTETS + 1, 5);
	memcpy(row + FORMER_KEY_OCTETS + 3, former.digest, DIGEST_LEN);
	assert_true(former_keys_have((struct bytes){row, sizeof row}, &key));
	assert_false(former_keys_have((struct bytes){row, sizeof row}, &other));
	assert_false(former_keys_have((struct bytes){row, FORMER_KEY_OCTETS}, &key));
	assert_false(former_keys_have((struct bytes){NULL, 0}, &key));
	key.key_tag = 6;
	assert_false(former_keys_have((struct bytes){row, sizeof row}, &key));
}

static void
a_row_whose_key_does_not_fit_is_damaged(void **state)
{
	uint8_t row[4 + NAME_MAX_KEY + 2] = {0, TYPE_A};
	struct shipment_item item = {'S', {row, sizeof row}};
	struct bytes key, contents;
	uint16_t type;
	static const struct {
		size_t key, len;
		bool good;
	} table[] = {{0, 20, false}, {1, 4, false}, {1, 5, false}, {1, 6, true}, {3, 6, false},
	    {NAME_MAX_KEY, sizeof row, true}, {NAME_MAX_KEY + 1, sizeof row, false},
	    {0xffff, sizeof row, false}};

	(void)state;
	for (unsigned i = 0; i < NITEMS(table); i++) {
		put16(row + 2, (uint16_t)table[i].key);
		item.octets.len = table[i].len;
		assert_int_equal(shipment_row(&item, &type, &key, &contents), table[i].good);
	}
	for (item.octets.len = 0; item.octets.len < 4; item.octets.len++)
		assert_false(shipment_row(&item, &type, &key, &contents));
}

static void
a_line_is_the_word_a_length_and_a_digest(void **state)
{
	char hex[2 * DIGEST_LEN + 1], line[256];
	uint8_t digest[DIGEST_LEN];
	uint64_t length;
	static const struct {
		const char *before; /* the digest */
		const char *after;
		bool good;
	} table[] = {{"graycloud-signatures 1 12 ", "", true}, {"graycloud-signatures 1 12 ", "0", false},
	    {"graycloud-signatures 1  12 ", "", false}, {"graycloud-signatures 1 12  ", "", false},
	    {"graycloud-signatures 1 -1 ", "", false}, {"graycloud-signatures 1 ", "", false},
	    {"graycloud-signatures 1 1099511627776 ", "", true},
	    {"graycloud-signatures 1 1099511627777 ", "", false},
	    {"graycloud-signatures 1 99999999999999999999999999999999 ", "", false},
	    {"graycloud-signatures 2 12 ", "", false}, {"graycloud-signatures 11 2 ", "", false},
	    {"", "", false}};

	(void)state;
	memset(hex, 'a', sizeof hex - 1);
	hex[sizeof hex - 1] = '\0';
	for (unsigned i = 0; i < NITEMS(table); i++) {
		snprintf(line, sizeof line, "%s%s%s", table[i].before, hex, table[i].after);
		if (shipment_line_read(line, &length, digest) != table[i].good)
			fail_msg("%s", line);
	}
	for (size_t cut = 0; cut < strlen(hex); cut++) {
		snprintf(line, sizeof line, "graycloud-signatures 1 12 %.*s", (int)cut, hex);
		assert_false(shipment_line_read(line, &length, digest));
	}
	hex[5] = 'g';
	snprintf(line, sizeof line, "graycloud-signatures 1 12 %s", hex);
	assert_false(shipment_line_read(line, &length, digest));
}

static void
states_are_read_as_they_are_written(void **state)
{
	static const char *const bad[] = {"", "-", "1-2-3-4", "0000000000000001-2-3",
	    "0000000000000001-2-3-4-5", "000000000000000g-2-3-4", "0000000000000001-2-3-x",
	    "0000000000000001-2-3-99999999999999999999"};
	struct shipment_state in = {UINT64_MAX, UINT64_MAX, 2, UINT64_MAX}, out;
	char text[SHIPMENT_STATE_TEXT];

	(void)state;
	assert_true(shipment_state_read(shipment_state_text(&in, text), &out));
	assert_memory_equal(&in, &out, sizeof in);
	for (unsigned i = 0; i < NITEMS(bad); i++)
		if (shipment_state_read(bad[i], &out))
			fail_msg("%s", bad[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_whole_shipment_is_read, set_up),
	    cmocka_unit_test_setup(one_that_is_cut_is_refused_unless_an_item_ends_there, set_up),
	    cmocka_unit_test(lengths_that_do_not_fit_are_refused),
	    cmocka_unit_test(an_item_that_cannot_be_used_refuses_all),
	    cmocka_unit_test(a_zone_has_the_rrsets_of_its_keys_and_few_keys),
	    cmocka_unit_test(keys_that_have_left_are_whole_entries),
	    cmocka_unit_test(a_key_has_left_by_its_name_and_its_octets),
	    cmocka_unit_test(a_row_whose_key_does_not_fit_is_damaged),
	    cmocka_unit_test(a_line_is_the_word_a_length_and_a_digest),
	    cmocka_unit_test(states_are_read_as_they_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
