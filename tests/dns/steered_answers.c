/* S100, S102: which signature the answer of a load balancer has, and what is answered if it lacks. */
#include "tests/dns/scenery.h"
#include "zones/answer/answer.h"
#include "zones/answer/signature_table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ORIGINS = 3, TTL = 30, KEY_TAG = 7, OTHER_TAG = 8 };

static const uint8_t apex[] = "\7example";
static const char *const addresses[] = {"192.0.2.10", "192.0.2.11", "192.0.2.12", NULL};

static size_t
find(void *arg, const struct bytes *key, const struct signed_set *set, uint8_t *out)
{
	(void)arg, (void)key;
	return scenery_rrsig(set, &(struct signature){.algorithm = 13}, out);
}

struct place {
	struct scenery *scenery;
	struct zone_signing signing;
	struct steer_lb *lb;
	struct signature_table *signatures, *kept;
};

/* A load balancer of three addresses; keys: of its zone. */
static void
make(struct place *place, enum affinity affinity, unsigned keys)
{
	struct scenery *scenery = scenery_new();
	struct steer_lb *lb;
	uint32_t pool;

	content_init();
	*place = (struct place){.scenery = scenery, .signing = {.find = find, .version = 1, .ndata = keys}};
	for (unsigned i = 0; i < keys; i++)
		place->signing.data[i] = (struct key_id){ALGORITHM_ECDSAP256, (uint16_t)(KEY_TAG + i)};
	pool = scenery_pool(scenery, "pool", addresses, NULL);
	place->lb = lb = scenery_lb(scenery, "lb.example.", apex, affinity, pool, pool);
	lb->signed_ttl = TTL;
	lb->signed_labels = 2;
	lb->content = content_of_owner(lb->name, lb->name_len, TTL);
	scenery->signing = &place->signing;
	assert_true(scenery_build(
	    scenery, "$ORIGIN example.\n$TTL 60\n@ SOA ns h 1 1 1 1 60\n@ NS ns\nns A 192.0.2.1\n"));
	place->signatures = signature_table_new(0);
	place->kept = signature_table_new(0);
	scenery->snapshot.signatures = place->signatures;
	scenery->snapshot.kept = place->kept;
}

static void
drop(struct place *place)
{
	signature_table_free(place->signatures);
	signature_table_free(place->kept);
	scenery_free(place->scenery);
}

/* Sign the set of these origins, as bits, by one key of the zone. */
static void
sign(struct place *place, struct signature_table *table, unsigned origins, unsigned key)
{
	const struct signature signature = {.algorithm = 13, .key_tag = (uint16_t)(KEY_TAG + key)};
	struct content owner = content_signed(&place->lb->content, &place->scenery->zone->keys[key]),
		       sum = {{0}}, content;
	bool alone = (origins & (origins - 1)) == 0;

	for (unsigned i = 0; i < ORIGINS; i++) {
		uint8_t bytes[16] = {192, 0, 2, (uint8_t)(10 + i)};
		struct content address = content_of_octets(bytes, sizeof bytes);

		if (!(origins >> i & 1))
			continue;
		content_add(&sum, &address);
		if (alone)
			content = content_single(&owner, TABLE_V4, bytes);
	}
	if (!alone)
		content = content_join(&owner, CONTENT_SET, TABLE_V4, &sum);
	free(signature_table_add(table, &content, &signature));
}

static struct answer answer;

static void
find_answer(const struct place *place, uint64_t draw)
{
	struct question question = {.type = TYPE_A, .class = CLASS_IN, .dnssec_ok = true};
	struct steering steering = {
	    .client = {.resolver = {.family = FAMILY_V4, .bytes = {198, 51, 100, (uint8_t)draw}}},
	    .draw = draw};

	path_init(&question.path, place->lb->name);
	answer_init(&answer, RCODE_NOERROR);
	answer_find(&answer, &place->scenery->snapshot, &question, &steering);
}

/* The origins of the answer as bits; 0: SERVFAIL. */
static unsigned
ask(const struct place *place, uint64_t draw)
{
	unsigned origins = 0;

	find_answer(place, draw);
	if (answer.rcode == RCODE_SERVFAIL) {
		assert_int_equal(answer.nitems, 0);
		assert_true(answer.lacks_signature);
		return 0;
	}
	assert_int_equal(answer.rcode, RCODE_NOERROR);
	assert_int_equal(answer.nitems, 1);
	assert_int_equal(answer.items[0].count, answer.choice.count);
	assert_int_equal(answer.items[0].signatures, place->scenery->zone->nkeys);
	for (unsigned i = 0; i < answer.choice.count; i++) {
		const struct candidate_address *one = steer_address(&answer.choice, i);

		origins |= 1u << (one->bytes[3] - 10);
		if (answer.choice.count == 1)
			assert_int_equal(one->candidate, answer.choice.origin);
	}
	return origins;
}

static void
the_set_that_is_chosen_is_answered_with_its_signature(void **state)
{
	struct place place;

	(void)state;
	make(&place, AFFINITY_NONE, 1);
	sign(&place, place.signatures, 7, 0);
	assert_int_equal(ask(&place, 1), 7);
	assert_int_equal(answer.steered.signatures[0].key_tag, KEY_TAG);
	assert_null(answer.lacking);
	drop(&place);
}

/* S100: while signatures are lost, what the nameserver has read stays in use. */
static void
signatures_that_are_kept_are_used(void **state)
{
	struct place place;

	(void)state;
	make(&place, AFFINITY_NONE, 1);
	sign(&place, place.kept, 7, 0);
	assert_int_equal(ask(&place, 1), 7);
	drop(&place);
}

/* RFC 6781 4.1.4: during a rollover of the algorithm an answer needs the signatures of both. */
static void
each_key_of_the_zone_has_to_have_signed(void **state)
{
	struct place place;

	(void)state;
	make(&place, AFFINITY_NONE, 2);
	sign(&place, place.signatures, 7, 0);
	assert_int_equal(ask(&place, 1), 0);
	sign(&place, place.signatures, 7, 1);
	assert_int_equal(ask(&place, 1), 7);
	assert_int_equal(answer.steered.signatures[1].key_tag, OTHER_TAG);
	drop(&place);
	/* Without a key nothing is signed. */
	make(&place, AFFINITY_NONE, 0);
	assert_int_equal(ask(&place, 1), 0);
	drop(&place);
}

static void
without_the_set_one_signed_address_is_drawn(void **state)
{
	struct place place;
	unsigned seen = 0;

	(void)state;
	make(&place, AFFINITY_NONE, 1);
	for (unsigned i = 0; i < ORIGINS; i++)
		sign(&place, place.signatures, 1u << i, 0);
	for (uint64_t draw = 0; draw < 100; draw++) {
		unsigned origins = ask(&place, draw);

		assert_true(origins == 1 || origins == 2 || origins == 4);
		assert_ptr_equal(answer.lacking, place.lb); /* it is signed first (S102) */
		seen |= origins;
	}
	assert_int_equal(seen, 7);
	drop(&place);
	/* The only one that is signed, whichever is drawn. */
	make(&place, AFFINITY_NONE, 1);
	sign(&place, place.signatures, 2, 0);
	for (uint64_t draw = 0; draw < 20; draw++)
		assert_int_equal(ask(&place, draw), 2);
	drop(&place);
}

/* S102: the client's first, if its key mattered. */
static void
without_the_set_a_client_with_affinity_stays_at_its_first_address(void **state)
{
	struct place place;

	(void)state;
	make(&place, AFFINITY_IP, 1);
	place.lb->max_answers = 2;
	sign(&place, place.signatures, 3, 0);
	sign(&place, place.signatures, 5, 0);
	sign(&place, place.signatures, 6, 0);
	for (uint64_t draw = 0; draw < 20; draw++) {
		struct place without;
		unsigned first;

		assert_true(ask(&place, draw) != 0);
		assert_int_equal(answer.choice.count, 2);
		first = 1u << (steer_address(&answer.choice, 0)->bytes[3] - 10);
		make(&without, AFFINITY_IP, 1);
		without.lb->max_answers = 2;
		for (unsigned i = 0; i < ORIGINS; i++)
			sign(&without, without.signatures, 1u << i, 0);
		assert_int_equal(ask(&without, draw), first);
		drop(&without);
	}
	drop(&place);
}

/* S101: the first of each hostname is not the first of all addresses, which are in another order, each once.
 */
static struct pool_table *
pool_of_hostnames(unsigned count, bool cname)
{
	static const uint8_t addresses_of[2][2] = {{12, 10}, {11, 10}};
	struct origin origins[2] = {
	    {.address = (char *)(uintptr_t) "a.elsewhere", .enabled = true, .weight = 100},
	    {.address = (char *)(uintptr_t) "b.elsewhere", .enabled = true, .weight = 100}};
	const struct pool pool = {.name = (char *)(uintptr_t) "hosts",
	    .enabled = true,
	    .minimum_origins = 1,
	    .origins = origins,
	    .norigins = count};
	enum health_state states[2] = {HEALTH_UP, HEALTH_UP};
	uint32_t numbers[2] = {0, 1};
	struct pool_table *table;

	for (unsigned o = 0; o < 2; o++) {
		origins[o].resolved = resolved_new(2);
		origins[o].resolved->count = 2;
		origins[o].unflattened = cname;
		for (unsigned n = 0; n < 2; n++)
			origins[o].resolved->list[n] = (struct resolved_address){
			    .address = {.family = FAMILY_V4, .bytes = {192, 0, 2, addresses_of[o][n]}},
			    .state = HEALTH_UP};
	}
	table = pool_table_new(&pool, states, numbers);
	free(origins[0].resolved);
	free(origins[1].resolved);
	return table;
}

static void
of_hostnames_the_address_that_is_signed_is_answered(void **state)
{
	struct place place;

	(void)state;
	for (unsigned i = 0; i < ORIGINS; i++) {
		make(&place, AFFINITY_NONE, 1);
		free((void *)(uintptr_t)place.scenery->tables[0]);
		place.scenery->tables[0] = pool_of_hostnames(2, false);
		sign(&place, place.signatures, 1u << i, 0);
		for (uint64_t draw = 0; draw < 20; draw++)
			assert_int_equal(ask(&place, draw), 1u << i);
		drop(&place);
	}
}

/* S16 */
static void
a_cname_has_its_signature_or_is_not_answered(void **state)
{
	static const uint8_t target[] = "\1a\11elsewhere";
	const struct signature signature = {.algorithm = 13, .key_tag = KEY_TAG};
	struct content content = content_of_octets(target, sizeof target);
	struct content owner;
	struct place place;

	(void)state;
	make(&place, AFFINITY_NONE, 1);
	free((void *)(uintptr_t)place.scenery->tables[0]);
	place.scenery->tables[0] = pool_of_hostnames(1, true);
	assert_int_equal(ask(&place, 1), 0);
	assert_ptr_equal(answer.lacking, place.lb);
	owner = content_signed(&place.lb->content, &place.scenery->zone->keys[0]);
	content = content_join(&owner, CONTENT_CNAME, 0, &content);
	free(signature_table_add(place.signatures, &content, &signature));
	find_answer(&place, 1);
	assert_int_equal(answer.rcode, RCODE_NOERROR);
	assert_int_equal(answer.nitems, 1);
	assert_true(answer.items[0].cname);
	assert_int_equal(answer.items[0].signatures, 1);
	assert_int_equal(answer.steered.type, TYPE_CNAME);
	drop(&place);
}

static void
without_any_signature_the_load_balancer_is_named(void **state)
{
	struct place place;

	(void)state;
	make(&place, AFFINITY_NONE, 1);
	assert_int_equal(ask(&place, 1), 0);
	assert_ptr_equal(answer.lacking, place.lb);
	drop(&place);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_set_that_is_chosen_is_answered_with_its_signature),
	    cmocka_unit_test(signatures_that_are_kept_are_used),
	    cmocka_unit_test(each_key_of_the_zone_has_to_have_signed),
	    cmocka_unit_test(without_the_set_one_signed_address_is_drawn),
	    cmocka_unit_test(without_the_set_a_client_with_affinity_stays_at_its_first_address),
	    cmocka_unit_test(of_hostnames_the_address_that_is_signed_is_answered),
	    cmocka_unit_test(a_cname_has_its_signature_or_is_not_answered),
	    cmocka_unit_test(without_any_signature_the_load_balancer_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
