/* config.h, config_write.h: rows, feed and history of the configuration. */
#include "zones/document/json.h"
#include "zones/state/config_write.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const char ID[] = "0123456789abcdef0123456789abcdef";
static const char HEAD[] = "{\"time\":1,\"who\":\"me\",\"command\":\"c\",\"reason\":\"\"}";

struct world {
	char *directory;
	struct store *store;
};

static int
make_world(void **state)
{
	struct world *world = xcalloc(1, sizeof *world);
	struct problems problems = {0};

	world->directory = mkdtemp(xstrdup("/tmp/graycloud-config-XXXXXX"));
	world->store = store_open(world->directory, STORE_CONFIG, STORE_WRITE, &problems);
	*state = world;
	return world->store ? 0 : -1;
}

static int
drop_world(void **state)
{
	struct world *world = *state;
	char *command = xasprintf("rm -rf %s", world->directory);
	int rc;

	store_close(world->store);
	rc = system(command);
	free(command);
	free(world->directory);
	free(world);
	unsetenv("GRAYCLOUD_MAP_MIB");
	return rc;
}

static struct config_edit *
begin(struct world *world)
{
	struct problems problems = {0};
	struct config_edit *edit = config_edit_begin(world->store, &problems);

	assert_non_null(edit);
	return edit;
}

static uint64_t
commit(struct config_edit *edit)
{
	uint64_t generation;

	assert_int_equal(config_edit_commit(edit, (struct bytes){HEAD, sizeof HEAD - 1}, &generation), 0);
	return generation;
}

static struct store_txn *
read_txn(struct world *world)
{
	struct store_txn *txn;

	assert_int_equal(store_begin(world->store, STORE_READ, &txn), 0);
	return txn;
}

static struct bytes
text_bytes(const char *text)
{
	return (struct bytes){text, strlen(text)};
}

static int
compare_rows(const void *a_arg, const void *b_arg)
{
	const struct zone_row *a = a_arg, *b = b_arg;
	int order = memcmp(a->key, b->key, MIN(a->key_len, b->key_len));

	return order != 0 ? order : (a->key_len > b->key_len) - (a->key_len < b->key_len);
}

/* A zone with an A record for each owner; "a=1" gives it the address 192.0.2.1. */
static struct zone_data
zone_of(const char *apex, const char *const *owners, size_t count)
{
	struct zone_data data = {.serial = 1, .rows = xcalloc(count, sizeof *data.rows), .count = count};

	name_from_text(data.apex, apex, NULL);
	for (size_t i = 0; i < count; i++) {
		uint8_t owner[NAME_MAX_LEN], key[NAME_MAX_KEY],
		    value[13] = {0, 0, 0, 0, 30, 0, 1, 0, 4, 192, 0, 2, 0};
		char name[64];
		int last;
		size_t len;

		assert_int_equal(sscanf(owners[i], "%63[^=]=%d", name, &last), 2);
		name_from_text(owner, name, data.apex);
		len = name_to_key(key, owner, data.apex);
		put16(key + len, TYPE_A);
		value[12] = (uint8_t)last;
		data.rows[i] = (struct zone_row){
		    arena_keep(&data.arena, key, len + 2), len + 2, arena_keep(&data.arena, value, 13), 13};
	}
	qsort(data.rows, count, sizeof *data.rows, compare_rows);
	return data;
}

static struct zone_difference
put_zone(struct world *world, const char *apex, const char *const *owners, size_t count, uint64_t *generation)
{
	struct zone_data data = zone_of(apex, owners, count);
	struct config_edit *edit = begin(world);
	struct zone_difference difference;

	config_put_zone(edit, &data, &difference);
	*generation = commit(edit);
	zone_data_free(&data);
	return difference;
}

/* "a=1 b=2": what a zone has. */
static bool
write_row(void *arg, struct bytes owner_key, const struct rrset *rrset)
{
	uint8_t name[NAME_MAX_LEN + 1];
	char text[NAME_MAX_TEXT];
	int len = name_from_key(name, owner_key.data, owner_key.len);

	assert_true(len >= 0);
	name[len] = 0;
	fprintf(arg, "%s=%u ", name_to_host(name, text), rrset->records[5]);
	return true;
}

static char *
zone_text(struct world *world, const char *apex, const struct bytes *owner_key)
{
	struct store_txn *txn = read_txn(world);
	uint8_t name[NAME_MAX_LEN];
	struct zone_info zone;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	name_from_text(name, apex, NULL);
	if (config_zone(txn, name, &zone))
		config_each_row(txn, zone.number, owner_key, write_row, out);
	fclose(out);
	store_abort(txn);
	return text;
}

/* "o2 r1 z1": the entries of the feed after a generation. */
static bool
write_change(void *arg, const struct config_change *change)
{
	fprintf(arg, "%c%llu ", "orz"[change->what], (unsigned long long)change -> sequence);
	return true;
}

static char *
feed_text(struct world *world, uint64_t generation)
{
	struct store_txn *txn = read_txn(world);
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	bool whole = config_changes_after(txn, generation, write_change, out);

	fclose(out);
	store_abort(txn);
	if (!whole) {
		free(text);
		return NULL;
	}
	return text;
}

#define ASSERT_TEXT(expression, wanted) \
	do { \
		char *text_ = (expression); \
		assert_non_null(text_); \
		assert_string_equal(text_, wanted); \
		free(text_); \
	} while (0)

static void
an_edit_is_one_entry_and_one_generation(void **state)
{
	struct world *world = *state;
	struct config_edit *edit = begin(world);
	struct store_txn *txn;
	struct bytes json;
	struct id id;

	config_put_object(edit, KIND_POOL, ID, "eu", NULL, text_bytes("{\"a\":1}"));
	config_put_object(edit, KIND_LB, ID, "www.example.com", NULL, text_bytes("{}"));
	assert_int_equal(commit(edit), 1);
	txn = read_txn(world);
	assert_int_equal(config_generation(txn), 1);
	assert_int_equal(config_schema(txn), CONFIG_SCHEMA);
	assert_true(config_object_id(txn, KIND_POOL, "eu", &id));
	assert_string_equal(id.text, ID);
	assert_false(config_object_id(txn, KIND_MONITOR, "eu", &id));
	assert_true(config_object(txn, KIND_POOL, ID, &json));
	assert_memory_equal(json.data, "{\"a\":1}", json.len);
	store_abort(txn);
	ASSERT_TEXT(feed_text(world, 0), "o1 o1 ");
	ASSERT_TEXT(feed_text(world, 1), "");

	/* The same again is no change. */
	edit = begin(world);
	config_put_object(edit, KIND_POOL, ID, "eu", "eu", text_bytes("{\"a\":1}"));
	assert_false(config_edit_changed(edit));
	assert_int_equal(commit(edit), 1);

	/* A new name takes the place of the old one in the index. */
	edit = begin(world);
	config_put_object(edit, KIND_POOL, ID, "europe", "eu", text_bytes("{\"a\":2}"));
	assert_int_equal(commit(edit), 2);
	txn = read_txn(world);
	assert_false(config_object_id(txn, KIND_POOL, "eu", &id));
	assert_true(config_object_id(txn, KIND_POOL, "europe", &id));
	store_abort(txn);

	edit = begin(world);
	config_delete_object(edit, KIND_POOL, ID, "europe");
	assert_int_equal(commit(edit), 3);
	txn = read_txn(world);
	assert_false(config_object(txn, KIND_POOL, ID, &json));
	assert_false(config_object_id(txn, KIND_POOL, "europe", &id));
	store_abort(txn);
	ASSERT_TEXT(feed_text(world, 1), "o2 o3 ");
}

static bool
check_item(void *arg, const struct config_item *item)
{
	size_t *count = arg;

	++*count;
	assert_int_equal(item->what, CONFIG_OBJECT);
	assert_string_equal(item->id.text, ID);
	assert_memory_equal(item->before.data, "{\"a\":1}", item->before.len);
	assert_int_equal(item->before.len, 7);
	assert_memory_equal(item->after.data, "{\"a\":22}", item->after.len);
	return true;
}

static void
an_entry_keeps_what_was_and_what_became(void **state)
{
	struct world *world = *state;
	struct config_edit *edit = begin(world);
	struct store_txn *txn;
	size_t count = 0;

	config_put_object(edit, KIND_POOL, ID, "eu", NULL, text_bytes("{\"a\":1}"));
	commit(edit);
	edit = begin(world);
	config_put_object(edit, KIND_POOL, ID, "eu", "eu", text_bytes("{\"a\":22}"));
	commit(edit);
	txn = read_txn(world);
	config_each_item(txn, 2, check_item, &count);
	store_abort(txn);
	assert_int_equal(count, 1);
}

static void
a_zone_load_writes_only_what_differs(void **state)
{
	static const char *const first[] = {"@=1", "a=1", "b=1", "x.b=1", "c=1"};
	static const char *const second[] = {"@=1", "a=2", "b=1", "x.b=1", "d=1"};
	struct world *world = *state;
	struct zone_difference difference;
	uint64_t generation;
	uint8_t key[NAME_MAX_KEY], apex[NAME_MAX_LEN], owner[NAME_MAX_LEN];
	struct bytes owner_key = {key, 0};

	difference = put_zone(world, "example.com", first, NITEMS(first), &generation);
	assert_int_equal(difference.added, 5);
	ASSERT_TEXT(zone_text(world, "example.com", NULL), ".=1 a=1 b=1 x.b=1 c=1 ");
	name_from_text(apex, "example.com", NULL);
	name_from_text(owner, "b.example.com", NULL);
	owner_key.len = name_to_key(key, owner, apex);
	ASSERT_TEXT(zone_text(world, "example.com", &owner_key), "b=1 ");
	owner_key.len = name_to_key(key, apex, apex);
	ASSERT_TEXT(zone_text(world, "example.com", &owner_key), ".=1 ");

	difference = put_zone(world, "example.com", second, NITEMS(second), &generation);
	assert_int_equal(generation, 2);
	assert_int_equal(difference.added, 1);
	assert_int_equal(difference.changed, 1);
	assert_int_equal(difference.deleted, 1);
	ASSERT_TEXT(zone_text(world, "example.com", NULL), ".=1 a=2 b=1 x.b=1 d=1 ");
	ASSERT_TEXT(feed_text(world, 0), "z1 r2 r2 r2 ");

	put_zone(world, "example.com", second, NITEMS(second), &generation);
	assert_int_equal(generation, 2);
}

static void
the_deepest_zone_encloses_a_name(void **state)
{
	static const char *const rows[] = {"@=1"};
	struct world *world = *state;
	struct zone_info zone;
	struct store_txn *txn;
	uint64_t generation;
	uint8_t name[NAME_MAX_LEN];
	char text[NAME_MAX_TEXT];

	put_zone(world, "example.com", rows, 1, &generation);
	put_zone(world, "sub.example.com", rows, 1, &generation);
	txn = read_txn(world);
	name_from_text(name, "a.b.SUB.example.com", NULL);
	assert_true(config_zone_of(txn, name, &zone));
	assert_string_equal(name_to_host(zone.name, text), "sub.example.com");
	name_from_text(name, "asub.example.com", NULL);
	assert_true(config_zone_of(txn, name, &zone));
	assert_string_equal(name_to_host(zone.name, text), "example.com");
	name_from_text(name, "example.org", NULL);
	assert_false(config_zone_of(txn, name, &zone));
	store_abort(txn);
}

static void
numbers_of_zones_are_never_used_again(void **state)
{
	static const char *const rows[] = {"@=1", "a=1"};
	struct world *world = *state;
	struct config_edit *edit;
	struct zone_info zone, again;
	struct store_txn *txn;
	uint64_t generation;
	uint8_t name[NAME_MAX_LEN];

	put_zone(world, "example.com", rows, 2, &generation);
	name_from_text(name, "example.com", NULL);
	edit = begin(world);
	assert_true(config_zone(config_edit_txn(edit), name, &zone));
	config_delete_zone(edit, &zone);
	commit(edit);
	ASSERT_TEXT(feed_text(world, 1), "z2 ");
	txn = read_txn(world);
	assert_int_equal(store_count(txn, TABLE_ZONES), 0);
	assert_int_equal(store_count(txn, TABLE_ZONE_NAMES), 0);
	store_abort(txn);
	put_zone(world, "example.com", rows, 2, &generation);
	txn = read_txn(world);
	assert_true(config_zone(txn, name, &again));
	store_abort(txn);
	assert_true(again.number > zone.number);
}

static void
a_large_difference_is_told_as_a_replaced_zone(void **state)
{
	enum { COUNT = 40000 };
	struct world *world = *state;
	char(*names)[32] = xcalloc(COUNT, sizeof *names);
	const char **owners = xcalloc(COUNT, sizeof *owners);
	uint64_t generation;

	for (int round = 1; round <= 2; round++) {
		for (int i = 0; i < COUNT; i++) {
			snprintf(names[i], sizeof names[i], "n%d=%d", i, round);
			owners[i] = names[i];
		}
		put_zone(world, "example.com", owners, COUNT, &generation);
	}
	ASSERT_TEXT(feed_text(world, 0), "z1 z2 ");
	free(names);
	free(owners);
}

static void
the_feed_keeps_ten_thousand_commands(void **state)
{
	struct world *world = *state;
	char json[32];

	for (int i = 0; i < 10005; i++) {
		struct config_edit *edit = begin(world);

		snprintf(json, sizeof json, "{\"a\":%d}", i);
		config_put_object(edit, KIND_POOL, ID, "eu", "eu", text_bytes(json));
		commit(edit);
	}
	assert_null(feed_text(world, 4));
	ASSERT_TEXT(feed_text(world, 10004), "o10005 ");
	ASSERT_TEXT(feed_text(world, 10005), "");
	/* A generation that this store never had. */
	assert_null(feed_text(world, 10006));

	struct store_txn *txn = read_txn(world);

	assert_int_equal(store_count(txn, TABLE_CHANGES), 20000);
	store_abort(txn);
}

static void
a_newer_schema_is_not_written(void **state)
{
	struct world *world = *state;
	struct problems problems = {0};
	struct store_txn *txn;
	uint8_t schema[4];

	put32(schema, CONFIG_SCHEMA + 1);
	assert_int_equal(store_begin(world->store, STORE_WRITE, &txn), 0);
	store_put(txn, TABLE_META, text_bytes("schema"), (struct bytes){schema, 4});
	assert_int_equal(store_commit(txn), 0);
	assert_null(config_edit_begin(world->store, &problems));
	assert_int_equal(problems.errors, 1);
	assert_non_null(strstr(problems.items[0].text, "by a newer graycloud"));
	problems_free(&problems);
}

static void
a_full_map_asks_for_the_edit_again(void **state)
{
	struct world *world = *state;
	char *large = xcalloc(3, 1 << 20);
	struct problems problems = {0};
	uint64_t generation;
	int runs = 0, rc;

	store_close(world->store);
	setenv("GRAYCLOUD_MAP_MIB", "1", 1);
	world->store = store_open(world->directory, STORE_CONFIG, STORE_WRITE, &problems);
	memset(large, 'x', (3 << 20) - 1);
	do {
		struct config_edit *edit = begin(world);

		runs++;
		config_put_object(edit, KIND_POOL, ID, "eu", NULL, text_bytes(large));
		rc = config_edit_commit(edit, (struct bytes){HEAD, sizeof HEAD - 1}, &generation);
	} while (rc == -ENOSPC && store_full(world->store));
	assert_int_equal(rc, 0);
	assert_int_equal(generation, 1);
	assert_true(runs > 1);
	free(large);
}

int
main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, make_world, drop_world)
	const struct CMUnitTest tests[] = {
	    ROW(an_edit_is_one_entry_and_one_generation),
	    ROW(an_entry_keeps_what_was_and_what_became),
	    ROW(a_zone_load_writes_only_what_differs),
	    ROW(the_deepest_zone_encloses_a_name),
	    ROW(numbers_of_zones_are_never_used_again),
	    ROW(a_large_difference_is_told_as_a_replaced_zone),
	    ROW(the_feed_keeps_ten_thousand_commands),
	    ROW(a_newer_schema_is_not_written),
	    ROW(a_full_map_asks_for_the_edit_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
