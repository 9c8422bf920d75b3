/*
 * query.c -- requests read: those with an answer, with FORMERR, without a response.
 */
#include "dnsd/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SILENT = 99 };

/* "1234 0100" and "\3www" as octets: hex digits in pairs, blanks between, 'text' unchanged. */
static size_t
octets(const char *text, uint8_t *out)
{
	size_t len = 0;

	while (*text != '\0') {
		unsigned value;

		if (*text == ' ') {
			text++;
		} else if (*text == '\'') {
			for (text++; *text != '\''; text++)
				out[len++] = (uint8_t)*text;
			text++;
		} else {
			assert_int_equal(sscanf(text, "%2x", &value), 1);
			out[len++] = (uint8_t)value;
			text += 2;
		}
	}
	return len;
}

#define WWW "03 'www' 07 'example' 03 'com' 00 "
#define A_IN "0001 0001 "
#define PLAIN "1234 0100 0001 0000 0000 0000 " WWW A_IN
#define WITH_OPT "1234 0100 0001 0000 0000 0001 " WWW A_IN
#define OPT(rdata) "00 0029 04d0 00000000 " rdata

static const struct peer udp = {
    .address = {FAMILY_V4, {192, 0, 2, 9}}, .port = 5353, .transport = TRANSPORT_UDP4};

static const struct {
	const char *what, *request;
	unsigned rcode;
} requests[] = {
    {"a plain query", PLAIN, RCODE_NOERROR},
    {"less than a header", "1234 0100 0001", SILENT},
    {"a response", "1234 8100 0001 0000 0000 0000 " WWW A_IN, SILENT},
    {"a header alone, QDCOUNT 1", "1234 0100 0001 0000 0000 0000", RCODE_FORMERR},
    {"QDCOUNT 0", "1234 0100 0000 0000 0000 0000", RCODE_FORMERR},
    {"QDCOUNT 2 (RFC 9619)", "1234 0100 0002 0000 0000 0000 " WWW A_IN WWW A_IN, RCODE_FORMERR},
    {"a name cut short", "1234 0100 0001 0000 0000 0000 03 'ww'", RCODE_FORMERR},
    {"a question without its class", "1234 0100 0001 0000 0000 0000 " WWW "0001", RCODE_FORMERR},
    {"a compression pointer in the question", "1234 0100 0001 0000 0000 0000 c00c " A_IN, RCODE_FORMERR},
    {"label type 01", "1234 0100 0001 0000 0000 0000 41 'a' 00 " A_IN, RCODE_FORMERR},
    {"label type 10", "1234 0100 0001 0000 0000 0000 81 'a' 00 " A_IN, RCODE_FORMERR},
    {"octets behind the message", PLAIN "00", RCODE_FORMERR},
    {"ANCOUNT that is not there", "1234 0100 0001 0001 0000 0000 " WWW A_IN, RCODE_FORMERR},
    {"ARCOUNT that is not there", "1234 0100 0001 0000 0000 0001 " WWW A_IN, RCODE_FORMERR},
    {"the root", "1234 0100 0001 0000 0000 0000 00 0002 0001", RCODE_NOERROR},
    {"opcode NOTIFY", "1234 2400 0001 0000 0000 0000 " WWW "0006 0001", RCODE_NOTIMP},
    {"opcode UPDATE", "1234 2800 0001 0000 0000 0000 " WWW "0006 0001", RCODE_NOTIMP},
    {"opcode 15", "1234 7800 0001 0000 0000 0000 " WWW A_IN, RCODE_NOTIMP},
    {"AXFR", "1234 0100 0001 0000 0000 0000 " WWW "00fc 0001", RCODE_REFUSED},
    {"IXFR with its SOA", "1234 0100 0001 0000 0001 0000 " WWW "00fb 0001 " WWW "0006 0001 00000000 0000",
	RCODE_REFUSED},
    {"class HS", "1234 0100 0001 0000 0000 0000 " WWW "0001 0004", RCODE_REFUSED},
    {"class CH", "1234 0100 0001 0000 0000 0000 " WWW "0010 0003", RCODE_NOERROR},
    {"OPT as a question", "1234 0100 0001 0000 0000 0000 " WWW "0029 0001", RCODE_FORMERR},
    {"EDNS", WITH_OPT OPT("0000"), RCODE_NOERROR},
    {"EDNS version 1", WITH_OPT "00 0029 04d0 00010000 0000", RCODE_BADVERS},
    {"two OPT", "1234 0100 0001 0000 0000 0002 " WWW A_IN OPT("0000") OPT("0000"), RCODE_FORMERR},
    {"an OPT with an owner", WITH_OPT "01 'a' 00 0029 04d0 00000000 0000", RCODE_FORMERR},
    {"an option that runs over", WITH_OPT OPT("0006 0003 0005 0000"), RCODE_FORMERR},
    {"an unknown option", WITH_OPT OPT("0006 fff0 0002 0000"), RCODE_NOERROR},
    {"an option of no length", WITH_OPT OPT("0004 fff0 0000"), RCODE_NOERROR},
    /* S3 */
    {"ECS /24", WITH_OPT OPT("000b 0008 0007 0001 18 00 c0 00 02"), RCODE_NOERROR},
    {"ECS SOURCE 0", WITH_OPT OPT("0008 0008 0004 0001 00 00"), RCODE_NOERROR},
    {"ECS family 0, SOURCE 0", WITH_OPT OPT("0008 0008 0004 0000 00 00"), RCODE_NOERROR},
    {"ECS family 0, SOURCE 8", WITH_OPT OPT("0009 0008 0005 0000 08 00 c0"), RCODE_FORMERR},
    {"ECS family 3", WITH_OPT OPT("0008 0008 0004 0003 00 00"), RCODE_FORMERR},
    {"ECS SOURCE beyond IPv4", WITH_OPT OPT("000d 0008 0009 0001 21 00 c0 00 02 01 00"), RCODE_FORMERR},
    {"ECS bits beyond SOURCE", WITH_OPT OPT("000b 0008 0007 0001 17 00 c0 00 03"), RCODE_FORMERR},
    {"ECS too short for SOURCE", WITH_OPT OPT("000a 0008 0006 0001 18 00 c0 00"), RCODE_FORMERR},
    {"ECS too long for SOURCE", WITH_OPT OPT("000c 0008 0008 0001 18 00 c0 00 02 00"), RCODE_FORMERR},
    {"ECS with a scope", WITH_OPT OPT("000b 0008 0007 0001 18 18 c0 00 02"), RCODE_FORMERR},
    {"ECS cut short", WITH_OPT OPT("0006 0008 0002 0001"), RCODE_FORMERR},
};

static void
requests_get_the_rcode_that_the_rfcs_say(void **state)
{

	(void)state;
	for (size_t i = 0; i < NITEMS(requests); i++) {
		uint8_t *in = xmalloc(512);
		size_t len = octets(requests[i].request, in);
		struct query *query = xcalloc(1, sizeof *query);
		uint8_t *exact = xmemdup(in, len); /* so that a sanitizer sees a read beyond */
		unsigned got = query_parse(query, &udp, exact, len) ? query->rcode : SILENT;

		if (got != requests[i].rcode)
			fail_msg("%s: %u, not %u", requests[i].what, got, requests[i].rcode);
		free(exact);
		free(query);
		free(in);
	}
}

static void
a_datagram_from_a_port_that_only_reflects_gets_silence(void **state)
{
	static const uint16_t ports[] = {0, 7, 11, 13, 17, 19, 37};
	struct peer peer = udp;
	struct query *query = xcalloc(1, sizeof *query);
	uint8_t in[512];
	size_t len = octets(PLAIN, in);

	(void)state;
	for (size_t i = 0; i < NITEMS(ports); i++) {
		peer.transport = TRANSPORT_UDP4;
		peer.port = ports[i];
		assert_false(query_parse(query, &peer, in, len));
		peer.transport = TRANSPORT_TCP4; /* hands were shaken: somebody is there */
		assert_int_equal(query_parse(query, &peer, in, len), ports[i] != 0);
	}
	peer.transport = TRANSPORT_UDP4;
	for (peer.port = 38; peer.port < 1024; peer.port++)
		assert_true(query_parse(query, &peer, in, len));
	free(query);
}

static void
the_limit_follows_the_client(void **state)
{
	static const struct {
		const char *request;
		enum transport transport;
		unsigned limit;
	} rows[] = {
	    {PLAIN, TRANSPORT_UDP4, 512},
	    {PLAIN, TRANSPORT_TCP6, 65535},
	    {WITH_OPT "00 0029 0064 00000000 0000", TRANSPORT_UDP4, 512}, /* RFC 6891 6.2.3 */
	    {WITH_OPT "00 0029 0400 00000000 0000", TRANSPORT_UDP4, 1024},
	    {WITH_OPT "00 0029 1000 00000000 0000", TRANSPORT_UDP4, 1232},
	    {WITH_OPT "00 0029 0200 00000000 0000", TRANSPORT_TCP4, 65535},
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		struct query *query = xcalloc(1, sizeof *query);
		struct peer peer = udp;
		uint8_t in[512];
		size_t len = octets(rows[i].request, in);

		peer.transport = rows[i].transport;
		assert_true(query_parse(query, &peer, in, len));
		assert_int_equal(query->limit, rows[i].limit);
		free(query);
	}
}

static void
the_client_is_told_from_the_resolver(void **state)
{
	struct query *query = xcalloc(1, sizeof *query);
	uint8_t in[512];
	size_t len;

	(void)state;
	len = octets(WITH_OPT OPT("000b 0008 0007 0001 18 00 c6 33 64"), in);
	assert_true(query_parse(query, &udp, in, len));
	assert_int_equal(query->client.ecs.family, FAMILY_V4);
	assert_int_equal(query->client.source, 24);
	assert_memory_equal(query->client.ecs.bytes, "\xc6\x33\x64\x00", 4);
	assert_memory_equal(query->client.resolver.bytes, "\xc0\x00\x02\x09", 4);
	len = octets(WITH_OPT OPT("0008 0008 0004 0001 00 00"), in);
	assert_true(query_parse(query, &udp, in, len));
	assert_int_equal(query->client.ecs.family, FAMILY_NONE); /* S3: privacy */
	assert_true(query->edns.subnet.present);
	free(query);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(requests_get_the_rcode_that_the_rfcs_say),
	    cmocka_unit_test(a_datagram_from_a_port_that_only_reflects_gets_silence),
	    cmocka_unit_test(the_limit_follows_the_client),
	    cmocka_unit_test(the_client_is_told_from_the_resolver),
	};

	return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
