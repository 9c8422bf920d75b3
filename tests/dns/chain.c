/* The chain of a signed zone beside a plain search: the NSEC that covers a name, for random names.
 */
#include "tests/dns/scenery.h"
#include "zones/dns/dnssec.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { NAMES = 3000, ASKED = 20000 };

/* A signature of zeros: this test looks at the chain only. */
static size_t
find(void *arg, const struct bytes *key, const struct signed_set *set, uint8_t *out)
{
	struct signature signature = {.algorithm = 13};

	(void)arg, (void)key;
	return scenery_rrsig(set, &signature, out);
}

static uint64_t seed;

static unsigned
chance(unsigned n)
{
	seed += UINT64_C(0x9e3779b97f4a7c15);
	return (unsigned)(mix64(seed) % n);
}

/* Names that share long beginnings, and some with octets that sort oddly. */
static void
random_name(char *out, size_t room)
{
	static const char *const labels[] = {
	    "host", "a-long-label-that-many-names-share", "x", "zz", "\\000", "\\001b", "*", "_tcp"};
	size_t used = 0;

	for (unsigned i = 0, count = 1 + chance(3); i < count; i++)
		used += (size_t)snprintf(out + used, room - used, "%s%u.", labels[chance(8)], chance(400));
	snprintf(out + used, room - used, "example.");
}

static int
compare(const uint8_t *a, const uint8_t *b, const uint8_t *apex)
{
	uint8_t x[NAME_MAX_KEY], y[NAME_MAX_KEY];
	size_t x_len = name_to_key(x, a, apex), y_len = name_to_key(y, b, apex);
	int order = memcmp(x, y, MIN(x_len, y_len));

	return order != 0 ? order : x_len < y_len ? -1 : x_len > y_len;
}

static void
owner_of(uint8_t *out, const struct chain_key *key, const uint8_t *apex)
{
	int len = name_from_key(out, key->octets, key->len);

	assert_true(len >= 0);
	memcpy(out + len, apex, name_len(apex));
}

static struct scenery *
build(const struct zone_signing *signing)
{
	struct scenery *scenery = scenery_new();
	char *text, name[200];
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fprintf(out, "$TTL 60\nexample. SOA ns.example. host.example. 1 1 1 1 60\nexample. NS ns.example.\n");
	for (unsigned i = 0; i < NAMES; i++) {
		random_name(name, sizeof name);
		fprintf(out, "%s TXT %u\n", name, i);
	}
	fclose(out);
	scenery->signing = signing;
	assert_true(scenery_build(scenery, text));
	free(text);
	return scenery;
}

static void
every_name_is_covered_by_the_one_before_it(void **state)
{
	const struct zone_signing signing = {.find = find, .version = 3};
	struct scenery *scenery = build(&signing);
	const struct chain *chain = scenery->zone->chain;
	const uint8_t *apex = scenery->zone->apex;

	(void)state;
	assert_non_null(chain);
	assert_int_equal(scenery->zone->version, 3);
	assert_int_equal(scenery->zone->missing, 0);
	for (unsigned i = 0; i < ASKED; i++) {
		uint8_t asked[NAME_MAX_LEN], owner[2 * NAME_MAX_LEN], next[2 * NAME_MAX_LEN];
		char text[200];
		struct chain_key key, after;
		const struct node *node;

		random_name(text, sizeof text);
		assert_true(name_from_text(asked, text, NULL) > 0);
		chain_cover(chain, asked, &key);
		owner_of(owner, &key, apex);
		assert_true(compare(owner, asked, apex) <= 0);
		assert_true(chain_has(chain, &(struct bytes){key.octets, key.len}, NULL));
		node = zone_cover(scenery->zone, asked);
		assert_non_null(node);
		assert_memory_equal(node_name(node), owner, node->name_len);
		assert_true(name_equal(owner + node->name_len, apex));
		if (!chain_after(chain, &(struct bytes){key.octets, key.len}, &after))
			continue;
		owner_of(next, &after, apex);
		assert_true(compare(next, asked, apex) > 0);
	}
	scenery_free(scenery);
}

static void
each_nsec_names_the_next_owner_and_the_last_the_apex(void **state)
{
	const struct zone_signing signing = {.find = find, .version = 1};
	struct scenery *scenery = build(&signing);
	const struct zone *zone = scenery->zone;
	struct chain_key key = {.len = 1}, after;
	size_t count = 0;
	bool more;

	(void)state;
	do {
		struct fragment nsec;
		uint8_t owner[2 * NAME_MAX_LEN], next[2 * NAME_MAX_LEN];

		owner_of(owner, &key, zone->apex);
		assert_true(node_nsec(zone_cover(zone, owner), NSEC_WHOLE, &nsec));
		if (!(more = chain_after(zone->chain, &(struct bytes){key.octets, key.len}, &after)))
			after = (struct chain_key){.len = 1};
		owner_of(next, &after, zone->apex);
		assert_true(name_equal(nsec.wire + RR_FIXED, next));
		assert_true(nsec.signed_len > 0);
		key = after;
		count++;
	} while (more);
	assert_int_equal(count, chain_count(zone->chain));
	scenery_free(scenery);
}

/* Freed at once: no reader has what is retired. */
static void
free_now(void *arg, void (*fn)(void *memory), void *memory)
{
	(void)arg;
	fn(memory);
}

struct listed {
	struct chain_key *keys;
	size_t count;
};

static int
order_of(const struct chain_key *a, const struct bytes *b)
{
	int order = memcmp(a->octets, b->data, MIN(a->len, b->len));

	return order != 0 ? order : a->len < b->len ? -1 : a->len > b->len;
}

/* The place of a key in the list, or where it belongs. */
static size_t
place_of(const struct listed *listed, const struct bytes *key, bool *there)
{
	size_t low = 0, high = listed->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (order_of(&listed->keys[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*there = low < listed->count && order_of(&listed->keys[low], key) == 0;
	return low;
}

static void
agree(const struct chain *chain, const struct listed *listed, const struct bytes *key)
{
	struct chain_key found;
	bool there, covers;
	size_t at = place_of(listed, key, &there), next = at + there;

	assert_int_equal(chain_count(chain), listed->count);
	assert_int_equal(chain_has(chain, key, &covers), there);
	assert_int_equal(chain_before(chain, key, &found), at > 0);
	if (at > 0) {
		assert_int_equal(found.len, listed->keys[at - 1].len);
		assert_memory_equal(found.octets, listed->keys[at - 1].octets, found.len);
	}
	assert_int_equal(chain_after(chain, key, &found), next < listed->count);
	if (next < listed->count) {
		assert_int_equal(found.len, listed->keys[next].len);
		assert_memory_equal(found.octets, listed->keys[next].octets, found.len);
	}
}

static void
random_key(struct chain_key *key, const uint8_t *apex)
{
	uint8_t name[NAME_MAX_LEN];
	char text[200];

	random_name(text, sizeof text);
	assert_true(name_from_text(name, text, NULL) > 0);
	key->len = name_to_key(key->octets, name, apex);
}

/* It grows from nothing to thousands of names and shrinks to nothing, so chunks split and go. */
static void
a_chain_that_is_edited_is_as_a_sorted_list(void **state)
{
	static const uint8_t apex[] = "\7example";
	const struct retire retire = {.add = free_now};
	struct chain *chain = chain_new(apex);
	struct listed listed = {xcalloc(8000, sizeof *listed.keys), 0};
	uint64_t number = 0;

	(void)state;
	chain_seal(chain);
	for (unsigned step = 0; step < 24000; step++) {
		bool grows = step < 12000, there, add = chance(10) < (grows ? 8 : 2);
		struct chain_key *one = xcalloc(1, sizeof *one);
		struct bytes key;
		size_t at;

		if (add || listed.count == 0 || grows)
			random_key(one, apex);
		else /* one that is there */
			*one = listed.keys[chance((unsigned)listed.count)];
		key = (struct bytes){one->octets, one->len};
		at = place_of(&listed, &key, &there);
		chain = chain_edit(chain, ++number, &retire);
		if (add && listed.count < 8000) {
			chain_put(chain, &key, false, &retire);
			if (!there) {
				memmove(&listed.keys[at + 1], &listed.keys[at],
				    (listed.count - at) * sizeof *listed.keys);
				listed.keys[at] = *one;
				listed.count++;
			}
		} else {
			chain_remove(chain, &key, &retire);
			if (there) {
				memmove(&listed.keys[at], &listed.keys[at + 1],
				    (listed.count - at - 1) * sizeof *listed.keys);
				listed.count--;
			}
		}
		agree(chain, &listed, &key);
		random_key(one, apex);
		agree(chain, &listed, &(struct bytes){one->octets, one->len});
		free(one);
	}
	while (listed.count > 0) {
		struct chain_key *last = &listed.keys[--listed.count];

		chain = chain_edit(chain, ++number, &retire);
		chain_remove(chain, &(struct bytes){last->octets, last->len}, &retire);
		agree(chain, &listed, &(struct bytes){last->octets, last->len});
	}
	free(listed.keys);
	chain_free(chain);
}

static bool
is_covered(const struct chain *chain, const char *text)
{
	static const uint8_t apex[] = "\7example";
	uint8_t name[NAME_MAX_LEN], key[NAME_MAX_KEY];

	assert_true(name_from_text(name, text, NULL) > 0);
	return chain_covered(chain, &(struct bytes){key, name_to_key(key, name, apex)});
}

/* Delegations and DNAMEs that the chain was built with, at the apex, too (S104). */
static void
names_below_a_cut_or_a_dname_are_covered(void **state)
{
	static const uint8_t apex[] = "\7example";

	(void)state;
	for (unsigned at_apex = 0; at_apex < 2; at_apex++) {
		struct chain *chain = chain_new(apex);

		chain_add(chain, &(struct bytes){"\0", 1}, at_apex);
		chain_add(chain, &(struct bytes){"a\0", 3}, false);
		chain_add(chain, &(struct bytes){"b\0", 3}, !at_apex);
		chain_seal(chain);
		assert_false(is_covered(chain, "example."));
		assert_int_equal(is_covered(chain, "a.example."), at_apex);
		assert_int_equal(is_covered(chain, "x.a.example."), at_apex);
		assert_int_equal(is_covered(chain, "b.example."), at_apex);
		assert_true(is_covered(chain, "x.b.example."));
		assert_true(is_covered(chain, "y.x.b.example."));
		assert_int_equal(is_covered(chain, "bb.example."), at_apex);
		chain_free(chain);
	}
}

static void
a_zone_without_signing_has_no_chain(void **state)
{
	struct scenery *scenery = build(NULL);

	(void)state;
	assert_null(scenery->zone->chain);
	scenery_free(scenery);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_name_is_covered_by_the_one_before_it),
	    cmocka_unit_test(each_nsec_names_the_next_owner_and_the_last_the_apex),
	    cmocka_unit_test(a_chain_that_is_edited_is_as_a_sorted_list),
	    cmocka_unit_test(names_below_a_cut_or_a_dname_are_covered),
	    cmocka_unit_test(a_zone_without_signing_has_no_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
