/* Data of records: presentation form in, octets out, and back.  tests/dns/rdata_peers asks named for the
 * same. */
#include "zones/dns/name.h"
#include "zones/zonefile/zonefile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* A text, its octets in hex, and the text that is exported ("" if it is the same).  Refused: hex is NULL,
 * back the reason. */
struct row {
	const char *type, *text, *hex, *back;
};

static char *
hex_of(const uint8_t *octets, size_t len)
{
	char *hex = xcalloc(1, 2 * len + 1);

	for (size_t i = 0; i < len; i++)
		sprintf(hex + 2 * i, "%02x", octets[i]);
	return hex;
}

static void
assert_text(uint16_t type, const uint8_t *rdata, size_t len, const char *want)
{
	char *text;
	size_t text_len;
	FILE *out = open_memstream(&text, &text_len);

	zonefile_write_rdata(out, type, rdata, len);
	fclose(out);
	assert_string_equal(text, want);
	free(text);
}

static void
assert_row(const struct row *row)
{
	static uint8_t rdata[65535];
	uint8_t origin[NAME_MAX_LEN];
	struct problems problems = {0};
	uint16_t type = zonefile_type(row->type);
	size_t len;

	assert_int_not_equal(type, 0);
	name_from_text(origin, "example.com.", NULL);
	if (zonefile_rdata(type, row->text, origin, rdata, &len, &problems)) {
		char *hex = hex_of(rdata, len);

		if (row->hex == NULL)
			fail_msg("%s %s is taken as %s", row->type, row->text, hex);
		assert_string_equal(hex, row->hex);
		assert_text(type, rdata, len, *row->back ? row->back : row->text);
		free(hex);
	} else {
		if (row->hex != NULL)
			fail_msg("%s %s: %s", row->type, row->text, problems.items[0].text);
		if (strstr(problems.items[0].text, row->back) == NULL)
			assert_string_equal(problems.items[0].text, row->back);
	}
	problems_free(&problems);
}

#define ASSERT_ROWS(rows) \
	for (size_t row_at = 0; row_at < NITEMS(rows); row_at++) \
	assert_row(&(rows)[row_at])

#define GW \
	"02677707" \
	"6578616d706c65" \
	"03636f6d00" /* gw.example.com. */

static void
each_angle_of_loc_has_its_own_minutes_and_seconds(void **state)
{
	static const struct row rows[] = {
	    {"LOC", "52 22 23 N 4 53 E -2m", "001216138b3cf018810c3fe0009895b8",
		"52 22 23.000 N 4 53 0.000 E -2.00m 1m 10000m 10m"},
	    {"LOC", "42 21 54 N 71 06 18 W -24m 30m",
		"00331613"
		"89172dd0"
		"70be15f0"
		"00988d20",
		"42 21 54.000 N 71 6 18.000 W -24.00m 30m 10000m 10m"},
	    {"LOC", "1 S 2 W 0",
		"00121613"
		"7fc91180"
		"7f922300"
		"00989680",
		"1 0 0.000 S 2 0 0.000 W 0.00m 1m 10000m 10m"},
	    {"LOC", "90 N 180 W -100000.00",
		"00121613"
		"934fd900"
		"59604e00"
		"00000000",
		"90 0 0.000 N 180 0 0.000 W -100000.00m 1m 10000m 10m"},
	    {"LOC", "0 0 59.999 S 0 0 0.5 E 42849672.95m 0 0.05 90000000",
		"000050"
		"99"
		"7fff15a1"
		"800001f4"
		"ffffffff",
		"0 0 59.999 S 0 0 0.500 E 42849672.95m 0m 0.05m 90000000m"},
	    {"LOC", "91 N 0 E 0", NULL, "91 is not a whole number from 0 to 90"},
	    {"LOC", "90 0 0.001 N 0 E 0", NULL, "an angle has more than 90 degrees"},
	    {"LOC", "0 N 181 E 0", NULL, "181 is not a whole number from 0 to 180"},
	    {"LOC", "0 60 N 0 E 0", NULL, "60 is not a whole number from 0 to 59"},
	    {"LOC", "0 0 60 N 0 E 0", NULL, "60 is not a number of seconds from 0 to 59.999"},
	    {"LOC", "0 0 1.2345 N 0 E 0", NULL, "1.2345 is not a number of seconds"},
	    {"LOC", "0 N 0 E -100001m", NULL, "-100001m is not an altitude from -100000.00m to 42849672.95m"},
	    {"LOC", "0 N 0 E 42849672.96", NULL, "is not an altitude"},
	    {"LOC", "0 N 0 E 0 90000001m", NULL, "90000001m is not a size"},
	    {"LOC", "0 N 0 N 0", NULL, "N is not a whole number"},
	    {"LOC", "0 N 0 E", NULL, "too few fields"},
	    {"LOC", "0 N 0 E 0 1 1 1 1", NULL, "too many fields"},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void
a_gateway_is_completed_and_its_numbers_fit(void **state)
{
	static const struct row rows[] = {
	    {"IPSECKEY", "10 3 2 gw AQNR U3mG", "0a0302" GW "010351537986",
		"10 3 2 gw.example.com. AQNRU3mG"},
	    {"IPSECKEY", "10 3 2 @ AQ==", "0a0302076578616d706c6503636f6d0001", "10 3 2 example.com. AQ=="},
	    {"IPSECKEY", "255 1 0 192.0.2.1", "ff0100c0000201", ""},
	    {"IPSECKEY", "0 2 1 2001:db8::1 AQ==", "00020120010db800000000000000000000000101", ""},
	    {"IPSECKEY", "0 0 1 . AQ==", "00000101", ""},
	    {"IPSECKEY", "256 0 1 . AQ==", NULL, "256 is not a whole number from 0 to 255"},
	    {"IPSECKEY", "1 4 1 . AQ==", NULL, "4 is not a whole number from 0 to 3"},
	    {"IPSECKEY", "1 0 1 gw AQ==", NULL, "a gateway of type 0 is written as a dot"},
	    {"IPSECKEY", "1 1 1 gw AQ==", NULL, "gw is not an IPv4 address"},
	    {"IPSECKEY", "1 0 1 . AQ", NULL, "the base64 is incomplete"},
	    {"AMTRELAY", "10 0 3 gw", "0a03" GW, "10 0 3 gw.example.com."},
	    {"AMTRELAY", "10 1 1 192.0.2.1", "0a81c0000201", ""},
	    {"AMTRELAY", "0 0 0 .", "0000", ""},
	    {"AMTRELAY", "0 2 0 .", NULL, "2 is not a whole number from 0 to 1"},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

/* RFC 9460 D.2; the first is D.1. */
static void
the_vectors_of_rfc_9460_are_right_on_the_wire(void **state)
{
	static const struct row rows[] = {
	    {"HTTPS", "0 foo.example.com.", "000003666f6f076578616d706c6503636f6d00", ""},
	    {"SVCB", "1 .", "000100", ""},
	    {"SVCB", "16 foo.example.com. port=53", "001003666f6f076578616d706c6503636f6d00000300020035", ""},
	    {"SVCB", "1 foo.example.com. key667=hello",
		"000103666f6f076578616d706c6503636f6d00029b000568656c6c6f",
		"1 foo.example.com. key667=\"hello\""},
	    {"SVCB", "1 foo.example.com. key667=\"hello\\210qoo\"",
		"000103666f6f076578616d706c6503636f6d00029b000968656c6c6fd2716f6f", ""},
	    {"SVCB", "1 foo.example.com. ipv6hint=\"2001:db8::1,2001:db8::53:1\"",
		"000103666f6f076578616d706c6503636f6d000006002020010db800000000000000000000000120010db8000000"
		"000000"
		"000000530001",
		"1 foo.example.com. ipv6hint=2001:db8::1,2001:db8::53:1"},
	    {"SVCB", "1 example.com. ipv6hint=\"2001:db8:122:344::192.0.2.33\"",
		"0001076578616d706c6503636f6d000006001020010db8012203440000"
		"0000c0000221",
		"1 example.com. ipv6hint=2001:db8:122:344::c000:221"},
	    {"SVCB", "16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1",
		"001003666f6f076578616d706c65036f7267000000000400010004000100090268320568332d313900040004c000"
		"0201",
		"16 foo.example.org. mandatory=alpn,ipv4hint alpn=h2,h3-19 ipv4hint=192.0.2.1"},
	    {"SVCB", "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
		"001003666f6f076578616d706c65036f7267000001000c08665c6f6f2c626172026832", ""},
	    {"SVCB", "16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2",
		"001003666f6f076578616d706c65036f7267000001000c08665c6f6f2c626172026832",
		"16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\""},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void
parameters_that_rfc_9460_forbids_are_refused(void **state)
{
	static const struct row rows[] = {
	    {"SVCB", "1 . key123=abc key123=def", NULL, "duplicate key key123"},
	    {"SVCB", "1 . mandatory", NULL, "mandatory needs a value"},
	    {"SVCB", "1 . alpn", NULL, "alpn needs a value"},
	    {"SVCB", "1 . port", NULL, "port needs a value"},
	    {"SVCB", "1 . ipv4hint", NULL, "ipv4hint needs a value"},
	    {"SVCB", "1 . ipv6hint=", NULL, "ipv6hint needs a value"},
	    {"SVCB", "1 . ech", NULL, "ech needs a value"},
	    {"SVCB", "1 . no-default-alpn=abc alpn=h2", NULL, "no-default-alpn must not have a value"},
	    {"SVCB", "1 . no-default-alpn", NULL, "is only valid together with alpn"},
	    {"SVCB", "1 . no-default-alpn alpn=h2", "0001000001000302683200020000",
		"1 . alpn=h2 no-default-alpn"},
	    {"SVCB", "1 . mandatory=key123", NULL, "mandatory lists key123, which is missing"},
	    {"SVCB", "1 . mandatory=mandatory", NULL, "mandatory must not list itself"},
	    {"SVCB", "1 . mandatory=key123,key123 key123=abc", NULL, "lists a key twice"},
	    {"SVCB", "1 . port=65536", NULL, "65536 is not a whole number from 0 to 65535"},
	    {"SVCB", "1 . port=-1", NULL, "not a whole number"},
	    {"SVCB", "1 . ech=AAA", NULL, "the base64 is incomplete"},
	    {"SVCB", "1 . ech=AAAA", NULL, "is not a list of ECH configurations"},
	    {"SVCB", "1 . ech=AAj+DQAEAQIDBA==",
		"000100000500"
		"0a0008fe0d000401020304",
		""},
	    {"SVCB", "1 . ipv4hint=192.0.2", NULL, "\"192.0.2\" is not an address"},
	    {"SVCB", "1 . ipv4hint=192.0.2.1,", NULL, "\"\" is not an address"},
	    {"SVCB", "1 . alpn=h2,,h3", NULL, "a protocol has 1 to 255 octets"},
	    {"SVCB", "1 . alpn=\"a\\\\b\"", NULL, "write a backslash only before a comma or a backslash"},
	    {"SVCB", "1 . key065=x", NULL, "\"key065\" is not a key"},
	    {"SVCB", "1 . key65535=x", NULL, "\"key65535\" is not a key"},
	    {"SVCB", "1 . frob=x", NULL, "\"frob\" is not a key"},
	    {"SVCB", "1 . alpn=\"h2\"x", NULL, "put a blank after a quoted value"},
	    {"SVCB", "65536 .", NULL, "65536 is not a whole number"},
	    {"SVCB", "1 . key3=abc", NULL, "port is not a port"},
	    {"SVCB", "1 . dohpath=/q", NULL, "is not a path with {?dns}"},
	    {"SVCB", "1 . dohpath=/q{?dns}",
		"0001000007"
		"0008"
		"2f717b3f646e737d",
		"1 . key7=\"/q{?dns}\""},
	    {"SVCB", "1 . ohttp", "00010000080000", "1 . key8"},
	    {"SVCB",
		"\\# 15 0001000003000200500003000200"
		"50",
		NULL, "in the shape of the type"},
	    {"HTTPS", "\\# 9 000100000300020050", "000100000300020050", "1 . port=80"},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void
numbers_that_do_not_fit_are_refused(void **state)
{
	static const struct row rows[] = {
	    {"SOA", "a. b. 4294967295 1 1h 1d 4294967295",
		"016100016200ffffffff0000000100000e1000015180ffffffff",
		"a. b. 4294967295 1 3600 86400 4294967295"},
	    {"SOA", "a. b. 4294967296 1 1 1 1", NULL, "4294967296 is not a whole number"},
	    {"SOA", "a. b. 1 4294967296 1 1 1", NULL, "4294967296 is not a time"},
	    {"SOA", "a. b. 1 1 99999w 1 1", NULL, "99999w is not a time"},
	    {"SOA", "a. b. 1 1 1 1 7101w3d7h", NULL, "is not a time"},
	    {"WKS", "192.0.2.1 256 80", NULL, "256 is not a whole number from 0 to 255"},
	    {"WKS", "192.0.2.1 6 65536", NULL, "65536 is neither a port"},
	    {"WKS", "192.0.2.1 tcp 25 80", "c0000201060000004000000000000080", "192.0.2.1 6 25 80"},
	    {"WKS", "192.0.2.1 17", "c000020111", ""},
	    {"APL", "1:192.0.2.0/33", NULL, "a prefix over 32 bits"},
	    {"APL", "2:::/129", NULL, "a prefix over 128 bits"},
	    {"APL", "3:192.0.2.0/24", NULL, "of family 1 (IPv4) or 2 (IPv6)"},
	    {"APL", "1:192.0.2.0/24 !2:2001:db8::/32", "00011803c000020002208420010db8", ""},
	    {"APL", "", "", ""},
	    {"CSYNC", "66 3", "000000420003", ""},
	    {"CSYNC", "66 3 A NS AAAA TYPE257",
		"0000004200030004600000080101"
		"40",
		"66 3 A NS AAAA CAA"},
	    {"CSYNC", "4294967296 3 A", NULL, "4294967296 is not a whole number"},
	    {"CERT", "1 1 -1 AAAA", NULL, "a number is invalid or too large"},
	    {"CERT", "65536 1 1 AAAA", NULL, "a number is invalid or too large"},
	    {"MX", "65536 a.", NULL, "a number is invalid or too large"},
	    {"MX", "-1 a.", NULL, "a number is invalid or too large"},
	    {"TLSA", "256 1 1 ab", NULL, "a number is invalid or too large"},
	    {"NAPTR", "65536 1 \"\" \"\" \"\" .", NULL, "a number is invalid or too large"},
	    {"L64", "65536 1:2:3:4", NULL, "a number is invalid or too large"},
	    {"HIP", "2 200100107B1A74DF AQID rvs rvs2.example.net.",
		"08020003"
		"200100107b1a74df"
		"010203"
		"03727673076578616d706c6503636f6d00"
		"0472767332076578616d706c65036e657400",
		"2 200100107b1a74df AQID rvs.example.com. rvs2.example.net."},
	    {"HIP", "256 2001 AQID", NULL, "256 is not a whole number from 0 to 255"},
	    {"CAA", "256 issue x", NULL, "256 is not a whole number"},
	    {"DS", "1 8 2 ab", NULL, "a digest of this kind must have 32 octets; this one has 1"},
	    {"CDS", "0 0 0 00", "0000000000", ""},
	    {"SSHFP", "1 1 abcd", NULL, "a digest of this kind must have 20 octets; this one has 2"},
	    {"ZONEMD", "1 1 1 abcd", NULL, "a digest of this kind must have 48 octets; this one has 2"},
	    {"TA", "1 8 1 abcd", NULL, "a digest of this kind must have 20 octets; this one has 2"},
	    {"IPN", "18446744073709551616", NULL, "is not a 64-bit number"},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

static void
words_and_quotes_are_read_as_bind_and_nsd_read_them(void **state)
{
	static const struct row rows[] = {
	    {"CAA", "0 issue ca.example.net", "0005697373756563612e6578616d706c652e6e6574",
		"0 issue \"ca.example.net\""},
	    {"CAA", "128 tbs \"\"", "8003746273", ""},
	    {"CAA", "0 is-sue x", NULL, "the tag must consist of letters and digits"},
	    {"CAA", "0 issue ca.example.net policy=ev", NULL, "too many fields"},
	    {"TXT", "google-site-verification=\"abc\"",
		"19676f6f676c652d736974652d766572696669636174696f6e3d03616263",
		"\"google-site-verification=\" \"abc\""},
	    {"TXT", "a\"b c\"d",
		"0161"
		"03622063"
		"0164",
		"\"a\" \"b c\" \"d\""},
	    {"TXT", "C:\\dir", NULL, "\"\\d\" would be only \"d\": write \"\\\\\" for a backslash"},
	    {"TXT", "\"C:\\dir\"", NULL, "\"\\d\" would be only \"d\""},
	    {"TXT", "C:\\\\dir", "06433a5c646972", "\"C:\\\\dir\""},
	    {"HINFO", "PC\"Linux\"",
		"0250"
		"43054c696e7578",
		"\"PC\" \"Linux\""},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

/* https://www.iana.org/assignments/dns-parameters (types), those that ldns 1.8.3 does not know or reads
 * otherwise. */
static void
types_of_the_registry_go_by_name(void **state)
{
	static const struct row rows[] = {
	    {"NSAP-PTR", "a", "0161076578616d706c6503636f6d00", "a.example.com."},
	    {"SINK", "1 2 3 AQID", "010203010203", ""},
	    {"NINFO", "\"a\" \"b\"", "01610162", ""},
	    {"RKEY", "0 1 1 AQID", "00000101010203", ""},
	    {"DSYNC", "CDS NOTIFY 5359 a.", "003b0114ef016100", ""},
	    {"DSYNC", "TYPE65280 7 1 a.", "ff00070001016100", ""},
	    {"HHIT", "AQID", "010203", ""},
	    {"BRID", "AQID", "010203", ""},
	    {"AVC", "\"app\"", "03617070", ""},
	    {"DOA", "0 1 2 \"image/gif\" AQID",
		"00000000"
		"00000001"
		"0209696d6167652f676966010203",
		""},
	    {"DOA", "1 2 3 \"\" -", "00000001000000020300", ""},
	    {"RESINFO", "qnamemin exterr=15-17", "08716e616d656d696e0c6578746572723d31352d3137",
		"\"qnamemin\" \"exterr=15-17\""},
	    {"WALLET", "BTC abc", "0342544303616263", "\"BTC\" \"abc\""},
	    {"CLA", "\"TCP-v4-v6\"", "095443502d76342d7636", ""},
	    {"IPN", "977000.100", "000ee86800000064", "4196183048192100"},
	    {"TA", "1 2 9 ABcd", "00010209abcd", "1 2 9 abcd"},
	    {"UID", "\\# 2 abcd", "abcd", "\\# 2 abcd"},
	    {"UID", "1", NULL, "write it as \\# LENGTH HEX"},
	};

	(void)state;
	ASSERT_ROWS(rows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_angle_of_loc_has_its_own_minutes_and_seconds),
	    cmocka_unit_test(a_gateway_is_completed_and_its_numbers_fit),
	    cmocka_unit_test(the_vectors_of_rfc_9460_are_right_on_the_wire),
	    cmocka_unit_test(parameters_that_rfc_9460_forbids_are_refused),
	    cmocka_unit_test(numbers_that_do_not_fit_are_refused),
	    cmocka_unit_test(words_and_quotes_are_read_as_bind_and_nsd_read_them),
	    cmocka_unit_test(types_of_the_registry_go_by_name),
	};

	return cmocka_run_group_tests_name("rdata", tests, NULL, NULL);
}
