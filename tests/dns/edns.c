/*
 * edns.c -- cookies, extended errors, keepalive, padding; and rate limiting, which cookies are spared.
 */
#include "dnsd/serve.h"
#include "tests/dns/scenery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static const struct peer udp = {
    .address = {FAMILY_V4, {192, 0, 2, 9}}, .port = 5353, .transport = TRANSPORT_UDP4};
static const struct peer tcp = {
    .address = {FAMILY_V4, {192, 0, 2, 9}}, .port = 5353, .transport = TRANSPORT_TCP4};

static struct scenery *scenery;
static struct serve_settings settings;
static struct serve_context *context;
static struct cookie_secrets secrets;

static int
set_up(void **state)
{
	static const char *const dead[] = {"198.51.100.9", NULL};
	uint8_t apex[NAME_MAX_LEN];
	uint32_t pool;

	(void)state;
	scenery = scenery_new();
	name_from_text(apex, "example.com.", NULL);
	pool = scenery_pool(scenery, "d", dead, "198.51.100.9");
	scenery_lb(scenery, "www.example.com.", apex, AFFINITY_NONE, pool, pool);
	if (!scenery_build(scenery,
		"$ORIGIN example.com.\n$TTL 300\n@ SOA ns1 hm 1 2 3 4 60\n@ NS ns1\nns1 A 192.0.2.53\n*.w A "
		"192.0.2.7\n"))
		return -1;
	settings = (struct serve_settings){.keepalive = 100};
	cookie_make_secrets(&secrets);
	settings.secrets = &secrets;
	context = serve_context_new(&settings);
	context->now_s = 1000000;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	serve_context_free(context);
	scenery_free(scenery);
	return 0;
}

/* A query with an OPT of these options (none where options is NULL); name NULL: no question. */
static size_t
make_query(uint8_t *out, const char *name, uint16_t type, const void *options, size_t len)
{
	size_t used = 12;

	memset(out, 0, 12);
	out[5] = name != NULL;
	out[11] = options != NULL;
	if (name != NULL) {
		used += name_from_text(out + used, name, NULL);
		put16(out + used, type);
		put16(out + used + 2, CLASS_IN);
		used += 4;
	}
	if (options != NULL) {
		memcpy(out + used, "\0\0\x29\x04\xd0\0\0\0\0", 9);
		put16(out + used + 9, (uint16_t)len);
		memcpy(out + used + 11, options, len);
		used += 11 + len;
	}
	return used;
}

struct got {
	uint8_t out[UINT16_MAX];
	size_t len;
	unsigned rcode;
	bool truncated;
	unsigned answers;
};

/* The data of an option in the OPT that ends the response; NULL if there is none. */
static const uint8_t *
option(const struct got *got, uint16_t wanted, size_t *len)
{
	static const uint8_t opt[] = {0, 0, TYPE_OPT};

	for (size_t at = 12; at + 11 <= got->len; at++) {
		if (memcmp(got->out + at, opt, sizeof opt) != 0 ||
		    at + 11 + get16(got->out + at + 9) != got->len)
			continue;
		for (size_t o = at + 11; o + 4 <= got->len; o += 4u + get16(got->out + o + 2))
			if (get16(got->out + o) == wanted) {
				*len = get16(got->out + o + 2);
				return got->out + o + 4;
			}
	}
	return NULL;
}

static struct got *
ask(const char *name, uint16_t type, const struct peer *peer, const void *options, size_t len)
{
	static struct got got;
	uint8_t in[1024];

	got.len = serve(context, &scenery->snapshot, peer, in, make_query(in, name, type, options, len),
	    got.out, peer == &udp ? EDNS_SIZE : sizeof got.out);
	if (got.len > 0) {
		got.rcode = got.out[3] & 15;
		if (options != NULL) /* the extended part is in the OPT's TTL */
			for (size_t at = 12; at + 11 <= got.len; at++)
				if (memcmp(got.out + at, "\0\0\x29", 3) == 0 &&
				    at + 11 + get16(got.out + at + 9) == got.len)
					got.rcode |= (unsigned)got.out[at + 5] << 4;
		got.truncated = got.out[2] & 2;
		got.answers = get16(got.out + 6);
	}
	return &got;
}

static void
octets(const char *hex, uint8_t *out)
{
	for (unsigned value; *hex != '\0'; hex += 2) {
		assert_int_equal(sscanf(hex, "%2x", &value), 1);
		*out++ = (uint8_t)value;
	}
}

/* The examples of RFC 9018 appendix A. */
static void
cookies_agree_with_the_rfcs_examples(void **state)
{
	static const struct {
		const char *secret, *client, *server, *address;
		uint32_t now;
		bool makes; /* it is what we would make, too */
	} rows[] = {
	    {"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957", "010000005cf79f111f8130c3eee29480",
		"198.51.100.100", 1559731985, true},
	    {"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957", "010000005cf7a871d4a564a1442aca77",
		"198.51.100.100", 1559734385, true},
	    {"e5e973e5a6b2a43f48e7dc849e37bfcf", "fc93fc62807ddb86", "01abcdef5cf78f71a314227b6679ebf5",
		"203.0.113.203", 1559727985, false},
	    {"dd3bdf9344b678b185a6f5cb60fca715", "22681ab97d52c298", "010000005cf7c57926556bd0934c72f8",
		"2001:db8:220:1:59de:d0f4:8769:82b8", 1559741817, true},
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		char path[] = "/tmp/graycloud-secret-XXXXXX";
		struct problems problems = {0};
		struct cookie_secrets read;
		struct address address;
		uint8_t client[8], server[16], made[16];
		int fd = mkstemp(path);

		assert_true(fd >= 0 && dprintf(fd, "%s\n", rows[i].secret) > 0);
		close(fd);
		assert_true(cookie_read_secrets(&read, path, &problems));
		unlink(path);
		octets(rows[i].client, client);
		octets(rows[i].server, server);
		assert_true(address_from_text(&address, rows[i].address));
		assert_true(cookie_valid(&read, client, server, 16, &address, rows[i].now));
		cookie_make(made, &read, client, &address, rows[i].now);
		if (rows[i].makes)
			assert_memory_equal(made, server, 16);
		/* one bit, another address, too old, from the future */
		server[15] ^= 1;
		assert_false(cookie_valid(&read, client, server, 16, &address, rows[i].now));
		server[15] ^= 1;
		assert_false(
		    cookie_valid(&read, client, server, 16, &address, rows[i].now + COOKIE_OLDEST + 1));
		assert_true(cookie_valid(&read, client, server, 16, &address, rows[i].now + COOKIE_OLDEST));
		assert_false(
		    cookie_valid(&read, client, server, 16, &address, rows[i].now - COOKIE_FUTURE - 1));
		assert_false(cookie_valid(&read, client, server, 15, &address, rows[i].now));
		address.bytes[3] ^= 1;
		assert_false(cookie_valid(&read, client, server, 16, &address, rows[i].now));
		problems_free(&problems);
	}
}

static void
the_secret_before_is_taken_and_the_present_one_made(void **state)
{
	struct cookie_secrets old, rolled;
	struct address address;
	uint8_t client[8] = "clientco", cookie[16];

	(void)state;
	assert_true(address_from_text(&address, "192.0.2.1"));
	cookie_make_secrets(&old);
	cookie_make_secrets(&rolled);
	rolled.count = 2;
	memcpy(rolled.keys[1], old.keys[0], sizeof old.keys[0]);
	cookie_make(cookie, &old, client, &address, 1000);
	assert_true(cookie_valid(&rolled, client, cookie, 16, &address, 1000));
	cookie_make(cookie, &rolled, client, &address, 1000);
	assert_true(cookie_valid(&rolled, client, cookie, 16, &address, 1000));
	assert_false(cookie_valid(&old, client, cookie, 16, &address, 1000));
}

static void
a_faulty_secret_file_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text, *sentence;
	} rows[] = {
	    {"# nothing\n", "the file has no secret"},
	    {"abc\n", ":1: invalid secret: write 32 hex digits"},
	    {"e5e973e5a6b2a43f48e7dc849e37bfcg\n", ":1: invalid secret: write 32 hex digits"},
	    {"e5e973e5a6b2a43f48e7dc849e37bfcf\ne5e973e5a6b2a43f48e7dc849e37bfcf\n\ne5e973e5a6b2a43f48e7dc849"
	     "e37bfcf\n",
		":4: a third secret"},
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++) {
		char path[] = "/tmp/graycloud-secret-XXXXXX";
		struct problems problems = {0};
		struct cookie_secrets read;
		int fd = mkstemp(path);

		assert_true(fd >= 0 && write(fd, rows[i].text, strlen(rows[i].text)) > 0);
		close(fd);
		assert_false(cookie_read_secrets(&read, path, &problems));
		unlink(path);
		assert_non_null(strstr(problems.items[0].text, rows[i].sentence));
		problems_free(&problems);
	}
}

static void
a_client_gets_a_cookie_and_shows_it(void **state)
{
	static const uint8_t plain[] = {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
	uint8_t whole[4 + 24] = {0, 10, 0, 24};
	const uint8_t *cookie;
	struct got *got;
	size_t len;

	(void)state;
	got = ask("ns1.example.com.", TYPE_A, &udp, plain, sizeof plain);
	assert_int_equal(got->rcode, RCODE_NOERROR);
	cookie = option(got, EDNS_COOKIE, &len);
	assert_non_null(cookie);
	assert_int_equal(len, 24);
	assert_memory_equal(cookie, plain + 4, 8);
	memcpy(whole + 4, cookie, 24);

	/* RFC 7873 5.2.3: if it is required, BADCOOKIE until the client shows it */
	settings.require_cookie = true;
	got = ask("ns1.example.com.", TYPE_A, &udp, plain, sizeof plain);
	assert_int_equal(got->rcode, RCODE_BADCOOKIE);
	assert_int_equal(got->answers, 0);
	assert_non_null(option(got, EDNS_COOKIE, &len));
	assert_int_equal(ask("ns1.example.com.", TYPE_A, &udp, whole, sizeof whole)->rcode, RCODE_NOERROR);
	assert_int_equal(ask("ns1.example.com.", TYPE_A, &tcp, plain, sizeof plain)->rcode, RCODE_NOERROR);
	assert_int_equal(ask("ns1.example.com.", TYPE_A, &udp, NULL, 0)->rcode, RCODE_NOERROR);
	settings.require_cookie = false;

	/* 5.4: no question, for the cookie alone */
	got = ask(NULL, 0, &udp, plain, sizeof plain);
	assert_int_equal(got->rcode, RCODE_NOERROR);
	assert_int_equal(get16(got->out + 4), 0);
	assert_non_null(option(got, EDNS_COOKIE, &len));
	assert_int_equal(ask(NULL, 0, &udp, "\0\3\0\0", 4)->rcode, RCODE_FORMERR);
}

static void
cookies_of_wrong_length_are_formerr(void **state)
{
	(void)state;
	for (uint8_t len = 0; len <= 48; len++) {
		uint8_t data[4 + 48] = {0, 10, 0, len};
		bool good = len == 8 || (len >= 16 && len <= 40);

		assert_int_equal(ask("ns1.example.com.", TYPE_A, &udp, data, 4u + len)->rcode,
		    good ? RCODE_NOERROR : RCODE_FORMERR);
	}
}

static void
extended_errors_tell_why(void **state)
{
	static const uint8_t none[] = {0};
	const uint8_t *error;
	struct got *got;
	size_t len;

	(void)state;
	error = option(ask("example.org.", TYPE_A, &udp, none, 0), EDNS_EXTENDED_ERROR, &len);
	assert_non_null(error);
	assert_int_equal(get16(error), EDNS_ERROR_NOT_AUTHORITATIVE);
	error = option(ask("example.com.", TYPE_AXFR, &udp, none, 0), EDNS_EXTENDED_ERROR, &len);
	assert_int_equal(get16(error), EDNS_ERROR_PROHIBITED);
	assert_null(option(ask("www.example.com.", TYPE_A, &udp, none, 0), EDNS_EXTENDED_ERROR, &len));
	settings.fallback_error = true;
	got = ask("www.example.com.", TYPE_A, &udp, none, 0);
	error = option(got, EDNS_EXTENDED_ERROR, &len);
	assert_non_null(error);
	assert_int_equal(got->answers, 1);
	assert_int_equal(len, 2 + strlen("fallback pool in use"));
	assert_memory_equal(error + 2, "fallback pool in use", len - 2);
	assert_null(option(ask("ns1.example.com.", TYPE_A, &udp, none, 0), EDNS_EXTENDED_ERROR, &len));
	settings.fallback_error = false;
}

static void
keepalive_and_padding_are_for_streams(void **state)
{
	static const uint8_t keepalive[] = {0, 11, 0, 0}, padding[] = {0, 12, 0, 1, 0},
			     timed[] = {0, 11, 0, 2, 0, 1};
	const uint8_t *data;
	struct got *got;
	size_t len;

	(void)state;
	assert_null(
	    option(ask("ns1.example.com.", TYPE_A, &udp, keepalive, sizeof keepalive), EDNS_KEEPALIVE, &len));
	data =
	    option(ask("ns1.example.com.", TYPE_A, &tcp, keepalive, sizeof keepalive), EDNS_KEEPALIVE, &len);
	assert_non_null(data);
	assert_int_equal(len, 2);
	assert_int_equal(get16(data), 100);
	assert_int_equal(ask("ns1.example.com.", TYPE_A, &tcp, timed, sizeof timed)->rcode, RCODE_FORMERR);
	assert_int_equal(ask("ns1.example.com.", TYPE_A, &udp, timed, sizeof timed)->rcode,
	    RCODE_NOERROR); /* RFC 7828 3.3.1 */
	assert_null(
	    option(ask("ns1.example.com.", TYPE_A, &udp, padding, sizeof padding), EDNS_PADDING, &len));
	got = ask("ns1.example.com.", TYPE_A, &tcp, padding, sizeof padding);
	assert_non_null(option(got, EDNS_PADDING, &len));
	assert_int_equal(got->len % EDNS_PADDING_BLOCK, 0);
}

/* How many of the responses of one instant are whole, truncated, dropped. */
static void
flood(const char *const *names, unsigned nnames, unsigned count, unsigned result[3])
{
	result[0] = result[1] = result[2] = 0;
	for (unsigned i = 0; i < count; i++) {
		char name[64];
		const struct got *got;

		snprintf(name, sizeof name, names[i % nnames], i);
		got = ask(name, TYPE_A, &udp, NULL, 0);
		result[got->len == 0 ? 2 : got->truncated ? 1 : 0]++;
	}
}

static void
a_flood_is_limited_by_prefix_and_owner(void **state)
{
	static const char *const one[] = {"ns1.example.com."}, *const made_up[] = {"x%u.example.com."},
				 *const wild[] = {"x%u.w.example.com."};
	static const char *const foreign[] = {"x%u.example.org."};
	struct rrl_options options = {.rate = 10, .slip = 2};
	unsigned result[3];

	(void)state;
	settings.rrl = rrl_new(&options);
	context->now_us = 1000000000;
	/* A second's worth at once, then every second one truncated, the others dropped. */
	flood(one, 1, 110, result);
	assert_int_equal(result[0], 10);
	assert_int_equal(result[1], 50);
	assert_int_equal(result[2], 50);
	/* Names that do not exist share a bucket, and so do those of a wildcard. */
	flood(made_up, 1, 110, result);
	assert_int_equal(result[0], 10);
	flood(wild, 1, 110, result);
	assert_int_equal(result[0], 10);
	flood(foreign, 1, 110, result);
	assert_int_equal(result[0], 10);
	/* A flood is forgotten after the window. */
	context->now_us += 16000000;
	flood(one, 1, 10, result);
	assert_int_equal(result[0], 10);
	/* At the rate, nothing is ever limited. */
	for (unsigned i = 0; i < 100; i++) {
		context->now_us += 100001;
		flood(made_up, 1, 1, result);
		assert_int_equal(result[0], 1);
	}
	rrl_free(settings.rrl);
	settings.rrl = NULL;
}

static void
a_good_cookie_a_stream_and_a_dry_run_are_not_limited(void **state)
{
	static const char *const one[] = {"ns1.example.com."};
	uint8_t cookie[4 + 24] = {0, 10, 0, 24, 1, 2, 3, 4, 5, 6, 7, 8};
	struct rrl_options options = {.rate = 1, .slip = 0};
	unsigned result[3];

	(void)state;
	settings.rrl = rrl_new(&options);
	context->now_us += 1000000000;
	cookie_make(cookie + 12, &secrets, cookie + 4, &udp.address, context->now_s);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(ask(one[0], TYPE_A, &udp, cookie, sizeof cookie)->answers, 1);
		assert_int_equal(ask(one[0], TYPE_A, &tcp, NULL, 0)->answers, 1);
	}
	flood(one, 1, 100, result);
	assert_int_equal(result[0], 1);
	assert_int_equal(result[2], 99); /* slip 0 */
	rrl_free(settings.rrl);
	options.dry_run = true;
	settings.rrl = rrl_new(&options);
	uint64_t before = context->tally->limited_dropped;

	flood(one, 1, 100, result);
	assert_int_equal(result[0], 100);
	assert_int_equal(context->tally->limited_dropped - before, 99);
	rrl_free(settings.rrl);
	settings.rrl = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cookies_agree_with_the_rfcs_examples),
	    cmocka_unit_test(the_secret_before_is_taken_and_the_present_one_made),
	    cmocka_unit_test(a_faulty_secret_file_is_refused_with_its_line),
	    cmocka_unit_test(a_client_gets_a_cookie_and_shows_it),
	    cmocka_unit_test(cookies_of_wrong_length_are_formerr),
	    cmocka_unit_test(extended_errors_tell_why),
	    cmocka_unit_test(keepalive_and_padding_are_for_streams),
	    cmocka_unit_test(a_flood_is_limited_by_prefix_and_owner),
	    cmocka_unit_test(a_good_cookie_a_stream_and_a_dry_run_are_not_limited),
	};

	return cmocka_run_group_tests_name("edns", tests, set_up, tear_down);
}
