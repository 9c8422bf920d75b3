/*
 * S101, S103, S109: all that a load balancer of a signed zone answers has been signed ahead. The compiler
 * offers what is to be signed, as graycloud-signer has it, and many clients ask the snapshot: no answer lacks
 * a signature.
 */
#include "zones/answer/answer.h"
#include "zones/answer/signature_table.h"
#include "zones/compile/compile.h"
#include "zones/state/config_write.h"
#include "zones/state/hostname.h"
#include "zones/zonefile/zonefile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define MONITOR "11111111111111111111111111111111"
#define SIX "22222222222222222222222222222222"
#define UNEVEN "33333333333333333333333333333333"
#define LAST "44444444444444444444444444444444"
#define POOLS "\"default_pools\":[\"" SIX "\"],\"fallback_pool\":\"" LAST "\""
#define UNEVEN_POOLS "\"default_pools\":[\"" UNEVEN "\"],\"fallback_pool\":\"" LAST "\""
#define AFFINITY "\"session_affinity\":\"ip_cookie\""
#define STICKY AFFINITY ",\"session_affinity_attributes\":{\"zero_downtime_failover\":\"sticky\"}"

enum { CLIENTS = 60 };

static const char HEAD[] = "{\"time\":1,\"who\":\"me\",\"command\":\"c\",\"reason\":\"\"}";
static const char ZONE[] = "$ORIGIN example.com.\n@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.53\n";

/* The shapes of S101. */
static const struct {
	const char *name, *properties;
} lbs[] = {
    {"all", POOLS},
    {"*.wild", POOLS},
    {"one", POOLS ",\"max_answers\":1"},
    {"two", POOLS ",\"max_answers\":2"},
    {"hash", POOLS "," AFFINITY},
    {"hashtwo", POOLS ",\"max_answers\":2," AFFINITY},
    {"sticky", POOLS ",\"max_answers\":2," STICKY},
    {"uneven", UNEVEN_POOLS},
    {"uneventwo", UNEVEN_POOLS ",\"max_answers\":2"},
    {"uneventhree", UNEVEN_POOLS ",\"max_answers\":3," AFFINITY},
    {"rule",
	POOLS "," AFFINITY ",\"rules\":[{\"name\":\"r\",\"condition\":\"ip.src in {198.51.100.0/25}\","
	      "\"overrides\":{\"session_affinity\":\"none\"}}]"},
};

struct place {
	char *directory;
	struct store *config, *health;
	struct compiler *compiler;
	struct compiler_signing signing;
	struct zone_signing zone;
	bool spares;
	struct signature_table *signed_ahead;
	size_t made; /* signatures */
};

/* ---- the signer ---- */

static size_t
find(void *arg, const struct bytes *key, const struct signed_set *set, uint8_t *out)
{
	struct rrsig_covers covers = {.apex = set->apex,
	    .apex_len = name_len(set->apex),
	    .type = set->rrset.type,
	    .labels = signed_labels(set->owner),
	    .ttl = set->rrset.ttl};

	(void)arg, (void)key;
	return rrsig_write(out, &covers, &(struct signature){.algorithm = 13});
}

static const struct zone_signing *
zone_of(void *arg, const struct zone_info *info)
{
	(void)info;
	return &((struct place *)arg)->zone;
}

static bool
has_spares(void *arg, uint32_t zone)
{
	(void)zone;
	return ((struct place *)arg)->spares;
}

static bool
sign_one(void *arg, const struct steered_signature *row, const struct content *content)
{
	struct place *place = arg;
	struct content same;

	/* Who reads the row finds the content of it (compiler_content). */
	same = compiler_content(row);
	assert_memory_equal(&same, content, sizeof same);
	free(signature_table_add(place->signed_ahead, content, &row->signature));
	compiler_add_steered(place->compiler, content, &row->signature);
	place->made++;
	return true;
}

static bool
never(void *arg)
{
	(void)arg;
	return false;
}

/* Returns how many signatures were made. */
static size_t
sign(struct place *place, bool all)
{
	place->made = 0;
	compiler_set_signing(place->compiler, &place->signing);
	compiler_mark_steered(place->compiler, all);
	assert_false(compiler_sign_steered(place->compiler, sign_one, never, place));
	compiler_set_signing(place->compiler, NULL);
	return place->made;
}

/* ---- the stores ---- */

static void
put_object(struct config_edit *edit, enum kind kind, const char *id, const char *name, const char *json)
{
	config_put_object(edit, kind, id, name, NULL, (struct bytes){json, strlen(json)});
}

/* A pool of four origins with these weights, and two of IPv6. */
static void
put_pool(
    struct config_edit *edit, const char *id, const char *name, unsigned net, const char *const weights[4])
{
	char *json = xasprintf("{\"id\":\"%s\",\"name\":\"%s\",\"enabled\":true,\"minimum_origins\":1,"
			       "\"monitor\":\"" MONITOR "\",\"origins\":["
			       "{\"address\":\"192.0.%u.1\",\"enabled\":true,\"weight\":%s},"
			       "{\"address\":\"192.0.%u.2\",\"enabled\":true,\"weight\":%s},"
			       "{\"address\":\"192.0.%u.3\",\"enabled\":true,\"weight\":%s},"
			       "{\"address\":\"192.0.%u.4\",\"enabled\":true,\"weight\":%s},"
			       "{\"address\":\"2001:db8::%u\",\"enabled\":true,\"weight\":1},"
			       "{\"address\":\"2001:db8:1::%u\",\"enabled\":true,\"weight\":1}]}",
	    id, name, net, weights[0], net, weights[1], net, weights[2], net, weights[3], net, net);

	put_object(edit, KIND_POOL, id, name, json);
	free(json);
}

static void
put_lb(struct config_edit *edit, unsigned number, const char *properties)
{
	char id[33], *name = xasprintf("%s.example.com", lbs[number].name), *json;

	snprintf(id, sizeof id, "5%031u", number);
	json =
	    xasprintf("{\"id\":\"%s\",\"name\":\"%s\",\"enabled\":true,\"ttl\":30,%s}", id, name, properties);
	put_object(edit, KIND_LB, id, name, json);
	free(json);
	free(name);
}

static void
judge(struct place *place, const char *text, enum health_state state)
{
	struct origin origin = {.address = (char *)(uintptr_t)text, .enabled = true, .weight = 100};
	struct health_record record = {.version = HEALTH_RECORD_VERSION, .state = (uint8_t)state};
	struct health_flip flip = {.state = (uint8_t)state};
	struct store_txn *txn;

	address_from_text(&origin.ip, text);
	flip.endpoint = health_endpoint(MONITOR, &origin, &origin.ip);
	assert_int_equal(store_begin(place->health, STORE_WRITE, &txn), 0);
	assert_int_equal(health_put(txn, &flip.endpoint, &record), 0);
	assert_int_equal(health_flip_put(txn, &flip), 0);
	assert_int_equal(store_commit(txn), 0);
	assert_int_equal(store_begin(place->health, STORE_READ, &txn), 0);
	compiler_health(place->compiler, txn, false);
	store_abort(txn);
}

static int
make_place(void **state)
{
	struct place *place = xcalloc(1, sizeof *place);
	struct problems problems = {0};

	place->directory = mkdtemp(xstrdup("/tmp/graycloud-sets-XXXXXX"));
	place->config = store_open(place->directory, STORE_CONFIG, STORE_WRITE, &problems);
	place->health = store_open(place->directory, STORE_HEALTH, STORE_WRITE, &problems);
	place->compiler = compiler_new();
	place->signed_ahead = signature_table_new(0);
	place->zone = (struct zone_signing){
	    .arg = place, .find = find, .version = 1, .ndata = 1, .data = {{ALGORITHM_ECDSAP256, 7}}};
	place->signing = (struct compiler_signing){.arg = place, .zone = zone_of, .spares = has_spares};
	*state = place;
	return place->config != NULL && place->health != NULL ? 0 : -1;
}

static int
drop_place(void **state)
{
	struct place *place = *state;
	char *command = xasprintf("rm -rf %s", place->directory);
	int rc;

	compiler_free(place->compiler);
	signature_table_free(place->signed_ahead);
	store_close(place->config);
	store_close(place->health);
	rc = system(command);
	free(command);
	free(place->directory);
	free(place);
	return rc;
}

static struct config_edit *
begin(struct place *place)
{
	struct problems problems = {0};

	return config_edit_begin(place->config, &problems);
}

/* Commit, and compile. */
static void
commit(struct place *place, struct config_edit *edit)
{
	struct store_txn *txn;
	uint64_t generation;

	assert_int_equal(config_edit_commit(edit, (struct bytes){HEAD, sizeof HEAD - 1}, &generation), 0);
	assert_int_equal(store_begin(place->config, STORE_READ, &txn), 0);
	compiler_set_signing(place->compiler, &place->signing);
	assert_int_equal(compiler_config(place->compiler, txn, false), COMPILED_NEW);
	compiler_set_signing(place->compiler, NULL);
	store_abort(txn);
}

/* All load balancers, with all origins up. */
static void
set_the_scene(struct place *place)
{
	static const char *const even[] = {"1", "1", "1", "1"}, *const uneven[] = {"1", "0.5", "0.2", "0.2"};
	static const char *const origins[] = {"192.0.1.1", "192.0.1.2", "192.0.1.3", "192.0.1.4", "192.0.2.1",
	    "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.3.1", "192.0.3.2", "192.0.3.3", "192.0.3.4",
	    "2001:db8::1", "2001:db8:1::1", "2001:db8::2", "2001:db8:1::2", "2001:db8::3", "2001:db8:1::3"};
	struct problems problems = {0};
	struct config_edit *edit = begin(place);
	struct zone_difference difference;
	struct zone_data data;

	assert_true(zonefile_read("test", ZONE, NULL, false, &data, &problems));
	config_put_zone(edit, &data, &difference);
	zone_data_free(&data);
	put_pool(edit, SIX, "six", 1, even);
	put_pool(edit, UNEVEN, "uneven", 2, uneven);
	put_pool(edit, LAST, "last", 3, uneven);
	for (unsigned i = 0; i < NITEMS(lbs); i++)
		put_lb(edit, i, lbs[i].properties);
	commit(place, edit);
	for (size_t i = 0; i < NITEMS(origins); i++)
		judge(place, origins[i], HEALTH_UP);
	problems_free(&problems);
}

/* ---- clients ---- */

struct seen {
	unsigned answers, failed, instead; /* SERVFAIL; one address in place of the set */
	unsigned several;                  /* answers of more than one address */
};

static void
ask(const struct place *place, const char *label, uint16_t type, unsigned client, struct seen *seen)
{
	static struct answer answer;
	struct snapshot snapshot = *compiler_snapshot(place->compiler);
	struct question question = {.type = type, .class = CLASS_IN, .dnssec_ok = true};
	struct steering steering = {
	    .client = {.resolver = {.family = FAMILY_V4, .bytes = {198, 51, 100, (uint8_t)(client * 4)}}},
	    .draw = mix64(client)};
	char *text = xasprintf("%s.example.com.", *label == '*' ? "x.wild" : label);
	uint8_t wire[NAME_MAX_LEN];

	snapshot.signatures = place->signed_ahead;
	assert_true(name_from_text(wire, text, NULL) > 0);
	path_init(&question.path, wire);
	answer_init(&answer, RCODE_NOERROR);
	answer_find(&answer, &snapshot, &question, &steering);
	assert_true(answer.has_choice || answer.rcode == RCODE_SERVFAIL);
	seen->answers++;
	seen->failed += answer.rcode == RCODE_SERVFAIL;
	seen->instead += answer.rcode == RCODE_NOERROR && answer.lacking != NULL;
	seen->several += answer.choice.count > 1;
	free(text);
}

static struct seen
ask_all(const struct place *place)
{
	struct seen seen = {0};

	for (size_t i = 0; i < NITEMS(lbs); i++)
		for (unsigned client = 0; client < CLIENTS; client++) {
			ask(place, lbs[i].name, TYPE_A, client, &seen);
			ask(place, lbs[i].name, TYPE_AAAA, client, &seen);
		}
	return seen;
}

static void
expect_all_signed(const struct place *place)
{
	struct seen seen = ask_all(place);

	assert_int_equal(seen.failed, 0);
	assert_int_equal(seen.instead, 0);
	assert_true(seen.several > CLIENTS);
}

/* ---- tests ---- */

static void
all_that_is_answered_is_signed_before_and_after_flips(void **state)
{
	struct place *place = *state;
	struct config_edit *edit;
	struct seen seen;

	set_the_scene(place);
	seen = ask_all(place);
	assert_int_equal(seen.failed, seen.answers);
	/* With affinity and without failover, clients stay at what has died. */
	judge(place, "192.0.1.4", HEALTH_DOWN);
	judge(place, "192.0.2.4", HEALTH_DOWN);
	assert_true(sign(place, false) > 0); /* all are new */
	expect_all_signed(place);
	assert_int_equal(sign(place, true), 0); /* there is nothing else */
	judge(place, "192.0.1.2", HEALTH_DOWN);
	judge(place, "192.0.2.1", HEALTH_DOWN);
	seen = ask_all(place);
	assert_int_equal(seen.failed, 0); /* an address, at least */
	assert_true(seen.instead > 0);
	assert_true(sign(place, false) > 0);
	expect_all_signed(place);
	assert_int_equal(sign(place, false), 0);
	/* The one that had one address, the third, has two. */
	put_lb(edit = begin(place), 2, lbs[3].properties);
	commit(place, edit);
	assert_true(ask_all(place).instead > 0);
	assert_true(sign(place, false) > 0);
	expect_all_signed(place);
}

/* S14: the fallback pool answers for pools of which nothing is left. */
static void
what_the_fallback_pool_answers_is_signed(void **state)
{
	static const char *const dead[] = {"192.0.1.1", "192.0.1.2", "192.0.1.3", "192.0.1.4", "2001:db8::1",
	    "2001:db8:1::1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "2001:db8::2",
	    "2001:db8:1::2"};
	static const char *const last[] = {
	    "192.0.3.1", "192.0.3.2", "192.0.3.3", "192.0.3.4", "2001:db8::3", "2001:db8:1::3"};
	struct place *place = *state;

	set_the_scene(place);
	judge(place, "192.0.3.4", HEALTH_DOWN);
	sign(place, true);
	for (size_t i = 0; i < NITEMS(dead); i++)
		judge(place, dead[i], HEALTH_DOWN);
	expect_all_signed(place); /* signed ahead */
	sign(place, false);
	judge(place, "192.0.3.1", HEALTH_DOWN);
	assert_true(sign(place, false) > 0);
	expect_all_signed(place);
	for (size_t i = 0; i < NITEMS(last); i++)
		judge(place, last[i], HEALTH_DOWN);
	expect_all_signed(place); /* its last resort: all of them */
}

/* S109 */
static void
after_one_death_all_is_signed_for_nodes_without_keys(void **state)
{
	static const char *const origins[] = {"192.0.1.1", "192.0.1.2", "192.0.1.3", "192.0.1.4", "192.0.2.1",
	    "192.0.2.2", "192.0.2.3", "192.0.2.4", "2001:db8::1", "2001:db8:1::2"};
	struct place *place = *state;
	size_t without;

	set_the_scene(place);
	without = sign(place, true);
	place->spares = true;
	assert_true(sign(place, true) > 0);
	assert_int_equal(sign(place, true), 0);
	for (size_t i = 0; i < NITEMS(origins); i++) {
		judge(place, origins[i], HEALTH_DOWN);
		expect_all_signed(place);
		judge(place, origins[i], HEALTH_UP);
	}
	expect_all_signed(place);
	/* The sets are made again of the origins that live now. */
	judge(place, "192.0.1.1", HEALTH_DOWN);
	assert_true(sign(place, false) > 0);
	judge(place, "192.0.1.2", HEALTH_DOWN);
	expect_all_signed(place);
	assert_true(without > 0);
}

/* S107: during a rollover of the algorithm each needs two. */
static void
each_key_of_the_zone_signs_all(void **state)
{
	struct place *place = *state;

	place->zone.ndata = 2;
	place->zone.data[1] = (struct key_id){ALGORITHM_ED25519, 8};
	set_the_scene(place);
	sign(place, true);
	expect_all_signed(place);
}

/* S102: the load balancer that is asked for is signed before all others, and then not again. */
static void
one_that_is_asked_for_is_signed_alone(void **state)
{
	struct place *place = *state;
	struct seen seen = {0};
	uint8_t name[NAME_MAX_LEN];

	set_the_scene(place);
	assert_true(name_from_text(name, "two.example.com.", NULL) > 0);
	compiler_set_signing(place->compiler, &place->signing);
	compiler_mark_steered(place->compiler, true);
	assert_true(compiler_sign_wanted(place->compiler, name, sign_one, place));
	assert_false(compiler_sign_wanted(place->compiler, name, sign_one, place));
	compiler_set_signing(place->compiler, NULL);
	for (unsigned client = 0; client < CLIENTS; client++)
		ask(place, "two", TYPE_A, client, &seen);
	assert_int_equal(seen.failed + seen.instead, 0);
	ask(place, "all", TYPE_A, 0, &seen);
	assert_int_equal(seen.failed, 1);
}

#define PLACE_TEST(name) cmocka_unit_test_setup_teardown(name, make_place, drop_place)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    PLACE_TEST(all_that_is_answered_is_signed_before_and_after_flips),
	    PLACE_TEST(what_the_fallback_pool_answers_is_signed),
	    PLACE_TEST(after_one_death_all_is_signed_for_nodes_without_keys),
	    PLACE_TEST(each_key_of_the_zone_signs_all),
	    PLACE_TEST(one_that_is_asked_for_is_signed_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
