/* entry.c, proposal.c: changes that travel as entries leave the same rows as changes that are committed here.
 */
#include "zones/state/entry.h"
#include "zones/document/document_load.h"
#include "zones/state/membership.h"
#include "zones/state/proposal.h"
#include "zones/state/record_notes.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char HEAD[] = "{\"time\":1,\"who\":\"me\",\"command\":\"c\",\"reason\":\"\"}";

enum { STORES = 3, OBJECTS = 12, ZONES = 4, OWNERS = 40 };

/* Stores a and b get entries, c the same changes by commits of its own. */
struct world {
	char *directories[STORES];
	struct store *a, *b, *c;
};

static struct store *
open_in(char **directory, enum store_kind kind)
{
	struct problems problems = {0};
	struct store *store;

	if (*directory == NULL)
		*directory = mkdtemp(xstrdup("/tmp/graycloud-entry-XXXXXX"));
	store = store_open(*directory, kind, STORE_WRITE, &problems);
	problems_print(&problems, "entry", stderr);
	problems_free(&problems);
	assert_non_null(store);
	return store;
}

static int
make_world(void **state)
{
	struct world *world = xcalloc(1, sizeof *world);

	world->a = open_in(&world->directories[0], STORE_CONFIG);
	world->b = open_in(&world->directories[1], STORE_CONFIG);
	world->c = open_in(&world->directories[2], STORE_CONFIG);
	*state = world;
	return 0;
}

static int
drop_world(void **state)
{
	struct world *world = *state;

	store_close(world->a);
	store_close(world->b);
	store_close(world->c);
	for (size_t i = 0; i < STORES; i++) {
		char *command = xasprintf("rm -rf %s", world->directories[i]);

		assert_int_equal(system(command), 0);
		free(command);
		free(world->directories[i]);
	}
	free(world);
	unsetenv("GRAYCLOUD_MAP_MIB");
	return 0;
}

/* ---- random changes ---- */

static uint64_t seed;

static uint64_t
draw(uint64_t below)
{
	seed += UINT64_C(0x9e3779b97f4a7c15);
	return mix64(seed) % below;
}

static void
id_of(unsigned number, char out[ID_LEN + 1])
{
	snprintf(out, ID_LEN + 1, "%032x", number + 1);
}

static void
change_object(struct config_edit *edit)
{
	unsigned number = (unsigned)draw(OBJECTS);
	enum kind kind = (enum kind)(number % KIND_COUNT);
	char id[ID_LEN + 1], mentioned[ID_LEN + 1], old[256], name[64], *json;
	struct bytes now;
	bool there;

	id_of(number, id);
	id_of((unsigned)draw(OBJECTS), mentioned);
	there = config_object(config_edit_txn(edit), kind, id, &now) && document_name(now, old);
	if (there && draw(4) == 0) {
		config_delete_object(edit, kind, id, old);
		return;
	}
	snprintf(name, sizeof name, "object%u-%u", number, (unsigned)draw(3));
	json = xasprintf("{\"id\":\"%s\",\"name\":\"%s\",\"monitor\":\"%s\",\"description\":\"%u\","
			 "\"origins\":[{\"address\":"
			 "\"192.0.2.%u\"}]}",
	    id, name, mentioned, (unsigned)draw(1000), (unsigned)draw(200));
	config_put_object(edit, kind, id, name, there ? old : NULL, (struct bytes){json, strlen(json)});
	free(json);
}

static struct zone_row
row_of(struct arena *arena, const uint8_t *apex, unsigned owner, unsigned last, size_t padding)
{
	uint8_t name[NAME_MAX_LEN], key[NAME_MAX_KEY + 2],
	    value[13] = {0, 0, 0, 0, 30, 0, 1, 0, 4, 192, 0, 2, 0};
	char text[200];
	size_t len;

	snprintf(text, sizeof text, "h%06u%.*s", owner, (int)padding,
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	name_from_text(name, text, apex);
	len = name_to_key(key, name, apex);
	put16(key + len, TYPE_A);
	value[12] = (uint8_t)last;
	return (struct zone_row){arena_keep(arena, key, len + 2), len + 2, arena_keep(arena, value, 13), 13};
}

/* A zone of which each load has other rows; a large one is beyond what an entry keeps in items. */
static void
change_zone(struct config_edit *edit, bool large)
{
	struct zone_data data = {.serial = (uint32_t)draw(100000)};
	size_t owners = large ? 30000 : OWNERS;
	struct zone_difference difference;
	char apex[32];

	snprintf(apex, sizeof apex, "z%u.example.", (unsigned)draw(ZONES));
	name_from_text(data.apex, apex, NULL);
	data.rows = xcalloc(owners, sizeof *data.rows);
	for (unsigned i = 0; i < owners; i++)
		if (draw(4) != 0)
			data.rows[data.count++] =
			    row_of(&data.arena, data.apex, i, (unsigned)draw(3), large ? 30 : 0);
	config_put_zone(edit, &data, &difference);
	zone_data_free(&data);
}

static bool
any_zone(struct config_edit *edit, struct zone_info *zone)
{
	uint8_t apex[NAME_MAX_LEN];
	char text[32];

	snprintf(text, sizeof text, "z%u.example.", (unsigned)draw(ZONES));
	name_from_text(apex, text, NULL);
	return config_zone(config_edit_txn(edit), apex, zone);
}

static void
change_rows(struct config_edit *edit)
{
	struct zone_info zone;
	struct zone_row rows[3];
	struct arena arena = {0};
	unsigned first = (unsigned)draw(OWNERS);

	if (!any_zone(edit, &zone))
		return;
	for (unsigned i = 0; i < NITEMS(rows); i++) {
		rows[i] = row_of(&arena, zone.name, first + i, (unsigned)draw(5), 0);
		if (draw(3) == 0)
			rows[i].value_len = 0;
	}
	config_put_rrsets(edit, &zone, (uint32_t)draw(100000), rows, NITEMS(rows));
	arena_free(&arena);
}

static void
change_note(struct config_edit *edit)
{
	struct zone_info zone;
	struct arena arena = {0};
	struct zone_row row;
	uint8_t rdata[4] = {192, 0, 2, 0};
	struct record_at record = {.zone = &zone, .type = TYPE_A, .rdata = {rdata, 4}};
	char id[ID_LEN + 1], json[40];

	if (!any_zone(edit, &zone))
		return;
	row = row_of(&arena, zone.name, (unsigned)draw(OWNERS), 0, 0);
	rdata[3] = (uint8_t)draw(3);
	record.owner_key = (struct bytes){row.key, row.key_len - 2};
	id_of((unsigned)draw(5), id);
	snprintf(json, sizeof json, "{\"comment\":\"%u\"}", (unsigned)draw(9));
	record_note_put(edit, &record, draw(2) ? id : NULL, (struct bytes){json, draw(4) ? strlen(json) : 0});
	arena_free(&arena);
}

static void
change(struct config_edit *edit)
{
	struct zone_info zone;
	unsigned what = (unsigned)draw(100);

	if (what < 40)
		change_object(edit);
	else if (what < 55)
		change_zone(edit, false);
	else if (what < 57)
		change_zone(edit, true);
	else if (what < 80)
		change_rows(edit);
	else if (what < 95)
		change_note(edit);
	else if (any_zone(edit, &zone))
		config_delete_zone(edit, &zone);
}

static struct config_edit *
changed(struct store *store, uint64_t from)
{
	struct problems problems = {0};
	struct config_edit *edit = config_edit_begin(store, &problems);
	unsigned count;

	assert_non_null(edit);
	seed = from;
	count = 1 + (unsigned)draw(5);
	for (unsigned i = 0; i < count; i++)
		change(edit);
	return edit;
}

static uint8_t *
extract(struct store *store, uint64_t from, size_t *len)
{
	struct id id = id_new();
	int error;
	uint8_t *entry =
	    entry_extract(changed(store, from), (struct bytes){HEAD, sizeof HEAD - 1}, &id, len, &error);

	assert_int_equal(error, 0);
	return entry;
}

static int
apply(struct store *store, const uint8_t *entry, size_t len)
{
	struct problems problems = {0};
	struct bytes octets = {entry, len};
	uint64_t generation;
	int error = entry_apply(store, &octets, 1, &generation, &problems);

	assert_true((error == 0) == (problems.errors == 0));
	problems_free(&problems);
	return error;
}

/* ---- comparison ---- */

static const enum store_table replicated[] = {TABLE_ZONES, TABLE_ZONE_NAMES, TABLE_OBJECTS,
    TABLE_OBJECT_NAMES, TABLE_REFERENCES, TABLE_RECORD_NOTES, TABLE_CHANGES, TABLE_META};

/* Rows that differ between a node that applies and one that commits by itself: times, identity, digest. */
static bool
is_own(enum store_table table, struct bytes key)
{
	return table == TABLE_META &&
	    (memcmp(key.data, "identity", MIN(key.len, 8)) == 0 ||
		memcmp(key.data, "digest", MIN(key.len, 6)) == 0);
}

/* The next row that is compared. */
static bool
step(struct store_cursor *cursor, bool first, bool strict, enum store_table table, struct bytes *key,
    struct bytes *value)
{
	bool more = first ? store_cursor_first(cursor, key, value) : store_cursor_next(cursor, key, value);

	while (more && !strict && is_own(table, *key))
		more = store_cursor_next(cursor, key, value);
	if (more && !strict && table == TABLE_ZONE_NAMES)
		value->len = 8; /* without the time of loading */
	return more;
}

static void
assert_same_table(struct store_txn *x, struct store_txn *y, enum store_table table, bool strict)
{
	struct store_cursor *of_x = store_cursor_open(x, table), *of_y = store_cursor_open(y, table);
	struct bytes kx, vx, ky, vy;
	bool first = true;

	for (;;) {
		bool more_x = step(of_x, first, strict, table, &kx, &vx),
		     more_y = step(of_y, first, strict, table, &ky, &vy);

		first = false;
		if (more_x != more_y)
			fail_msg("table %d of one has more rows", (int)table);
		if (!more_x)
			break;
		assert_int_equal(kx.len, ky.len);
		assert_memory_equal(kx.data, ky.data, kx.len);
		assert_int_equal(vx.len, vy.len);
		if (vx.len > 0)
			assert_memory_equal(vx.data, vy.data, vx.len);
	}
	store_cursor_close(of_x);
	store_cursor_close(of_y);
}

static void
assert_same(struct store *x, struct store *y, bool strict)
{
	struct store_txn *txn_x, *txn_y;

	assert_int_equal(store_begin(x, STORE_READ, &txn_x), 0);
	assert_int_equal(store_begin(y, STORE_READ, &txn_y), 0);
	for (size_t i = 0; i < NITEMS(replicated); i++)
		assert_same_table(txn_x, txn_y, replicated[i], strict);
	store_abort(txn_x);
	store_abort(txn_y);
}

/* ---- tests ---- */

static void
applied_entries_leave_the_rows_of_commits(void **state)
{
	struct world *world = *state;
	uint64_t first = 1, generation;

	for (uint64_t n = first; n < first + 150; n++) {
		size_t len;
		uint8_t *entry = extract(world->a, n * 1000, &len);
		struct config_edit *edit = changed(world->c, n * 1000);

		assert_int_equal(
		    config_edit_commit(edit, (struct bytes){HEAD, sizeof HEAD - 1}, &generation), 0);
		if (entry == NULL)
			continue;
		assert_int_equal(apply(world->a, entry, len), 0);
		assert_int_equal(apply(world->b, entry, len), 0);
		free(entry);
		if (n % 10 == 0)
			assert_same(world->a, world->c, false);
	}
	assert_same(world->a, world->b, true);
	assert_same(world->a, world->c, false);
	assert_true(generation > 100);
}

static void
many_entries_are_one_transaction_and_a_repetition_changes_nothing(void **state)
{
	enum { COUNT = 20 };
	struct world *world = *state;
	struct problems problems = {0};
	struct bytes entries[COUNT];
	size_t count = 0;
	uint64_t generation;
	struct store_txn *txn;
	uint64_t number;

	for (uint64_t n = 1; n <= COUNT; n++) {
		uint8_t *entry = extract(world->a, n * 7777, &entries[count].len);

		if (entry == NULL)
			continue;
		assert_int_equal(apply(world->a, entry, entries[count].len), 0);
		entries[count++].data = entry;
	}
	assert_int_equal(entry_apply(world->b, entries, count, &generation, &problems), 0);
	assert_int_equal(generation, count);
	assert_same(world->a, world->b, true);
	assert_int_equal(store_begin(world->b, STORE_READ, &txn), 0);
	number = store_txn_number(txn);
	store_abort(txn);
	assert_int_equal(number, 2); /* the tables were created in the first */
	assert_int_equal(entry_apply(world->b, entries, count, &generation, &problems), 0);
	assert_int_equal(generation, count);
	assert_same(world->a, world->b, true);
	for (size_t i = 0; i < count; i++)
		free((void *)(uintptr_t)entries[i].data);
}

static void
write_detachment(struct store *store, const struct membership *joined, const struct membership *detached)
{
	struct store_txn *txn;

	assert_int_equal(store_begin(store, STORE_WRITE, &txn), 0);
	assert_int_equal(membership_put(txn, joined), 0);
	assert_int_equal(membership_detached_put(txn, detached), 0);
	assert_int_equal(store_commit(txn), 0);
}

/* S96: graycloud-sync may have begun with an entry before the detachment was committed. */
static void
a_node_that_was_detached_applies_no_entry(void **state)
{
	struct world *world = *state;
	const struct membership membership = {"shop", "ns1"};
	size_t len;
	uint8_t *entry = extract(world->a, 1, &len);

	assert_non_null(entry);
	write_detachment(world->b, NULL, &membership);
	assert_int_equal(apply(world->b, entry, len), -EPERM);
	write_detachment(world->b, &membership, NULL);
	assert_int_equal(apply(world->b, entry, len), 0);
	free(entry);
}

static bool
count_item(void *arg, const struct config_item *item)
{
	(void)item;
	++*(unsigned *)arg;
	return true;
}

static void
an_entry_out_of_order_of_a_fork_or_damaged_is_refused_whole(void **state)
{
	struct world *world = *state;
	size_t len[3], forked_len;
	uint8_t *entries[3], *forked;
	struct entry_head head;
	unsigned items = 0;

	for (unsigned i = 0; i < 3; i++) {
		entries[i] = extract(world->a, 100 + i * 50, &len[i]);
		assert_non_null(entries[i]);
		assert_int_equal(apply(world->a, entries[i], len[i]), 0);
	}
	assert_int_equal(apply(world->b, entries[1], len[1]), -ESTALE);
	assert_int_equal(apply(world->b, entries[0], len[0]), 0);
	assert_true(entry_head((struct bytes){entries[1], len[1]}, &head));
	assert_int_equal(head.generation, 2);
	assert_true(entry_each_item((struct bytes){entries[1], len[1]}, count_item, &items));
	assert_true(items > 0);
	assert_false(entry_each_item((struct bytes){entries[1], len[1] / 2}, count_item, &items));
	/* Another entry of the same generation: both are forks of each other. */
	for (uint64_t from = 4242; (forked = extract(world->b, from, &forked_len)) == NULL; from++)
		continue;
	assert_int_equal(apply(world->b, forked, forked_len), 0);
	assert_int_equal(apply(world->b, entries[1], len[1]), -EXDEV);
	assert_int_equal(apply(world->b, entries[2], len[2]), -EXDEV);
	/* Octets that were changed or cut off, from the digest of the entry before on. */
	for (unsigned i = 0; i < 200; i++) {
		size_t at = 48 + (size_t)draw(len[0] - 48);

		entries[0][at] ^= 0xff;
		assert_int_not_equal(apply(world->c, entries[0], i % 2 ? len[0] : at), 0);
		entries[0][at] ^= 0xff;
	}
	assert_int_equal(apply(world->c, entries[0], len[0]), 0);
	put32(entries[1] + 4, CONFIG_SCHEMA + 1);
	assert_int_equal(apply(world->c, entries[1], len[1]), -ENOTSUP);
	for (unsigned i = 0; i < 3; i++)
		free(entries[i]);
	free(forked);
}

static void
a_map_that_is_too_small_grows(void **state)
{
	struct world *world = *state;
	size_t len;
	uint8_t *entry;
	struct problems problems = {0};
	struct config_edit *edit = config_edit_begin(world->a, &problems);
	struct id id = id_new();
	int error;

	seed = 9;
	change_zone(edit, true);
	entry = entry_extract(edit, (struct bytes){HEAD, sizeof HEAD - 1}, &id, &len, &error);
	assert_non_null(entry);
	store_close(world->b);
	setenv("GRAYCLOUD_MAP_MIB", "1", 1);
	world->b = open_in(&world->directories[1], STORE_CONFIG);
	assert_int_equal(apply(world->a, entry, len), 0);
	assert_int_equal(apply(world->b, entry, len), 0);
	assert_same(world->a, world->b, true);
	free(entry);
}

static void
on_a_node_that_has_joined_only_entries_change_the_configuration(void **state)
{
	struct world *world = *state;
	const struct membership joined = {.cluster = "shop", .node = "ns1"};
	struct store_txn *txn;
	uint64_t generation;
	size_t len;
	uint8_t *entry;

	assert_int_equal(store_begin(world->a, STORE_WRITE, &txn), 0);
	assert_int_equal(membership_put(txn, &joined), 0);
	assert_int_equal(store_commit(txn), 0);
	assert_int_equal(
	    config_edit_commit(changed(world->a, 5), (struct bytes){HEAD, sizeof HEAD - 1}, &generation),
	    -EPERM);
	entry = extract(world->a, 5, &len);
	assert_int_equal(apply(world->a, entry, len), 0);
	free(entry);
}

static void
proposals_come_in_their_order_and_old_ones_go(void **state)
{
	struct world *world = *state;
	struct store *store = open_in(&world->directories[0], STORE_PROPOSALS);
	struct proposal one = {.base = 7, .at_ms = 1000, .entry = {"abc", 3}}, two = {.at_ms = 2000}, found;
	struct store_txn *txn;

	one.id = id_new();
	two.id = id_new();
	assert_int_equal(store_begin(store, STORE_WRITE, &txn), 0);
	assert_int_equal(proposal_put(txn, &one, 1000), 0);
	assert_int_equal(proposal_put(txn, &two, 2000), 0);
	assert_true(proposal_next(txn, 0, 2000, &found));
	assert_string_equal(found.id.text, one.id.text);
	assert_int_equal(found.base, 7);
	assert_int_equal(found.entry.len, 3);
	assert_memory_equal(found.entry.data, "abc", 3);
	assert_true(proposal_next(txn, found.sequence, 2000, &found));
	assert_string_equal(found.id.text, two.id.text);
	assert_false(proposal_next(txn, found.sequence, 2000, &found));
	/* The first one is too old, the second one is not. */
	assert_true(proposal_next(txn, 0, 1000 + PROPOSAL_KEPT_MS + 1, &found));
	assert_string_equal(found.id.text, two.id.text);
	assert_int_equal(proposal_delete(txn, two.id.text), 0);
	assert_int_equal(store_count(txn, TABLE_PROPOSALS), 1);
	assert_int_equal(proposal_put(txn, &two, 1000 + PROPOSAL_KEPT_MS + 1), 0);
	assert_int_equal(store_count(txn, TABLE_PROPOSALS), 1);
	store_abort(txn);
	store_close(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, drop_world)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(applied_entries_leave_the_rows_of_commits),
	    TEST(many_entries_are_one_transaction_and_a_repetition_changes_nothing),
	    TEST(an_entry_out_of_order_of_a_fork_or_damaged_is_refused_whole),
	    TEST(a_node_that_was_detached_applies_no_entry),
	    TEST(a_map_that_is_too_small_grows),
	    TEST(on_a_node_that_has_joined_only_entries_change_the_configuration),
	    TEST(proposals_come_in_their_order_and_old_ones_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
