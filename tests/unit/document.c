#include "config_write.h"
#include "document.h"
#include "schema.h"
#include "store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

/* A configuration with a monitor "web" and the pools "eu" and "us", for references. */
struct world {
	char *directory;
	struct store *store;
	struct config_edit *edit;
	struct document_scope scope;
};

static const char WEB[] = "00000000000000000000000000000001";
static const char EU[] = "00000000000000000000000000000002";
static const char US[] = "00000000000000000000000000000003";

static void
put(struct world *world, enum kind kind, const char *id, const char *name)
{
	char *text = xasprintf("{\"id\":\"%s\",\"name\":\"%s\"}", id, name);

	config_put_object(world->edit, kind, id, name, NULL, (struct bytes){text, strlen(text)});
	free(text);
}

static int
make_world(void **state)
{
	struct world *world = xcalloc(1, sizeof *world);
	struct problems problems = {0};

	world->directory = mkdtemp(xstrdup("/tmp/graycloud-document-XXXXXX"));
	world->store = store_open(world->directory, STORE_CONFIG, STORE_WRITE, &problems);
	world->edit = config_edit_begin(world->store, &problems);
	world->scope.txn = config_edit_txn(world->edit);
	put(world, KIND_MONITOR, WEB, "web");
	put(world, KIND_POOL, EU, "eu");
	put(world, KIND_POOL, US, "us");
	*state = world;
	return 0;
}

static int
drop_world(void **state)
{
	struct world *world = *state;
	char *command = xasprintf("rm -rf %s", world->directory);

	config_edit_drop(world->edit);
	store_close(world->store);
	free(world->directory);
	free(world);
	int rc = system(command);
	free(command);
	return rc;
}

/* Check a document; returns what is kept, and the sentences in *said, a line each. */
static struct json *
check(void **state, enum kind kind, const char *text, char **said)
{
	struct world *world = *state;
	struct problems problems = {0};
	struct json *input = json_read(text, strlen(text), "row", &problems);
	struct json *kept = document_check(kind, input, &world->scope, &problems);
	size_t len;
	FILE *out = open_memstream(said, &len);

	problems_print(&problems, "", out);
	fclose(out);
	assert_int_equal(kept == NULL, problems.errors > 0);
	problems_free(&problems);
	json_drop(input);
	return kept;
}

#define ORIGIN "\"origins\":[{\"address\":\"192.0.2.1\"}]"
#define POOL "{\"name\":\"p\"," ORIGIN
#define LB "{\"name\":\"www.example.com\",\"default_pools\":[\"eu\"],\"fallback_pool\":\"us\""
#define MONITOR "{\"name\":\"m\""

static void
what_is_wrong_is_refused_with_object_property_and_range(void **state)
{
	static const struct {
		enum kind kind;
		const char *document;
		const char *sentence; /* NULL: it is accepted */
	} rows[] = {
	    {KIND_POOL, POOL "}", NULL},
	    {KIND_POOL, "{\"name\":\"p\"}", "pool p: origins is missing"},
	    {KIND_POOL, "{" ORIGIN "}", "a pool without a name: name is missing"},
	    {KIND_POOL, "{\"name\":\"p\",\"origins\":[]}", "origins is []: it must be a list of 1 to 1024"},
	    {KIND_POOL, "{\"name\":\"a.b\"," ORIGIN "}", "name is \"a.b\": it must be 1 to 200 letters"},
	    {KIND_POOL, "{\"name\":\"0123456789abcdef0123456789abcdef\"," ORIGIN "}", "but not 32 hex digits"},
	    {KIND_POOL, POOL ",\"colour\":1}", "pool p: colour is no property that is known"},
	    {KIND_POOL, POOL ",\"seeded\":1}", "seeded is no property"},
	    {KIND_POOL, POOL ",\"monitor\":\"web\"}", NULL},
	    {KIND_POOL, POOL ",\"monitor\":\"00000000000000000000000000000001\"}", NULL},
	    {KIND_POOL, POOL ",\"monitor\":\"\"}", NULL},
	    {KIND_POOL, POOL ",\"monitor\":\"none\"}", "monitor is \"none\": there is no monitor of that name or id"},
	    {KIND_POOL, POOL ",\"monitor\":7}", "monitor is 7: it must be the name or id of a monitor"},
	    {KIND_POOL, POOL ",\"monitor_group\":\"g\"}", "monitor_group is \"g\": not supported yet"},
	    {KIND_POOL, POOL ",\"monitor_group\":null}", NULL},
	    {KIND_POOL, POOL ",\"enabled\":\"yes\"}", "enabled is \"yes\": it must be true or false"},
	    {KIND_POOL, POOL ",\"minimum_origins\":0}", NULL},
	    {KIND_POOL, POOL ",\"minimum_origins\":-1}", "it must be a whole number from 0 to 1024"},
	    {KIND_POOL, POOL ",\"minimum_origins\":1.5}", "minimum_origins is 1.5"},
	    {KIND_POOL, POOL ",\"check_regions\":[\"WEU\"],\"notification_email\":\"a@b\",\"networks\":[1]}", NULL},
	    {KIND_POOL, POOL ",\"latitude\":3}", "latitude and longitude go together"},
	    {KIND_POOL, POOL ",\"latitude\":3,\"longitude\":-180}", NULL},
	    {KIND_POOL, POOL ",\"load_shedding\":{\"default_percent\":0}}", NULL},
	    {KIND_POOL, POOL ",\"load_shedding\":{\"default_percent\":101}}",
		"load_shedding.default_percent is 101: it must be a number from 0 to 100"},
	    {KIND_POOL, POOL ",\"load_shedding\":null}", NULL},
	    {KIND_POOL, POOL ",\"origin_steering\":{\"policy\":\"hash\"}}", NULL},
	    {KIND_POOL, POOL ",\"origin_steering\":{\"policy\":\"x\"}}", "it must be one of random"},
	    {KIND_POOL, POOL ",\"healthy\":true,\"disabled_at\":\"x\",\"created_on\":\"x\"}", NULL},
	    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"host.example\"}]}", "host names are not supported yet"},
	    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"224.0.0.1\"}]}", "a unicast IPv4 or IPv6 address"},
	    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"0.0.0.0\"}]}", "a unicast IPv4 or IPv6 address"},
	    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"ff02::1\"}]}", "a unicast IPv4 or IPv6 address"},
	    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"10.0.0.1\"},{\"address\":\"127.0.0.1\"}]}", NULL},
	    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"2001:db8::1\"},{\"address\":\"2001:DB8:0::1\"}]}",
		"origin address 2001:DB8:0::1 stands there twice"},
	    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"10.0.0.1\",\"name\":\"a\"},{\"address\":\"10.0.0.2\",\"name\":\"a\"}]}",
		"origin name a stands there twice"},
	    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"10.0.0.1\",\"weight\":1.01}]}",
		"pool p: origins[10.0.0.1].weight is 1.01: it must be a number from 0 to 1"},
	    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"10.0.0.1\",\"flatten_cname\":false}]}", "not supported yet"},
	    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"10.0.0.1\",\"port\":8080,\"header\":{\"Host\":[\"a.b\"]}}]}", NULL},
	    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"10.0.0.1\",\"header\":{\"Host\":[\"a\",\"b\"]}}]}",
		"header.Host is [\"a\",\"b\"]: it must be a list of 0 to 1"},
	    {KIND_POOL, "{\"name\":\"p\",\"origins\":[{\"address\":\"10.0.0.1\",\"forced\":\"sideways\"}]}",
		"forced is \"sideways\": it must be one of none, up, down"},
	    {KIND_POOL, "[]", "must be an object of properties"},

	    {KIND_LB, LB "}", NULL},
	    {KIND_LB, LB ",\"ttl\":86400}", NULL},
	    {KIND_LB, LB ",\"ttl\":0}", "load_balancer www.example.com: ttl is 0: it must be a whole number from 1 to 86400"},
	    {KIND_LB, LB ",\"ttl\":null}", NULL},
	    {KIND_LB, LB ",\"proxied\":false}", NULL},
	    {KIND_LB, LB ",\"proxied\":true}", "proxied is true: it needs the HTTP proxy; this is DNS-only"},
	    {KIND_LB, LB ",\"session_affinity\":\"cookie\"}", "it needs the HTTP proxy; this is DNS-only"},
	    {KIND_LB, LB ",\"session_affinity\":\"header\"}", "it needs the HTTP proxy; this is DNS-only"},
	    {KIND_LB, LB ",\"session_affinity\":\"ip_cookie\",\"session_affinity_ttl\":1800}", NULL},
	    {KIND_LB, LB ",\"session_affinity_ttl\":1799}", "a whole number from 1800 to 604800"},
	    {KIND_LB, LB ",\"session_affinity_attributes\":{\"drain_duration\":60}}", "it needs the HTTP proxy"},
	    {KIND_LB, LB ",\"session_affinity_attributes\":{\"drain_duration\":0,\"samesite\":\"Lax\",\"headers\":[\"x\"]}}", NULL},
	    {KIND_LB, LB ",\"session_affinity_attributes\":{\"zero_downtime_failover\":\"sticky\"}}", NULL},
	    {KIND_LB, LB ",\"steering_policy\":\"random\"}", NULL},
	    {KIND_LB, LB ",\"steering_policy\":\"geo\"}", NULL},
	    {KIND_LB, LB ",\"steering_policy\":\"dynamic_latency\"}", "steering_policy is \"dynamic_latency\": not supported yet"},
	    {KIND_LB, LB ",\"region_pools\":{\"MARS\":[\"eu\"]}}", "region_pools.MARS is no region code"},
	    {KIND_LB, LB ",\"country_pools\":{\"DE\":[\"eu\",\"nobody\"]}}", "country_pools.DE[1] is \"nobody\""},
	    {KIND_LB, LB ",\"steering_policy\":\"best\"}", "it must be one of off, random, \"\""},
	    {KIND_LB, LB ",\"region_pools\":{},\"rules\":[],\"pool_sets\":null}", NULL},
	    {KIND_LB, LB ",\"region_pools\":{\"WEU\":[\"eu\"]}}", NULL},
	    {KIND_LB, LB ",\"rules\":[{}]}", "rules is [{}]: not supported yet"},
	    {KIND_LB, LB ",\"random_steering\":{\"pool_weights\":{\"eu\":0.7}}}", NULL},
	    {KIND_LB, LB ",\"random_steering\":{\"pool_weights\":{\"no\":0.7}}}",
		"random_steering.pool_weights.no is of no pool of that name or id"},
	    {KIND_LB, LB ",\"random_steering\":{\"default_weight\":2}}", "random_steering.default_weight is 2"},
	    {KIND_LB, LB ",\"adaptive_routing\":{\"failover_across_pools\":true},\"networks\":[\"x\"],\"tunnel_id\":\"x\"}", NULL},
	    {KIND_LB, LB ",\"max_answers\":65}", "a whole number from 1 to 64"},
	    {KIND_LB, "{\"name\":\"a..b\",\"default_pools\":[\"eu\"],\"fallback_pool\":\"us\"}", "it must be a host name"},
	    {KIND_LB, "{\"name\":\"a.*.b\",\"default_pools\":[\"eu\"],\"fallback_pool\":\"us\"}", "only its first label may be *"},
	    {KIND_LB, "{\"name\":\"*.b\",\"default_pools\":[\"eu\"],\"fallback_pool\":\"us\"}", NULL},
	    {KIND_LB, "{\"name\":\"a.b\",\"default_pools\":[\"eu\",\"eu\"],\"fallback_pool\":\"us\"}",
		"default_pools has the same pool at places 1 and 2"},
	    {KIND_LB, "{\"name\":\"a.b\",\"default_pools\":[],\"fallback_pool\":\"us\"}", "a list of 1 to 256"},
	    {KIND_LB, "{\"name\":\"a.b\",\"default_pools\":[\"eu\"]}", "fallback_pool is missing"},
	    {KIND_LB, "{\"name\":\"a.b\",\"default_pools\":[\"eu\",\"xx\"],\"fallback_pool\":\"us\"}",
		"default_pools[1] is \"xx\": there is no pool of that name or id"},

	    {KIND_MONITOR, MONITOR "}", NULL},
	    {KIND_MONITOR, "{}", NULL},
	    {KIND_MONITOR, MONITOR ",\"type\":\"icmp_ping\"}", "type is \"icmp_ping\": not supported yet"},
	    {KIND_MONITOR, MONITOR ",\"type\":\"gopher\"}", "it must be one of http, https, tcp"},
	    {KIND_MONITOR, MONITOR ",\"type\":\"tcp\"}", "port is missing: a tcp monitor needs one"},
	    {KIND_MONITOR, MONITOR ",\"type\":\"tcp\",\"port\":25,\"path\":\"\",\"method\":\"connection_established\"}", NULL},
	    {KIND_MONITOR, MONITOR ",\"type\":\"tcp\",\"port\":25,\"path\":\"/x\"}", "path is \"/x\": a tcp monitor has none"},
	    {KIND_MONITOR, MONITOR ",\"interval\":0}", "a whole number from 1 to 3600"},
	    {KIND_MONITOR, MONITOR ",\"timeout\":0.05}", "a number from 0.1 to 60"},
	    {KIND_MONITOR, MONITOR ",\"retries\":6}", "a whole number from 0 to 5"},
	    {KIND_MONITOR, MONITOR ",\"consecutive_down\":101}", "a whole number from 0 to 100"},
	    {KIND_MONITOR, MONITOR ",\"damping_changes\":16}", "a whole number from 0 to 15"},
	    {KIND_MONITOR, MONITOR ",\"damping_period\":9}", "a whole number from 10 to 86400"},
	    {KIND_POOL, POOL ",\"notification_filter\":{\"pool\":{\"healthy\":\"no\"}}}", "notification_filter.pool.healthy"},
	    {KIND_POOL, POOL ",\"notification_filter\":{\"pools\":null}}", "pools"},
	    {KIND_MONITOR, MONITOR ",\"port\":65536}", "a whole number from 0 to 65535"},
	    {KIND_MONITOR, MONITOR ",\"path\":\"x\"}", "a path that begins with /"},
	    {KIND_MONITOR, MONITOR ",\"path\":\"/a b\"}", "a path that begins with /"},
	    {KIND_MONITOR, MONITOR ",\"method\":\"get\"}", "a method of HTTP in capitals"},
	    {KIND_MONITOR, MONITOR ",\"expected_codes\":\"2xx, 301,400-404\"}", NULL},
	    {KIND_MONITOR, MONITOR ",\"expected_codes\":\"20x\"}", "codes like 200, 2xx"},
	    {KIND_MONITOR, MONITOR ",\"header\":{\"Host\":[\"a.b\"],\"X-A\":[\"1\",\"2\"]}}", NULL},
	    {KIND_MONITOR, MONITOR ",\"header\":{\"user-agent\":[\"x\"]}}", "header.user-agent cannot be set"},
	    {KIND_MONITOR, MONITOR ",\"header\":{\"Host\":[\"a\",\"b\"]}}", "header.Host must be one value"},
	    {KIND_MONITOR, MONITOR ",\"header\":{\"X\":[\"a\\nb\"]}}", "a text without control characters"},
	    {KIND_MONITOR, MONITOR ",\"header\":{\"a b\":[\"x\"]}}", "header.a b is no name of a header"},
	    {KIND_MONITOR, MONITOR ",\"probe_zone\":\"example.com\"}", NULL},
	    {KIND_MONITOR_GROUP, "{\"description\":\"x\",\"members\":[]}", NULL},
	    {KIND_MONITOR_GROUP, "{\"name\":\"g\",\"members\":[{\"monitor_id\":\"x\"}]}", "not supported yet"},
	};

	for (size_t i = 0; i < NITEMS(rows); i++) {
		char *said;
		struct json *kept = check(state, rows[i].kind, rows[i].document, &said);

		if (rows[i].sentence == NULL ? kept == NULL : kept != NULL || strstr(said, rows[i].sentence) == NULL)
			fail_msg("row %zu, %s: said \"%s\", wanted \"%s\"", i, rows[i].document, said,
			    rows[i].sentence ? rows[i].sentence : "");
		json_drop(kept);
		free(said);
	}
}

static void
all_faults_come_in_one_report(void **state)
{
	char *said;
	size_t lines = 0;

	assert_null(check(state, KIND_LB,
	    "{\"name\":\"a b\",\"ttl\":0,\"proxied\":true,\"default_pools\":[\"x\",\"eu\"],\"foo\":1}", &said));
	for (const char *at = said; *at != '\0'; at++)
		lines += *at == '\n';
	assert_int_equal(lines, 6); /* fallback_pool is missing, too */
	free(said);
}

static void
unwise_is_only_a_warning(void **state)
{
	char *said;

	json_drop(check(state, KIND_MONITOR, MONITOR ",\"interval\":5,\"timeout\":2,\"retries\":2}", &said));
	assert_non_null(strstr(said, "warning: monitor m: timeout x (retries + 1) is 6 s, longer than the interval of 5 s"));
	free(said);
	json_drop(check(state, KIND_POOL, POOL ",\"minimum_origins\":2}", &said));
	assert_non_null(strstr(said, "it can never be used"));
	free(said);
}

static void
every_property_is_written_out_and_references_become_ids(void **state)
{
	struct world *world = *state;
	char *said, *text;
	struct json *kept = check(state, KIND_LB, LB ",\"random_steering\":{\"pool_weights\":{\"eu\":1.0}}}", &said), *shown;

	text = json_write(kept, false);
	assert_non_null(strstr(text, "\"default_pools\":[\"00000000000000000000000000000002\"]"));
	assert_non_null(strstr(text, "\"random_steering\":{\"default_weight\":1,\"pool_weights\":{\"00000000000000000000000000000002\":1}}"));
	assert_non_null(strstr(text, "\"location_strategy\":{\"prefer_ecs\":\"always\",\"mode\":\"resolver_ip\"}"));
	assert_non_null(strstr(text, "\"session_affinity_ttl\":82800"));
	free(text);
	shown = document_show(KIND_LB, kept, &world->scope, DOCUMENT_EXPORT);
	text = json_write(shown, false);
	assert_non_null(strstr(text, "\"default_pools\":[\"eu\"],\"fallback_pool\":\"us\""));
	assert_non_null(strstr(text, "\"pool_weights\":{\"eu\":1}"));
	free(text);
	/* What is shown is accepted again, and is the same. */
	text = json_write(shown, false);
	free(said);
	json_drop(shown);
	shown = check(state, KIND_LB, text, &said);
	assert_true(json_same(shown, kept));
	json_drop(shown);
	json_drop(kept);
	free(text);
	free(said);
}

static struct bytes
bytes_of(const char *text)
{
	return (struct bytes){text, strlen(text)};
}

static void
a_pool_loads_with_weights_in_hundredths(void **state)
{
	static const struct {
		const char *weight;
		unsigned hundredths;
	} rows[] = {{"1", 100}, {"0", 0}, {"0.004", 1}, {"0.5", 50}, {"0.335", 34}, {"0.07", 7}, {"0.29", 29}};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		char *text = xasprintf("{\"id\":\"%s\",\"name\":\"p\",\"enabled\":true,\"minimum_origins\":2,\"monitor\":\"%s\","
		    "\"origins\":[{\"name\":\"\",\"address\":\"2001:db8::1\",\"enabled\":true,\"weight\":%s,"
		    "\"header\":{\"Host\":[\"h\"]},\"forced\":\"down\",\"affinity_group\":\"g\",\"seeded\":\"up\"}]}", EU, WEB,
		    rows[i].weight);
		struct pool *pool = document_load_pool(bytes_of(text));

		assert_non_null(pool);
		assert_int_equal(pool->origins[0].weight, rows[i].hundredths);
		assert_int_equal(pool->minimum_origins, 2);
		assert_string_equal(pool->monitor.text, WEB);
		assert_int_equal(pool->origins[0].ip.family, FAMILY_V6);
		assert_string_equal(pool->origins[0].host, "h");
		assert_int_equal(pool->origins[0].forced, FORCED_DOWN);
		assert_string_equal(pool->origins[0].affinity_group, "g");
		assert_int_equal(pool->origins[0].seeded, HEALTH_UP);
		model_free_pool(pool);
		free(text);
	}
}

/* Give a checked document its id, as the store has it. */
static char *
stored(struct json *kept, const char *id)
{
	char *text;

	json_put_text(kept, "id", id);
	text = json_write(kept, false);
	json_drop(kept);
	return text;
}

static void
a_monitor_loads_with_its_real_port_and_codes(void **state)
{
	char *said, *text = stored(check(state, KIND_MONITOR, MONITOR ",\"type\":\"https\",\"timeout\":0.25,"
	    "\"expected_codes\":\"2xx,404\",\"header\":{\"host\":[\"a.b\"],\"X\":[\"1\",\"2\"]}}", &said), WEB);
	struct monitor *monitor = document_load_monitor(bytes_of(text));

	assert_non_null(monitor);
	assert_int_equal(monitor->port, 443);
	assert_int_equal(monitor->timeout_ms, 250);
	assert_string_equal(monitor->method, "GET");
	assert_string_equal(monitor->path, "/");
	assert_string_equal(monitor->host, "a.b");
	assert_int_equal(monitor->nheaders, 2);
	assert_true(monitor_expects(monitor, 200) && monitor_expects(monitor, 299) && monitor_expects(monitor, 404));
	assert_false(monitor_expects(monitor, 199) || monitor_expects(monitor, 300) || monitor_expects(monitor, 405));
	model_free_monitor(monitor);
	free(text);
	free(said);
}

static void
a_load_balancer_loads_with_a_weight_for_each_pool(void **state)
{
	char *said, *text = stored(check(state, KIND_LB,
	    "{\"name\":\"WWW.Example.com.\",\"default_pools\":[\"eu\",\"us\"],\"fallback_pool\":\"us\",\"max_answers\":3,"
	    "\"steering_policy\":\"random\",\"session_affinity\":\"ip_cookie\",\"location_strategy\":{\"prefer_ecs\":\"never\"},"
	    "\"random_steering\":{\"default_weight\":0.2,\"pool_weights\":{\"us\":0.7}}}", &said), WEB);
	struct lb *lb = document_load_lb(bytes_of(text));

	assert_non_null(lb);
	assert_string_equal(lb->name, "www.example.com");
	assert_memory_equal(lb->wire, "\3www\7example\3com", 17);
	assert_int_equal(lb->npools, 2);
	assert_string_equal(lb->default_pools[0].text, EU);
	assert_string_equal(lb->fallback_pool.text, US);
	assert_int_equal(lb->pool_weights[0], 20);
	assert_int_equal(lb->pool_weights[1], 70);
	assert_int_equal(lb->steering_policy, STEERING_RANDOM);
	assert_int_equal(lb->affinity, AFFINITY_IP);
	assert_int_equal(lb->prefer_ecs, ECS_NEVER);
	assert_int_equal(lb->affinity_prefix_v4, 24);
	assert_int_equal(lb->affinity_prefix_v6, 56);
	assert_int_equal(lb->max_answers, 3);
	assert_int_equal(lb->ttl, 30);
	assert_true(lb->enabled);
	model_free_lb(lb);
	free(text);
	free(said);
}

static void
what_is_no_object_loads_as_nothing(void **state)
{
	static const char *const rows[] = {"", "{", "[]", "7", "{}", "{\"name\":3}", "\"x\""};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		assert_null(document_load_pool(bytes_of(rows[i])));
		assert_null(document_load_monitor(bytes_of(rows[i])));
		assert_null(document_load_lb(bytes_of(rows[i])));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_wrong_is_refused_with_object_property_and_range),
	    cmocka_unit_test(all_faults_come_in_one_report),
	    cmocka_unit_test(unwise_is_only_a_warning),
	    cmocka_unit_test(every_property_is_written_out_and_references_become_ids),
	    cmocka_unit_test(a_pool_loads_with_weights_in_hundredths),
	    cmocka_unit_test(a_monitor_loads_with_its_real_port_and_codes),
	    cmocka_unit_test(a_load_balancer_loads_with_a_weight_for_each_pool),
	    cmocka_unit_test(what_is_no_object_loads_as_nothing),
	};

	return cmocka_run_group_tests(tests, make_world, drop_world);
}
