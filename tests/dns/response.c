/*
 * response.c -- answers as octets: names compressed, RRsets whole or not at all, and what a query costs.
 */
#include "dnsd/serve.h"
#include "tests/dns/scenery.h"

#include <ldns/ldns.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const struct peer udp = {
    .address = {FAMILY_V4, {192, 0, 2, 9}}, .port = 5353, .transport = TRANSPORT_UDP4};
static const struct peer tcp = {
    .address = {FAMILY_V4, {192, 0, 2, 9}}, .port = 5353, .transport = TRANSPORT_TCP4};

static const char zone_text[] = "$ORIGIN example.com.\n$TTL 300\n@ SOA ns1 hm 1 2 3 4 60\n@ NS ns1\n@ NS "
				"ns2\n@ MX 10 mail\nns1 A 192.0.2.53\nns2 AAAA 2001:db8::53\n"
				"mail A 192.0.2.25\na CNAME b\nb CNAME www\nsub NS ns.sub\nsub NS "
				"other.example.net.\nns.sub A 192.0.2.54\n"
				"*.w A 192.0.2.7\nbig TXT \"$\"\nhidden TXT \"seen\"\nhidden A 192.0.2.99\n";

static struct scenery *scenery;
static struct serve_settings settings = {.nsid = "ns-of-test"};
static struct serve_context *context;

/* A text with a large RRset in place of the "$". */
static char *
text_with_big_rrset(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (const char *at = zone_text; *at != '\0'; at++)
		if (*at != '$' || at[1] != '"')
			fputc(*at, out);
	for (int i = 0; i < 30; i++)
		fprintf(out, "\nbig TXT \"%02d%080d\"", i, i);
	for (int i = 0; i < 290; i++)
		fprintf(out, "\nhuge TXT \"%04d%0200d\"", i, i);
	fputc('\n', out);
	fclose(out);
	return text;
}

/* S35: one of each kind of condition. */
static struct steer_override rules[] = {{.parts = PART_TTL, .ttl = 5},
    {.parts = PART_AFFINITY, .affinity = AFFINITY_IP}, {.parts = PART_POLICY, .policy = STEERING_RANDOM}};
static struct steer_overrides overrides = {.nrules = NITEMS(rules), .rules = rules};
static struct expression *conditions[NITEMS(rules)];

static void
add_rules(struct steer_lb *lb)
{
	static const char *const texts[NITEMS(rules)] = {
	    "dns.qry.type eq 1 and ends_with(lower(dns.qry.name), \".com\") and cf.load_balancer.region in "
	    "{\"\" \"WEU\"}",
	    "ip.src in {127.0.0.0/8 ::1} xor len(ip.src.country) gt 0 or ip.src.asnum eq 1 or "
	    "cf.load_balancer.name contains \"x\"",
	    "not dns.rr.opt.client"};

	for (size_t i = 0; i < NITEMS(rules); i++) {
		char *error = NULL;

		conditions[i] = expression_new(texts[i], &error);
		assert_non_null(conditions[i]);
		rules[i].condition = conditions[i];
	}
	lb->overrides = &overrides;
}

static int
set_up(void **state)
{
	static const char *const mixed[] = {"192.0.2.1", "192.0.2.2", "2001:db8::1", NULL},
				 *const one[] = {"198.51.100.1", NULL};
	static const char *const dead[] = {"198.51.100.9", NULL};
	char *text = text_with_big_rrset();
	uint8_t apex[NAME_MAX_LEN];
	uint32_t pool, down, last;

	(void)state;
	scenery = scenery_new();
	name_from_text(apex, "example.com.", NULL);
	pool = scenery_pool(scenery, "p", mixed, NULL);
	last = scenery_pool(scenery, "f", one, NULL);
	down = scenery_pool(scenery, "d", dead, "198.51.100.9");
	scenery_lb(scenery, "down.example.com.", apex, AFFINITY_NONE, down, down);
	scenery_lb(scenery, "hidden.example.com.", apex, AFFINITY_NONE, pool, last);
	add_rules(scenery_lb(scenery, "ruled.example.com.", apex, AFFINITY_NONE, pool, last));
	scenery_lb(scenery, "sticky.example.com.", apex, AFFINITY_IP, pool, last);
	scenery_lb(scenery, "www.example.com.", apex, AFFINITY_NONE, pool, last);
	if (!scenery_build(scenery, text))
		return -1;
	free(text);
	context = serve_context_new(&settings);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	serve_context_free(context);
	scenery_free(scenery);
	for (size_t i = 0; i < NITEMS(rules); i++)
		free(conditions[i]);
	return 0;
}

/* A query; size 0: without EDNS. */
static size_t
make_query(uint8_t *out, const char *name, uint16_t type, uint16_t size)
{
	size_t len = 12;

	memcpy(out, "\x12\x34\x01\x00\0\1\0\0\0\0\0", 11);
	out[11] = size > 0;
	len += name_from_text(out + len, name, NULL);
	put16(out + len, type);
	put16(out + len + 2, CLASS_IN);
	len += 4;
	if (size > 0) {
		memcpy(out + len, "\0\0\x29\0\0\0\0\0\0\0\0", 11);
		put16(out + len + 3, size);
		len += 11;
	}
	return len;
}

/* The response as text, one record a line: "SECTION owner ttl type data", sorted by nothing; rcode and TC
 * first. */
static const char *
ask(const char *name, const char *type, uint16_t size, const struct peer *peer, size_t *length)
{
	static char text[200000];
	static uint8_t out[UINT16_MAX];
	static const char *const sections[] = {"an", "ns", "ar"};
	ldns_rr_list *lists[3];
	ldns_pkt *packet;
	uint8_t in[512];
	size_t len = serve(context, &scenery->snapshot, peer, in,
	    make_query(in, name, zonefile_type(type), size), out, peer == &udp ? EDNS_SIZE : sizeof out);
	char *at = text;

	if (length != NULL)
		*length = len;
	assert_int_equal(ldns_wire2pkt(&packet, out, len), LDNS_STATUS_OK);
	at += sprintf(at, "%u%s%s\n", ldns_pkt_get_rcode(packet), ldns_pkt_aa(packet) ? " aa" : "",
	    ldns_pkt_tc(packet) ? " tc" : "");
	lists[0] = ldns_pkt_answer(packet);
	lists[1] = ldns_pkt_authority(packet);
	lists[2] = ldns_pkt_additional(packet);
	for (unsigned s = 0; s < 3; s++)
		for (size_t i = 0; i < ldns_rr_list_rr_count(lists[s]); i++) {
			char *line = ldns_rr2str(ldns_rr_list_rr(lists[s], i));

			for (char *c = line; *c != '\0'; c++)
				*c = *c == '\t' ? ' ' : *c;
			at += sprintf(at, "%s %s", sections[s], line);
			free(line);
		}
	ldns_pkt_free(packet);
	return text;
}

static void
responses_have_their_sections(void **state)
{
	static const struct {
		const char *name, *type, *expected;
	} rows[] = {
	    {"example.com.", "MX",
		"0 aa\nan example.com. 300 IN MX 10 mail.example.com.\nar mail.example.com. 300 IN A "
		"192.0.2.25\n"},
	    {"eXample.com.", "SOA",
		"0 aa\nan eXample.com. 300 IN SOA ns1.example.com. hm.example.com. 1 2 3 4 60\n"},
	    {"nope.example.com.", "A",
		"3 aa\nns example.com. 60 IN SOA ns1.example.com. hm.example.com. 1 2 3 4 60\n"},
	    {"mail.example.com.", "AAAA",
		"0 aa\nns example.com. 60 IN SOA ns1.example.com. hm.example.com. 1 2 3 4 60\n"},
	    {"x.sub.example.com.", "A",
		"0\nns sub.example.com. 300 IN NS ns.sub.example.com.\n"
		"ns sub.example.com. 300 IN NS other.example.net.\nar ns.sub.example.com. 300 IN A "
		"192.0.2.54\n"},
	    {"q.w.example.com.", "A", "0 aa\nan q.w.example.com. 300 IN A 192.0.2.7\n"},
	    {"sticky.example.com.", "AAAA", "0 aa\nan sticky.example.com. 30 IN AAAA 2001:db8::1\n"},
	    {"hidden.example.com.", "AAAA", "0 aa\nan hidden.example.com. 30 IN AAAA 2001:db8::1\n"}, /* S6 */
	    {"hidden.example.com.", "TXT", "0 aa\nan hidden.example.com. 300 IN TXT \"seen\"\n"},
	    {"hidden.example.com.", "CNAME",
		"0 aa\nns example.com. 30 IN SOA ns1.example.com. hm.example.com. 1 2 3 4 60\n"},
	    {"down.example.com.", "A", "0 aa\nan down.example.com. 30 IN A 198.51.100.9\n"}, /* S14 */
	    {"down.example.com.", "AAAA",
		"0 aa\nns example.com. 30 IN SOA ns1.example.com. hm.example.com. 1 2 3 4 60\n"}, /* S10 */
	    {"a.example.com.", "AAAA",
		"0 aa\nan a.example.com. 300 IN CNAME b.example.com.\nan b.example.com. 300 IN CNAME "
		"www.example.com.\n"
		"an www.example.com. 30 IN AAAA 2001:db8::1\n"},
	    {"example.org.", "A", "5\n"},
	    {"mail.example.com.", "ANY", "0 aa\nan mail.example.com. 3600 IN HINFO \"RFC8482\" \"\"\n"},
	};

	(void)state;
	for (size_t i = 0; i < NITEMS(rows); i++)
		assert_string_equal(ask(rows[i].name, rows[i].type, 0, &udp, NULL), rows[i].expected);
}

static void
an_rrset_that_does_not_fit_is_left_out_whole(void **state)
{
	size_t len;

	(void)state;
	assert_string_equal(ask("big.example.com.", "TXT", 0, &udp, &len), "0 aa tc\n");
	assert_true(len <= 512);
	assert_string_equal(ask("big.example.com.", "TXT", 4096, &udp, &len), "0 aa tc\n");
	assert_true(len <= 1232);
	assert_null(strstr(ask("big.example.com.", "TXT", 0, &tcp, &len), "tc"));
	assert_true(len > 2400);
}

/* Owners beyond 16 KiB cannot be pointed to (RFC 1035 4.1.4): ldns reads the message, so none went astray. */
static void
a_large_message_is_whole(void **state)
{
	size_t len;
	const char *text = ask("huge.example.com.", "TXT", 0, &tcp, &len);
	unsigned lines = 0;

	(void)state;
	for (; (text = strchr(text, '\n')) != NULL; text++)
		lines++;
	assert_int_equal(lines, 291);
	assert_true(len > 60000);
}

/* Interposed: what the path of a query must not call. */
static _Atomic unsigned calls;
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define COUNTED 1
void *
malloc(size_t size)
{
	calls++;
	return __libc_malloc(size);
}

void *
calloc(size_t count, size_t size)
{
	calls++;
	return __libc_calloc(count, size);
}

void *
realloc(void *memory, size_t size)
{
	calls++;
	return __libc_realloc(memory, size);
}

extern int __pthread_mutex_lock(pthread_mutex_t *mutex) __attribute__((weak));
int
pthread_mutex_lock(pthread_mutex_t *mutex)
{
	calls++;
	return __pthread_mutex_lock != NULL ? __pthread_mutex_lock(mutex) : 0;
}
#endif

/* A full batch of every kind of answer, over and over. */
static void
serve_much(void)
{
	static const char *const names[] = {"www.example.com.", "sticky.example.com.", "mail.example.com.",
	    "nope.example.com.", "x.sub.example.com.", "a.example.com.", "q.w.example.com.",
	    "ruled.example.com."};
	static uint8_t in[SERVE_BATCH][512], out[SERVE_BATCH][EDNS_SIZE];
	struct message messages[SERVE_BATCH];

	for (unsigned i = 0; i < SERVE_BATCH; i++)
		messages[i] = (struct message){.peer = &udp,
		    .in = in[i],
		    .out = out[i],
		    .outcap = EDNS_SIZE,
		    .inlen = make_query(
			in[i], names[i % NITEMS(names)], i % 3 ? TYPE_A : TYPE_AAAA, i % 2 ? 1232 : 0)};
	for (unsigned round = 0; round < 1000; round++)
		serve_batch(context, &scenery->snapshot, messages, SERVE_BATCH);
}

static void
a_query_costs_no_malloc_and_no_lock(void **state)
{
	(void)state;
	serve_much();
	calls = 0;
	serve_much();
	assert_int_equal(calls, 0);
#ifdef COUNTED
	free(xmalloc(1));
	pthread_mutex_lock(&(pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER);
	assert_int_equal(calls, 2); /* it does count */
#endif
}

/*
 * Under strict seccomp any system call but read, write and exit is death.  The child reports by an octet that
 * it lives: exit ends only its thread, and ThreadSanitizer has one of its own in there.
 */
static void
a_query_costs_no_system_call(void **state)
{
	struct pollfd answer = {.events = POLLIN};
	uint8_t octet;
	pid_t child;
	int ends[2];

	(void)state;
	serve_much(); /* pages of the tables are touched once */
	assert_int_equal(pipe(ends), 0);
	if ((child = fork()) == 0) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
			_exit(3);
		serve_much();
		syscall(SYS_write, ends[1], "", 1);
		syscall(SYS_exit, 0);
	}
	close(ends[1]);
	answer.fd = ends[0];
	assert_int_equal(poll(&answer, 1, 20000), 1);
	assert_int_equal(read(ends[0], &octet, 1), 1);
	close(ends[0]);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(responses_have_their_sections),
	    cmocka_unit_test(an_rrset_that_does_not_fit_is_left_out_whole),
	    cmocka_unit_test(a_large_message_is_whole),
	    cmocka_unit_test(a_query_costs_no_malloc_and_no_lock),
	    cmocka_unit_test(a_query_costs_no_system_call),
	};

	return cmocka_run_group_tests_name("response", tests, set_up, tear_down);
}
