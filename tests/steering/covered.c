/*
 * covered.c -- IPv4 within IPv6 (S3): a client with such an address is the IPv4 client that it carries, for
 * lists and keys, and its scope is honest among IPv6 addresses (S4).
 */
#include "tests/steering/scene.h"

static struct steer_client
who(const char *text, unsigned source)
{
	static const struct address resolver = {FAMILY_V4, {203, 0, 113, 5}};
	struct steer_client client;
	struct address address;

	assert_true(address_from_text(&address, text));
	steer_client_init(&client, &resolver, &address, source);
	return client;
}

static void
an_address_within_ipv6_is_the_ipv4_that_it_carries(void **state)
{
	static const struct {
		const char *ecs;
		unsigned source;
		const char *is;
		unsigned length, covered;
	} rows[] = {
	    {"::ffff:192.0.2.0", 120, "192.0.2.0", 24, 96},
	    {"::ffff:192.0.2.7", 128, "192.0.2.7", 32, 96},
	    {"2002:c000:200::", 40, "192.0.2.0", 24, 16},
	    {"2002:c000:207::", 48, "192.0.2.7", 32, 16},
	    {"2002:c000:207:1::", 64, "192.0.2.7", 32, 16},
	    {"::ffff:0:0", 96, "::ffff:0:0", 96, 0}, /* it carries nothing */
	    {"2002::", 16, "2002::", 16, 0},
	    {"2001:db8::", 56, "2001:db8::", 56, 0},
	    {"::192.0.2.7", 128, "::192.0.2.7", 128, 0}, /* RFC 4291 2.5.5.1: deprecated */
	    {"192.0.2.0", 24, "192.0.2.0", 24, 0},
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		struct steer_client client = who(rows[i].ecs, rows[i].source);
		struct address is;

		assert_true(address_from_text(&is, rows[i].is));
		assert_memory_equal(&client.ecs, &is, sizeof is);
		assert_int_equal(client.source, rows[i].length);
		assert_int_equal(client.covered, rows[i].covered);
	}
}

static void
it_goes_where_that_goes_with_the_scope_behind_what_stood_before(void **state)
{
	struct scene *scene = scene_new(1, 8);

	(void)state;
	scene->lb->affinity = AFFINITY_IP;
	settle(scene);
	for (unsigned n = 0; n < 50; n++) {
		char plain[64], mapped[64], sixtofour[64];
		struct steer_client client;
		struct steer_choice wanted, got;

		snprintf(plain, sizeof plain, "10.1.%u.0", n);
		snprintf(mapped, sizeof mapped, "::ffff:10.1.%u.0", n);
		snprintf(sixtofour, sizeof sixtofour, "2002:a01:%x::", n << 8);
		client = who(plain, 24);
		wanted = ask(scene, &client, TABLE_V4, 1);
		client = who(mapped, 120);
		got = ask(scene, &client, TABLE_V4, 2);
		assert_int_equal(got.index[0], wanted.index[0]);
		assert_int_equal(got.scope, 96 + wanted.scope);
		client = who(sixtofour, 40);
		got = ask(scene, &client, TABLE_V4, 3);
		assert_int_equal(got.index[0], wanted.index[0]);
		assert_int_equal(got.scope, 16 + wanted.scope);
	}
	/* Where the client does not matter it does not here, either. */
	scene->lb->affinity = AFFINITY_NONE;
	struct steer_client client = who("::ffff:10.1.0.0", 120);
	assert_int_equal(ask(scene, &client, TABLE_V4, 1).scope, 0);
	client = who("2001:db8::", 56);
	assert_int_equal(ask(scene, &client, TABLE_V4, 1).scope, 0);
	scene_free(scene);
}

/* Lists name it by either address. */
static void
conditions_compare_the_ipv4(void **state)
{
	static const char *const lists[] = {"ip.src in {10.1.0.0/16}", "ip.src in {::ffff:10.1.0.0/112}",
	    "ip.src in {2002:a01::/32}", "ip.src in {2002:a01::..2002:a01:ffff:ffff::}"};
	static const struct {
		const char *ecs;
		unsigned source;
		bool in;
	} rows[] = {{"10.1.2.0", 24, true}, {"::ffff:10.1.2.0", 120, true}, {"2002:a01:200::", 40, true},
	    {"10.2.2.0", 24, false}, {"2002:a02:200::", 40, false}, {"2001:db8::", 56, false}};

	(void)state;
	for (size_t list = 0; list < NITEMS(lists); list++) {
		struct scene *scene = scene_new(2, 2);
		struct brought rules = {0};
		const char *conditions[] = {"false", lists[list]};

		settle(scene);
		bring(scene, &rules, true, 2, conditions);
		for (size_t i = 0; i < NITEMS(rows); i++) {
			struct steer_client client = who(rows[i].ecs, rows[i].source);
			struct steer_choice choice = ask(scene, &client, TABLE_V4, 1);

			assert_int_equal(choice.pool == scene->tables[1], rows[i].in);
		}
		unbring(&rules);
		scene_free(scene);
	}
}

/* S4: within the scope of an IPv6 client no address is decided as IPv4 and differently. */
static void
the_scope_of_ipv6_leaves_out_what_carries_ipv4(void **state)
{
	static const char *const natives[] = {
	    "2001:db8::", "2003::", "2600::", "2a00::", "::1:0:0:0", "fe80::"};
	struct scene *scene = scene_new(2, 2);
	struct brought rules = {0};
	const char *conditions[] = {"false", "ip.src in {10.0.0.0/8}"};

	(void)state;
	settle(scene);
	bring(scene, &rules, true, 2, conditions);
	for (size_t i = 0; i < NITEMS(natives); i++) {
		struct steer_client client = who(natives[i], 64), covered;
		unsigned scope = ask(scene, &client, TABLE_V4, 1).scope;

		covered = who("2002:a01:200::", 40);
		assert_ptr_not_equal(
		    ask(scene, &covered, TABLE_V4, 1).pool, ask(scene, &client, TABLE_V4, 1).pool);
		for (unsigned which = 0; which < 2; which++) {
			struct address one, native = client.ecs;

			assert_true(address_from_text(&one, which ? "2002:a01:200::" : "::ffff:10.1.2.0"));
			steer_truncate(&one, scope);
			steer_truncate(&native, scope);
			assert_memory_not_equal(&one, &native, sizeof one);
		}
	}
	unbring(&rules);
	scene_free(scene);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_address_within_ipv6_is_the_ipv4_that_it_carries),
	    cmocka_unit_test(it_goes_where_that_goes_with_the_scope_behind_what_stood_before),
	    cmocka_unit_test(conditions_compare_the_ipv4),
	    cmocka_unit_test(the_scope_of_ipv6_leaves_out_what_carries_ipv4),
	};

	return cmocka_run_group_tests_name("covered", tests, NULL, NULL);
}
