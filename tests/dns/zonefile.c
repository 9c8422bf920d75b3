/* Master files: text in, rows or sentences out. */
#include "zones/zonefile/zonefile.h"
#include "zones/dns/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SOA "@ 60 SOA ns h 1 2 3 4 5\n"
#define SOA_OUT "example.com.\t60\tIN\tSOA\tns.example.com. h.example.com. 1 2 3 4 5\n"
#define NS "@ 60 NS ns.example.net.\n"
#define NS_OUT "example.com.\t60\tIN\tNS\tns.example.net.\n"

#define DIGEST "abababababababababababababababababababababababababababababababab"

static const uint8_t *
example_com(void)
{
	static uint8_t name[NAME_MAX_LEN];

	name_from_text(name, "example.com.", NULL);
	return name;
}

/* The rows as text, or all messages; freed by the caller. */
static char *
read_from(const char *path, const char *text, const uint8_t *apex, bool unsigned_ok, bool said)
{
	struct problems problems = {0};
	struct zone_data data;
	char *out = NULL;
	size_t len;
	FILE *file = open_memstream(&out, &len);
	bool ok = zonefile_read(path, text, apex, unsigned_ok, &data, &problems);

	assert_int_equal(ok, problems.errors == 0);
	if (!ok)
		assert_int_equal(data.count, 0);
	for (size_t i = 0; i < problems.count && said; i++)
		fprintf(file, "%s%s\n", problems.items[i].severity == PROBLEM_WARNING ? "warning: " : "",
		    problems.items[i].text);
	for (size_t i = 0; i < data.count && !said; i++) {
		const struct zone_row *row = &data.rows[i];
		uint8_t owner[2 * NAME_MAX_LEN];
		struct rrset rrset;
		int relative = name_from_key(owner, row->key, row->key_len - 2);

		assert_true(relative >= 0);
		memcpy(owner + relative, data.apex, name_len(data.apex));
		assert_true(
		    rrset_decode(&rrset, get16(row->key + row->key_len - 2), row->value, row->value_len));
		assert_true(zonefile_write(file, owner, &rrset));
		if (i > 0) {
			const struct zone_row *before = row - 1;
			int order = memcmp(before->key, row->key, MIN(before->key_len, row->key_len));

			assert_true(order < 0 || (order == 0 && before->key_len < row->key_len));
		}
	}
	fclose(file);
	zone_data_free(&data);
	problems_free(&problems);
	return out;
}

static void
assert_rows(const char *text, const char *want)
{
	char *got = read_from("z", text, example_com(), false, false);

	assert_string_equal(got, want);
	free(got);
}

static void
assert_said(const char *text, const char *want)
{
	char *got = read_from("z", text, example_com(), false, true);

	assert_string_equal(got, want);
	free(got);
}

static void
names_are_completed_by_the_origin(void **state)
{
	(void)state;
	assert_rows(SOA NS "www 60 A 192.0.2.1\n$ORIGIN sub\nwww 60 CNAME @\n$ORIGIN "
			   "example.com.\nx.example.com. 60 MX 1 .\n",
	    NS_OUT SOA_OUT "www.sub.example.com.\t60\tIN\tCNAME\tsub.example.com.\n"
			   "www.example.com.\t60\tIN\tA\t192.0.2.1\nx.example.com.\t60\tIN\tMX\t1 .\n");
}

static void
a_line_may_span_parentheses_comments_and_quotes(void **state)
{
	(void)state;
	assert_rows("@ 60 IN SOA ns ( ; a comment with ) and \"\n h 1\r\n 2 3 ) (4\n\n5)\n" NS
		    "t 60 TXT \"a;b(c\" plain\\;x (\n \"d\\\"e\" )\n \t ; nothing\n\ns\t60\tTXT\ta\"b c\"\n",
	    NS_OUT SOA_OUT "s.example.com.\t60\tIN\tTXT\t\"a\" \"b c\"\n"
			   "t.example.com.\t60\tIN\tTXT\t\"a;b(c\" \"plain;x\" \"d\\\"e\"\n");
}

static void
a_leading_blank_means_the_owner_before(void **state)
{
	(void)state;
	assert_rows(SOA "  60 NS ns.example.net.\na 60 A 192.0.2.1\n\t60 IN AAAA 2001:db8::1\n",
	    NS_OUT SOA_OUT
	    "a.example.com.\t60\tIN\tA\t192.0.2.1\na.example.com.\t60\tIN\tAAAA\t2001:db8::1\n");
	assert_said(" 60 A 192.0.2.1\n" SOA NS,
	    "z:1: the line begins with a blank, which means the owner of the previous record, but there is "
	    "no previous record\n");
}

static void
ttl_and_class_come_in_either_order(void **state)
{
	(void)state;
	assert_rows("$TTL 1h\n@ IN 60 SOA ns h 1 2 3 4 5\n@ 60 in NS ns.example.net.\na 1D2h A 192.0.2.1\nb "
		    "CLASS1 A 192.0.2.1\n",
	    NS_OUT SOA_OUT
	    "a.example.com.\t93600\tIN\tA\t192.0.2.1\nb.example.com.\t3600\tIN\tA\t192.0.2.1\n");
}

static void
a_missing_ttl_is_the_default_or_the_last_and_the_soas_minimum_is_a_default(void **state)
{
	(void)state;
	assert_rows("@ SOA ns h 1 2 3 4 60\na A 192.0.2.1\nb 7 A 192.0.2.1\nc A 192.0.2.1\n$TTL 9\nd A "
		    "192.0.2.1\n@ 60 NS a\n",
	    "example.com.\t60\tIN\tNS\ta.example.com.\nexample.com.\t60\tIN\tSOA\tns.example.com. "
	    "h.example.com. 1 2 3 4 60\n"
	    "a.example.com.\t60\tIN\tA\t192.0.2.1\nb.example.com.\t7\tIN\tA\t192.0.2.1\nc.example.com."
	    "\t60\tIN\tA\t192.0.2.1\n"
	    "d.example.com.\t9\tIN\tA\t192.0.2.1\n");
	assert_said("a A 192.0.2.1\n" SOA NS,
	    "z:1: the record has no TTL, and no record before it has one: add a line \"$TTL 3600\"\n");
	assert_said(SOA NS "a 2147483648 A 192.0.2.1\n",
	    "z:3: TTL 2147483648 is above 2147483647 seconds (RFC 2181 8)\n");
}

static void
unknown_types_are_read_and_written(void **state)
{
	(void)state;
	assert_rows(SOA NS "a 60 TYPE65280 \\# 3 ab cdEF\nb 60 TYPE1 \\# 4 C0000201\nc 60 TYPE65281 \\# 0\nd "
			   "60 A \\# 4 c0000201\n",
	    NS_OUT SOA_OUT
	    "a.example.com.\t60\tIN\tTYPE65280\t\\# 3 abcdef\nb.example.com.\t60\tIN\tA\t192.0.2.1\n"
	    "c.example.com.\t60\tIN\tTYPE65281\t\\# 0\nd.example.com.\t60\tIN\tA\t192.0.2.1\n");
	assert_said(SOA NS "a 60 A \\# 3 c00002\nb 60 TYPE65280 \\# 2 abc\nc 60 MX \\# 4 0001c00c\n"
			   "d 60 TYPE65280 10\n",
	    "z:3: A: \\# needs the length and as many octets in hex, in the shape of the type\n"
	    "z:4: TYPE65280: \\# needs the length and as many octets in hex, in the shape of the type\n"
	    "z:5: MX: \\# needs the length and as many octets in hex, in the shape of the type\n"
	    "z:6: TYPE65280 is an unknown type: write its data as \\# LENGTH HEX (RFC 3597)\n");
}

static void
every_type_comes_back_as_it_went_in(void **state)
{
	static const char *const lines[] = {"A\t192.0.2.1", "AAAA\t2001:db8::1", "AFSDB\t1 a.example.com.",
	    "APL\t1:192.168.32.0/21 !1:192.168.38.0/28", "CAA\t0 issue \"ca.example.net; policy=ev\"",
	    "CERT\tPKIX 1 1 abcd", "CNAME\tb.example.com.", "DNAME\tb.example.net.", "DS\t1 8 2 " DIGEST,
	    "EUI48\t00-00-5e-00-53-2a", "HINFO\t\"a b\" \"c\"",
	    "HTTPS\t1 . alpn=h2,h3 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1",
	    "LOC\t51 56 0.123 N 5 54 0.000 E 4.00m 1m 10000m 10m", "MX\t10 mail.example.com.",
	    "NAPTR\t100 50 \"s\" \"http+I2R\" \"!^.*$!x\\\"!\" _http._tcp.example.com.",
	    "OPENPGPKEY\tAAAABBBB", "PTR\tx.example.com.", "RP\ta.example.com. b.example.com.",
	    "SRV\t0 0 5 x.example.com.", "SSHFP\t1 2 " DIGEST, "SVCB\t0 x.example.com.", "TLSA\t3 1 1 abcdef",
	    "TXT\t\"a\\\\b\\\"c\" \"\" \"\\001\\255\"", "URI\t10 1 \"ftp://a/b\"",
	    "NS\ta\\.b\\\\c\\032d.example.net."};

	(void)state;
	for (size_t i = 0; i < NITEMS(lines); i++) {
		char *text = xasprintf(SOA NS "o 60 IN %s\n", lines[i]);
		char *want = xasprintf(NS_OUT SOA_OUT "o.example.com.\t60\tIN\t%s\n", lines[i]);

		assert_rows(text, want);
		free(want);
		free(text);
	}
}

static void
escapes_stand_for_any_octet(void **state)
{
	(void)state;
	assert_rows(SOA NS "a\\.b\\046c\\\\ 60 TXT \\065\\\"\\$ \"\\\\\" caf\303\251\n",
	    NS_OUT SOA_OUT
	    "a\\.b\\.c\\\\.example.com.\t60\tIN\tTXT\t\"A\\\"$\" \"\\\\\" \"caf\\195\\169\"\n");
	assert_said(SOA NS "a 60 TXT \\25\nb 60 TXT \\256\nc 60 TXT \"x\n",
	    "z:3: an escape \\DDD needs three digits from 000 to 255\nz:4: an escape \\DDD needs three "
	    "digits from 000 to 255\n"
	    "z:5: a quoted string does not end on the line where it begins\n");
}

static void
all_faults_of_a_file_are_told_at_once(void **state)
{
	(void)state;
	assert_said("$TTL x\n$GENERATE 1 a$ A 192.0.2.$\n$FOO\n" SOA NS
		    "a 60 A 192.0.2\nb 60 CH TXT x\nc 60 NOPE x\nd 60 AXFR x\ne 60\nf 60 MX 99999 x\nwww..x "
		    "60 A 192.0.2.1\n"
		    "g 60 A 192.0.2.1 5\nh 60 TXT\nother.org. 60 A 192.0.2.1\n)\ni 60 A (192.0.2.1\n",
	    "z:1: $TTL needs one number of seconds (or a time such as 1h30m)\n"
	    "z:2: $GENERATE: 1 is not START-STOP or START-STOP/STEP\n"
	    "z:3: unknown directive \"$FOO\": use $ORIGIN, $TTL, $INCLUDE and $GENERATE\n"
	    "z:6: A: the data cannot be read as this type's, or has too few or too many fields\n"
	    "z:7: class CH is not served: only IN is\n"
	    "z:8: \"NOPE\" is neither a TTL nor a class nor a type\n"
	    "z:9: \"AXFR\" is not a type of zone data\n"
	    "z:10: the record has no type\n"
	    "z:11: MX: a number is invalid or too large for its field\n"
	    "z:12: invalid domain name \"www..x\": labels have 1 to 63 octets, a name at most 255\n"
	    "z:13: A: the data cannot be read as this type's, or has too few or too many fields\n"
	    "z:14: TXT has no data\n"
	    "z:16: \")\" without \"(\"\n"
	    "z:17: \"(\" without \")\"\n"
	    "warning: z:15: other.org is not in the zone example.com: its records are ignored\n");
}

static void
data_that_cannot_be_served_is_an_error(void **state)
{
	(void)state;
	assert_said(NS, "z: the zone example.com has no SOA\n");
	assert_said("", "z: the zone example.com has no SOA\n");
	assert_said(SOA NS "@ 60 SOA ns h 2 2 3 4 5\n", "z:3: a second SOA (the first one is on line 1)\n");
	assert_said(SOA NS "x 60 SOA ns h 1 2 3 4 5\n",
	    "z:3: a second SOA, of x.example.com: the zone is example.com\n");
	assert_said(SOA NS "a 60 CNAME b\na 60 TXT x\n",
	    "z:3: a.example.com has a CNAME and other data (line 4): remove one of them\n");
	assert_said(SOA NS "a 60 CNAME b\na 60 CNAME c\n", "z:4: a.example.com has more than one CNAME\n");
	assert_said(SOA NS "@ 60 CNAME b\n",
	    "z:3: example.com is the name of the zone and cannot be an alias (RFC 1034 3.6.2): remove the "
	    "CNAME and use a "
	    "load balancer: graycloud pool create NAME origin=b.example.com; graycloud lb create example.com "
	    "default_pools=NAME fallback_pool=NAME\n");
}

static void
a_signed_zone_is_refused_unless_it_may_be_served_unsigned(void **state)
{
	static const char text[] =
	    SOA NS "@ 60 DNSKEY 257 3 8 AAAA\na 60 A 192.0.2.1\n"
		   "a 60 RRSIG A 8 3 60 20300101000000 20200101000000 1 example.com. AAAA\n"
		   "a 60 NSEC b A RRSIG NSEC\n";
	char *got;

	(void)state;
	assert_said(text,
	    "z:3: the zone comes signed (DNSKEY), and graycloud signs zones itself: load it with "
	    "--unsigned-ok, "
	    "which leaves DNSKEY, RRSIG, NSEC and NSEC3 out, then `graycloud dnssec enable` it. While it is "
	    "served "
	    "unsigned and the parent has a DS, resolvers take its answers for forged\n");
	got = read_from("z", text, example_com(), true, true);
	assert_string_equal(got, "warning: z: 3 DNSSEC records are left out: the zone is served unsigned\n");
	free(got);
	got = read_from("z", text, example_com(), true, false);
	assert_string_equal(got, NS_OUT SOA_OUT "a.example.com.\t60\tIN\tA\t192.0.2.1\n");
	free(got);
}

static void
unwise_data_is_only_a_warning(void **state)
{
	(void)state;
	assert_said(SOA, "warning: z: the zone example.com has no NS record at its apex\n");
	assert_said(SOA "@ 60 NS ns\n",
	    "warning: z:2: missing glue: the nameserver ns.example.com has no A "
	    "or AAAA record in this zone\n");
	assert_said(SOA NS "sub 60 NS ns.sub\nx.sub 60 A 192.0.2.1\nsub 60 TXT x\nsub 60 DS 1 8 2 " DIGEST
			   "\n",
	    "warning: z:5: sub.example.com TXT is never answered: the name is delegated\n"
	    "warning: z:4: x.sub.example.com A is never answered: it is below the delegation of "
	    "sub.example.com\n"
	    "warning: z:3: missing glue: the nameserver ns.sub.example.com has no A or AAAA record in this "
	    "zone\n");
	assert_said(SOA NS "d 60 DNAME example.net.\nx.d 60 A 192.0.2.1\nd 60 TXT fine\n",
	    "warning: z:4: x.d.example.com A is never answered: it is below the DNAME of d.example.com\n");
	assert_said(SOA NS "a 60 A 192.0.2.1\na 30 A 192.0.2.2\n",
	    "warning: z:3: the A records of a.example.com have different TTLs: the minimum, 30, is used\n");
	assert_said(SOA NS "a 60 A 192.0.2.1\nA 60 A 192.0.2.1\n@ 60 NS NS.example.NET.\n",
	    "warning: z:2: duplicate of line 5: the record is kept once\n"
	    "warning: z:4: duplicate of line 3: the record is kept once\n");
	assert_said(SOA NS "sub 60 NS ns.sub\nns.sub 60 A 192.0.2.1\nsub2 60 NS ns.sub\n", "");
}

static void
an_rrset_is_sorted_and_has_each_record_once(void **state)
{
	(void)state;
	assert_rows(SOA NS "a 60 A 192.0.2.9\nb 60 A 192.0.2.1\na 30 A 192.0.2.1\na 60 A 192.0.2.9\n",
	    NS_OUT SOA_OUT "a.example.com.\t30\tIN\tA\t192.0.2.1\na.example.com.\t30\tIN\tA\t192.0.2.9\n"
			   "b.example.com.\t60\tIN\tA\t192.0.2.1\n");
}

static void
without_a_name_the_zone_is_the_owner_of_the_soa(void **state)
{
	char *got;

	(void)state;
	got = read_from(
	    "z", "example.com. 60 SOA ns.example.net. h.example.net. 1 2 3 4 5\n", NULL, false, false);
	assert_string_equal(got, "example.com.\t60\tIN\tSOA\tns.example.net. h.example.net. 1 2 3 4 5\n");
	free(got);
	got = read_from("z", "$ORIGIN example.com.\n" SOA NS, NULL, false, false);
	assert_string_equal(got, NS_OUT SOA_OUT);
	free(got);
	got = read_from("z", "example.com. 60 SOA ns h 1 2 3 4 5\nwww 60 A 192.0.2.1\n", NULL, false, true);
	assert_string_equal(got,
	    "z:1: SOA has a relative name and no $ORIGIN before it: end the "
	    "name with a dot, add $ORIGIN, or load it as "
	    "NAME=FILE\n"
	    "z:2: \"www\" is a relative name without $ORIGIN before it: end it "
	    "with a dot, add $ORIGIN, or load it as "
	    "NAME=FILE\n");
	free(got);
}

/* Files in a directory of their own. */
static char directory[] = "/tmp/graycloud-zonefile-XXXXXX";

static char *
put_file(const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", directory, name);
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return path;
}

static void
an_included_file_restores_origin_and_owner(void **state)
{
	char *inner, *outer, *loop, *deep, *got, *want;

	(void)state;
	assert_non_null(mkdtemp(directory));
	deep = xasprintf("%s/deep", directory);
	mkdir(deep, 0700);
	outer = put_file("outer",
	    SOA NS "a 60 A 192.0.2.1\n$INCLUDE \"deep/inner file\" sub\n 60 TXT mine\n$INCLUDE deep/plain\n");
	inner = put_file("deep/inner file", "$ORIGIN x\nwww 60 A 192.0.2.2\n@ 60 TXT y\n");
	free(inner);
	inner = put_file("deep/plain", "p 60 A 192.0.2.3\n");
	got = read_from(outer, NULL, example_com(), false, false);
	/* deep/inner file: $ORIGIN x is relative to sub */
	assert_string_equal(got,
	    NS_OUT SOA_OUT "a.example.com.\t60\tIN\tA\t192.0.2.1\na.example.com.\t60\tIN\tTXT\t\"mine\"\n"
			   "p.example.com.\t60\tIN\tA\t192.0.2.3\n"
			   "x.sub.example.com.\t60\tIN\tTXT\t\"y\"\n"
			   "www.x.sub.example.com.\t60\tIN\tA\t192.0.2.2\n");
	free(got);
	loop = put_file("loop", SOA NS "$INCLUDE nowhere\n$INCLUDE loop\n");
	got = read_from(loop, NULL, example_com(), false, true);
	want = xasprintf(
	    "%s:3: %s/nowhere cannot be read: No such file or directory\n%s:4: %s includes itself\n", loop,
	    directory, loop, loop);
	assert_string_equal(got, want);
	free(want);
	free(got);
	got = read_from("/nonexistent", NULL, NULL, false, true);
	assert_string_equal(got, "/nonexistent: cannot be read: No such file or directory\n");
	free(got);
	unlink(outer);
	unlink(inner);
	unlink(loop);
	free(inner);
	inner = xasprintf("%s/deep/inner file", directory);
	unlink(inner);
	rmdir(deep);
	rmdir(directory);
	free(outer);
	free(inner);
	free(loop);
	free(deep);
}

/* count times piece behind head. */
static char *
repeat(const char *head, const char *piece, size_t count, const char *tail)
{
	size_t one = strlen(piece);
	char *text = xmalloc(strlen(head) + one * count + strlen(tail) + 1);
	char *at = text + sprintf(text, "%s", head);

	for (size_t i = 0; i < count; i++, at += one)
		memcpy(at, piece, one);
	strcpy(at, tail);
	return text;
}

static void
text_may_be_as_long_as_rdata_can_get(void **state)
{
	static const struct {
		const char *head, *piece, *tail;
		size_t count;
		bool fits;
	} rows[] = {
	    {SOA NS "a 60 TYPE65280 \\# 64000 ", "ab", "\n", 64000, true},
	    {SOA NS "a 60 TYPE65280 \\# 64000 (", "ab\n\t", ")\n", 64000, true},
	    {SOA NS "a 60 TXT ", "\"\\001\\002\\003\\004\\005\\006\\007\\008\\009\\010\" ", "\n", 5000, true},
	    {SOA NS "a 60 OPENPGPKEY ", "AAAA", "\n", 21000, true},
	    {SOA NS "a 60 TLSA 3 1 1 ", "abcd ", "\n", 32000, true},
	    {SOA NS "a 60 OPENPGPKEY ", "AAAA", "\n", 23000, false},
	    {SOA NS "a 60 TXT ", "\"0123456789\" ", "\n", 6000, false},
	    {SOA NS "a 60 TXT ", "0123456789", "\n", 26, false},
	    {SOA NS "a 60 TLSA 3 1 1 abc", "", "\n", 0, false},
	    {SOA NS "a 60 NSEC b ", " A", "\n", 40000, false},
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		char *text = repeat(rows[i].head, rows[i].piece, rows[i].count, rows[i].tail);
		char *got = read_from("z", text, example_com(), false, true);

		if (rows[i].fits)
			assert_string_equal(got, "");
		else
			assert_true(strncmp(got, "z:3: ", 5) == 0);
		free(got);
		free(text);
	}
}

static void
an_rrset_that_fits_no_message_is_refused(void **state)
{
	char *text, *got;
	size_t len;
	FILE *file;

	(void)state;
	file = open_memstream(&text, &len);
	fputs(SOA NS, file);
	for (unsigned i = 0; i < 4033; i++) /* 16 octets each: by one too many */
		fprintf(file, "a 60 A 10.0.%u.%u\n", i >> 8, i & 255);
	fclose(file);
	got = read_from("z", text, example_com(), false, true);
	assert_string_equal(got,
	    "z:3: the A records of a.example.com would have 64528 octets in an answer: the maximum is "
	    "64512\n");
	free(got);
	free(text);
}

/* BIND, Knot and NSD load such files. */
static void
records_out_of_the_zone_are_ignored(void **state)
{
	(void)state;
	assert_rows("x.org. 60 A 192.0.2.1\n" SOA NS "sub.example.org. 60 A 192.0.2.1\n", NS_OUT SOA_OUT);
	assert_said(SOA NS "sub.example.org. 60 A 192.0.2.1\n",
	    "warning: z:3: sub.example.org is not in the zone example.com: its records are ignored\n");
	assert_said("example.org. 60 SOA ns h 1 2 3 4 5\n" NS,
	    "warning: z:1: example.org is not in the zone example.com: its records are ignored\n"
	    "z: the SOA is not at example.com\n");
}

static void
generate_makes_the_records_that_bind_makes(void **state)
{
	(void)state;
	assert_rows(SOA NS "a 60 A 192.0.2.1\n$GENERATE 1-3/2 h$ 60 A 192.0.2.$\n 60 TXT after\n",
	    NS_OUT SOA_OUT "a.example.com.\t60\tIN\tA\t192.0.2.1\na.example.com.\t60\tIN\tTXT\t\"after\"\n"
			   "h1.example.com.\t60\tIN\tA\t192.0.2.1\nh3.example.com.\t60\tIN\tA\t192.0.2.3\n");
	assert_rows(SOA NS "$GENERATE 9-10 ${-8,3,d} 60 IN MX \"${0,2} m${1}-$$-\\$.test.\"\n",
	    NS_OUT SOA_OUT "001.example.com.\t60\tIN\tMX\t9 m10-$-$.test.\n"
			   "002.example.com.\t60\tIN\tMX\t10 m11-$-$.test.\n");
	assert_rows(SOA NS "$GENERATE 26-26 ${0,3,n}.r 60 PTR h${0,3,o}-${0,4,X}.test.\n",
	    NS_OUT SOA_OUT "a.1.r.example.com.\t60\tIN\tPTR\th032-001A.test.\n");
	assert_said(SOA NS
	    "$GENERATE 2-1 a$ 60 A 192.0.2.$\n$GENERATE 1-2/0 a$ 60 A 192.0.2.$\n"
	    "$GENERATE 0-1000000 a$ 60 A 192.0.2.1\n$GENERATE 1-2 ${x} 60 A 192.0.2.1\n$GENERATE 1-2 a$\n"
	    "$GENERATE 254-257 a$ 60 A 192.0.2.$\n",
	    "z:3: $GENERATE: 2-1 is not START-STOP or START-STOP/STEP\n"
	    "z:4: $GENERATE: 1-2/0 is not START-STOP or START-STOP/STEP\n"
	    "z:5: $GENERATE can make at most 1000000 records\n"
	    "z:6: $GENERATE: write \"$\" as $, ${OFFSET}, ${OFFSET,WIDTH} or ${OFFSET,WIDTH,BASE}\n"
	    "z:7: $GENERATE needs START-STOP[/STEP], an owner, a type and data\n"
	    "z:8: A: the data cannot be read as this type's, or has too few or too many fields\n"
	    "z:8: A: the data cannot be read as this type's, or has too few or too many fields\n");
}

/* How often the other text contains this one. */
static size_t
times(const char *text, const char *piece)
{
	size_t count = 0;

	while ((text = strstr(text, piece)) != NULL) {
		count++;
		text++;
	}
	return count;
}

static void
a_kind_of_fault_is_told_twenty_times_and_then_counted(void **state)
{
	char *text =
	    repeat("example.com. 60 SOA ns.a. h.a. 1 2 3 4 5\n", "www 60 A 192.0.2.1\n", 100000, "a 60 A\n");
	struct problems problems = {0};
	struct zone_data data;
	char *got;

	(void)state;
	got = read_from("z", text, NULL, false, true);
	assert_int_equal(times(got, "\"www\" is a relative name"), 21);
	assert_non_null(strstr(got, "z:21: \"www\" is a relative name"));
	assert_null(strstr(got, "z:22: "));
	assert_non_null(strstr(got, "z: 99981 more like: \"www\" is a relative name"));
	free(got);
	assert_false(zonefile_read("z", text, NULL, false, &data, &problems));
	assert_int_equal(problems.errors + problems.unlisted, 100001);
	problems_free(&problems);
	free(text);
	text = repeat(SOA NS, "x.org. 60 A 192.0.2.1\ny.org. 60 A 192.0.2.1\n", 50, "");
	got = read_from("z", text, example_com(), false, true);
	assert_int_equal(times(got, "its records are ignored"), 21);
	assert_non_null(strstr(got, "warning: z: 80 more like: x.org is not in the zone example.com"));
	free(got);
	free(text);
}

static void
names_in_other_scripts_become_a_labels(void **state)
{
	(void)state;
	assert_rows(SOA NS
	    "b\303\274cher 60 MX 10 M\303\234LLER.example.net.\n*.b\303\274cher 60 TXT gr\303\274n\n",
	    NS_OUT SOA_OUT "xn--bcher-kva.example.com.\t60\tIN\tMX\t10 xn--mller-kva.example.net.\n"
			   "*.xn--bcher-kva.example.com.\t60\tIN\tTXT\t\"gr\\195\\188n\"\n");
	assert_rows(SOA NS "$ORIGIN stra\303\237e\n@ 60 CNAME \346\227\245\346\234\254.test.\n",
	    NS_OUT SOA_OUT "xn--strae-oqa.example.com.\t60\tIN\tCNAME\txn--wgv71a.test.\n");
	assert_rows(SOA NS "a\\195\\188 60 A 192.0.2.1\n",
	    NS_OUT SOA_OUT "a\\195\\188.example.com.\t60\tIN\tA\t192.0.2.1\n");
	assert_said(SOA NS "b\374cher 60 A 192.0.2.1\na 60 CNAME \303x\n",
	    "z:3: cannot convert \"b\\252cher\" to ASCII (string encoding error): write its A-labels "
	    "(xn--...)\n"
	    "z:4: cannot convert \"\\195x\" to ASCII (string encoding error): write its A-labels "
	    "(xn--...)\n");
}

/* As it is exported: the SOA has no final dots, TTL 1 is "automatic". */
static void
cloudflares_export_is_read_as_it_is_meant(void **state)
{
	static const char export[] =
	    ";;\n;; Domain:     example.com.\n;; Exported:   2024-01-01 00:00:00\n;;\n;; Use at your own "
	    "risk.\n"
	    ";; SOA Record\nexample.com\t3600\tIN\tSOA\tns.cloudflare.com dns.cloudflare.com 2 10000 2400 "
	    "604800 3600\n\n"
	    ";; NS Records\nexample.com.\t86400\tIN\tNS\tns.cloudflare.com.\n\n"
	    ";; A Records\na.example.com.\t1\tIN\tA\t192.0.2.1 ; cf_tags=cf-proxied:true\n"
	    "b.example.com.\t2\tIN\tA\t192.0.2.1\n";
	char *got = read_from("z", export, NULL, false, false);

	(void)state;
	assert_string_equal(got,
	    "example.com.\t86400\tIN\tNS\tns.cloudflare.com.\n"
	    "example.com.\t3600\tIN\tSOA\tns.cloudflare.com. dns.cloudflare.com. 2 10000 2400 604800 3600\n"
	    "a.example.com.\t300\tIN\tA\t192.0.2.1\nb.example.com.\t2\tIN\tA\t192.0.2.1\n");
	assert_rows(export, got);
	assert_said(export,
	    "warning: z: 1 records have the TTL 1, which means automatic in Cloudflare's export: they get "
	    "300 seconds\n");
	free(got);
	assert_rows(SOA NS "a 1 A 192.0.2.1\n", NS_OUT SOA_OUT "a.example.com.\t1\tIN\tA\t192.0.2.1\n");
}

static void
targets_that_are_addresses_aliases_or_cut_short_are_warned_about(void **state)
{
	(void)state;
	assert_said(SOA NS
	    "a 60 MX 10 192.0.2.1\nb 60 SRV 0 0 1 192.0.2.1.\nc 60 CNAME d.example.net.\nd 60 MX 1 c\n"
	    "e 60 MX 1 mail.example.com\nf 60 CNAME www.example.net\ng 60 PTR 1.2.3.4\n",
	    "warning: z:3: the MX of a.example.com points to 192.0.2.1.example.com, which looks like an "
	    "address: it must point "
	    "to a name\n"
	    "warning: z:4: the SRV of b.example.com points to 192.0.2.1, which looks like an address: it "
	    "must point to a name\n"
	    "warning: z:6: the MX of d.example.com points to c.example.com, which is an alias: it must point "
	    "to "
	    "a name with "
	    "addresses (RFC 2181 10.3)\n"
	    "warning: z:7: the MX of e.example.com points to mail.example.com.example.com, which is not in "
	    "the zone: is the "
	    "final dot missing?\n"
	    "warning: z:8: the CNAME of f.example.com points to www.example.net.example.com, which is not in "
	    "the zone: is "
	    "the final dot missing?\n");
	assert_said(SOA NS "a 60 MX 1 x.net\nx.net 60 A 192.0.2.1\nb 60 MX 1 y.com\n*.com 60 A 192.0.2.1\n"
			   "c 60 MX 1 z.org\norg 60 NS ns.example.net.\nd 60 MX 1 mail.eu-west\n",
	    "");
}

/* A device or a pipe that does not end is no reason to read until memory ends. */
static void
a_file_that_does_not_end_is_refused(void **state)
{
	char *got = read_from("z", SOA NS "$INCLUDE /dev/zero\n", example_com(), false, true);

	(void)state;
	assert_string_equal(got, "/dev/zero: not a master file: it has NUL octets\n");
	free(got);
}

static void
one_records_data_is_read_alone(void **state)
{
	struct problems problems = {0};
	uint8_t out[65535];
	size_t len;

	(void)state;
	assert_true(zonefile_rdata(TYPE_MX, "10 mail", example_com(), out, &len, &problems));
	assert_int_equal(len, 20);
	assert_memory_equal(out, "\0\012\4mail\7example\3com", 20);
	assert_false(zonefile_rdata(TYPE_A, "192.0.2.1\n192.0.2.2", example_com(), out, &len, &problems));
	assert_false(zonefile_rdata(TYPE_A, "", example_com(), out, &len, &problems));
	assert_int_equal(problems.errors, 2);
	problems_free(&problems);
	assert_int_equal(zonefile_type("https"), TYPE_HTTPS);
	assert_int_equal(zonefile_type("TYPE65280"), 65280);
	assert_int_equal(zonefile_type("TYPE65536"), 0);
	assert_int_equal(zonefile_type("nope"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_completed_by_the_origin),
	    cmocka_unit_test(a_line_may_span_parentheses_comments_and_quotes),
	    cmocka_unit_test(a_leading_blank_means_the_owner_before),
	    cmocka_unit_test(ttl_and_class_come_in_either_order),
	    cmocka_unit_test(a_missing_ttl_is_the_default_or_the_last_and_the_soas_minimum_is_a_default),
	    cmocka_unit_test(unknown_types_are_read_and_written),
	    cmocka_unit_test(every_type_comes_back_as_it_went_in),
	    cmocka_unit_test(escapes_stand_for_any_octet),
	    cmocka_unit_test(all_faults_of_a_file_are_told_at_once),
	    cmocka_unit_test(data_that_cannot_be_served_is_an_error),
	    cmocka_unit_test(a_signed_zone_is_refused_unless_it_may_be_served_unsigned),
	    cmocka_unit_test(unwise_data_is_only_a_warning),
	    cmocka_unit_test(an_rrset_is_sorted_and_has_each_record_once),
	    cmocka_unit_test(without_a_name_the_zone_is_the_owner_of_the_soa),
	    cmocka_unit_test(an_included_file_restores_origin_and_owner),
	    cmocka_unit_test(text_may_be_as_long_as_rdata_can_get),
	    cmocka_unit_test(an_rrset_that_fits_no_message_is_refused),
	    cmocka_unit_test(records_out_of_the_zone_are_ignored),
	    cmocka_unit_test(generate_makes_the_records_that_bind_makes),
	    cmocka_unit_test(a_kind_of_fault_is_told_twenty_times_and_then_counted),
	    cmocka_unit_test(names_in_other_scripts_become_a_labels),
	    cmocka_unit_test(cloudflares_export_is_read_as_it_is_meant),
	    cmocka_unit_test(targets_that_are_addresses_aliases_or_cut_short_are_warned_about),
	    cmocka_unit_test(a_file_that_does_not_end_is_refused),
	    cmocka_unit_test(one_records_data_is_read_alone),
	};

	return cmocka_run_group_tests_name("zonefile", tests, NULL, NULL);
}
