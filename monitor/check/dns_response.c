#include "monitor/check/dns_response.h"

#include "zones/dns/message.h"
#include "zones/dns/rrset.h"
#include "zones/document/schema.h"
#include "zones/zonefile/zonefile.h"

#include <arpa/inet.h>
#include <stdio.h>

enum {
	HEADER_LEN = 12,
	CHAIN_MAX = 16 /* CNAMEs on the way to the data */
};

/* --- reading the response --- */

/* The name of the question, and the names that its CNAMEs lead to. */
struct chain {
	uint8_t names[1 + CHAIN_MAX][NAME_MAX_LEN];
	unsigned count;
};

/* Follow the CNAME of the chain's last name. Returns false if the name has no CNAME.  at is the first record.
 */
static bool
chain_extend(struct chain *chain, struct message at, unsigned count)
{
	uint8_t target[2 * NAME_MAX_LEN];

	for (unsigned i = 0; i < count; i++) {
		struct message_record record;

		message_read_record(&at, &record);
		if (at.wrong)
			return false;
		if (record.type != TYPE_CNAME || !name_equal(record.owner, chain->names[chain->count - 1]) ||
		    message_record_data(&at, &record, target, sizeof target) == 0)
			continue;
		memcpy(chain->names[chain->count++], target, name_len(target));
		return true;
	}
	return false;
}

static bool
in_chain(const struct chain *chain, const uint8_t *name)
{
	for (unsigned i = 0; i < chain->count; i++)
		if (name_equal(chain->names[i], name))
			return true;
	return false;
}

static void
tell_other_data(struct dns_verdict *verdict, const struct message *reader,
    const struct message_record *record, unsigned found)
{
	char *out = verdict->detail;
	size_t len = record->end - record->at;

	if (found > 1)
		snprintf(out, HEALTH_DETAIL_MAX, "%u answers, none with the expected data", found);
	else if ((record->type == TYPE_A && len == 4) || (record->type == TYPE_AAAA && len == 16))
		inet_ntop(len == 4 ? AF_INET : AF_INET6, reader->octets + record->at, out, HEALTH_DETAIL_MAX);
	else
		snprintf(out, HEALTH_DETAIL_MAX, "an answer with other data");
}

/* Is the expected data there?  reader is at the answer section. */
static enum health_reason
data_reason(
    const struct monitor *monitor, struct message *reader, unsigned count, struct dns_verdict *verdict)
{
	struct chain chain = {.count = 1};
	uint8_t data[UINT16_MAX];
	unsigned found = 0;

	if (monitor->dns_data == NULL)
		return REASON_NONE;
	memcpy(chain.names[0], monitor->dns_name, name_len(monitor->dns_name));
	while (chain.count <= CHAIN_MAX && chain_extend(&chain, *reader, count))
		continue;
	for (unsigned i = 0; i < count; i++) {
		struct message_record record;
		size_t len;

		message_read_record(reader, &record);
		if (reader->wrong)
			return REASON_DNS_INVALID_RESPONSE;
		if (record.type != monitor->dns_type || record.class != CLASS_IN ||
		    !in_chain(&chain, record.owner))
			continue;
		len = message_record_data(reader, &record, data, sizeof data);
		if (len > 0 &&
		    zonefile_compare_rdata(
			record.type, data, len, monitor->dns_data, monitor->dns_data_len) == 0) {
			verdict->detail[0] = '\0'; /* clear the details of earlier answers */
			return REASON_NONE;
		}
		tell_other_data(verdict, reader, &record, ++found);
	}
	if (found == 0)
		snprintf(verdict->detail, sizeof verdict->detail, "no answer of that type");
	return REASON_DNS_DATA_MISMATCH;
}

/* Is it the response to the query: id, opcode, and the same question? Moves reader to the answers. */
static bool
is_response(const uint8_t *query, struct message *reader)
{
	const uint8_t *message = reader->octets;
	uint8_t name[NAME_MAX_LEN];
	size_t len = name_len(query + HEADER_LEN);

	if (reader->len < HEADER_LEN || get16(message) != get16(query) || (message[2] & 0xf8) != 0x80)
		return false;
	reader->at = HEADER_LEN;
	/* A server that cannot read the query may omit the question: FORMERR. */
	if (get16(message + 4) == 0)
		return (message[3] & 15) == 1;
	if (get16(message + 4) != 1)
		return false;
	message_read_name(reader, name);
	return !reader->wrong && reader->len - reader->at >= 4 && name_equal(name, query + HEADER_LEN) &&
	    message_read16(reader) == get16(query + HEADER_LEN + len) && message_read16(reader) == CLASS_IN;
}

bool
dns_response_check(const struct monitor *monitor, const uint8_t *query, const uint8_t *message, size_t len,
    struct dns_verdict *verdict)
{
	struct message reader = {.octets = message, .len = len};
	const char *text;

	*verdict = (struct dns_verdict){.reason = REASON_NONE};
	if (!is_response(query, &reader))
		return false;
	verdict->truncated = message[2] & 2;
	verdict->rcode = message[3] & 15;
	if (verdict->rcode == monitor->dns_rcode) {
		verdict->reason = data_reason(monitor, &reader, get16(message + 6), verdict);
		return true;
	}
	verdict->reason = REASON_DNS_RCODE_MISMATCH;
	text = schema_dns_rcode_text(verdict->rcode);
	if (text != NULL)
		snprintf(verdict->detail, sizeof verdict->detail, "%s", text);
	else
		snprintf(verdict->detail, sizeof verdict->detail, "rcode %u", verdict->rcode);
	return true;
}

size_t
dns_query(const struct monitor *monitor, uint8_t query[DNS_QUERY_MAX])
{
	size_t len = HEADER_LEN + name_len(monitor->dns_name);

	memset(query, 0, HEADER_LEN);
	random_bytes(query, 2);
	query[2] = 1; /* RD: a resolver needs it, and an authoritative server ignores it */
	put16(query + 4, 1);
	memcpy(query + HEADER_LEN, monitor->dns_name, len - HEADER_LEN);
	put16(query + len, monitor->dns_type);
	put16(query + len + 2, CLASS_IN);
	return len + 4;
}
