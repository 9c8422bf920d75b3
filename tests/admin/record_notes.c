/* zones/state/record_notes.h: ids of records, and the notes that keep them. */
#include "zones/state/record_notes.h"
#include "zones/dns/name.h"
#include "zones/zonefile/zonefile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const char HEAD[] = "{\"time\":1,\"who\":\"me\",\"command\":\"c\",\"reason\":\"\"}";
static const char OTHER[] = "0123456789abcdef0123456789abcdef", THIRD[] = "ffffffffffffffffffffffffffffffff";
static const char NOTE[] = "{\"comment\":\"mine\"}";

struct world {
	char *directory;
	struct store *store;
	struct zone_info zone;
	struct config_edit *edit; /* of the test that runs */
};

static void
begin(struct world *world)
{
	struct problems problems = {0};

	world->edit = config_edit_begin(world->store, &problems);
	assert_non_null(world->edit);
}

static void
commit(struct world *world)
{
	uint64_t generation;

	assert_int_equal(
	    config_edit_commit(world->edit, (struct bytes){HEAD, sizeof HEAD - 1}, &generation), 0);
	world->edit = NULL;
}

/* The zone gets these records; its number and the rest are in the world afterwards. */
static void
load(struct world *world, const char *apex, const char *records)
{
	struct problems problems = {0};
	struct zone_data data = {0};
	struct zone_difference difference;
	uint8_t name[NAME_MAX_LEN];
	char *text = xasprintf("@ 300 IN SOA . . 1 2 3 4 5\n@ 300 IN NS ns.example.net.\n%s", records);

	name_from_text(name, apex, NULL);
	assert_true(zonefile_read("zone", text, name, false, &data, &problems));
	config_put_zone(world->edit, &data, &difference);
	assert_true(config_zone(config_edit_txn(world->edit), name, &world->zone));
	zone_data_free(&data);
	problems_free(&problems);
	free(text);
}

static int
make_world(void **state)
{
	struct world *world = xcalloc(1, sizeof *world);
	struct problems problems = {0};

	world->directory = mkdtemp(xstrdup("/tmp/graycloud-notes-XXXXXX"));
	world->store = store_open(world->directory, STORE_CONFIG, STORE_WRITE, &problems);
	*state = world;
	if (world->store == NULL)
		return -1;
	begin(world);
	load(world, "example.com", "a 300 IN A 192.0.2.1\na 300 IN A 192.0.2.2\nb 300 IN A 192.0.2.1\n");
	return 0;
}

static int
drop_world(void **state)
{
	struct world *world = *state;
	char *command = xasprintf("rm -rf %s", world->directory);
	int rc;

	if (world->edit != NULL)
		config_edit_drop(world->edit);
	store_close(world->store);
	rc = system(command);
	free(command);
	free(world->directory);
	free(world);
	return rc;
}

/* An address record of the zone: "a", 1 is a A 192.0.2.1. */
struct a_record {
	uint8_t key[NAME_MAX_KEY], rdata[4];
	struct record_at at;
};

static const struct record_at *
record(const struct world *world, struct a_record *a, const char *owner, uint8_t last)
{
	uint8_t name[NAME_MAX_LEN];
	size_t len;

	name_from_text(name, owner, world->zone.name);
	len = name_to_key(a->key, name, world->zone.name);
	memcpy(a->rdata, (const uint8_t[]){192, 0, 2, last}, 4);
	a->at = (struct record_at){&world->zone, {a->key, len}, TYPE_A, {a->rdata, 4}};
	return &a->at;
}

static struct id
id_of(const struct world *world, const char *owner, uint8_t last)
{
	struct a_record a;

	return record_id(config_edit_txn(world->edit), record(world, &a, owner, last));
}

static void
put(struct world *world, const char *owner, uint8_t last, const char *id, const char *json)
{
	struct a_record a;

	record_note_put(world->edit, record(world, &a, owner, last), id, (struct bytes){json, strlen(json)});
}

/* The note of a record, or "". */
static const char *
note_of(const struct world *world, const char *owner, uint8_t last)
{
	static char text[64];
	struct a_record a;
	struct record_note note;

	if (!record_note_get(config_edit_txn(world->edit), record(world, &a, owner, last), &note))
		return "";
	snprintf(text, sizeof text, "%.*s", (int)note.json.len, (const char *)note.json.data);
	return text;
}

/* Does a note give this id to a record of the owner? */
static bool
names(const struct world *world, const char *id, const char *owner)
{
	struct a_record a;
	struct record_note note;

	record(world, &a, owner, 1);
	return record_note_by_id(config_edit_txn(world->edit), &world->zone, id, &note) &&
	    note.type == TYPE_A && note.owner_key.len == a.at.owner_key.len &&
	    memcmp(note.owner_key.data, a.key, note.owner_key.len) == 0;
}

static bool
any(const struct world *world)
{
	return record_notes_any(config_edit_txn(world->edit), &world->zone);
}

/* ---- ids ---- */

static void
an_id_follows_from_the_zone_the_name_the_type_and_the_data(void **state)
{
	struct world *world = *state;
	struct id first = id_of(world, "a", 1);
	struct a_record a;
	struct record_at aaaa;

	assert_true(id_valid(first.text));
	assert_string_equal(record_id_first(record(world, &a, "a", 1)).text, first.text);
	assert_string_not_equal(record_id_second(record(world, &a, "a", 1)).text, first.text);
	/* Records of one RRset have the first half in common. */
	assert_memory_equal(id_of(world, "a", 2).text, first.text, ID_LEN / 2);
	assert_string_not_equal(id_of(world, "a", 2).text, first.text);
	assert_memory_not_equal(id_of(world, "b", 1).text, first.text, ID_LEN / 2);
	aaaa = *record(world, &a, "a", 1);
	aaaa.type = TYPE_AAAA;
	assert_memory_not_equal(record_id_first(&aaaa).text, first.text, ID_LEN / 2);
	world->zone.number += 1000; /* another node numbers its zones otherwise */
	assert_string_equal(record_id_first(record(world, &a, "a", 1)).text, first.text);
	load(world, "example.net", "a 300 IN A 192.0.2.1\n");
	assert_memory_not_equal(id_of(world, "a", 1).text, first.text, ID_LEN / 2);
}

static void
a_note_keeps_an_id(void **state)
{
	struct world *world = *state;
	struct id first = id_of(world, "a", 1);

	assert_false(any(world));
	put(world, "a", 1, OTHER, NOTE);
	assert_true(any(world));
	assert_string_equal(id_of(world, "a", 1).text, OTHER);
	assert_string_equal(note_of(world, "a", 1), NOTE);
	assert_string_equal(note_of(world, "a", 2), "");
	assert_true(names(world, OTHER, "a"));
	assert_false(names(world, first.text, "a"));
	assert_false(names(world, "", "a"));
	put(world, "a", 1, NULL, NOTE);
	assert_string_equal(id_of(world, "a", 1).text, first.text);
	assert_false(names(world, OTHER, "a"));
}

static void
a_record_whose_id_another_has_gets_the_second_one(void **state)
{
	struct world *world = *state;
	struct id first = id_of(world, "a", 1);
	struct a_record a;

	put(world, "b", 1, first.text, NOTE);
	assert_string_equal(id_of(world, "b", 1).text, first.text);
	assert_string_equal(id_of(world, "a", 1).text, record_id_second(record(world, &a, "a", 1)).text);
	put(world, "b", 1, NULL, "");
	assert_string_equal(id_of(world, "a", 1).text, first.text);
}

static void
an_id_that_another_note_has_taken_over_stays_with_it(void **state)
{
	struct world *world = *state;

	put(world, "a", 1, OTHER, NOTE);
	put(world, "b", 1, OTHER, NOTE);
	assert_true(names(world, OTHER, "b"));
	put(world, "a", 1, THIRD, NOTE);
	assert_true(names(world, OTHER, "b"));
	assert_true(names(world, THIRD, "a"));
	put(world, "a", 1, NULL, "");
	assert_true(names(world, OTHER, "b"));
	assert_false(names(world, THIRD, "a"));
}

static void
notes_of_one_zone_are_not_those_of_another(void **state)
{
	struct world *world = *state;
	struct zone_info com = world->zone;

	put(world, "a", 1, OTHER, NOTE);
	load(world, "example.net", "a 300 IN A 192.0.2.1\n");
	assert_false(any(world));
	assert_false(names(world, OTHER, "a"));
	assert_string_equal(note_of(world, "a", 1), "");
	put(world, "a", 1, OTHER, "{}");
	world->zone = com;
	assert_true(names(world, OTHER, "a"));
	assert_string_equal(note_of(world, "a", 1), NOTE);
}

/* ---- with the records ---- */

static void
a_note_goes_with_its_record_only(void **state)
{
	struct world *world = *state;

	put(world, "a", 1, OTHER, NOTE);
	put(world, "a", 2, NULL, "{}");
	put(world, "b", 1, THIRD, "{}");
	load(world, "example.com", "a 60 IN A 192.0.2.2\na 60 IN A 192.0.2.3\nb 300 IN A 192.0.2.1\n");
	assert_string_equal(note_of(world, "a", 1), "");
	assert_false(names(world, OTHER, "a"));
	assert_string_equal(note_of(world, "a", 2), "{}");
	assert_true(names(world, THIRD, "b"));
	load(world, "example.com", "");
	assert_false(any(world));
	assert_false(names(world, THIRD, "b"));
}

static void
notes_go_with_their_zone(void **state)
{
	struct world *world = *state;

	put(world, "a", 1, OTHER, NOTE);
	put(world, "b", 1, THIRD, NOTE);
	config_delete_zone(world->edit, &world->zone);
	assert_false(any(world));
	assert_false(names(world, OTHER, "a"));
	commit(world);
	begin(world);
	load(world, "example.com", "a 300 IN A 192.0.2.1\n");
	assert_string_equal(note_of(world, "a", 1), "");
}

static void
a_note_outlives_its_transaction(void **state)
{
	struct world *world = *state;

	put(world, "a", 1, OTHER, NOTE);
	commit(world);
	begin(world);
	assert_string_equal(id_of(world, "a", 1).text, OTHER);
	assert_string_equal(note_of(world, "a", 1), NOTE);
}

/* ---- undo ---- */

/* The value of a note as an item of the log has it. */
static struct bytes
value_of(const struct world *world, const char *owner, uint8_t last, uint8_t out[512])
{
	struct world kept = *world;
	struct record_note note;
	struct a_record a;
	uint8_t head[512] = {0};
	struct bytes now;

	/* The first octets, the hashes of RRset and data, say which record it is: take them from its ids. */
	record(&kept, &a, owner, last);
	octets_from_hex(head, record_id_first(&a.at).text, ID_LEN / 2);
	now = record_note_now(config_edit_txn(world->edit), world->zone.number, (struct bytes){head, 256});
	memcpy(out, now.data, now.len);
	assert_true(now.len == 0 || record_note_of((struct bytes){out, now.len}, &note));
	return (struct bytes){out, now.len};
}

static void
an_undo_puts_a_note_back_or_deletes_it(void **state)
{
	struct world *world = *state;
	uint8_t before_octets[512], after_octets[512], b_octets[512];
	struct bytes before, after, none = {0};

	put(world, "b", 1, NULL, NOTE);
	put(world, "a", 1, OTHER, NOTE);
	before = value_of(world, "a", 1, before_octets);
	put(world, "a", 1, THIRD, "{}");
	after = value_of(world, "a", 1, after_octets);
	assert_true(before.len > 0 && after.len > 0);
	assert_true(record_note_same(before, after));
	assert_false(record_note_same(before, value_of(world, "b", 1, b_octets)));
	record_note_restore(world->edit, world->zone.number, before, after);
	assert_string_equal(note_of(world, "a", 1), NOTE);
	assert_true(names(world, OTHER, "a"));
	assert_false(names(world, THIRD, "a"));
	record_note_restore(world->edit, world->zone.number, none, before);
	assert_string_equal(note_of(world, "a", 1), "");
	assert_false(names(world, OTHER, "a"));
	assert_string_equal(note_of(world, "b", 1), NOTE);
}

static void
a_damaged_value_is_refused(void **state)
{
	struct world *world = *state;
	uint8_t octets[512];
	struct record_note note;
	struct bytes value;

	put(world, "a", 1, OTHER, NOTE);
	value = value_of(world, "a", 1, octets);
	for (size_t len = 0; len < value.len - (sizeof NOTE - 1); len++)
		assert_false(record_note_of((struct bytes){octets, len}, &note));
	record_note_restore(world->edit, world->zone.number, (struct bytes){octets, 3}, (struct bytes){0});
	assert_string_equal(note_of(world, "a", 1), NOTE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, drop_world)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(an_id_follows_from_the_zone_the_name_the_type_and_the_data),
	    TEST(a_note_keeps_an_id),
	    TEST(a_record_whose_id_another_has_gets_the_second_one),
	    TEST(an_id_that_another_note_has_taken_over_stays_with_it),
	    TEST(notes_of_one_zone_are_not_those_of_another),
	    TEST(a_note_goes_with_its_record_only),
	    TEST(notes_go_with_their_zone),
	    TEST(a_note_outlives_its_transaction),
	    TEST(an_undo_puts_a_note_back_or_deletes_it),
	    TEST(a_damaged_value_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
