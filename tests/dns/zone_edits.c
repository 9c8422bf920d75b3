/*
 * zone_edits.c -- random edits of a signed zone beside a build from scratch: names, empty non-terminals,
 * wildcards, cuts and DNAMEs above names, load balancers, made and deleted.
 */
#include "zones/answer/snapshot.h"
#include "zones/base/side.h"
#include "zones/dns/dnssec.h"
#include "zones/steer/steer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { OWNERS_MAX = 2000, ROUNDS = 300, TYPES_MAX = 4, SIGNED_MAX = 1 << 18, BIG = 1500 };

static const uint8_t apex[] = "\7example\3com";
static struct steer_lb lbs[2];
static uint64_t seed;
static bool small; /* no RRset outside of its segment: an edit that is dropped loses the new ones */

static unsigned
chance(unsigned n)
{
	seed += UINT64_C(0x9e3779b97f4a7c15);
	return (unsigned)(mix64(seed) % n);
}

/* ---- the zone as a plain list, in the order of the keys ---- */

struct plain_owner {
	uint8_t key[NAME_MAX_KEY];
	size_t len;
	uint16_t types[TYPES_MAX];
	uint8_t data[TYPES_MAX]; /* another octet: another RRset */
	unsigned ntypes;
	const struct steer_lb *lb;
};

static struct plain_owner owners[OWNERS_MAX];
static size_t nowners;

static int
compare_octets(const void *a, size_t a_len, const void *b, size_t b_len)
{
	int order = memcmp(a, b, MIN(a_len, b_len));

	return order != 0 ? order : a_len < b_len ? -1 : a_len > b_len;
}

/* Where a key is, or belongs. */
static size_t
place_of(const struct bytes *key)
{
	size_t i = 0;

	while (i < nowners && compare_octets(owners[i].key, owners[i].len, key->data, key->len) < 0)
		i++;
	return i;
}

static struct plain_owner *
find_owner(const struct bytes *key)
{
	size_t i = place_of(key);

	return i < nowners && owners[i].len == key->len && memcmp(owners[i].key, key->data, key->len) == 0
	    ? &owners[i]
	    : NULL;
}

static struct rrset
rrset_of(const struct plain_owner *owner, unsigned i, uint8_t *buffer)
{
	static const uint8_t soa[] = "\2ns\0\2hm\0\0\0\0\0\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5";
	uint16_t type = owner->types[i], len = 4;

	memset(buffer, owner->data[i], BIG + 2);
	if (type == TYPE_SOA) {
		len = sizeof soa - 1;
		memcpy(buffer + 2, soa, len);
		buffer[2 + 11] = owner->data[i];
	} else if (type == TYPE_TXT) {
		len = owner->data[i] % 5 == 0 && !small ? BIG : 3;
	} else if (type != TYPE_A) {
		len = 3;
		memcpy(buffer + 2, "\1x", 3);
		buffer[3] = owner->data[i] | 0x40;
	}
	put16(buffer, len);
	return (struct rrset){.type = type, .ttl = 300, .count = 1, .records = buffer, .len = len + 2u};
}

static bool
give(const struct plain_owner *owner, const struct bytes *key, zone_owner_fn *sink, void *arg)
{
	static uint8_t buffers[TYPES_MAX][BIG + 2];
	struct rrset rrsets[TYPES_MAX];
	struct zone_owner given = {.key = *key, .rrsets = rrsets};

	if (owner != NULL) {
		given.nrrsets = owner->ntypes;
		given.lb = owner->lb;
		for (unsigned i = 0; i < owner->ntypes; i++)
			rrsets[i] = rrset_of(owner, i, buffers[i]);
	}
	return sink(arg, &given);
}

static bool
each_owner(void *arg, zone_owner_fn *sink, void *sink_arg)
{
	(void)arg;
	for (size_t i = 0; i < nowners; i++)
		if (!give(&owners[i], &(struct bytes){owners[i].key, owners[i].len}, sink, sink_arg))
			return false;
	return true;
}

static bool
one_owner(void *arg, const struct bytes *key, zone_owner_fn *sink, void *sink_arg)
{
	(void)arg;
	return give(find_owner(key), key, sink, sink_arg);
}

static void
owners_below(void *arg, const struct bytes *key, size_t maximum, zone_key_fn *fn, void *fn_arg)
{
	(void)arg, (void)maximum;
	for (size_t i = 0; i < nowners; i++)
		if (owners[i].len > key->len && memcmp(owners[i].key, key->data, key->len - 1) == 0)
			fn(fn_arg, &(struct bytes){owners[i].key, owners[i].len});
}

static const struct zone_rows rows = {NULL, one_owner, owners_below};

/* ---- changes ---- */

static size_t
random_key(uint8_t key[NAME_MAX_KEY])
{
	static const char *const labels[] = {"a", "b", "c", "d", "*", "\\000", "x"};
	char text[200] = "";
	uint8_t name[NAME_MAX_LEN];
	size_t used = 0;

	for (unsigned i = 0, count = 1 + chance(4); i < count; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s.", labels[chance(7)]);
	if (chance(3) == 0)
		used += (size_t)snprintf(text + used, sizeof text - used, "n%u.", chance(900));
	snprintf(text + used, sizeof text - used, "example.com.");
	assert_true(name_from_text(name, text, NULL) > 0);
	return name_to_key(key, name, apex);
}

/* A key in canonical order keeps its place; types are in the order of the store. */
static void
fill_owner(struct plain_owner *owner)
{
	unsigned kind = chance(10);

	owner->ntypes = 0;
	owner->lb = NULL;
	if (kind < 2) {
		owner->types[owner->ntypes++] = TYPE_NS;
	} else if (kind == 2) {
		owner->types[owner->ntypes++] = TYPE_DNAME;
	} else {
		if (kind < 7)
			owner->types[owner->ntypes++] = TYPE_A;
		if (kind >= 6)
			owner->types[owner->ntypes++] = TYPE_TXT;
	}
	if (chance(6) == 0)
		owner->lb = &lbs[chance(2)];
	for (unsigned i = 0; i < owner->ntypes; i++)
		owner->data[i] = (uint8_t)chance(250);
}

static void
put_owner(const struct bytes *key)
{
	size_t i = place_of(key);
	struct plain_owner *owner = find_owner(key);

	if (owner == NULL) {
		assert_true(nowners < OWNERS_MAX);
		memmove(&owners[i + 1], &owners[i], (nowners - i) * sizeof owners[0]);
		nowners++;
		owner = &owners[i];
		memcpy(owner->key, key->data, key->len);
		owner->len = key->len;
	}
	fill_owner(owner);
}

static void
delete_owner(struct plain_owner *owner)
{
	size_t i = (size_t)(owner - owners);

	memmove(&owners[i], &owners[i + 1], (nowners - i - 1) * sizeof owners[0]);
	nowners--;
}

/* The serial of the SOA rises with every change. */
static void
bump_serial(void)
{
	owners[0].data[0]++;
}

struct changed {
	uint8_t keys[8][NAME_MAX_KEY];
	struct bytes list[8];
	size_t count;
};

static int
compare_changed(const void *a, const void *b)
{
	const struct bytes *x = a, *y = b;

	return compare_octets(x->data, x->len, y->data, y->len);
}

static void
change(struct changed *changed)
{
	*changed = (struct changed){.count = 1};
	changed->list[0] = (struct bytes){changed->keys[0], 1}; /* the apex */
	bump_serial();
	for (unsigned i = 0, count = 1 + chance(6); i < count; i++) {
		uint8_t *key = changed->keys[changed->count];
		struct plain_owner *owner;
		struct bytes is;

		/* Half of the changes are at names that are there. */
		if (nowners > 1 && chance(2) == 0) {
			owner = &owners[1 + chance((unsigned)nowners - 1)];
			memcpy(key, owner->key, owner->len);
			is = (struct bytes){key, owner->len};
		} else {
			is = (struct bytes){key, random_key(key)};
		}
		if ((owner = find_owner(&is)) != NULL && (nowners > 600 || chance(2) == 0))
			delete_owner(owner);
		else
			put_owner(&is);
		changed->list[changed->count++] = is;
	}
	qsort(changed->list, changed->count, sizeof changed->list[0], compare_changed);
}

/* ---- signatures: those that the signer's zone asked for ---- */

static uint64_t made[SIGNED_MAX];
static size_t nmade;

static bool
known(uint64_t hash, bool add)
{
	size_t i = hash % SIGNED_MAX;

	while (made[i] != 0 && made[i] != hash)
		i = (i + 1) % SIGNED_MAX;
	if (made[i] == 0 && add) {
		assert_true(++nmade < SIGNED_MAX / 2);
		made[i] = hash;
	}
	return made[i] != 0;
}

static unsigned copies = 1; /* signatures of each RRset */

static size_t
find(void *arg, const struct bytes *key, const struct signed_set *set, uint8_t *out)
{
	uint64_t hash = signed_hash(set) | 1;
	struct signature signature = {.algorithm = 13};
	struct rrsig_covers covers = {.apex = set->apex,
	    .apex_len = name_len(set->apex),
	    .type = set->rrset.type,
	    .labels = signed_labels(set->owner),
	    .ttl = set->rrset.ttl};

	size_t len = 0;

	(void)key;
	if (!known(hash, arg != NULL))
		return 0;
	put64(signature.octets, hash);
	for (unsigned i = 0; i < copies; i++)
		len += rrsig_write(out + len, &covers, &signature);
	return len;
}

/* ---- the same nodes ---- */

struct dump {
	char **lines;
	size_t count;
	const struct segment *segment;
};

static void
print_octets(FILE *out, const uint8_t *octets, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%02x", octets[i]);
}

static void
dump_node(void *arg, const struct node *node)
{
	struct dump *dump = arg;
	struct fragment fragment;
	size_t len;
	FILE *out = open_memstream(&dump->lines[dump->count++], &len);

	assert_true(dump->count < 4 * OWNERS_MAX);
	print_octets(out, node_name(node), node->name_len);
	fprintf(out, " flags %x children %u lb %p", node->flags, node->children, (const void *)node_lb(node));
	for (unsigned i = 0; i < node->nrrsets; i++) {
		node_rrset_at(node, i, &fragment);
		fprintf(out, " %u ", fragment.type);
		print_octets(out, fragment.wire, fragment.len + fragment.signed_len);
	}
	fclose(out);
}

static int
compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct dump
dump_zone(const struct zone *zone)
{
	struct dump dump = {.lines = calloc(4 * OWNERS_MAX, sizeof *dump.lines)};

	for (size_t i = 0; i < (size_t)1 << zone->bits;) {
		segment_each(zone->directory[i], dump_node, &dump);
		i += (size_t)1 << (zone->bits - segment_depth(zone->directory[i]));
	}
	qsort(dump.lines, dump.count, sizeof *dump.lines, compare_lines);
	return dump;
}

static void
assert_same_nodes(const struct zone *a, const struct zone *b)
{
	struct dump x = dump_zone(a), y = dump_zone(b);

	assert_int_equal(x.count, y.count);
	for (size_t i = 0; i < x.count; i++) {
		assert_string_equal(x.lines[i], y.lines[i]);
		free(x.lines[i]);
		free(y.lines[i]);
	}
	free(x.lines);
	free(y.lines);
}

static void
assert_same_chain(const struct chain *a, const struct chain *b)
{
	struct chain_key x = {.len = 1}, y = {.len = 1};
	bool more = true;

	assert_int_equal(chain_count(a), chain_count(b));
	while (more) {
		struct bytes at = {x.octets, x.len};
		bool covers, other;

		assert_int_equal(x.len, y.len);
		assert_memory_equal(x.octets, y.octets, x.len);
		assert_true(chain_has(a, &at, &covers) && chain_has(b, &at, &other));
		assert_int_equal(covers, other);
		more = chain_after(a, &at, &x);
		assert_int_equal(more, chain_after(b, &(struct bytes){y.octets, y.len}, &y));
	}
}

static void
assert_same(const struct zone *edited, const struct zone *fresh)
{
	assert_same_chain(edited->chain, fresh->chain);
	assert_same_nodes(edited, fresh);
	assert_int_equal(edited->missing, fresh->missing);
	assert_int_equal(edited->soa_len, fresh->soa_len);
	assert_int_equal(edited->soa_signed_len, fresh->soa_signed_len);
	assert_memory_equal(edited->soa, fresh->soa, fresh->soa_len + fresh->soa_signed_len);
}

/* ---- edits ---- */

struct kept {
	struct {
		void (*fn)(void *);
		void *memory;
	} items[20000];
	size_t count;
};

static void
keep(void *arg, void (*fn)(void *), void *memory)
{
	struct kept *kept = arg;

	assert_true(kept->count < NITEMS(kept->items));
	kept->items[kept->count].fn = fn;
	kept->items[kept->count++].memory = memory;
}

/* Edit, and free what was replaced as a publisher does. */
static struct zone *
edit(struct zone *old, const struct zone_signing *signing, const struct changed *changed)
{
	static struct kept kept;
	const struct retire retire = {keep, &kept};
	struct zone *zone = zone_edit_begin(old);

	kept.count = 0;
	assert_true(zone_edit_signed(zone, signing, &rows, changed->list, changed->count, &retire));
	zone_edit_done(old, &retire);
	for (size_t i = 0; i < kept.count; i++)
		kept.items[i].fn(kept.items[i].memory);
	return zone;
}

static void
begin(void)
{
	nowners = 0;
	nmade = 0;
	memset(made, 0, sizeof made);
	owners[nowners++] = (struct plain_owner){
	    .key = {0}, .len = 1, .types = {TYPE_NS, TYPE_SOA}, .data = {1, 1}, .ntypes = 2};
}

static const struct rrset key_set = {
    .type = TYPE_DNSKEY, .ttl = 60, .count = 1, .records = (const uint8_t *)"\0\6\1\1\3\15ab", .len = 8};
static int signs;
static const struct zone_signing signer = {
    .arg = &signs, .find = find, .keys = &key_set, .nkeys = 1, .only = true, .version = 1};
static const struct zone_signing server = {.find = find, .keys = &key_set, .nkeys = 1, .version = 1};

static void
edits_give_what_a_build_gives(void **state)
{
	struct zone *signing, *serving;

	(void)state;
	begin();
	for (seed = 1; nowners < 300;) {
		uint8_t key[NAME_MAX_KEY];

		put_owner(&(struct bytes){key, random_key(key)});
	}
	signing = zone_build(1, apex, &signer, NULL, each_owner, NULL);
	serving = zone_build(1, apex, &server, NULL, each_owner, NULL);
	assert_non_null(signing);
	assert_int_equal(serving->missing, 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct changed changed;
		struct zone *fresh;

		change(&changed);
		signing = edit(signing, &signer, &changed);
		serving = edit(serving, &server, &changed);
		fresh = zone_build(1, apex, &server, NULL, each_owner, NULL);
		assert_int_equal(serving->missing, 0);
		assert_same(serving, fresh);
		assert_same_chain(signing->chain, fresh->chain);
		zone_free(fresh);
	}
	zone_free(signing);
	zone_free(serving);
}

static void
an_edit_makes_few_signatures(void **state)
{
	struct zone *signing;
	struct changed changed = {.count = 2};

	(void)state;
	begin();
	for (seed = 2; nowners < 1000;) {
		uint8_t key[NAME_MAX_KEY];

		put_owner(&(struct bytes){key, random_key(key)});
	}
	for (size_t i = 0; i < nowners; i++)
		owners[i].lb = NULL; /* it has three NSECs */
	signing = zone_build(1, apex, &signer, NULL, each_owner, NULL);
	nmade = 0;
	bump_serial();
	memcpy(changed.keys[1], "zzz\0", 5);
	changed.list[0] = (struct bytes){changed.keys[0], 1};
	changed.list[1] = (struct bytes){changed.keys[1], 5};
	put_owner(&changed.list[1]);
	owners[nowners - 1].types[0] = TYPE_A;
	owners[nowners - 1].ntypes = 1;
	owners[nowners - 1].lb = NULL;
	signing = edit(signing, &signer, &changed);
	assert_int_equal(nmade, 4); /* the RRset, its NSEC, the NSEC before it, the SOA */
	zone_free(signing);
}

static void
an_edit_that_is_dropped_leaves_the_zone_as_it_was(void **state)
{
	static struct kept kept;
	const struct retire retire = {keep, &kept};
	struct zone *serving, *zone, *before;

	(void)state;
	begin();
	small = true;
	for (seed = 3; nowners < 700;) {
		uint8_t key[NAME_MAX_KEY];

		put_owner(&(struct bytes){key, random_key(key)});
	}
	zone_free(zone_build(1, apex, &signer, NULL, each_owner, NULL));
	serving = zone_build(1, apex, &server, NULL, each_owner, NULL);
	before = zone_build(1, apex, &server, NULL, each_owner, NULL);
	for (unsigned round = 0; round < 100; round++) {
		struct changed changed;

		change(&changed);
		kept.count = 0;
		zone = zone_edit_begin(serving);
		assert_true(zone_edit_signed(zone, &server, &rows, changed.list, changed.count, &retire));
		zone_edit_drop(zone, serving);
		assert_same_nodes(serving, before);
		assert_same_chain(serving->chain, before->chain);
	}
	zone_free(serving);
	zone_free(before);
}

/* Memory is measured before signatures are found. */
static void
a_build_makes_room_for_more_signatures_than_there_are_keys(void **state)
{
	static const unsigned counts[] = {2, 8};

	(void)state;
	begin();
	small = false;
	for (seed = 4; nowners < 1500;) {
		uint8_t key[NAME_MAX_KEY];

		put_owner(&(struct bytes){key, random_key(key)});
	}
	zone_free(zone_build(1, apex, &signer, NULL, each_owner, NULL));
	for (unsigned i = 0; i < NITEMS(counts); i++) {
		struct zone_signing expecting = server;
		struct zone *grown, *zone;

		copies = counts[i];
		expecting.ndata = DATA_KEYS_MAX;
		grown = zone_build(1, apex, &server, NULL, each_owner, NULL);
		zone = zone_build(1, apex, &expecting, NULL, each_owner, NULL);
		assert_non_null(grown);
		assert_same(grown, zone);
		zone_free(grown);
		zone_free(zone);
	}
	copies = 1;
}

static void
nothing(void)
{
}

static bool
some_owners(void *arg, zone_owner_fn *sink, void *sink_arg)
{
	size_t *times = arg, all = nowners;
	bool given;

	/* The walk that fills the segments ends early. */
	nowners = (*times)++ == 1 ? all / 2 : all;
	given = each_owner(NULL, sink, sink_arg) && nowners == all;
	nowners = all;
	return given;
}

/* With few and many signatures: those that were not measured need larger segments. */
static void
a_second_thread_puts_nodes_where_one_thread_does(void **state)
{
	static const unsigned counts[] = {1, 2, 8};
	struct side *side = side_new(nothing);

	(void)state;
	assert_non_null(side);
	begin();
	small = false;
	for (seed = 5; nowners < 1800;) {
		uint8_t key[NAME_MAX_KEY];

		put_owner(&(struct bytes){key, random_key(key)});
	}
	zone_free(zone_build(1, apex, &signer, NULL, each_owner, NULL));
	for (unsigned i = 0; i < NITEMS(counts); i++) {
		struct zone *one, *two;
		size_t times = 0;

		copies = counts[i];
		one = zone_build(1, apex, &server, NULL, each_owner, NULL);
		two = zone_build(1, apex, &server, side, each_owner, NULL);
		assert_same(one, two);
		zone_free(one);
		zone_free(two);
		assert_null(zone_build(1, apex, &server, side, some_owners, &times));
	}
	copies = 1;
	side_free(side);
}

static size_t nshown;

static size_t
count_known(void *arg, const struct bytes *key, const struct signed_set *set, uint8_t *out)
{
	size_t *count = arg;

	(void)key, (void)out;
	assert_true(known(signed_hash(set) | 1, false));
	++*count;
	return 0;
}

static bool
show_owner(void *arg, const struct zone_owner *owner)
{
	struct zone_signing counting = signer;
	size_t count = 0;

	counting.arg = &count;
	counting.find = count_known;
	zone_each_signed(arg, owner, &counting);
	nshown += count;
	return true;
}

/* S109: what verifies a signature of one owner sees the RRsets that a build signs, after edits, too. */
static void
an_owner_alone_has_the_sets_that_a_build_signs(void **state)
{
	struct zone *zone;

	(void)state;
	begin();
	small = false;
	for (seed = 9; nowners < 900;) {
		uint8_t key[NAME_MAX_KEY];

		put_owner(&(struct bytes){key, random_key(key)});
	}
	zone = zone_build(1, apex, &signer, NULL, each_owner, NULL);
	for (unsigned round = 0; round < 20; round++) {
		struct changed changed;

		change(&changed);
		zone = edit(zone, &signer, &changed);
		/* Only what is signed now is known. */
		memset(made, 0, sizeof made);
		nmade = 0;
		zone_free(zone_build(1, apex, &signer, NULL, each_owner, NULL));
		nshown = 0;
		assert_true(each_owner(NULL, show_owner, zone));
		assert_int_equal(nshown, nmade);
	}
	zone_free(zone);
}

/* More segments are needed for signatures that were not measured. Some TXT are outside of the segments. */
static void
segments_that_become_too_large_are_made_again(void **state)
{
	static const struct plain_owner large = {
	    .types = {TYPE_A, TYPE_MX, TYPE_TXT, TYPE_AAAA}, .data = {1, 1, 1, 1}, .ntypes = 4};
	struct side *side = side_new(nothing);
	struct zone *few, *one, *two;

	(void)state;
	begin();
	for (; nowners < 1900; nowners++) {
		struct plain_owner *owner = &owners[nowners];

		*owner = large;
		owner->data[2] = (uint8_t)(nowners % 7);
		owner->len = (size_t)snprintf((char *)owner->key, sizeof owner->key, "n%04zu", nowners) + 2;
	}
	zone_free(zone_build(1, apex, &signer, NULL, each_owner, NULL));
	few = zone_build(1, apex, &server, side, each_owner, NULL);
	copies = 9;
	one = zone_build(1, apex, &server, NULL, each_owner, NULL);
	two = zone_build(1, apex, &server, side, each_owner, NULL);
	assert_true(one->bits > few->bits && two->bits == one->bits);
	assert_same(one, two);
	copies = 1;
	zone_free(few);
	zone_free(one);
	zone_free(two);
	side_free(side);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(edits_give_what_a_build_gives),
	    cmocka_unit_test(an_edit_makes_few_signatures),
	    cmocka_unit_test(a_build_makes_room_for_more_signatures_than_there_are_keys),
	    cmocka_unit_test(a_second_thread_puts_nodes_where_one_thread_does),
	    cmocka_unit_test(segments_that_become_too_large_are_made_again),
	    cmocka_unit_test(an_owner_alone_has_the_sets_that_a_build_signs),
	    cmocka_unit_test(an_edit_that_is_dropped_leaves_the_zone_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
