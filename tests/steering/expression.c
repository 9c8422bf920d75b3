/*
 * expression.c -- S35: the meaning of conditions of rules, the messages about invalid ones, and the scope of
 * a result.
 */
#include "zones/expression/expression.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* A client as a row of a table has it. */
struct asked {
	uint8_t lb_name[NAME_MAX_LEN], query_name[NAME_MAX_LEN];
	struct address ecs, resolver;
	struct expression_input input;
};

static void
ask_as(struct asked *asked, const char *ecs, const char *resolver)
{
	*asked = (struct asked){.input = {.query_type = 28,
				    .site = "AMS",
				    .country = "DE",
				    .region = geo_region("WEU"),
				    .location_scope = 20,
				    .source_country = "FR",
				    .source_country_prefix = 18,
				    .source_network = 64500,
				    .source_network_prefix = 21}};
	assert_true(name_from_text(asked->lb_name, "*.example.com", NULL) > 0);
	assert_true(name_from_text(asked->query_name, "www.example.com", NULL) > 0);
	assert_true(address_from_text(&asked->resolver, resolver));
	if (ecs != NULL)
		assert_true(address_from_text(&asked->ecs, ecs));
	asked->input.lb_name = asked->lb_name;
	asked->input.query_name = asked->query_name;
	asked->input.ecs = &asked->ecs;
	asked->input.source = ecs != NULL ? &asked->ecs : &asked->resolver;
	asked->input.source_is_client = ecs != NULL;
	if (ecs == NULL)
		asked->input.source_country_prefix = asked->input.source_network_prefix =
		    asked->input.location_scope = 0;
}

static struct expression *
good(const char *text)
{
	char *error = NULL;
	struct expression *expression = expression_new(text, &error);

	if (expression == NULL)
		fail_msg("%s: %s", text, error);
	return expression;
}

static const struct {
	const char *text;
	bool truth;
	unsigned scope; /* for the client 198.51.100.0 */
} conditions[] = {
    {"", true, 0},
    {" \n\t", true, 0},
    {"true", true, 0},
    {"false", false, 0},
    {"not false", true, 0},
    {"!!false", false, 0},
    /* numbers */
    {"dns.qry.type eq 28", true, 0},
    {"dns.qry.type == 0x1c", true, 0},
    {"dns.qry.type != 28", false, 0},
    {"dns.qry.type ne 1", true, 0},
    {"dns.qry.type lt 28", false, 0},
    {"dns.qry.type < 0", false, 0},
    {"dns.qry.type >= 0", true, 0},
    {"dns.qry.type le 28", true, 0},
    {"dns.qry.type > 27", true, 0},
    {"dns.qry.type gt 4294967295", false, 0},
    {"dns.qry.type ge 29", false, 0},
    {"dns.qry.type in {1 28}", true, 0},
    {"dns.qry.type in {1..27 29..40}", false, 0},
    {"dns.qry.type in {1..20 15..27 28}", true, 0},
    {"dns.qry.name.len eq 16", true, 0},
    {"len(dns.qry.name) eq 16", true, 0},
    {"len(cf.load_balancer.name) eq 13", true, 0},
    {"len(lower(ip.src.country)) in {2}", true, 18},
    /* texts */
    {"dns.qry.name eq \"www.example.com.\"", true, 0},
    {"dns.qry.name eq \"WWW.example.com\"", true, 0},
    {"dns.qry.name in {\"a\" \"www.example.com\" \"z\"}", true, 0},
    {"dns.qry.name in {\"b\" \"a\"}", false, 0},
    {"dns.qry.name contains \"EXAMPLE\"", true, 0},
    {"dns.qry.name contains \"com.\"", true, 0},
    {"dns.qry.name contains \"com.x\"", false, 0},
    {"starts_with(dns.qry.name, \"www.\")", true, 0},
    {"ends_with(dns.qry.name, \".example.com\")", true, 0},
    {"ends_with(lower(dns.qry.name), \".example.com.\")", true, 0},
    {"ends_with(dns.qry.name, \"www\")", false, 0},
    {"dns.qry.name lt \"x\"", true, 0},
    {"dns.qry.name ge \"x\"", false, 0},
    {"dns.qry.name le \"www.example.com\"", true, 0},
    {"dns.qry.name eq r\"www.example.com\"", true, 0},
    {"dns.qry.name eq r##\"www.example.com\"##", true, 0},
    {"dns.qry.name eq \"\\x77ww.example.com\"", true, 0},
    {"dns.qry.name eq \"a\\\"b\\\\\"", false, 0},
    {"cf.load_balancer.name eq \"*.example.com.\"", true, 0},
    {"cf.load_balancer.region eq \"WEU\"", true, 20},
    {"lower(cf.load_balancer.region) eq \"weu\"", true, 20},
    {"cf.load_balancer.region in {\"WEU\" \"EEU\"}", true, 20},
    {"cf.load_balancer.country eq \"DE\"", true, 20},
    {"ip.src.country in {\"\" \"T1\" \"FR\"}", true, 18},
    {"lower(ip.src.country) eq \"fr\"", true, 18},
    {"cf.load_balancer.region ne \"\"", true, 20},
    {"cf.load_balancer.pop eq \"AMS\"", true, 0},
    {"ip.src.country eq \"FR\"", true, 18},
    {"ip.geoip.country ne \"FR\"", false, 18},
    {"ip.src.asnum in {64496..64511}", true, 21},
    /* true and false */
    {"dns.qry.qu", true, 0},
    {"dns.rr.opt.client", true, 0},
    {"not dns.rr.opt.client", false, 0},
    {"dns.rr.opt.client eq false", false, 0},
    {"dns.rr.opt.client != false", true, 0},
    /* addresses: 198.51.100.0 */
    {"ip.src eq 198.51.100.0", true, 32},
    {"ip.src eq 198.51.100.1", false, 32},
    {"ip.src ne 198.51.101.0", true, 24},
    {"ip.src in {198.51.100.0/24}", true, 24},
    {"ip.src in {198.51.100.0/24 198.51.101.0/24}", true, 23},
    {"ip.src in {198.51.96.0..198.51.103.255}", true, 21},
    {"ip.src in {10.0.0.0/8}", false, 1},
    {"ip.src in {199.0.0.0/8 10.0.0.0/8}", false, 8},
    {"ip.src in {0.0.0.0/0}", true, 0},
    {"ip.src in {0.0.0.0/1 128.0.0.0/1}", true, 0},
    {"ip.src in {2001:db8::/32 ::1}", false, 0},
    {"dns.rr.opt.client.addr in {198.51.100.0/25}", true, 25},
    {"dns.rr.opt.client.addr eq \"198.51.100.0\"", true, 32},
    /* operators, with the widest scope that either side gives */
    {"true or false and false", true, 0},
    {"(true or false) and false", false, 0},
    {"true xor true and false", true, 0},
    {"true or true xor true", true, 0},
    {"not true or true", true, 0},
    {"true && !false || false ^^ false", true, 0},
    {"ip.src in {198.51.100.0/24} and dns.qry.type eq 1", false, 0},
    {"dns.qry.type eq 1 and ip.src in {198.51.100.0/24}", false, 0},
    {"dns.qry.type eq 28 and ip.src in {198.51.100.0/24}", true, 24},
    {"dns.qry.type eq 28 or ip.src in {198.51.100.0/24}", true, 0},
    {"ip.src in {10.0.0.0/8} and ip.src in {199.0.0.0/8}", false, 1},
    {"ip.src in {198.0.0.0/8} and ip.src in {198.51.0.0/16}", true, 16},
    {"ip.src in {198.0.0.0/8} or ip.src in {198.51.0.0/16}", true, 8},
    {"ip.src in {198.0.0.0/8} xor ip.src in {198.51.0.0/16}", false, 16},
};

static void
conditions_mean_what_cloudflare_says(void **state)
{
	struct asked asked;

	(void)state;
	ask_as(&asked, "198.51.100.0", "203.0.113.5");
	for (size_t i = 0; i < NITEMS(conditions); i++) {
		struct expression *expression = good(conditions[i].text);
		uint8_t scope;
		bool truth = expression_true(expression, &asked.input, &scope);

		if (truth != conditions[i].truth || scope != conditions[i].scope)
			fail_msg("%s: %s within /%u, not %s within /%u", conditions[i].text,
			    truth ? "true" : "false", scope, conditions[i].truth ? "true" : "false",
			    conditions[i].scope);
		free(expression);
	}
}

static void
a_resolver_is_compared_but_has_no_scope(void **state)
{
	static const struct {
		const char *text;
		bool truth;
	} rows[] = {
	    {"ip.src eq 2001:db8::5", true},
	    {"ip.src in {2001:db8::/32}", true},
	    {"ip.src in {2001:db8::5..2001:db8::7}", true},
	    {"ip.src in {2001:db8::6..ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff}", false},
	    {"dns.rr.opt.client", false},
	    {"dns.rr.opt.client.addr in {::/0 0.0.0.0/0}", false},
	    {"dns.rr.opt.client.addr ne 192.0.2.1", true},
	};
	struct asked asked;

	(void)state;
	ask_as(&asked, NULL, "2001:db8::5");
	for (size_t i = 0; i < NITEMS(rows); i++) {
		struct expression *expression = good(rows[i].text);
		uint8_t scope = 1;

		if (expression_true(expression, &asked.input, &scope) != rows[i].truth || scope != 0)
			fail_msg(
			    "%s: not %s, or scope %u", rows[i].text, rows[i].truth ? "true" : "false", scope);
		free(expression);
	}
}

static const struct {
	const char *text, *error;
} meaningless[] = {
    {"ip.src eq \"x\"", "at column 11: expected an address, found a text: write it without \""},
    {"ip.src eq 10.0.0.0/8",
	"at column 11: expected an address, found the prefix 10.0.0.0/8: write in {10.0.0.0/8}"},
    {"ip.src in {10.0.0.1/8}", "at column 12: 10.0.0.1/8: it has bits set beyond its length"},
    {"ip.src in {10.0.0.0/33}", "at column 12: 10.0.0.0/33: the length must be from 0 to 32"},
    {"ip.src in {10.0.0.9..10.0.0.1}", "at column 12: the end of the range is below its start"},
    {"ip.src in {10.0.0.1..::1}", "at column 12: the end of the range is below its start"},
    {"ip.src in {10.0.0.0/8..11.0.0.0}", "at column 12: a range must be of addresses, not of prefixes"},
    {"ip.src in {10.0.0.1, 10.0.0.2}",
	"at column 20: expected a value or }, found a comma: separate values by blanks"},
    {"ip.src in {}", "at column 12: expected an address, found }"},
    {"ip.src in {10.0.0.1", "at column 20: expected an address, found the end"},
    {"ip.src in $office", "at column 11: named lists are not supported: write their values in {...}"},
    {"ip.src lt 10.0.0.1", "at column 8: ip.src is an address: write in {FIRST..LAST}"},
    {"ip.src contains \"1\"", "at column 8: ip.src is an address: contains is for texts"},
    {"ip.src", "at column 7: expected eq, ne or in, found the end"},
    {"dns.qry.type", "at column 13: expected eq, ne, lt, le, gt, ge or in, found the end"},
    {"dns.qry.type eq \"A\"", "at column 17: expected a number, found \"A\""},
    {"dns.qry.type eq 4294967296", "at column 17: expected a number up to 4294967295, found 4294967296"},
    {"dns.qry.type eq 1x", "at column 17: expected a number up to 4294967295, found 1x"},
    {"dns.qry.type eq 1..2", "at column 18: write a range in {...}"},
    {"ip.src eq 1.0.0.0..2.0.0.0", "at column 18: write a range in {...}"},
    {"dns.qry.type in {5..1}", "at column 18: the end of the range is below its start"},
    {"dns.qry.name eq www", "at column 17: expected a text such as \"DE\", found www"},
    {"ip.src.country eq \"de\"",
	"at column 19: invalid country \"de\": write two capital letters, as in \"DE\""},
    {"cf.load_balancer.country in {\"DE\" \"Germany\"}",
	"at column 35: invalid country \"Germany\": write two capital letters, as in \"DE\""},
    {"cf.load_balancer.region ne \"weu\"",
	"at column 28: invalid region \"weu\": use WNAM, ENAM, WEU, EEU, NSAM, SSAM, OC, ME, "
	"NAF, SAF, SAS, SEAS and NEAS"},
    {"dns.qry.name eq \"www", "at column 17: the text that begins here does not end with \""},
    {"dns.qry.name eq r#\"www\"", "at column 17: the text that begins here has no end"},
    {"dns.qry.name eq \"\\n\"", "at column 18: expected \\\", \\\\ or \\xHH"},
    {"dns.qry.name matches \"^a\"",
	"at column 14: matches is not supported: use contains, starts_with(), ends_with() or in "
	"{...}"},
    {"dns.qry.name ~ \"^a\"",
	"at column 14: ~ is not supported: use contains, starts_with(), ends_with() or in {...}"},
    {"dns.rr.opt.client lt true", "at column 19: dns.rr.opt.client is true or false and has no order"},
    {"dns.rr.opt.client eq 1", "at column 22: expected true or false, found 1"},
    {"http.host eq \"a\"", "at column 1: http.host needs the HTTP proxy; this is DNS-only"},
    {"true and ssl", "at column 10: ssl needs the HTTP proxy; this is DNS-only"},
    {"ip.dst eq 1.2.3.4",
	"at column 1: unknown field ip.dst: use ip.src, dns.qry.name, dns.qry.type, ... "
	"(graycloud(8), EXPRESSIONS)"},
    {"len(ip.src) eq 4", "at column 5: expected a text, found ip.src, which is an address"},
    {"starts_with(dns.qry.type, \"a\")",
	"at column 13: expected a text, found dns.qry.type, which is a number"},
    {"starts_with(dns.qry.name \"a\")", "at column 26: expected ,, found \"a\""},
    {"dns.qry.name starts_with \"a\"",
	"at column 14: expected eq, ne, lt, le, gt, ge or in, found starts_with"},
    {"true and", "at column 9: expected a field, \"not\" or (, found the end"},
    {"true true", "at column 6: expected \"and\", \"or\", \"xor\" or the end, found true"},
    {"(true", "at column 6: expected ), found the end"},
    {"true)", "at column 5: expected \"and\", \"or\", \"xor\" or the end, found )"},
    {"true AND true", "at column 6: expected \"and\", \"or\", \"xor\" or the end, found AND"},
    {"@", "at column 1: expected a field, a value or an operator, found @"},
    {"\xc3\xbcmlaut eq 1", "at column 1: expected a field, a value or an operator, found \xc3\xbc"},
    {"\xe2\x82\xac", "at column 1: expected a field, a value or an operator, found \xe2\x82\xac"},
    {"dns.qry.type eq \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xc3\xbc\"",
	"at column 17: expected a number, found "
	"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
};

static void
an_invalid_condition_is_refused_with_its_column(void **state)
{

	(void)state;
	for (size_t i = 0; i < NITEMS(meaningless); i++) {
		char *error = NULL;

		assert_null(expression_new(meaningless[i].text, &error));
		assert_string_equal(error, meaningless[i].error);
		free(error);
	}
}

static void
nesting_is_bounded_and_length_is_not(void **state)
{
	char text[20000] = "";
	struct asked asked;
	char *error = NULL;
	uint8_t scope;

	(void)state;
	ask_as(&asked, "198.51.100.0", "203.0.113.5");
	/* each level waits with an "or", a "xor" and an "and" */
	for (unsigned i = 0; i < 32; i++)
		strcat(text, "ip.src eq 1.2.3.4 or ip.src eq 1.2.3.4 xor ip.src ne 1.2.3.4 and (");
	strcat(text, "true");
	for (unsigned i = 0; i < 32; i++)
		strcat(text, ")");
	struct expression *expression = good(text);

	assert_true(expression_true(expression, &asked.input, &scope));
	free(expression);
	for (unsigned i = 0; i < 33; i++)
		text[i] = '(';
	strcpy(text + 33, "true");
	assert_null(expression_new(text, &error));
	assert_string_equal(error, "at column 33: more than 32 levels of \"not\" and (");
	free(error);
	strcpy(text, "false");
	for (unsigned i = 0; i < 1000; i++)
		strcat(text, " or false");
	expression = good(text);
	assert_false(expression_true(expression, &asked.input, &scope));
	free(expression);
}

static uint64_t
draw(uint64_t *at)
{
	return mix64(*at += UINT64_C(0x9e3779b97f4a7c15));
}

/* A random condition over a small part of the addresses, so that many hit. */
static void
write_random(FILE *out, uint64_t *at, unsigned depth)
{
	static const char *const joins[] = {" and ", " or ", " xor "};
	uint64_t n = draw(at);

	if (depth > 0 && n % 3 > 0) {
		fputs(n & 64 ? "(" : "not (", out);
		write_random(out, at, depth - 1);
		fputs(joins[n >> 8 & 3 ? (n >> 8 & 3) - 1 : 0], out);
		write_random(out, at, depth - 1);
		fputs(")", out);
		return;
	}
	fputs(n & 16 ? "ip.src in {" : "dns.rr.opt.client.addr in {", out);
	for (unsigned i = 0; i <= (n >> 10 & 3); i++) {
		uint64_t one = draw(at);
		unsigned length = 24 + (unsigned)(one >> 20 & 7);
		unsigned host = (unsigned)one & 255 & ~((1u << (32 - length)) - 1);

		if (one >> 30 & 1)
			fprintf(
			    out, "10.0.0.%u..10.0.0.%u ", host, host + (unsigned)(one >> 40) % (256 - host));
		else
			fprintf(out, "10.0.0.%u/%u ", host, length);
	}
	fputs("}", out);
}

/* S4 by brute force over a /24. */
static void
within_the_scope_nobody_is_judged_differently(void **state)
{
	uint64_t at = 7;

	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		char *text = NULL;
		size_t len;
		FILE *out = open_memstream(&text, &len);
		struct expression *expression;
		struct asked asked;
		bool truths[256];
		uint8_t scopes[256];

		write_random(out, &at, 3);
		fclose(out);
		expression = good(text);
		ask_as(&asked, "10.0.0.0", "203.0.113.5");
		for (unsigned host = 0; host < 256; host++) {
			asked.ecs.bytes[3] = (uint8_t)host;
			truths[host] = expression_true(expression, &asked.input, &scopes[host]);
		}
		for (unsigned host = 0; host < 256; host++) {
			unsigned size = scopes[host] < 24 ? 256 : 1u << (32 - scopes[host]);

			for (unsigned other = host & ~(size - 1); other < (host & ~(size - 1)) + size;
			     other++)
				if (truths[other] != truths[host])
					fail_msg("%s: 10.0.0.%u is not judged as 10.0.0.%u/%u", text, other,
					    host, scopes[host]);
		}
		free(expression);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(conditions_mean_what_cloudflare_says),
	    cmocka_unit_test(a_resolver_is_compared_but_has_no_scope),
	    cmocka_unit_test(an_invalid_condition_is_refused_with_its_column),
	    cmocka_unit_test(nesting_is_bounded_and_length_is_not),
	    cmocka_unit_test(within_the_scope_nobody_is_judged_differently),
	};

	return cmocka_run_group_tests_name("expression", tests, NULL, NULL);
}
