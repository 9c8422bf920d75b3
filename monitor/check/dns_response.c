#include "monitor/check/dns_response.h"

#include "zones/dns/rrset.h"
#include "zones/document/schema.h"
#include "zones/zonefile/zonefile.h"

#include <arpa/inet.h>
#include <stdio.h>

enum {
	HEADER_LEN = 12,
	CHAIN_MAX = 16 /* CNAMEs on the way to the data */
};

/* --- a message --- */

/* Octets of a message that are read once, from the front; wrong sticks. */
struct reader {
	const uint8_t *message;
	size_t len, at;
	bool wrong;
};

/* One record of the answer section. */
struct record {
	uint8_t owner[NAME_MAX_LEN];
	uint16_t type, class;
	size_t at, end; /* of its data in the message */
};

static uint16_t
read16(struct reader *reader)
{
	reader->wrong = reader->wrong || reader->len - reader->at < 2;
	if (reader->wrong)
		return 0;
	reader->at += 2;
	return get16(reader->message + reader->at - 2);
}

/* RFC 1035 4.1.4: every pointer goes back, and a name needs no more than it may have labels.  Returns the
 * length. */
static size_t
read_name(struct reader *reader, uint8_t out[NAME_MAX_LEN])
{
	size_t at = reader->at, len = 0, end = 0, before = at;
	unsigned pointers = 0;

	while (at < reader->len) {
		uint8_t octet = reader->message[at];

		if (octet >= 0xc0 && at + 1 < reader->len) {
			size_t to = get16(reader->message + at) & 0x3fffu;

			if (end == 0)
				end = at + 2;
			if (to >= before || ++pointers > NAME_MAX_LABELS)
				break;
			at = before = to;
		} else if (octet > 63 || at + 1 + octet > reader->len ||
		    len + 1 + octet + (octet != 0) > NAME_MAX_LEN)
			break;
		else {
			memcpy(out + len, reader->message + at, 1u + octet);
			len += 1u + octet;
			at += 1u + octet;
			if (octet != 0)
				continue;
			reader->at = end == 0 ? at : end;
			return len;
		}
	}
	reader->wrong = true;
	out[0] = 0;
	return 1;
}

static void
read_record(struct reader *reader, struct record *record)
{
	size_t len;

	read_name(reader, record->owner);
	record->type = read16(reader);
	record->class = read16(reader);
	read16(reader);
	read16(reader);
	len = read16(reader);
	if (reader->wrong || len > reader->len - reader->at) {
		reader->wrong = true;
		return;
	}
	record->at = reader->at;
	record->end = reader->at += len;
}

/* RFC 3597 4: the types whose names may be compressed: octets before the names, and how many names. */
static const struct {
	uint16_t type;
	uint8_t before, names;
} compressible[] = {{TYPE_NS, 0, 1}, {TYPE_CNAME, 0, 1}, {TYPE_PTR, 0, 1}, {TYPE_DNAME, 0, 1},
    {TYPE_SOA, 0, 2}, {TYPE_MX, 2, 1}, {14 /* MINFO */, 0, 2}, {17 /* RP */, 0, 2}, {18 /* AFSDB */, 2, 1},
    {21 /* RT */, 2, 1}, {26 /* PX */, 2, 2}, {TYPE_SRV, 6, 1}, {36 /* KX */, 2, 1}};

/* The data of a record, uncompressed; 0 where it is none.  room: that of two names at least. */
static size_t
record_data(const struct reader *whole, const struct record *record, uint8_t *out, size_t room)
{
	struct reader reader = {.message = whole->message, .len = record->end, .at = record->at};
	size_t len = 0, rest, before = 0, names = 0;

	for (size_t i = 0; i < NITEMS(compressible); i++)
		if (compressible[i].type == record->type) {
			before = compressible[i].before;
			names = compressible[i].names;
		}
	if (record->end - record->at < before)
		return 0;
	memcpy(out, reader.message + reader.at, before);
	reader.at += before;
	len = before;
	for (; names > 0; names--)
		len += read_name(&reader, out + len);
	rest = record->end - MIN(reader.at, record->end);
	if (reader.wrong || rest > room - len)
		return 0;
	memcpy(out + len, reader.message + reader.at, rest);
	return len + rest;
}

/* --- what it says --- */

/* The asked name, and where CNAMEs lead it within this answer. */
struct chain {
	uint8_t names[1 + CHAIN_MAX][NAME_MAX_LEN];
	unsigned count;
};

/* Where the CNAME of the chain's last name leads; false where there is none.  at is the first record. */
static bool
chain_extend(struct chain *chain, struct reader at, unsigned count)
{
	uint8_t target[2 * NAME_MAX_LEN];

	for (unsigned i = 0; i < count; i++) {
		struct record record;

		read_record(&at, &record);
		if (at.wrong)
			return false;
		if (record.type != TYPE_CNAME || !name_equal(record.owner, chain->names[chain->count - 1]) ||
		    record_data(&at, &record, target, sizeof target) == 0)
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
tell_other_data(
    struct dns_verdict *verdict, const struct reader *reader, const struct record *record, unsigned found)
{
	char *out = verdict->detail;
	size_t len = record->end - record->at;

	if (found > 1)
		snprintf(out, HEALTH_DETAIL_MAX, "%u answers, none of them this", found);
	else if ((record->type == TYPE_A && len == 4) || (record->type == TYPE_AAAA && len == 16))
		inet_ntop(
		    len == 4 ? AF_INET : AF_INET6, reader->message + record->at, out, HEALTH_DETAIL_MAX);
	else
		snprintf(out, HEALTH_DETAIL_MAX, "another answer");
}

/* Is the expected data there?  reader stands at the answer section. */
static enum health_reason
data_reason(const struct monitor *monitor, struct reader *reader, unsigned count, struct dns_verdict *verdict)
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
		struct record record;
		size_t len;

		read_record(reader, &record);
		if (reader->wrong)
			return REASON_DNS_INVALID_RESPONSE;
		if (record.type != monitor->dns_type || record.class != CLASS_IN ||
		    !in_chain(&chain, record.owner))
			continue;
		len = record_data(reader, &record, data, sizeof data);
		if (len > 0 &&
		    zonefile_compare_rdata(
			record.type, data, len, monitor->dns_data, monitor->dns_data_len) == 0) {
			verdict->detail[0] = '\0'; /* of those before it */
			return REASON_NONE;
		}
		tell_other_data(verdict, reader, &record, ++found);
	}
	if (found == 0)
		snprintf(verdict->detail, sizeof verdict->detail, "no answer of that type");
	return REASON_DNS_DATA_MISMATCH;
}

/* Is it the response to our query: id, opcode, and the question as we asked it?  reader goes on to the
 * answers. */
static bool
is_response(const uint8_t *query, struct reader *reader)
{
	const uint8_t *message = reader->message;
	uint8_t name[NAME_MAX_LEN];
	size_t len = name_len(query + HEADER_LEN);

	if (reader->len < HEADER_LEN || get16(message) != get16(query) || (message[2] & 0xf8) != 0x80)
		return false;
	reader->at = HEADER_LEN;
	/* A server that understood nothing of it may leave the question out: FORMERR. */
	if (get16(message + 4) == 0)
		return (message[3] & 15) == 1;
	if (get16(message + 4) != 1)
		return false;
	read_name(reader, name);
	return !reader->wrong && reader->len - reader->at >= 4 && name_equal(name, query + HEADER_LEN) &&
	    read16(reader) == get16(query + HEADER_LEN + len) && read16(reader) == CLASS_IN;
}

bool
dns_response_judge(const struct monitor *monitor, const uint8_t *query, const uint8_t *message, size_t len,
    struct dns_verdict *verdict)
{
	struct reader reader = {.message = message, .len = len};
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
	query[2] = 1; /* RD: a resolver then answers, and an authoritative server does not mind */
	put16(query + 4, 1);
	memcpy(query + HEADER_LEN, monitor->dns_name, len - HEADER_LEN);
	put16(query + len, monitor->dns_type);
	put16(query + len + 2, CLASS_IN);
	return len + 4;
}
