/*
 * snapshot.c -- names found in zones, against a model that looks through a plain list.
 */
#include "zones/answer/snapshot.h"
#include "zones/steer/steer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t apex[] = "\7example\3com";
static const uint8_t soa_rdata[] = "\2ns\0\2hm\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5";

enum { OWNERS_MAX = 4000 };

/* The model: every owner with the types it has. */
struct plain_owner {
	uint8_t name[NAME_MAX_LEN + 1];
	uint8_t key[NAME_MAX_KEY];
	size_t key_len;
	uint16_t types[4];
	unsigned ntypes;
	const struct steer_lb *lb;
};

struct plain {
	struct plain_owner owners[OWNERS_MAX];
	size_t count;
	unsigned big; /* one TXT in this number lies outside its segment */
};

/* rdata that fits the type, in the store's form. */
static struct rrset
make_rrset(uint16_t type, const uint8_t *name)
{
	static uint8_t buffers[8][8192];
	static unsigned next;
	uint8_t *buffer = buffers[next++ % NITEMS(buffers)];
	uint16_t len = 4;
	unsigned count = 1;

	memset(buffer, 1, 8192);
	if (type == TYPE_SOA) {
		len = sizeof soa_rdata - 1;
		memcpy(buffer + 2, soa_rdata, len);
	} else if (type == TYPE_TXT) {
		len = name[1] % 3 == 0 ? 1500 : 3;
		count = name[1] % 3 == 0 ? 3 : 1;
	} else if (type != TYPE_A) {
		len = 3;
		memcpy(buffer + 2, "\1x", 3);
	}
	put16(buffer, len);
	for (unsigned i = 1; i < count; i++)
		memcpy(buffer + i * (len + 2u), buffer, len + 2u);
	return (struct rrset){
	    .type = type, .ttl = 300, .count = (uint16_t)count, .records = buffer, .len = count * (len + 2u)};
}

static int
by_key(const void *a, const void *b)
{
	const struct plain_owner *x = a, *y = b;
	int order = memcmp(x->key, y->key, MIN(x->key_len, y->key_len));

	return order != 0 ? order : (int)x->key_len - (int)y->key_len;
}

static bool
give(const struct plain_owner *owner, zone_owner_fn *sink, void *arg)
{
	struct rrset rrsets[4];
	struct zone_owner given = {
	    .key = {owner->key, owner->key_len}, .rrsets = rrsets, .nrrsets = owner->ntypes, .lb = owner->lb};

	for (unsigned i = 0; i < owner->ntypes; i++)
		rrsets[i] = make_rrset(owner->types[i], owner->name);
	return sink(arg, &given);
}

static bool
each(void *arg, zone_owner_fn *sink, void *sink_arg)
{
	struct plain *plain = arg;

	qsort(plain->owners, plain->count, sizeof plain->owners[0], by_key);
	for (size_t i = 0; i < plain->count; i++)
		if (!give(&plain->owners[i], sink, sink_arg))
			return false;
	return true;
}

static struct plain_owner *
plain_find(struct plain *plain, const uint8_t *name)
{
	for (size_t i = 0; i < plain->count; i++)
		if (name_equal(plain->owners[i].name, name))
			return &plain->owners[i];
	return NULL;
}

static struct plain_owner *
plain_set(struct plain *plain, const uint8_t *name, unsigned ntypes, const uint16_t *types,
    const struct steer_lb *lb)
{
	struct plain_owner *owner = plain_find(plain, name);

	if (owner == NULL) {
		owner = &plain->owners[plain->count++];
		name_lower(owner->name, name);
		owner->key_len = name_to_key(owner->key, name, apex);
		assert_true(owner->key_len > 0);
	}
	owner->ntypes = ntypes;
	memcpy(owner->types, types, ntypes * sizeof *types);
	owner->lb = lb;
	return owner;
}

static bool
has_type(const struct plain_owner *owner, uint16_t type)
{
	for (unsigned i = 0; owner != NULL && i < owner->ntypes; i++)
		if (owner->types[i] == type)
			return true;
	return false;
}

/* RFC 4592 2.2.2: a name exists if it has data or something below it has. */
static bool
plain_exists(struct plain *plain, const uint8_t *name)
{
	for (size_t i = 0; i < plain->count; i++)
		if ((plain->owners[i].ntypes > 0 || plain->owners[i].lb != NULL) &&
		    name_within(plain->owners[i].name, name))
			return true;
	return false;
}

/* The algorithm of RFC 1034 4.3.2 by plain looking. */
static enum found
plain_lookup(struct plain *plain, const uint8_t *name, uint8_t at[NAME_MAX_LEN + 2])
{
	unsigned labels = name_labels(name), zone = name_labels(apex);

	for (unsigned n = zone; n <= labels; n++) {
		const uint8_t *suffix = name_skip(name, labels - n);
		struct plain_owner *owner = plain_find(plain, suffix);

		name_lower(at, suffix);
		if (n > zone && has_type(owner, TYPE_NS))
			return FOUND_CUT;
		if (n < labels && has_type(owner, TYPE_DNAME))
			return FOUND_DNAME;
	}
	name_lower(at, name);
	if (plain_exists(plain, name))
		return FOUND_NAME;
	for (unsigned n = labels - 1; n >= zone; n--) {
		const uint8_t *encloser = name_skip(name, labels - n);

		if (!plain_exists(plain, encloser))
			continue;
		memcpy(at, "\1*", 2);
		name_lower(at + 2, encloser);
		return plain_exists(plain, at) ? FOUND_WILDCARD : FOUND_NOTHING;
	}
	return FOUND_NOTHING;
}

static void
assert_same(struct plain *plain, const struct zone *zone, const uint8_t *name)
{
	uint8_t at[NAME_MAX_LEN + 2];
	enum found expected = plain_lookup(plain, name, at);
	char text[NAME_MAX_TEXT];
	struct path path;
	struct hit hit;

	path_init(&path, name);
	zone_find(zone, &path, &hit);
	if (hit.found != expected)
		fail_msg("%s: found %d, not %d", name_to_text(name, text), hit.found, expected);
	if (expected == FOUND_NOTHING)
		return;

	const struct plain_owner *owner = plain_find(plain, at);
	size_t relative = name_len(at) - name_len(apex);
	unsigned hidden = 0;

	if (hit.node->name_len != relative || memcmp(node_name(hit.node), at, relative) != 0)
		fail_msg("%s: another node", name_to_text(name, text));
	assert_ptr_equal(node_lb(hit.node), owner != NULL ? owner->lb : NULL);
	for (unsigned i = 0; owner != NULL && i < owner->ntypes; i++) {
		struct rrset rrset = make_rrset(owner->types[i], owner->name);
		struct fragment fragment;
		bool there = node_rrset(hit.node, owner->types[i], &fragment);

		if (owner->lb != NULL && (owner->types[i] == TYPE_A || owner->types[i] == TYPE_CNAME)) {
			assert_false(there); /* S6 */
			hidden++;
			continue;
		}
		assert_true(there);
		assert_int_equal(fragment.count, rrset.count);
		assert_int_equal(fragment.len, rrset.len + rrset.count * 10u);
		assert_memory_equal(fragment.wire + 12, rrset.records + 2, 1);
	}
	assert_int_equal(hit.node->nrrsets, owner != NULL ? owner->ntypes - hidden : 0);
}

static void
random_name(uint8_t *name, uint64_t *random, bool deep)
{
	static const char *const labels[] = {"\1a", "\1b", "\1*", "\2ab", "\3*bc", "\1c"};
	unsigned depth = (unsigned)((*random = mix64(*random + 1)) % (deep ? 6 : 4));

	for (unsigned i = 0; i < depth; i++) {
		const char *label = labels[(*random = mix64(*random + 1)) % NITEMS(labels)];

		memcpy(name, label, 1u + (unsigned)label[0]);
		name += 1 + label[0];
	}
	memcpy(name, apex, sizeof apex);
}

static void
free_at_once(void *arg, void (*fn)(void *), void *memory)
{
	struct {
		void (*fn)(void *);
		void *memory;
	} item = {fn, memory};
	unsigned *count = arg;

	(void)item;
	(*count)++;
	fn(memory);
}

/* Collected while an edit is under way, freed when it was published. */
struct pending {
	struct {
		void (*fn)(void *);
		void *memory;
	} items[100000];
	size_t count;
};

static void
collect(void *arg, void (*fn)(void *), void *memory)
{
	struct pending *pending = arg;

	pending->items[pending->count].fn = fn;
	pending->items[pending->count++].memory = memory;
}

static void
release(struct pending *pending)
{
	unsigned count = 0;

	for (size_t i = 0; i < pending->count; i++)
		free_at_once(&count, pending->items[i].fn, pending->items[i].memory);
	pending->count = 0;
}

static struct plain *
plain_new(void)
{
	static const uint16_t types[] = {TYPE_NS, TYPE_SOA};
	struct plain *plain = xcalloc(1, sizeof *plain);

	plain_set(plain, apex, 2, types, NULL);
	return plain;
}

static unsigned
random_types(uint16_t *types, uint64_t *random, bool at_apex)
{
	static const uint16_t choices[][3] = {{TYPE_A, 0, 0}, {TYPE_NS, 0, 0}, {TYPE_TXT, 0, 0},
	    {TYPE_CNAME, 0, 0}, {TYPE_A, TYPE_TXT, 0}, {TYPE_DNAME, 0, 0}, {0, 0, 0}, {0, 0, 0},
	    {TYPE_A, TYPE_NS, 0}, {TYPE_A, TYPE_MX, TYPE_TXT}};
	const uint16_t *choice = choices[(*random = mix64(*random + 1)) % NITEMS(choices)];
	unsigned count = 0;

	if (at_apex) {
		types[count++] = TYPE_NS;
		types[count++] = TYPE_SOA;
		return count;
	}
	while (count < 3 && choice[count] != 0) {
		types[count] = choice[count];
		count++;
	}
	return count;
}

/* Some random owners of the zone and of the model, in one edit; returns the edited zone. */
static struct zone *
random_edit(
    struct zone *zone, struct plain *plain, uint64_t *random, unsigned owners, const struct retire *retire)
{
	static struct steer_lb lb;
	struct zone *edit = zone_edit_begin(zone);

	assert_non_null(edit);
	for (unsigned k = 0; k < owners; k++) {
		uint8_t name[NAME_MAX_LEN + 1];
		uint16_t types[4];
		struct rrset rrsets[4];
		struct plain_owner *owner;
		struct zone_owner change;
		unsigned ntypes;

		random_name(name, random, false);
		ntypes = random_types(types, random, name_equal(name, apex));
		owner = plain_set(plain, name, ntypes, types, *random % 7 == 0 ? &lb : NULL);
		for (unsigned i = 0; i < ntypes; i++)
			rrsets[i] = make_rrset(types[i], owner->name);
		change = (struct zone_owner){.key = {owner->key, owner->key_len},
		    .rrsets = rrsets,
		    .nrrsets = ntypes,
		    .lb = owner->lb};
		assert_true(zone_edit_owner(edit, &change, retire));
	}
	zone_edit_done(zone, retire);
	return edit;
}

static void
assert_same_at_random(struct plain *plain, struct zone *zone, uint64_t *random, unsigned times)
{
	for (unsigned k = 0; k < times; k++) {
		uint8_t name[NAME_MAX_LEN + 1];

		random_name(name, random, true);
		assert_same(plain, zone, name);
	}
}

/* What a fresh build of the same data has, the edited zone has, and no node more. */
static void
assert_as_built_anew(struct plain *plain, struct zone *zone, uint64_t *random)
{
	uint64_t names, fresh_names, octets;
	struct zone *fresh;
	size_t kept = 0;

	for (size_t i = 0; i < plain->count; i++)
		if (plain->owners[i].ntypes > 0 || plain->owners[i].lb != NULL)
			plain->owners[kept++] = plain->owners[i];
	plain->count = kept;
	fresh = zone_build(7, apex, NULL, NULL, each, plain);
	assert_non_null(fresh);
	zone_measure(zone, &names, &octets);
	zone_measure(fresh, &fresh_names, &octets);
	assert_int_equal(names, fresh_names);
	assert_same_at_random(plain, fresh, random, 500);
	zone_free(fresh);
}

static void
edits_and_builds_agree_with_the_model(void **state)
{
	struct pending *pending = xcalloc(1, sizeof *pending);
	struct retire retire = {collect, pending};

	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct plain *plain = plain_new();
		uint64_t random = seed * 1000;
		struct zone *zone = zone_build(7, apex, NULL, NULL, each, plain);

		assert_non_null(zone);
		for (unsigned step = 0; step < 60; step++) {
			zone = random_edit(zone, plain, &random, 1 + step % 3, &retire);
			release(pending);
			assert_same_at_random(plain, zone, &random, 60);
		}
		assert_as_built_anew(plain, zone, &random);
		zone_free(zone);
		free(plain);
	}
	free(pending);
}

/* A zone that grows by edits from nothing splits its segments on the way. */
static void
a_zone_grows_by_edits(void **state)
{
	struct pending *pending = xcalloc(1, sizeof *pending);
	struct retire retire = {collect, pending};
	struct plain *plain = plain_new();
	struct zone *zone = zone_build(7, apex, NULL, NULL, each, plain);
	uint64_t names, octets;

	(void)state;
	for (unsigned i = 0; i < 3000; i++) {
		struct zone *edit = zone_edit_begin(zone);
		static const uint16_t types[] = {TYPE_TXT};
		char label[16];
		uint8_t name[NAME_MAX_LEN + 1];

		snprintf(label, sizeof label, "%c%u", 'a' + (int)(i % 26), i);
		name[0] = (uint8_t)strlen(label);
		memcpy(name + 1, label, strlen(label));
		memcpy(name + 1 + strlen(label), apex, sizeof apex);
		struct plain_owner *owner = plain_set(plain, name, 1, types, NULL);
		struct rrset rrset = make_rrset(TYPE_TXT, owner->name);
		struct zone_owner change = {
		    .key = {owner->key, owner->key_len}, .rrsets = &rrset, .nrrsets = 1};

		assert_true(zone_edit_owner(edit, &change, &retire));
		zone_edit_done(zone, &retire);
		zone = edit;
		release(pending);
	}
	zone_measure(zone, &names, &octets);
	assert_int_equal(names, 3001);
	for (size_t i = 0; i < plain->count; i += 17)
		assert_same(plain, zone, plain->owners[i].name);
	zone_free(zone);
	free(plain);
	free(pending);
}

static void
the_deepest_zone_encloses(void **state)
{
	static const char *const zones[] = {"example.com.", "sub.example.com.", "com.", "a.b.c.example.org."};
	static const struct {
		const char *name, *zone, *parent;
	} rows[] = {
	    {"www.example.com.", "example.com.", "example.com."},
	    {"EXAMPLE.com.", "example.com.", "com."},
	    {"sub.example.com.", "sub.example.com.", "example.com."},
	    {"x.y.sub.example.com.", "sub.example.com.", "sub.example.com."},
	    {"example.net.", NULL, NULL},
	    {"b.c.example.org.", NULL, NULL},
	    {"x.a.b.c.example.org.", "a.b.c.example.org.", "a.b.c.example.org."},
	    {".", NULL, NULL},
	};
	struct zone made[NITEMS(zones)], *pointers[NITEMS(zones)];
	struct path path;
	uint8_t wire[NAME_MAX_LEN];

	(void)state;
	for (size_t i = 0; i < NITEMS(zones); i++) {
		name_from_text(wire, zones[i], NULL);
		path_init(&path, wire);
		made[i] = (struct zone){
		    .labels = path.labels, .apex_len = path.len, .apex_hash = path.hash[path.labels]};
		memcpy(made[i].apex, path.name, path.len);
		pointers[i] = &made[i];
	}
	struct zone_table *table = zone_table_new((const struct zone *const *)pointers, NITEMS(zones));
	struct snapshot snapshot = {.zones = table};

	for (size_t i = 0; i < NITEMS(rows); i++)
		for (int parent = 0; parent < 2; parent++) {
			const char *expected = parent ? rows[i].parent : rows[i].zone;
			char text[NAME_MAX_TEXT] = "none";
			const struct zone *zone;

			name_from_text(wire, rows[i].name, NULL);
			path_init(&path, wire);
			zone = snapshot_zone(&snapshot, &path, parent);
			if (zone != NULL)
				name_to_text(zone->apex, text);
			assert_string_equal(text, expected != NULL ? expected : "none");
		}
	free(table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(edits_and_builds_agree_with_the_model),
	    cmocka_unit_test(a_zone_grows_by_edits),
	    cmocka_unit_test(the_deepest_zone_encloses),
	};

	return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
