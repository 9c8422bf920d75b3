#include "dnsd/query.h"

enum {
	FLAG_RESPONSE = 0x8000,
	FLAG_RECURSION_DESIRED = 0x0100,
	FLAG_CHECKING_DISABLED = 0x0010,
	OPCODE_QUERY = 0
};

/* RFC 1035 4.1.2.  The name cannot point to anything before the question. */
static bool
read_question(struct query *query, struct reader *reader)
{
	const uint8_t *start = reader->at;
	size_t len = name_valid(start, (size_t)(reader->end - start));

	if (len == 0 || read_bytes(reader, len) == NULL)
		return false;
	query->question.type = read16(reader);
	query->question.class = read16(reader);
	if (reader->bad)
		return false;
	path_init(&query->question.path, start);
	query->question_wire = start;
	query->question_len = (uint16_t)(len + 4);
	return true;
}

/* Move past an owner name, which may be compressed. */
static void
skip_name(struct reader *reader)
{
	for (;;) {
		uint8_t label = read8(reader);

		if (reader->bad || label == 0)
			return;
		if (label >= 0xc0) {
			read8(reader);
			return;
		}
		if (label > 63)
			reader->bad = true;
		read_bytes(reader, label);
	}
}

/* The records after the question: only an OPT in the additional section is used. */
static bool
read_records(struct query *query, struct reader *reader, unsigned before_additional, unsigned additional)
{
	for (unsigned i = 0; i < before_additional + additional; i++) {
		const uint8_t *owner = reader->at, *rdata;
		uint16_t type, class, rdlen;
		uint32_t ttl;

		skip_name(reader);
		type = read16(reader);
		class = read16(reader);
		ttl = read32(reader);
		rdlen = read16(reader);
		rdata = read_bytes(reader, rdlen);
		if (reader->bad)
			return false;
		if (type != TYPE_OPT)
			continue;
		/* RFC 6891 6.1.1: at most one, in the additional section, with the root as owner. */
		if (i < before_additional || query->edns.present || *owner != 0 ||
		    !edns_read(&query->edns, class, ttl, rdata, rdlen))
			return false;
	}
	return reader->at == reader->end;
}

/* The rcode that class and type alone decide. */
static uint16_t
check_question(const struct question *question)
{
	switch (question->type) {
	case TYPE_OPT:
	case TYPE_TKEY:
	case TYPE_TSIG:
		return RCODE_FORMERR; /* never valid in a question */
	case TYPE_AXFR:
	case TYPE_IXFR:
		return RCODE_REFUSED;
	case TYPE_MAILA:
	case TYPE_MAILB:
		return RCODE_NOTIMP;
	}
	return question->class == CLASS_IN || question->class == CLASS_CH ? RCODE_NOERROR : RCODE_REFUSED;
}

static void
set_client(struct query *query, const struct peer *peer)
{
	const struct client_subnet *subnet = &query->edns.subnet;

	struct address ecs;

	/* S3: SOURCE 0 hides the client, so use the resolver's address. */
	if (!subnet->present || subnet->source == 0) {
		query->client = (struct steer_client){.resolver = peer->address};
		if (peer->address.family == FAMILY_V6)
			address_uncover(&query->client.resolver);
		return;
	}
	ecs.family = subnet->family == 1 ? FAMILY_V4 : FAMILY_V6;
	memcpy(ecs.bytes, subnet->address, sizeof ecs.bytes);
	steer_client_init(&query->client, &peer->address, &ecs, subnet->source);
}

static uint16_t
response_limit(const struct query *query, const struct peer *peer)
{
	if (!transport_is_udp(peer->transport))
		return UINT16_MAX;
	return query->edns.present ? MIN(query->edns.size, EDNS_SIZE) : EDNS_PLAIN_SIZE;
}

static uint16_t
read_request(struct query *query, const uint8_t *in, size_t inlen)
{
	struct reader reader = {.at = in + WIRE_HEADER, .end = in + inlen};
	unsigned questions = get16(in + 4), answers = get16(in + 6), authority = get16(in + 8);
	bool transfer;

	if (query->opcode != OPCODE_QUERY)
		return RCODE_NOTIMP; /* the meaning of its sections is unknown */
	/* RFC 7873 5.4: a request with a cookie and no question is valid. */
	if (questions == 0 && answers == 0 && authority == 0 &&
	    read_records(query, &reader, 0, get16(in + 10)) && query->edns.cookie.present) {
		query->cookie_only = true;
		return query->edns.version != 0 ? RCODE_BADVERS : RCODE_NOERROR;
	}
	/* RFC 9619: one question. */
	if (questions != 1 || !read_question(query, &reader))
		return RCODE_FORMERR;
	transfer = query->question.type == TYPE_IXFR; /* RFC 1995 3: it contains an SOA */
	if (answers != 0 || (authority != 0 && !transfer) ||
	    !read_records(query, &reader, answers + authority, get16(in + 10)))
		return RCODE_FORMERR;
	if (query->edns.present && query->edns.version != 0)
		return RCODE_BADVERS;
	return check_question(&query->question);
}

/*
 * Services of inetd that reply to any message: echo (RFC 862), systat (866), daytime (867), quote of the day
 * (865), chargen (864), time (868).  Resolvers never use these ports; a forged query from one of them would
 * start an endless exchange of messages.
 */
static bool
only_reflects(uint16_t port)
{
	static const uint64_t ports = UINT64_C(1) << 7 | UINT64_C(1) << 11 | UINT64_C(1) << 13 |
	    UINT64_C(1) << 17 | UINT64_C(1) << 19 | UINT64_C(1) << 37;

	return port < 64 && ports >> port & 1;
}

bool
query_parse(struct query *query, const struct peer *peer, const uint8_t *in, size_t inlen)
{
	uint16_t flags;

	if (inlen < WIRE_HEADER || peer->port == 0 ||
	    (transport_is_udp(peer->transport) && only_reflects(peer->port)) ||
	    ((flags = get16(in + 2)) & FLAG_RESPONSE))
		return false;
	query->id = get16(in);
	query->opcode = flags >> 11 & 15;
	query->recursion_desired = flags & FLAG_RECURSION_DESIRED;
	query->checking_disabled = flags & FLAG_CHECKING_DISABLED;
	query->question_len = 0;
	query->cookie_only = false;
	query->edns = (struct edns){0};
	query->rcode = read_request(query, in, inlen);
	if (query->edns.keepalive_timed &&
	    !transport_is_udp(peer->transport)) /* RFC 7828 3.3.1: over UDP it is ignored */
		query->rcode = RCODE_FORMERR;
	query->question.dnssec_ok = query->edns.dnssec_ok;
	query->limit = response_limit(query, peer);
	set_client(query, peer);
	return true;
}
