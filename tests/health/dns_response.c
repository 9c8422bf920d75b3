/* dns_response.c: the result of a message for a dns check, a row for every message; and one that would take
 * long.
 */
#include "monitor/check/dns_response.h"

#include "zones/dns/rrset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* The question is www.example A: at 12, example at 16, and the answers begin at 29. */
#define QUESTION "\3www\7example\0\0\1\0\1"
#define WWW "\300\14"
#define HEAD(type) "\0" type "\0\1\0\0\0\74"
#define A(owner, last) owner HEAD("\1") "\0\4\300\0\2" last

static struct monitor
monitor_for(const char *data)
{
	struct monitor monitor = {
	    .dns_type = TYPE_A, .dns_data = (uint8_t *)(uintptr_t)data, .dns_data_len = data == NULL ? 0 : 4};

	memcpy(monitor.dns_name, "\3www\7example", 13);
	return monitor;
}

struct row {
	const char *flags; /* two octets */
	uint8_t answers;
	const char *octets;
	size_t len;
	enum health_reason reason;
	const char *detail;
};

#define OCTETS(text) text, sizeof text - 1

static void
an_answer_is_judged_by_rcode_and_data(void **state)
{
	static const struct row rows[] = {
	    {"\201\200", 1, OCTETS(A(WWW, "\1")), REASON_NONE, ""},
	    {"\201\200", 2, OCTETS(A(WWW, "\2") A(WWW, "\1")), REASON_NONE, ""},
	    {"\201\200", 1, OCTETS(A(WWW, "\2")), REASON_DNS_DATA_MISMATCH, "192.0.2.2"},
	    {"\201\200", 2, OCTETS(A(WWW, "\2") A(WWW, "\3")), REASON_DNS_DATA_MISMATCH,
		"2 answers, none with the expected data"},
	    {"\201\200", 0, OCTETS(""), REASON_DNS_DATA_MISMATCH, "no answer of that type"},
	    {"\201\200", 1, OCTETS(A("\300\20", "\1")), REASON_DNS_DATA_MISMATCH, "no answer of that type"},
	    {"\201\200", 2, OCTETS(WWW HEAD("\5") "\0\4\1b\300\20" A("\1b\300\20", "\1")), REASON_NONE, ""},
	    {"\201\200", 2, OCTETS(A("\1B\300\20", "\1") WWW HEAD("\5") "\0\4\1b\300\20"), REASON_NONE, ""},
	    {"\201\203", 0, OCTETS(""), REASON_DNS_RCODE_MISMATCH, "NXDOMAIN"},
	    {"\201\217", 0, OCTETS(""), REASON_DNS_RCODE_MISMATCH, "rcode 15"},
	    {"\201\200", 1, OCTETS(WWW HEAD("\1") "\0\5\300\0\2\1"), REASON_DNS_INVALID_RESPONSE, ""},
	    {"\201\200", 1, OCTETS(A("\300\35", "\1")), REASON_DNS_INVALID_RESPONSE, ""}, /* to itself */
	    {"\201\200", 1, OCTETS(A("\300\60", "\1")), REASON_DNS_INVALID_RESPONSE, ""}, /* ahead */
	    {"\201\200", 1, OCTETS("\300"), REASON_DNS_INVALID_RESPONSE, ""},
	};
	struct monitor monitor = monitor_for("\300\0\2\1");
	uint8_t query[DNS_QUERY_MAX], message[512];
	size_t asked = dns_query(&monitor, query);

	(void)state;
	assert_int_equal(asked, 12 + sizeof QUESTION - 1);
	assert_memory_equal(query + 12, QUESTION, sizeof QUESTION - 1);
	for (size_t i = 0; i < NITEMS(rows); i++) {
		struct dns_verdict verdict;

		memcpy(message, query, asked);
		memcpy(message + 2, rows[i].flags, 2);
		put16(message + 6, rows[i].answers);
		memcpy(message + asked, rows[i].octets, rows[i].len);
		assert_true(dns_response_check(&monitor, query, message, asked + rows[i].len, &verdict));
		if (verdict.reason != rows[i].reason || strcmp(verdict.detail, rows[i].detail) != 0)
			fail_msg("row %zu: %s (%s)", i, health_reason_text(verdict.reason), verdict.detail);
	}
}

static void
a_message_that_does_not_answer_the_question_is_no_response(void **state)
{
	struct monitor monitor = monitor_for(NULL);
	uint8_t query[DNS_QUERY_MAX], message[DNS_QUERY_MAX];
	struct dns_verdict verdict;
	size_t len = dns_query(&monitor, query);

	(void)state;
	assert_false(dns_response_check(&monitor, query, query, len, &verdict)); /* our own */
	memcpy(message, query, len);
	message[2] |= 0x80;
	assert_true(dns_response_check(&monitor, query, message, len, &verdict));
	message[13] ^= 0x20; /* RFC 4343 */
	assert_true(dns_response_check(&monitor, query, message, len, &verdict));
	for (size_t i = 0; i < len; i++)
		assert_false(dns_response_check(&monitor, query, message, i, &verdict));
	for (size_t i = 0; i < len; i++) {
		if (i == 2 || i == 3 || (i >= 6 && i < 12)) /* flags and the other counts */
			continue;
		message[i] ^= 2;
		assert_false(dns_response_check(&monitor, query, message, len, &verdict));
		message[i] ^= 2;
	}
}

/* Thousands of CNAMEs, each owner by way of all pointers before it: it took seconds. */
static void
a_large_answer_is_judged_at_once(void **state)
{
	static uint8_t message[65535];
	struct monitor monitor = monitor_for("\300\0\2\1");
	uint8_t query[DNS_QUERY_MAX];
	struct dns_verdict verdict;
	size_t len = dns_query(&monitor, query), count = 0;
	uint64_t began = boot_ms();

	(void)state;
	memcpy(message, query, len);
	message[2] = 0x81;
	for (uint16_t back = 12; len + 14 <= sizeof message; count++) {
		put16(message + len, (uint16_t)(0xc000 | back));
		if (len < 0x3fff)
			back = (uint16_t)len;
		memcpy(message + len + 2, HEAD("\5"), 8);
		put16(message + len + 10, 2);
		put16(message + len + 12, 0xc00c);
		len += 14;
	}
	put16(message + 6, (uint16_t)count);
	assert_true(dns_response_check(&monitor, query, message, len, &verdict));
	assert_true(boot_ms() - began < 500); /* 2 ms */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_answer_is_judged_by_rcode_and_data),
	    cmocka_unit_test(a_message_that_does_not_answer_the_question_is_no_response),
	    cmocka_unit_test(a_large_answer_is_judged_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
