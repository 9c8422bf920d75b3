/* Databases of MaxMind's format that are damaged: refused or read, but never a crash and never without end.
 */
#include "zones/geo/geo.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROUNDS = 3000 };

static char path[] = "/tmp/graycloud-geo-XXXXXX";

static void
write_file(const uint8_t *octets, size_t len)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(octets, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* A sound database by the writer of the other tests. */
static uint8_t *
sound(size_t *len)
{
	static const char script[] =
	    "MMDB::write($ARGV[0], map { ($_ => {country => {iso_code => /^1|:3:/ ? q(US) : q(DE)}, "
	    "subdivisions => "
	    "[{iso_code => q(CA)}], location => {latitude => 37.5, longitude => -122.25}}) } qw(10.0.0.0/8 "
	    "10.1.0.0/16 "
	    "192.0.2.0/24 2001:db8::/32 2001:db8:1:2:8000::/66 1234::/16 2001:db8:1:3:8000::/65 "
	    "1234:0:0:5:4000::/66))";
	char *command;
	uint8_t *octets = malloc(1 << 20);
	FILE *file;

	assert_true(asprintf(&command, "perl -Itests/lib -MMMDB -e '%s' %s", script, path) > 0);
	assert_int_equal(system(command), 0);
	free(command);
	file = fopen(path, "re");
	assert_non_null(file);
	*len = fread(octets, 1, 1 << 20, file);
	assert_true(*len > 100);
	fclose(file);
	return octets;
}

/* Open the file and look up addresses of both families; returns whether it was accepted. */
static bool
try(void)
{
	static const char *const addresses[] = {"10.1.2.3", "192.0.2.1", "255.255.255.255", "0.0.0.0",
	    "2001:db8::1", "::ffff:10.1.2.3", "2002:a01:203::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	    "::"};
	struct problems problems = {0};
	struct geo *geo = geo_open((const char *[]){path}, 1, &problems);
	struct geo_found found;
	bool taken = geo != NULL;

	assert_true((geo == NULL) == (problems.errors > 0));
	for (size_t i = 0; geo != NULL && i < NITEMS(addresses); i++) {
		struct address address;

		assert_true(address_from_text(&address, addresses[i]));
		geo_find(geo, &address, &found);
		assert_true(
		    found.area_prefix <= 64 && found.place_prefix <= 64 && found.region < REGION_COUNT);
	}
	problems_free(&problems);
	geo_free(geo);
	return taken;
}

static void
the_first_half_of_a_slash_64_speaks_for_all(void **state)
{
	struct problems problems = {0};
	struct geo_found found;
	struct address address;
	struct geo *geo;
	size_t len;

	(void)state;
	free(sound(&len));
	geo = geo_open((const char *[]){path}, 1, &problems);
	assert_non_null(geo);
	assert_true(address_from_text(&address, "2001:db8:1:3::"));
	assert_true(geo_find(geo, &address, &found));
	assert_string_equal(found.country, "DE");
	assert_true(address_from_text(&address, "2001:db8:1:4::"));
	assert_true(geo_find(geo, &address, &found));
	assert_string_equal(found.country, "DE");
	assert_true(address_from_text(&address, "1234:0:0:5::"));
	assert_true(geo_find(geo, &address, &found));
	assert_string_equal(found.country, "US");
	geo_free(geo);
	problems_free(&problems);
}

/* Two databases, of places and of networks; S4 by brute force over /16s, /24s and /32s. */
static void
networks_come_from_a_database_of_their_own(void **state)
{
	static const char script[] = "MMDB::write($ARGV[0], q(10.0.0.0/8), {autonomous_system_number => "
				     "\\q(32 64500)}, q(10.1.0.0/16), "
				     "{autonomous_system_number => \\q(16 174)}, q(10.1.7.0/25), "
				     "{autonomous_system_organization => q(X)}, "
				     "q(2001:db8::/32), {autonomous_system_number => \\q(32 4200000000)})";
	static const struct {
		const char *address;
		uint32_t network;
		unsigned prefix;
	} rows[] = {{"10.0.0.1", 64500, 16}, {"10.2.0.1", 64500, 15}, {"10.1.0.1", 174, 22},
	    {"10.1.7.1", 0, 25}, {"10.1.7.200", 174, 25}, {"11.0.0.0", 0, 8}, {"192.0.2.1", 0, 1},
	    {"2001:db8::1", 4200000000, 32}, {"2001:db9::1", 0, 32}, {"::1", 0, 3}};
	char networks[] = "/tmp/graycloud-networks-XXXXXX", *command;
	struct problems problems = {0};
	struct geo_found found;
	struct address address;
	struct geo *geo;
	uint8_t prefix;
	size_t len;

	(void)state;
	free(sound(&len));
	close(mkstemp(networks));
	assert_true(asprintf(&command, "perl -Itests/lib -MMMDB -e '%s' %s", script, networks) > 0);
	assert_int_equal(system(command), 0);
	free(command);
	geo = geo_open((const char *[]){networks, path}, 2, &problems);
	unlink(networks);
	assert_non_null(geo);
	for (size_t i = 0; i < NITEMS(rows); i++) {
		assert_true(address_from_text(&address, rows[i].address));
		assert_int_equal(geo_find_network(geo, &address, &prefix), rows[i].network);
		if (prefix != rows[i].prefix)
			fail_msg("%s: /%u, not /%u", rows[i].address, prefix, rows[i].prefix);
	}
	assert_true(address_from_text(&address, "10.1.7.1"));
	assert_true(geo_find(geo, &address, &found));
	assert_string_equal(found.country, "US");
	geo_free(geo);
}

static void
damage_never_kills(void **state)
{
	size_t len;
	uint8_t *octets = sound(&len), *damaged = malloc(len);
	uint64_t seed = 1;

	(void)state;
	assert_true(try());
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned flips = (unsigned)(mix64(seed++) % 4) + 1;
		size_t end = round % 3 == 0 ? mix64(seed++) % len : len;

		memcpy(damaged, octets, len);
		for (unsigned i = 0; i < flips; i++) {
			uint64_t chance = mix64(seed++);

			damaged[(chance >> 8) % len] ^= (uint8_t)(1 << (chance & 7));
		}
		write_file(damaged, end);
		try();
	}
	free(octets);
	free(damaged);
}

static void
for_ever(int signal)
{
	static const char text[] = "the reading of a damaged database does not end\n";

	(void)signal;
	_exit(write(STDERR_FILENO, text, sizeof text - 1) < 0 ? 2 : 1);
}

/* Each node's both halves are the next node: no circle, but 2^100 ways through the tree. */
static void
nodes_that_are_met_again_are_damage(void **state)
{
	size_t len, tree;
	uint8_t *octets = sound(&len);

	(void)state;
	/* The nodes lie first, 8 octets each, up to 16 zero octets. */
	for (tree = 0; tree < 100; tree++) {
		put32(octets + tree * 8, (uint32_t)tree + 1);
		put32(octets + tree * 8 + 4, (uint32_t)tree + 1);
	}
	write_file(octets, len);
	signal(SIGALRM, for_ever);
	alarm(20);
	assert_false(try());
	alarm(0);
	free(octets);
}

/* The tree has a leaf above ::/96, under which IPv4 would hang. */
static void
a_leaf_above_IPv4_speaks_for_all_of_it(void **state)
{
	struct address address;
	struct problems problems = {0};
	struct geo_found found;
	struct geo *geo;
	char *command;

	(void)state;
	assert_true(asprintf(&command,
			"perl -Itests/lib -MMMDB -e 'MMDB::write($ARGV[0], q(::/20) => {country => {iso_code "
			"=> q(DE)}}, "
			"q(2001:db8::/32) => {country => {iso_code => q(US)}})' %s",
			path) > 0);
	assert_int_equal(system(command), 0);
	free(command);
	geo = geo_open((const char *[]){path}, 1, &problems);
	assert_non_null(geo);
	assert_true(address_from_text(&address, "192.0.2.1"));
	assert_true(geo_find(geo, &address, &found));
	assert_string_equal(found.country, "DE");
	assert_int_equal(found.area_prefix, 0);
	geo_free(geo);
	problems_free(&problems);
}

static int
begin(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd) < 0;
}

static int
end(void **state)
{
	(void)state;
	return unlink(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_first_half_of_a_slash_64_speaks_for_all),
	    cmocka_unit_test(networks_come_from_a_database_of_their_own),
	    cmocka_unit_test(a_leaf_above_IPv4_speaks_for_all_of_it),
	    cmocka_unit_test(damage_never_kills),
	    cmocka_unit_test(nodes_that_are_met_again_are_damage),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, begin, end);
}
