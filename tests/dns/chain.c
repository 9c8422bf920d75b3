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
	struct rrsig_covers covers = {.apex = set->apex,
	    .apex_len = name_len(set->apex),
	    .type = set->rrset.type,
	    .labels = signed_labels(set->owner),
	    .ttl = set->rrset.ttl};

	(void)arg, (void)key;
	return rrsig_write(out, &covers, &signature);
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
owner_of(uint8_t *out, const struct node *node, const uint8_t *apex)
{
	memcpy(out, node_name(node), node->name_len);
	memcpy(out + node->name_len, apex, name_len(apex));
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
	size_t count;

	(void)state;
	assert_non_null(chain);
	assert_int_equal(scenery->zone->version, 3);
	assert_int_equal(scenery->zone->missing, 0);
	count = chain_count(chain);
	for (unsigned i = 0; i < ASKED; i++) {
		uint8_t asked[NAME_MAX_LEN], owner[2 * NAME_MAX_LEN], next[2 * NAME_MAX_LEN];
		char text[200];
		const struct node *node;
		size_t at = 0;

		random_name(text, sizeof text);
		assert_true(name_from_text(asked, text, NULL) > 0);
		node = chain_cover(chain, asked);
		owner_of(owner, node, apex);
		assert_true(compare(owner, asked, apex) <= 0);
		while (chain_at(chain, at) != node)
			at++;
		if (at + 1 == count)
			continue;
		owner_of(next, chain_at(chain, at + 1), apex);
		assert_true(compare(next, asked, apex) > 0);
	}
	scenery_free(scenery);
}

static void
each_nsec_names_the_next_owner_and_the_last_the_apex(void **state)
{
	const struct zone_signing signing = {.find = find, .version = 1};
	struct scenery *scenery = build(&signing);
	const struct chain *chain = scenery->zone->chain;
	size_t count = chain_count(chain);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		struct fragment nsec;
		uint8_t next[2 * NAME_MAX_LEN];

		assert_true(node_nsec(chain_at(chain, i), NSEC_WHOLE, &nsec));
		owner_of(next, chain_at(chain, (i + 1) % count), scenery->zone->apex);
		assert_true(name_equal(nsec.wire + RR_FIXED, next));
		assert_true(nsec.signed_len > 0);
	}
	scenery_free(scenery);
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
	    cmocka_unit_test(a_zone_without_signing_has_no_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
