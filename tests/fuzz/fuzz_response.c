/*
 * What a server answers to a dns check (S37): never a crash, an end, and a verdict that holds together.  The
 * first octet chooses the monitor, the next 3 to 4 the flags and counts; what follows the question is the
 * stranger's.
 */
#include "monitor/check/dns_response.h"

#include "zones/dns/rrset.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct {
	uint16_t type;
	const char *data; /* rdata */
	size_t len;
} wanted[] = {{TYPE_A, NULL, 0}, {TYPE_A, "\300\0\2\1", 4}, {TYPE_CNAME, "\1b\7example\0", 11},
    {TYPE_MX, "\0\12\2mx\7example\0", 14},
    {TYPE_SOA, "\1a\0\1b\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", 26}, {TYPE_TXT, "\1x", 2}};

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t name[] = "\3www\7example";
	uint8_t query[DNS_QUERY_MAX], message[65535];
	struct monitor monitor = {0};
	struct dns_verdict verdict;
	size_t asked, pick = len == 0 ? 0 : data[0] % NITEMS(wanted);

	if (len < 8)
		return 0;
	monitor.dns_type = wanted[pick].type;
	monitor.dns_data = (uint8_t *)(uintptr_t)wanted[pick].data;
	monitor.dns_data_len = wanted[pick].len;
	monitor.dns_rcode = data[0] & 0x80 ? 3 : 0;
	memcpy(monitor.dns_name, name, sizeof name);
	asked = dns_query(&monitor, query);
	/* As it came; then as an answer to what was asked. */
	dns_response_check(&monitor, query, data + 1, len - 1, &verdict);
	memcpy(message, query, asked);
	message[2] = 0x80 | (data[1] & 7);
	message[3] = data[2] & 15;
	memcpy(message + 6, data + 3, 2);
	len = MIN(len - 5, sizeof message - asked);
	memcpy(message + asked, data + 5, len);
	assert(dns_response_check(&monitor, query, message, asked + len, &verdict));
	assert(verdict.rcode == (data[2] & 15) && verdict.truncated == ((data[1] & 2) != 0));
	assert((verdict.rcode == monitor.dns_rcode) == (verdict.reason != REASON_DNS_RCODE_MISMATCH));
	assert(monitor.dns_data != NULL || verdict.reason != REASON_DNS_DATA_MISMATCH);
	assert(memchr(verdict.detail, '\0', sizeof verdict.detail) != NULL);
	return 0;
}
