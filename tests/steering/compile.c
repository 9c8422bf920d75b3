/*
 * A compiler that follows stores as the publisher does: what it replaced is freed at once, and then the
 * snapshot that readers have is asked, so that a sanitizer sees what was freed too early.
 */
#include "zones/compile/compile.h"
#include "zones/answer/answer.h"
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
#define POOL "22222222222222222222222222222222"
#define LB "33333333333333333333333333333333"

static const char HEAD[] = "{\"time\":1,\"who\":\"me\",\"command\":\"c\",\"reason\":\"\"}";
static const char ZONE[] =
    "$ORIGIN example.com.\n@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.53\nwww 60 TXT x\n";

struct follower {
	char *directory;
	struct store *config, *health;
	struct compiler *compiler;
	const struct snapshot *snapshot; /* what readers have */
};

static int
make_place(void **state)
{
	struct follower *follower = xcalloc(1, sizeof *follower);
	struct problems problems = {0};

	follower->directory = mkdtemp(xstrdup("/tmp/graycloud-compile-XXXXXX"));
	follower->config = store_open(follower->directory, STORE_CONFIG, STORE_WRITE, &problems);
	follower->health = store_open(follower->directory, STORE_HEALTH, STORE_WRITE, &problems);
	follower->compiler = compiler_new();
	*state = follower;
	return follower->config && follower->health && follower->compiler ? 0 : -1;
}

static int
drop_place(void **state)
{
	struct follower *follower = *state;
	char *command = xasprintf("rm -rf %s", follower->directory);
	int rc;

	compiler_free(follower->compiler);
	store_close(follower->config);
	store_close(follower->health);
	rc = system(command);
	free(command);
	free(follower->directory);
	free(follower);
	return rc;
}

/* Writing */

static struct config_edit *
begin(struct follower *follower)
{
	struct problems problems = {0};

	return config_edit_begin(follower->config, &problems);
}

static void
commit(struct config_edit *edit)
{
	uint64_t generation;

	assert_int_equal(config_edit_commit(edit, (struct bytes){HEAD, sizeof HEAD - 1}, &generation), 0);
}

static void
put_zone(struct config_edit *edit, const char *text)
{
	struct problems problems = {0};
	struct zone_difference difference;
	struct zone_data data;

	assert_true(zonefile_read("test", text, NULL, false, &data, &problems));
	config_put_zone(edit, &data, &difference);
	zone_data_free(&data);
	problems_free(&problems);
}

static struct zone_info
zone_info(struct config_edit *edit)
{
	uint8_t apex[NAME_MAX_LEN];
	struct zone_info zone;

	name_from_text(apex, "example.com", NULL);
	assert_true(config_zone(config_edit_txn(edit), apex, &zone));
	return zone;
}

static void
put_object(struct config_edit *edit, enum kind kind, const char *id, const char *name, const char *json)
{
	config_put_object(edit, kind, id, name, NULL, (struct bytes){json, strlen(json)});
}

/* A pool of 192.0.2.1 and .2; extra: more properties of the second. */
static void
put_pool(struct config_edit *edit, const char *extra)
{
	char *json =
	    xasprintf("{\"id\":\"" POOL
		      "\",\"name\":\"p\",\"enabled\":true,\"minimum_origins\":1,\"monitor\":\"" MONITOR "\","
		      "\"origins\":[{\"address\":\"192.0.2.1\",\"enabled\":true,\"weight\":1},"
		      "{\"address\":\"192.0.2.2\",\"enabled\":true,\"weight\":1%s}]}",
		extra);

	put_object(edit, KIND_POOL, POOL, "p", json);
	free(json);
}

static void
put_lb(struct config_edit *edit, bool enabled)
{
	char *json = xasprintf(
	    "{\"id\":\"" LB
	    "\",\"name\":\"www.example.com\",\"enabled\":%s,\"ttl\":30,\"default_pools\":[\"" POOL "\"],"
	    "\"fallback_pool\":\"" POOL "\",\"steering_policy\":\"off\",\"session_affinity\":\"none\"}",
	    enabled ? "true" : "false");

	put_object(edit, KIND_LB, LB, "www.example.com", json);
	free(json);
}

/* The monitor's verdict on one origin. */
static void
judge(struct follower *follower, const char *text, enum health_state state)
{
	struct origin origin = {.address = (char *)(uintptr_t)text, .enabled = true, .weight = 100};
	struct health_record record = {.version = HEALTH_RECORD_VERSION, .state = (uint8_t)state};
	struct health_flip flip = {.state = (uint8_t)state};
	struct store_txn *txn;

	address_from_text(&origin.ip, text);
	flip.endpoint = health_endpoint(MONITOR, &origin, &origin.ip);
	assert_int_equal(store_begin(follower->health, STORE_WRITE, &txn), 0);
	assert_int_equal(health_put(txn, &flip.endpoint, &record), 0);
	assert_int_equal(health_flip_put(txn, &flip), 0);
	assert_int_equal(store_commit(txn), 0);
}

/* Following */

static void
free_now(void *arg, void (*fn)(void *), void *memory)
{
	(void)arg;
	fn(memory);
}

static void
publish(struct follower *follower, enum compiled compiled)
{
	struct retire now = {free_now, NULL};

	if (compiled == COMPILED_NEW)
		follower->snapshot = compiler_snapshot(follower->compiler);
	if (compiled == COMPILED_NEW || compiled == COMPILED_TABLES)
		compiler_retire(follower->compiler, &now);
}

static enum compiled
follow_config(struct follower *follower, bool anew)
{
	struct store_txn *txn;
	enum compiled compiled;

	assert_int_equal(store_begin(follower->config, STORE_READ, &txn), 0);
	compiled = compiler_config(follower->compiler, txn, anew);
	store_abort(txn);
	publish(follower, compiled);
	return compiled;
}

static enum compiled
follow_health(struct follower *follower)
{
	struct store_txn *txn;
	enum compiled compiled;

	assert_int_equal(store_begin(follower->health, STORE_READ, &txn), 0);
	compiled = compiler_health(follower->compiler, txn, false);
	store_abort(txn);
	publish(follower, compiled);
	return compiled;
}

/* "rcode answers/authority": what a reader gets. */
static const char *
ask(struct follower *follower, const char *name, uint16_t type)
{
	static char text[64];
	static struct answer answer;
	struct question question = {.type = type, .class = CLASS_IN};
	struct steering steering = {.client = {.resolver = {.family = FAMILY_V4}}};
	unsigned counts[3] = {0};
	uint8_t wire[NAME_MAX_LEN];

	name_from_text(wire, name, NULL);
	path_init(&question.path, wire);
	answer_init(&answer, RCODE_NOERROR);
	answer_find(&answer, follower->snapshot, &question, &steering);
	for (unsigned i = 0; i < answer.nitems; i++)
		counts[answer.items[i].section] += answer.items[i].count;
	snprintf(text, sizeof text, "%u %u/%u", answer.rcode, counts[0], counts[1]);
	return text;
}

static void
set_the_scene(struct follower *follower)
{
	struct config_edit *edit = begin(follower);

	put_zone(edit, ZONE);
	put_pool(edit, "");
	put_lb(edit, true);
	commit(edit);
	judge(follower, "192.0.2.1", HEALTH_UP);
	judge(follower, "192.0.2.2", HEALTH_UP);
	assert_int_equal(follow_config(follower, false), COMPILED_NEW);
	assert_int_equal(follow_health(follower), COMPILED_TABLES);
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 2/0");
}

static void
changes_are_followed(void **state)
{
	struct follower *follower = *state;
	struct config_edit *edit;

	set_the_scene(follower);
	assert_int_equal(follow_config(follower, false), COMPILED_SAME);
	judge(follower, "192.0.2.2", HEALTH_DOWN);
	assert_int_equal(follow_health(follower), COMPILED_TABLES);
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 1/0");
	put_lb(edit = begin(follower), false);
	commit(edit);
	assert_int_equal(follow_config(follower, false), COMPILED_NEW);
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 0/1");
	config_delete_object(edit = begin(follower), KIND_LB, LB, "www.example.com");
	put_zone(edit, "$ORIGIN example.com.\n@ 60 SOA ns h 2 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.53\n");
	commit(edit);
	assert_int_equal(follow_config(follower, false), COMPILED_NEW);
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "3 0/1");
}

/* Its state is that of no endpoint, with any text. */
static void
a_flip_of_the_monitor_itself_changes_no_answer(void **state)
{
	struct origin origin = {.enabled = true, .weight = 100};
	struct health_flip flip = {.kind = FLIP_ISOLATION, .isolated = 1, .state = HEALTH_DOWN};
	struct follower *follower = *state;
	struct store_txn *txn;

	set_the_scene(follower);
	address_from_text(&origin.ip, "192.0.2.2");
	flip.endpoint = health_endpoint(MONITOR, &origin, &origin.ip);
	assert_int_equal(store_begin(follower->health, STORE_WRITE, &txn), 0);
	assert_int_equal(health_flip_put(txn, &flip), 0);
	assert_int_equal(store_commit(txn), 0);
	assert_int_equal(follow_health(follower), COMPILED_SAME);
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 2/0");
}

/* Should be impossible: no command writes such a row. */
static void
break_the_soa(struct follower *follower, struct config_edit *edit)
{
	uint8_t key[NAME_MAX_KEY], value[] = {0, 0, 0, 0, 60, 0, 1, 0, 2, 0, 0};
	struct zone_info zone = zone_info(edit);
	size_t len = name_to_key(key, zone.name, zone.name);
	struct zone_row row = {key, len + 2, value, sizeof value};

	(void)follower;
	put16(key + len, TYPE_SOA);
	config_put_rrsets(edit, &zone, 9, &row, 1);
}

static void
a_configuration_that_cannot_be_compiled_leaves_the_old_view(void **state)
{
	struct follower *follower = *state;
	struct config_edit *edit;

	set_the_scene(follower);
	edit = begin(follower);
	put_lb(
	    edit, false); /* what the readers' load balancer is made of is replaced on the way to the fault */
	put_pool(edit, ",\"forced\":\"up\"");
	break_the_soa(follower, edit);
	commit(edit);
	assert_int_equal(follow_config(follower, false), COMPILED_FAILED);
	assert_non_null(strstr(compiler_error(follower->compiler), "example.com"));
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 2/0");
	assert_string_equal(ask(follower, "nope.example.com", TYPE_A), "3 0/1");

	judge(follower, "192.0.2.1", HEALTH_DOWN);
	assert_int_equal(follow_health(follower), COMPILED_TABLES);
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 1/0"); /* health is still followed */
	assert_int_equal(follow_config(follower, false), COMPILED_FAILED);
	assert_string_equal(ask(follower, "nope.example.com", TYPE_A), "3 0/1");

	put_zone(edit = begin(follower), ZONE);
	commit(edit);
	assert_int_equal(follow_config(follower, false), COMPILED_NEW);
	follow_health(follower);
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 0/1");
	assert_string_equal(ask(follower, "nope.example.com", TYPE_A), "3 0/1");
	put_lb(edit = begin(follower), true);
	commit(edit);
	assert_int_equal(follow_config(follower, false), COMPILED_NEW);
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 1/0");
}

static void
a_zone_that_went_and_came_keeps_its_load_balancers(void **state)
{
	struct follower *follower = *state;
	struct config_edit *edit;
	struct zone_info zone;

	set_the_scene(follower);
	edit = begin(follower);
	zone = zone_info(edit);
	config_delete_zone(edit, &zone);
	commit(edit);
	put_zone(edit = begin(follower), ZONE);
	commit(edit);
	assert_int_equal(follow_config(follower, false), COMPILED_NEW);
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 2/0");
	assert_string_equal(ask(follower, "www.example.com", TYPE_TXT), "0 1/0");
	put_pool(edit = begin(follower), ",\"forced\":\"down\"");
	commit(edit);
	assert_int_equal(follow_config(follower, false), COMPILED_NEW);
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 1/0");
}

static void
unknown_endpoints_count_where_they_are_in_use(void **state)
{
	struct follower *follower = *state;
	struct config_edit *edit = begin(follower);

	put_zone(edit, ZONE);
	put_pool(edit, "");
	commit(edit);
	assert_int_equal(follow_config(follower, false), COMPILED_NEW);
	follow_health(follower);
	assert_int_equal(compiler_unknown(follower->compiler), 0); /* of a pool that no load balancer uses */
	put_lb(edit = begin(follower), true);
	commit(edit);
	follow_config(follower, false);
	assert_int_equal(compiler_unknown(follower->compiler), 2);
	put_pool(edit = begin(follower), ",\"forced\":\"down\"");
	commit(edit);
	follow_config(follower, false);
	assert_int_equal(compiler_unknown(follower->compiler), 1);
	judge(follower, "192.0.2.1", HEALTH_DOWN);
	follow_health(follower);
	assert_int_equal(compiler_unknown(follower->compiler), 0);
	put_pool(
	    edit = begin(follower), ",\"seeded\":\"up\""); /* S24: the state when the monitor was attached */
	commit(edit);
	follow_config(follower, false);
	assert_int_equal(compiler_unknown(follower->compiler), 0);
	put_pool(edit = begin(follower), "");
	put_lb(edit, false);
	commit(edit);
	follow_config(follower, false);
	assert_int_equal(compiler_unknown(follower->compiler), 0);
}

/* S16: what the monitor found for a hostname; "" that it has no address, NULL that nobody asks any more. */
static void
resolve(struct follower *follower, const char *name, const char *addresses)
{
	struct name_record record = {.version = NAME_RECORD_VERSION};
	struct health_flip flip = {.kind = FLIP_ADDRESSES, .endpoint = name_key(name)};
	char copy[256], *rest, *word;
	struct store_txn *txn;

	snprintf(copy, sizeof copy, "%s", addresses != NULL ? addresses : "");
	for (word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest))
		assert_true(address_from_text(&record.addresses[record.count++], word));
	assert_int_equal(store_begin(follower->health, STORE_WRITE, &txn), 0);
	assert_int_equal(addresses != NULL ? name_put(txn, name, &record) : name_delete(txn, name), 0);
	assert_int_equal(health_flip_put(txn, &flip), 0);
	assert_int_equal(store_commit(txn), 0);
}

/* The monitor's verdict on one address of a hostname. */
static void
judge_hostname(struct follower *follower, const char *name, const char *text, enum health_state state)
{
	struct origin origin = {.address = (char *)(uintptr_t)name};
	struct health_record record = {.version = HEALTH_RECORD_VERSION, .state = (uint8_t)state};
	struct health_flip flip = {.state = (uint8_t)state};
	struct address address;
	struct store_txn *txn;

	address_from_text(&address, text);
	flip.endpoint = health_endpoint(MONITOR, &origin, &address);
	assert_int_equal(store_begin(follower->health, STORE_WRITE, &txn), 0);
	assert_int_equal(health_put(txn, &flip.endpoint, &record), 0);
	assert_int_equal(health_flip_put(txn, &flip), 0);
	assert_int_equal(store_commit(txn), 0);
}

static void
put_hostname_pool(struct config_edit *edit)
{
	put_object(edit, KIND_POOL, POOL, "p",
	    "{\"id\":\"" POOL
	    "\",\"name\":\"p\",\"enabled\":true,\"minimum_origins\":1,\"monitor\":\"" MONITOR "\","
	    "\"origins\":[{\"address\":\"api.example\",\"enabled\":true,\"weight\":1,\"flatten_cname\":true}]"
	    "}");
}

static void
addresses_of_a_hostname_are_followed(void **state)
{
	struct follower *follower = *state;
	struct config_edit *edit = begin(follower);

	put_zone(edit, ZONE);
	put_hostname_pool(edit);
	put_lb(edit, true);
	commit(edit);
	assert_int_equal(follow_config(follower, false), COMPILED_NEW);
	follow_health(follower);
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 0/1");
	assert_int_equal(compiler_unknown(follower->compiler), 1); /* S29: not looked up yet */
	resolve(follower, "api.example", "192.0.2.1 192.0.2.2 2001:db8::1");
	assert_int_equal(follow_health(follower), COMPILED_TABLES);
	assert_int_equal(compiler_unknown(follower->compiler), 3);              /* looked up, not judged */
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 2/0"); /* S14: the last known */
	judge_hostname(follower, "api.example", "192.0.2.1", HEALTH_UP);
	judge_hostname(follower, "api.example", "192.0.2.2", HEALTH_DOWN);
	assert_int_equal(follow_health(follower), COMPILED_TABLES);
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 1/0");
	resolve(follower, "api.example",
	    "192.0.2.3 192.0.2.1"); /* a new one is unknown, one that stays keeps its state */
	assert_int_equal(follow_health(follower), COMPILED_TABLES);
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 1/0");
	judge_hostname(follower, "api.example", "192.0.2.3", HEALTH_UP);
	follow_health(follower);
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 2/0");
	assert_int_equal(follow_config(follower, true), COMPILED_NEW); /* read again, known states stay */
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 2/0");
	assert_int_equal(compiler_unknown(follower->compiler), 0);
	resolve(follower, "api.example", "");
	assert_int_equal(follow_health(follower), COMPILED_TABLES);
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 0/1");
	assert_int_equal(compiler_unknown(follower->compiler), 0); /* looked up in vain */
}

static void
a_new_health_store_takes_no_address_away(void **state)
{
	struct follower *follower = *state;
	struct problems problems = {0};
	struct store_txn *txn;
	struct config_edit *edit = begin(follower);
	char *command;

	put_zone(edit, ZONE);
	put_hostname_pool(edit);
	put_lb(edit, true);
	commit(edit);
	resolve(follower, "api.example", "192.0.2.1 192.0.2.2");
	judge_hostname(follower, "api.example", "192.0.2.1", HEALTH_UP);
	follow_config(follower, false);
	follow_health(follower);
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 1/0");
	/* S27 */
	store_close(follower->health);
	command = xasprintf("rm -rf %s/health", follower->directory);
	assert_int_equal(system(command), 0);
	free(command);
	follower->health = store_open(follower->directory, STORE_HEALTH, STORE_WRITE, &problems);
	assert_int_equal(store_begin(follower->health, STORE_READ, &txn), 0);
	publish(follower, compiler_health(follower->compiler, txn, true));
	store_abort(txn);
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 1/0");
	resolve(follower, "api.example", "192.0.2.1");
	follow_health(follower);
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 1/0");
	resolve(follower, "api.example", NULL); /* in the same store a deleted record is gone */
	follow_health(follower);
	assert_string_equal(ask(follower, "www.example.com", TYPE_A), "0 0/1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, drop_place)

int
main(void)
{
	const struct CMUnitTest tests[] = {TEST(changes_are_followed),
	    TEST(a_flip_of_the_monitor_itself_changes_no_answer),
	    TEST(a_configuration_that_cannot_be_compiled_leaves_the_old_view),
	    TEST(a_zone_that_went_and_came_keeps_its_load_balancers),
	    TEST(unknown_endpoints_count_where_they_are_in_use), TEST(addresses_of_a_hostname_are_followed),
	    TEST(a_new_health_store_takes_no_address_away)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
