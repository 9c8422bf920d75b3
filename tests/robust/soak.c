/*
 * A million malformed messages through serve (SOAK is their number; `make soak`: ten million): the responses
 * are bounded and belong to the question, and memory does not grow by an octet.
 */
#include "dnsd/serve.h"
#include "tests/dns/scenery.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static const char zone_text[] = "$ORIGIN example.com.\n$TTL 300\n@ SOA ns1 hm 1 2 3 4 5\n@ NS ns1\n@ NS "
				"ns.sub\n@ MX 10 ns1\nns1 A 192.0.2.53\n"
				"a CNAME b\nb CNAME www\nwww A 192.0.2.1\nloop CNAME loop\nd DNAME t\nd2 "
				"DNAME x.d2\n*.wild TXT x\nsub NS ns.sub\n"
				"ns.sub A 192.0.2.54\nx.y.ent A 192.0.2.2\nh HTTPS 1 . alpn=h2\n";

struct stream {
	uint64_t state;
	struct scenery *scenery;
	struct serve_context *context;
};

static uint64_t
next(struct stream *stream)
{
	return mix64(stream->state += UINT64_C(0x9e3779b97f4a7c15));
}

/* A question that is in order: a name of the zone or below it, perhaps an OPT with options. */
static size_t
good_message(struct stream *stream, uint8_t *at)
{
	static const char *const names[] = {"example.com.", "a.example.com.", "x.d.example.com.",
	    "y.d2.example.com.", "q.wild.example.com.", "h.sub.example.com.", "ent.example.com.",
	    "lb.example.com.", "h.example.com.", "loop.example.com.", "nope.example.com.", "example.org.",
	    "."};
	static const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 35, 0, 3, 0, 0, 0, 8, 0, 7, 0, 1, 24,
	    0, 192, 0, 2, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 11, 0, 0};
	static const uint16_t types[] = {1, 2, 5, 6, 15, 16, 28, 39, 41, 43, 65, 251, 252, 255, 999};
	uint64_t draw = next(stream);
	bool edns = draw >> 32 & 1;
	size_t len = 12;

	memset(at, 0, 12);
	put16(at, (uint16_t)draw);
	at[5] = 1;
	at[11] = edns;
	len += name_from_text(at + len, names[(draw >> 16 & 0xffff) % NITEMS(names)], NULL);
	put16(at + len, types[(draw >> 40) % NITEMS(types)]);
	put16(at + len + 2, 1);
	len += 4;
	if (edns) {
		memcpy(at + len, opt, sizeof opt);
		put16(at + len + 9, (uint16_t)(sizeof opt - 11));
		len += sizeof opt;
	}
	return len;
}

/* Break it: a few octets, the length, or everything. */
static size_t
break_message(struct stream *stream, uint8_t *at, size_t len)
{
	uint64_t draw = next(stream);
	unsigned faults = 1 + (draw & 3);

	switch (draw >> 8 & 7) {
	case 0:
		return (draw >> 16) % (len + 1);
	case 1:
		for (size_t i = 0; i < len; i++)
			at[i] = (uint8_t)next(stream);
		return len;
	case 2: /* octets behind it */
		memset(at + len, (int)(draw >> 24 & 255), 64);
		return len + (draw >> 16 & 63);
	case 3: /* counts */
		at[4 + (draw >> 16 & 7)] = (uint8_t)(draw >> 24);
		return len;
	default:
		for (unsigned i = 0; i < faults; i++, draw = next(stream))
			at[2 + (draw >> 16) % (len - 2)] = (uint8_t)(draw >> 40);
		return len;
	}
}

static void
send_messages(struct stream *stream, uint64_t count, uint64_t *answered)
{
	static uint8_t out[UINT16_MAX];
	uint8_t in[1024];

	for (uint64_t i = 0; i < count; i++) {
		struct peer peer = {.port = 1234, .transport = (enum transport)(i % TRANSPORT_COUNT)};
		size_t len, outlen;

		peer.address.family = i % 2 == 0 ? FAMILY_V4 : FAMILY_V6;
		put32(peer.address.bytes, (uint32_t)next(stream));
		len = break_message(stream, in, good_message(stream, in));
		outlen = serve(stream->context, &stream->scenery->snapshot, &peer, in, len, out,
		    transport_is_udp(peer.transport) ? EDNS_SIZE : sizeof out);
		if (outlen == 0)
			continue;
		++*answered;
		assert_true(
		    len >= 12 && outlen >= 12 && memcmp(in, out, 2) == 0 && !(in[2] & 0x80) && out[2] & 0x80);
		assert_true(outlen <= (transport_is_udp(peer.transport) ? EDNS_SIZE : 4096));
	}
}

static long
resident_pages(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long all, resident = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%ld %ld", &all, &resident), 2);
	fclose(file);
	return resident;
}

static void
malformed_messages_leave_memory_as_it_is(void **state)
{
	static const char *const addresses[] = {"192.0.2.1", "192.0.2.2", NULL};
	static const struct cookie_secrets secrets = {.keys = {{1, 2}}, .count = 1};
	static struct serve_settings settings = {.nsid = "soak", .keepalive = 100};
	struct stream stream = {.state = 1, .scenery = scenery_new()};
	const char *wanted = getenv("SOAK");
	uint64_t count = wanted != NULL ? strtoull(wanted, NULL, 10) : 1000000, answered = 0;
	uint8_t apex[NAME_MAX_LEN];
	struct mallinfo2 before, after;
	long pages;
	uint32_t pool;

	(void)state;
	settings.secrets = &secrets;
	name_from_text(apex, "example.com.", NULL);
	pool = scenery_pool(stream.scenery, "p", addresses, NULL);
	scenery_lb(stream.scenery, "lb.example.com.", apex, AFFINITY_IP, pool, pool);
	assert_true(scenery_build(stream.scenery, zone_text));
	stream.context = serve_context_new(&settings);
	assert_non_null(stream.context);
	send_messages(&stream, 10000, &answered); /* every page of it is there now */
	resident_pages();                         /* and so is all of stdio */
	before = mallinfo2();
	pages = resident_pages();
	send_messages(&stream, count, &answered);
	after = mallinfo2();
	assert_int_equal(after.uordblks, before.uordblks);
	assert_in_range(resident_pages(), 0, pages + 16);
	assert_true(answered > count / 2);
	print_message("# %llu messages, %llu answered, resident %ld then %ld pages\n",
	    (unsigned long long)count, (unsigned long long)answered, pages, resident_pages());
	serve_context_free(stream.context);
	scenery_free(stream.scenery);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(malformed_messages_leave_memory_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
