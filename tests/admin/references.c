/* config_references.c: the index of what documents mention, against a walk over all documents. */
#include "zones/state/config_restore.h"
#include "zones/state/config_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { OBJECTS = 6, ROUNDS = 25 };
static const char HEAD[] = "{\"time\":1,\"who\":\"me\",\"command\":\"c\",\"reason\":\"\"}";
static const char *const addresses[] = {"192.0.2.1", "192.0.2.11", "2001:db8::1", "origin.example.com"};

struct fixture {
	char *directory;
	struct store *store;
};

static struct store *
open_new(const char *directory)
{
	struct problems problems = {0};
	struct store *store = store_open(directory, STORE_CONFIG, STORE_WRITE, &problems);

	assert_non_null(store);
	return store;
}

static int
set_up(void **state)
{
	struct fixture *fixture = xcalloc(1, sizeof *fixture);

	fixture->directory = mkdtemp(xstrdup("/tmp/graycloud-references-XXXXXX"));
	fixture->store = open_new(fixture->directory);
	*state = fixture;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *fixture = *state;
	char *command = xasprintf("rm -rf %s", fixture->directory);
	int rc;

	store_close(fixture->store);
	rc = system(command);
	free(command);
	free(fixture->directory);
	free(fixture);
	return rc;
}

static struct id
id_of(enum kind kind, unsigned number)
{
	struct id id;

	snprintf(id.text, sizeof id.text, "%031x%x", number * 16 + 15, (unsigned)kind & 15);
	return id;
}

static struct config_edit *
begin(struct store *store)
{
	struct problems problems = {0};
	struct config_edit *edit = config_edit_begin(store, &problems);

	assert_non_null(edit);
	return edit;
}

static void
commit(struct config_edit *edit)
{
	uint64_t generation;

	assert_int_equal(config_edit_commit(edit, (struct bytes){HEAD, sizeof HEAD - 1}, &generation), 0);
}

/* A document of each kind that mentions others by chance: as a text, in a list, as a key, deep inside. */
static char *
document(enum kind kind, unsigned number, uint64_t chance)
{
	struct id self = id_of(kind, number), monitor = id_of(KIND_MONITOR, chance % OBJECTS),
		  group = id_of(KIND_MONITOR_GROUP, chance / 8 % OBJECTS),
		  pool = id_of(KIND_POOL, chance / 64 % OBJECTS),
		  other = id_of(KIND_POOL, chance / 512 % OBJECTS);
	const char *address = addresses[chance / 4096 % NITEMS(addresses)];

	switch (kind) {
	case KIND_MONITOR:
		return xasprintf("{\"id\":\"%s\",\"name\":\"m%u\"}", self.text, number);
	case KIND_MONITOR_GROUP:
		return xasprintf("{\"id\":\"%s\",\"name\":\"g%u\",\"members\":[{\"monitor_id\":\"%s\"}]}",
		    self.text, number, monitor.text);
	case KIND_POOL:
		return xasprintf(
		    "{\"id\":\"%s\",\"name\":\"p%u\",\"description\":\"%s\",\"%s\":\"%s\",\"origins\":["
		    "{\"address\":\"%s\"},{\"address\":\"%s\"}]}",
		    self.text, number, other.text, chance & 1 << 20 ? "monitor" : "monitor_group",
		    chance & 1 << 20 ? monitor.text : group.text, address, addresses[0]);
	default:
		return xasprintf(
		    "{\"id\":\"%s\",\"name\":\"l%u\",\"default_pools\":[\"%s\",\"%s\"],\"rules\":[{"
		    "\"overrides\":{\"random_steering\":{\"pool_weights\":{\"%s\":0.5}}}}]}",
		    self.text, number, pool.text, pool.text, other.text);
	}
}

/* ---- both ways to find ---- */

struct finding {
	const char *wanted; /* with quotation marks */
	enum kind kind;
	unsigned char found[KIND_COUNT][OBJECTS]; /* number of times */
};

static void
note(struct finding *finding, enum kind kind, const struct id *id)
{
	char digits[32];

	snprintf(digits, sizeof digits, "%.*s", ID_LEN - 1, id->text);
	finding->found[kind][strtoul(digits, NULL, 16) / 16]++;
}

static bool
by_index(void *arg, enum kind kind, const struct id *id, struct bytes json)
{
	struct finding *finding = arg;

	assert_non_null(memmem(json.data, json.len, finding->wanted, strlen(finding->wanted)));
	note(finding, kind, id);
	return true;
}

static bool
by_walk(void *arg, const struct id *id, struct bytes json)
{
	struct finding *finding = arg;
	char *text = xmemdup(json.data, json.len + 1), *own, *described;

	text[json.len] = '\0';
	if ((own = strstr(text, id->text)) != NULL)
		memset(own, ' ', ID_LEN);
	if ((described = strstr(text, "\"description\":\"")) != NULL)
		memset(described + 15, ' ', ID_LEN);
	if (strstr(text, finding->wanted) != NULL)
		note(finding, finding->kind, id);
	free(text);
	return true;
}

static void
compare_one(struct store_txn *txn, const struct id *id, const char *address)
{
	char wanted[64];
	struct finding index = {.wanted = wanted}, walk = {.wanted = wanted};

	snprintf(wanted, sizeof wanted, "\"%s\"", id != NULL ? id->text : address);
	if (id != NULL)
		config_each_referrer(txn, id, by_index, &index);
	else
		config_each_pool_of_address(txn, address, by_index, &index);
	for (walk.kind = 0; walk.kind < KIND_COUNT; walk.kind++)
		config_each_object(txn, walk.kind, by_walk, &walk);
	assert_memory_equal(index.found, walk.found, sizeof index.found);
}

static void
compare_all(struct store *store)
{
	struct store_txn *txn;

	assert_int_equal(store_begin(store, STORE_READ, &txn), 0);
	for (enum kind kind = 0; kind < KIND_COUNT; kind++)
		for (unsigned n = 0; n < OBJECTS; n++) {
			struct id id = id_of(kind, n);

			compare_one(txn, &id, NULL);
		}
	for (size_t i = 0; i < NITEMS(addresses); i++)
		compare_one(txn, NULL, addresses[i]);
	store_abort(txn);
}

/* One edit of this number of steps. */
static void
write_by_chance(struct store *store, uint64_t seed, unsigned steps)
{
	struct config_edit *edit = begin(store);

	for (unsigned step = 0; step < steps; step++) {
		uint64_t chance = mix64(seed + step + 1);
		enum kind kind = chance >> 40 & 3;
		unsigned number = (unsigned)((chance >> 48) % OBJECTS);
		struct id id = id_of(kind, number);
		char *name = xasprintf("%c%u", "mgpl"[kind], number), *text = document(kind, number, chance);

		if ((chance >> 60) < 4)
			config_delete_object(edit, kind, id.text, name);
		else
			config_put_object(
			    edit, kind, id.text, name, NULL, (struct bytes){text, strlen(text)});
		free(text);
		free(name);
	}
	commit(edit);
}

/* ---- tests ---- */

static void
the_index_finds_what_a_walk_finds(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned round = 0; round < ROUNDS; round++) {
		write_by_chance(fixture->store, round * 1000, 12);
		compare_all(fixture->store);
	}
}

static void
empty_references(struct store *store)
{
	struct store_txn *txn;
	struct store_cursor *cursor;
	struct bytes key, value;

	assert_int_equal(store_begin(store, STORE_WRITE, &txn), 0);
	cursor = store_cursor_open(txn, TABLE_REFERENCES);
	for (bool more = store_cursor_first(cursor, &key, &value); more;
	     more = store_cursor_next(cursor, &key, &value))
		assert_int_equal(store_cursor_delete(cursor), 0);
	store_cursor_close(cursor);
	assert_int_equal(store_commit(txn), 0);
}

static void
a_restore_makes_the_index_of_what_it_restores(void **state)
{
	struct fixture *fixture = *state;
	char *path = xasprintf("%s/old", fixture->directory);
	struct store *old = open_new(path);
	struct config_edit *edit;
	struct store_txn *txn;

	write_by_chance(fixture->store, 1, 60);
	write_by_chance(old, 1000, 60);
	empty_references(old);
	edit = begin(fixture->store);
	assert_int_equal(store_begin(old, STORE_READ, &txn), 0);
	config_replace_all(edit, txn);
	store_abort(txn);
	commit(edit);
	compare_all(fixture->store);
	store_close(old);
	free(path);
}

int
main(void)
{
#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    ROW(the_index_finds_what_a_walk_finds),
	    ROW(a_restore_makes_the_index_of_what_it_restores),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
