/* Stored documents, loaded into the model. */
#include "tests/admin/document_world.h"

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
	} rows[] = {
	    {"1", 100}, {"0", 0}, {"0.004", 1}, {"0.5", 50}, {"0.335", 34}, {"0.07", 7}, {"0.29", 29}};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		char *text = xasprintf(
		    "{\"id\":\"%s\",\"name\":\"p\",\"enabled\":true,\"minimum_origins\":2,\"monitor\":\"%s\","
		    "\"origins\":[{\"name\":\"\",\"address\":\"2001:db8::1\",\"enabled\":true,\"weight\":%s,"
		    "\"header\":{\"Host\":[\"h\"]},\"forced\":\"down\",\"affinity_group\":\"g\",\"seeded\":"
		    "\"up\"}]}",
		    EU, WEB, rows[i].weight);
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
	char *said,
	    *text = stored(
		check(state, KIND_MONITOR,
		    MONITOR
		    ",\"type\":\"https\",\"timeout\":0.25,"
		    "\"expected_codes\":\"2xx,404\",\"header\":{\"host\":[\"a.b\"],\"X\":[\"1\",\"2\"]}}",
		    &said),
		WEB);
	struct monitor *monitor = document_load_monitor(bytes_of(text));

	assert_non_null(monitor);
	assert_int_equal(monitor->port, 443);
	assert_int_equal(monitor->timeout_ms, 250);
	assert_string_equal(monitor->method, "GET");
	assert_string_equal(monitor->path, "/");
	assert_string_equal(monitor->host, "a.b");
	assert_int_equal(monitor->nheaders, 2);
	assert_true(
	    monitor_expects(monitor, 200) && monitor_expects(monitor, 299) && monitor_expects(monitor, 404));
	assert_false(
	    monitor_expects(monitor, 199) || monitor_expects(monitor, 300) || monitor_expects(monitor, 405));
	model_free_monitor(monitor);
	free(text);
	free(said);
}

static void
a_load_balancer_loads_with_a_weight_for_each_pool(void **state)
{
	char *said,
	    *text = stored(check(state, KIND_LB,
			       "{\"name\":\"WWW.Example.com.\",\"default_pools\":[\"eu\",\"us\"],\"fallback_"
			       "pool\":\"us\",\"max_answers\":3,"
			       "\"steering_policy\":\"random\",\"session_affinity\":\"ip_cookie\",\"location_"
			       "strategy\":{\"prefer_ecs\":\"never\"},"
			       "\"random_steering\":{\"default_weight\":0.2,\"pool_weights\":{\"us\":0.7}}}",
			       &said),
		WEB);
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

/* [CF] 3.3, 3.4: without counts of requests and connections the least_* policies go by weights alone; "" is
 * geo if there are places. */
static void
policies_are_what_they_amount_to(void **state)
{
	static const struct {
		const char *properties;
		enum steering_policy policy;
		bool open;
	} rows[] = {
	    {"\"steering_policy\":\"off\"", STEERING_OFF, false},
	    {"\"steering_policy\":\"geo\"", STEERING_GEO, false},
	    {"\"steering_policy\":\"random\"", STEERING_RANDOM, false},
	    {"\"steering_policy\":\"proximity\"", STEERING_PROXIMITY, false},
	    {"\"steering_policy\":\"least_outstanding_requests\"", STEERING_RANDOM, false},
	    {"\"steering_policy\":\"least_connections\"", STEERING_RANDOM, false},
	    {"\"ttl\":30", STEERING_OFF, true},
	    {"\"country_pools\":{\"DE\":[\"eu\"]}", STEERING_GEO, true},
	    {"\"region_pools\":{\"WEU\":[\"eu\"]}", STEERING_GEO, true},
	    {"\"pop_pools\":{\"AMS\":[\"eu\"]}", STEERING_GEO, true},
	    {"\"steering_policy\":\"off\",\"country_pools\":{\"DE\":[\"eu\"]}", STEERING_OFF, false},
	};
	static const char *const origins[] = {
	    "random", "least_outstanding_requests", "least_connections", "hash"};

	for (size_t i = 0; i < NITEMS(rows); i++) {
		char *said, *document = xasprintf(LB ",%s}", rows[i].properties),
			    *text = stored(check(state, KIND_LB, document, &said), WEB);
		struct lb *lb = document_load_lb(bytes_of(text));

		assert_non_null(lb);
		assert_int_equal(lb->steering_policy, rows[i].policy);
		assert_int_equal(lb->policy_open, rows[i].open);
		model_free_lb(lb);
		free(text);
		free(document);
		free(said);
	}
	for (size_t i = 0; i < NITEMS(origins); i++) {
		char *said,
		    *document = xasprintf(POOL ",\"origin_steering\":{\"policy\":\"%s\"}}", origins[i]),
		    *text = stored(check(state, KIND_POOL, document, &said), EU);
		struct pool *pool = document_load_pool(bytes_of(text));

		assert_non_null(pool);
		assert_int_equal(pool->origin_steering, i == 3 ? ORIGIN_HASH : ORIGIN_RANDOM);
		model_free_pool(pool);
		free(text);
		free(document);
		free(said);
	}
}

static void
a_text_that_is_no_object_loads_as_nothing(void **state)
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
	    cmocka_unit_test(a_pool_loads_with_weights_in_hundredths),
	    cmocka_unit_test(a_monitor_loads_with_its_real_port_and_codes),
	    cmocka_unit_test(a_load_balancer_loads_with_a_weight_for_each_pool),
	    cmocka_unit_test(policies_are_what_they_amount_to),
	    cmocka_unit_test(a_text_that_is_no_object_loads_as_nothing),
	};

	return cmocka_run_group_tests(tests, make_world, drop_world);
}
