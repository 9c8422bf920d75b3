/*
 * Queries made of any octets, most of them good ones, asked over UDP and TCP, and a plain model of the
 * response by the RFCs: rcode, sizes, sections, options, compression, the chain of names, and truncation.
 *
 * The model reads the request with code of its own; what differs is a fault of one of the two.
 */
#include "tests/fuzz/stage.h"

#include <ldns/ldns.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* ---- the request, as the RFCs read it ---- */

enum { ANYTHING = -1 };

struct request {
	bool silent;
	int rcode;   /* ANYTHING: from the zone */
	bool broken; /* not readable: then any OPT of the response is valid */
	uint16_t id;
	bool udp;
	size_t question_len; /* 0: none, or an unreadable one */
	uint8_t name[NAME_MAX_LEN];
	uint16_t type, class;
	bool opt, nsid, keepalive, padding, dnssec_ok;
	uint16_t size;
	const uint8_t *subnet; /* its option's data, or NULL */
	size_t subnet_len;
	const uint8_t *cookie;
	size_t cookie_len;
	bool cookie_good;
};

static bool
option_good(struct request *request, uint16_t code, const uint8_t *at, size_t len)
{
	unsigned family = len >= 4 ? get16(at) : 9, source = len >= 4 ? at[2] : 0;

	if (code == EDNS_NSID)
		request->nsid = true;
	else if (code == EDNS_PADDING)
		request->padding = true;
	else if (code == EDNS_KEEPALIVE) {
		request->keepalive = true;
		return request->udp || len == 0;                            /* RFC 7828 3.3.1 */
	} else if (code == EDNS_CLIENT_SUBNET && request->subnet == NULL) { /* RFC 7871 6 */
		request->subnet = at;
		request->subnet_len = len;
		return family <= 2 &&
		    source <= (family == 0          ? 0
				      : family == 1 ? 32
						    : 128) &&
		    at[3] == 0 && len == 4 + (source + 7) / 8 &&
		    (source % 8 == 0 || (at[len - 1] & ((1 << (8 - source % 8)) - 1)) == 0);
	} else if (code == EDNS_COOKIE && request->cookie == NULL) { /* RFC 7873 4 */
		request->cookie = at;
		request->cookie_len = len;
		return len == 8 || (len >= 16 && len <= 40);
	}
	return true;
}

static bool
opt_good(struct request *request, const uint8_t *record, size_t rdlen)
{
	const uint8_t *at = record + 10, *end = at + rdlen;

	request->opt = true;
	request->size = MAX(get16(record + 2), EDNS_PLAIN_SIZE);
	request->dnssec_ok = record[6] & 0x80;
	if (record[5] != 0) {
		request->rcode = RCODE_BADVERS;
		return true;
	}
	while (at < end) {
		size_t len = end - at >= 4 ? get16(at + 2) : SIZE_MAX;

		if (len > (size_t)(end - at) - 4 || end - at < 4 ||
		    !option_good(request, get16(at), at + 4, len))
			return false;
		at += 4 + len;
	}
	return true;
}

/* Step over a name that may end in a pointer.  0: none. */
static size_t
any_name(const uint8_t *at, const uint8_t *end)
{
	const uint8_t *start = at;

	while (at < end && *at != 0 && *at < 64)
		at += 1 + *at;
	if (at < end && *at == 0)
		return (size_t)(at + 1 - start);
	return at + 1 < end && *at >= 192 ? (size_t)(at + 2 - start) : 0;
}

static bool
records_good(
    struct request *request, const uint8_t *at, const uint8_t *end, unsigned before, unsigned additional)
{
	for (unsigned i = 0; i < before + additional; i++) {
		size_t name = any_name(at, end), rdlen;

		if (name == 0 || (size_t)(end - at) < name + 10 ||
		    (size_t)(end - at) < name + 10 + (rdlen = get16(at + name + 8)))
			return false;
		if (get16(at + name) == TYPE_OPT &&
		    (i < before || request->opt || *at != 0 || !opt_good(request, at + name, rdlen)))
			return false;
		at += name + 10 + rdlen;
	}
	return at == end;
}

static bool
question_good(struct request *request, const uint8_t *at, const uint8_t *end)
{
	const uint8_t *start = at;

	while (at < end && *at != 0 && *at < 64)
		at += 1 + *at;
	if (at >= end || *at != 0 || at + 1 - start > NAME_MAX_LEN || end - at < 5)
		return false;
	memcpy(request->name, start, (size_t)(at + 1 - start));
	request->type = get16(at + 1);
	request->class = get16(at + 3);
	request->question_len = (size_t)(at + 5 - start);
	return true;
}

static int
rcode_of_question(const struct request *request)
{
	static const uint8_t apex[] = "\7example\3com", stranger[] = "\7example\3net";

	if (request->type == TYPE_OPT || request->type == TYPE_TKEY || request->type == TYPE_TSIG)
		return RCODE_FORMERR;
	if (request->type == TYPE_AXFR || request->type == TYPE_IXFR)
		return RCODE_REFUSED;
	if (request->type == TYPE_MAILA || request->type == TYPE_MAILB)
		return RCODE_NOTIMP;
	if (request->class == CLASS_CH)
		return ANYTHING;
	return request->class == CLASS_IN &&
		(name_within(request->name, apex) || name_within(request->name, stranger))
	    ? ANYTHING
	    : RCODE_REFUSED;
}

static void
judge(struct request *request, const uint8_t *in, size_t len)
{
	const uint8_t *at = in + WIRE_HEADER, *end = in + len;
	unsigned questions = get16(in + 4), before = get16(in + 6) + get16(in + 8),
		 additional = get16(in + 10);

	request->rcode = ANYTHING;
	if ((in[2] >> 3 & 15) != 0) {
		request->rcode = RCODE_NOTIMP;
		request->broken = true;
		return;
	}
	if (questions == 0 && before == 0 && records_good(request, at, end, 0, additional) &&
	    request->cookie != NULL) {
		if (request->rcode == ANYTHING) /* RFC 7873 5.4 */
			request->rcode = RCODE_NOERROR;
		return;
	}
	if (questions == 0 && request->opt &&
	    request->rcode == RCODE_BADVERS) /* a cookie cannot be seen in it */
		request->broken = true;
	if (questions == 1 && question_good(request, at, end) && get16(in + 6) == 0 &&
	    (before == 0 || request->type == TYPE_IXFR) &&
	    records_good(request, at + request->question_len, end, before, additional)) {
		if (request->rcode == ANYTHING)
			request->rcode = rcode_of_question(request);
		return;
	}
	request->rcode = RCODE_FORMERR;
	request->broken = true;
}

/* ---- the response, taken apart ---- */

enum { RECORDS_MAX = 512, ARENA = 1 << 19 };

struct record {
	unsigned section;
	uint16_t type, class, rdlen; /* of the rdata, unchanged */
	uint32_t ttl;
	const uint8_t *owner, *rdata; /* whole, names in it too */
	size_t rdata_len;
};

struct response {
	const uint8_t *wire;
	size_t len;
	uint16_t rcode;
	bool truncated;
	struct record records[RECORDS_MAX];
	unsigned count, of_section[3];
	const struct record *opt;
	uint8_t label_starts[65536 / 8]; /* where a pointer may point to */
	uint8_t *arena, *free;
};

/* Take a name at *at into the arena.  Every pointer goes back, to where a label of an earlier name begins. */
static const uint8_t *
take_name(struct response *response, size_t *at, bool may_point)
{
	uint8_t *name = response->free;
	size_t here = *at, before = here;
	bool jumped = false;

	for (;;) {
		assert(here < response->len);
		if (response->wire[here] >= 192) {
			size_t target = get16(response->wire + here) & 0x3fff;

			assert(may_point && here + 2 <= response->len);
			assert(target < before && target >= WIRE_HEADER);
			assert(response->label_starts[target / 8] >> target % 8 & 1);
			if (!jumped)
				*at = here + 2;
			jumped = true;
			here = before = target;
			continue;
		}
		assert(response->wire[here] < 64 && here + 1 + response->wire[here] <= response->len);
		if (!jumped && response->wire[here] != 0)
			response->label_starts[here / 8] |= (uint8_t)(1 << here % 8);
		memcpy(response->free, response->wire + here, 1u + response->wire[here]);
		response->free += 1 + response->wire[here];
		assert(response->free - name <= NAME_MAX_LEN);
		if (response->wire[here] == 0)
			break;
		here += 1u + response->wire[here];
	}
	if (!jumped)
		*at = here + 1;
	return name;
}

/* The names in rdata: octets before them, how many, and whether they may be compressed (RFC 3597 4).
 */
static unsigned
names_in(uint16_t type, size_t *skip, bool *may_point)
{
	*skip = type == TYPE_MX || type == TYPE_SVCB || type == TYPE_HTTPS ? 2 : type == TYPE_SRV ? 6 : 0;
	*may_point = type == TYPE_NS || type == TYPE_CNAME || type == TYPE_SOA || type == TYPE_MX;
	if (type == TYPE_SOA)
		return 2;
	return *may_point || type == TYPE_SRV || type == TYPE_DNAME || type == TYPE_SVCB ||
	    type == TYPE_HTTPS;
}

static void
take_rdata(struct response *response, struct record *record, size_t at)
{
	size_t end = at + record->rdlen, skip;
	bool may_point;
	unsigned names = names_in(record->type, &skip, &may_point);

	assert(end <= response->len);
	record->rdata = response->free;
	if (names > 0) {
		memcpy(response->free, response->wire + at, skip);
		response->free += skip;
		at += skip;
		while (names-- > 0)
			take_name(response, &at, may_point);
	}
	assert(at <= end);
	memcpy(response->free, response->wire + at, end - at);
	response->free += end - at;
	record->rdata_len = (size_t)(response->free - record->rdata);
}

static void
take_apart(struct response *response, const uint8_t *wire, size_t len)
{
	uint8_t *arena = response->arena != NULL ? response->arena : xmalloc(ARENA);
	size_t at = WIRE_HEADER;

	memset(response, 0, offsetof(struct response, arena));
	response->arena = response->free = arena;
	response->wire = wire;
	response->len = len;
	assert(len >= WIRE_HEADER && get16(wire + 4) <= 1);
	response->rcode = wire[3] & 15;
	response->truncated = wire[2] & 2;
	if (get16(wire + 4) == 1) {
		take_name(response, &at, false);
		at += 4;
	}
	for (unsigned section = 0; section < 3; section++) {
		response->of_section[section] = get16(wire + 6 + 2 * section);
		for (unsigned i = 0; i < response->of_section[section]; i++) {
			struct record *record = &response->records[response->count++];

			assert(response->count <= RECORDS_MAX);
			record->section = section;
			record->owner = take_name(response, &at, true);
			assert(at + 10 <= len);
			record->type = get16(wire + at);
			record->class = get16(wire + at + 2);
			record->ttl = get32(wire + at + 4);
			record->rdlen = get16(wire + at + 8);
			take_rdata(response, record, at + 10);
			at += 10u + record->rdlen;
			if (record->type == TYPE_OPT) {
				assert(response->opt == NULL && section == 2 && *record->owner == 0);
				response->opt = record;
				response->rcode |= (uint16_t)(record->ttl >> 24 << 4);
			}
		}
	}
	assert(at == len);
}

/* ---- what holds of every response ---- */

static const struct cookie_secrets secrets = {.keys = {{1, 2}, {3, 4}}, .count = 2};
static struct serve_context *contexts[2]; /* without and with --require-cookie */
static struct scenery *scenery, *sceneries[2];

static void
check_header(const struct request *request, const struct response *response, const uint8_t *in)
{
	const uint8_t *out = response->wire;

	assert(get16(out) == request->id && out[2] & 0x80);
	assert((out[2] & 0x79) == (in[2] & 0x79)); /* opcode, RD */
	assert((out[3] & 0xf0) == (in[3] & 0x10)); /* RA, Z and AD never; CD as it was */
	assert(get16(out + 4) == (request->question_len > 0));
	assert(memcmp(in + WIRE_HEADER, out + WIRE_HEADER, request->question_len) == 0);
	if (request->udp)
		assert(response->len <= (request->opt && !request->broken ? MIN(request->size, EDNS_SIZE)
						: request->opt            ? EDNS_SIZE
									  : EDNS_PLAIN_SIZE));
	else
		assert(!response->truncated);
}

static void
check_rcode(const struct request *request, const struct response *response, bool require_cookie)
{
	bool bad_cookie = require_cookie && request->udp && request->cookie != NULL && !request->cookie_good;
	int expected = request->rcode;

	/* A class that we have, a type that can be asked for, and a cookie of another server. */
	if (bad_cookie && request->question_len > 0 &&
	    (expected == ANYTHING ||
		(expected == RCODE_REFUSED && request->class == CLASS_IN && request->type != TYPE_AXFR &&
		    request->type != TYPE_IXFR)))
		expected = RCODE_BADCOOKIE;
	if (expected != ANYTHING)
		assert(response->rcode == expected);
	else if (request->class == CLASS_CH)
		assert(response->rcode == RCODE_NOERROR || response->rcode == RCODE_REFUSED);
	else
		assert(response->rcode == RCODE_NOERROR || response->rcode == RCODE_NXDOMAIN ||
		    response->rcode == RCODE_YXDOMAIN ||
		    /* S102: some signatures of that stage are missing. */
		    (response->rcode == RCODE_SERVFAIL && scenery == sceneries[1] && request->dnssec_ok));
	if (response->rcode != RCODE_NOERROR && response->rcode != RCODE_NXDOMAIN &&
	    response->rcode != RCODE_YXDOMAIN)
		assert(response->of_section[0] == 0 && response->of_section[1] == 0 && !response->truncated);
}

struct options {
	const uint8_t *data[16];
	size_t len[16];
	bool seen[16];
};

static void
take_options(const struct response *response, struct options *options)
{
	const uint8_t *at = response->opt->rdata, *end = at + response->opt->rdata_len;

	*options = (struct options){0};
	while (at < end) {
		uint16_t code = get16(at), len = get16(at + 2);

		assert(end - at >= 4 && len <= end - at - 4);
		assert(code < 16 && !options->seen[code]); /* we know no other, and say none twice */
		options->seen[code] = true;
		options->data[code] = at + 4;
		options->len[code] = len;
		at += 4 + len;
	}
}

static void
check_options(const struct request *request, const struct response *response, const struct peer *peer)
{
	struct options options;
	const struct serve_context *context = contexts[0];

	take_options(response, &options);
	assert(response->opt->class == EDNS_SIZE && (response->opt->ttl >> 16 & 0xff) == 0);
	assert((response->opt->ttl & 0xffff) == (request->dnssec_ok ? 0x8000 : 0));
	assert(options.seen[EDNS_NSID] == request->nsid);
	assert(options.seen[EDNS_KEEPALIVE] == (request->keepalive && !request->udp));
	assert(options.seen[EDNS_PADDING] == (request->padding && !request->udp) || response->len > 65000);
	if (options.seen[EDNS_PADDING] && response->len < 65000)
		assert(response->len % EDNS_PADDING_BLOCK == 0);
	assert(options.seen[EDNS_CLIENT_SUBNET] == (request->subnet != NULL));
	if (request->subnet != NULL) { /* RFC 7871 7.2.1: family, source and address as they came */
		const uint8_t *echo = options.data[EDNS_CLIENT_SUBNET];

		assert(options.len[EDNS_CLIENT_SUBNET] == request->subnet_len &&
		    memcmp(echo, request->subnet, 3) == 0);
		assert(memcmp(echo + 4, request->subnet + 4, request->subnet_len - 4) == 0);
		assert(echo[3] <= (get16(echo) == 1 ? 32 : 128) && (echo[2] > 0 || echo[3] == 0));
		assert(echo[3] == 0 || response->of_section[0] > 0); /* S4 */
	}
	assert(options.seen[EDNS_COOKIE] == (request->cookie != NULL));
	if (request->cookie != NULL) {
		const uint8_t *cookie = options.data[EDNS_COOKIE];

		assert(options.len[EDNS_COOKIE] == COOKIE_CLIENT + COOKIE_SERVER &&
		    memcmp(cookie, request->cookie, COOKIE_CLIENT) == 0);
		assert(cookie_valid(
		    &secrets, cookie, cookie + COOKIE_CLIENT, COOKIE_SERVER, &peer->address, context->now_s));
	}
}

/* The answer is a chain that begins with the question's name; asked for CNAME or ANY it may end at each link.
 */
static void
check_chain(const struct request *request, const struct response *response)
{
	const uint8_t *name = request->name, *target = name;
	bool every = request->type == TYPE_ANY, may_stay = every || request->type == TYPE_CNAME;

	for (unsigned i = 0; i < response->of_section[0]; i++) {
		const struct record *record = &response->records[i];

		assert(record->class == request->class);
		if (record->type == TYPE_RRSIG)
			continue; /* check_sections looks at it */
		if (record->type == TYPE_DNAME && !name_equal(record->owner, target)) {
			assert(name_within(target, record->owner));
			continue;
		}
		if (!may_stay || !name_equal(record->owner, name))
			name = target;
		assert(name_equal(record->owner, name));
		if (record->type == TYPE_CNAME)
			target = record->rdata;
		else
			assert(every || record->type == request->type);
	}
}

static void
check_sections(const struct request *request, const struct response *response)
{
	bool soa = false, ns = false;

	for (unsigned i = 0; i < response->count; i++) {
		const struct record *record = &response->records[i];

		soa |= record->section == SECTION_AUTHORITY && record->type == TYPE_SOA;
		ns |= record->section == SECTION_AUTHORITY && record->type == TYPE_NS;
		/* S100: DNSSEC records are only for who asked for them. */
		if (record->type == TYPE_RRSIG || record->type == TYPE_NSEC)
			assert(request->dnssec_ok ||
			    (record->section == SECTION_ANSWER && request->type == record->type));
	}
	/* RFC 2308 2: a negative answer has an SOA. */
	if (response->rcode == RCODE_NXDOMAIN && !response->truncated)
		assert(soa && !ns);
	assert(!(soa && ns));
	/* RFC 1034 6.2.6: a referral is not authoritative. */
	if (ns && response->of_section[0] == 0)
		assert(!(response->wire[2] & 4) && response->rcode == RCODE_NOERROR);
	if (soa)
		assert(response->wire[2] & 4);
	if (request->question_len > 0)
		check_chain(request, response);
}

static void
check(const struct request *request, const struct response *response, const uint8_t *in,
    const struct peer *peer, bool require_cookie)
{
	ldns_pkt *packet = NULL;

	assert(ldns_wire2pkt(&packet, response->wire, response->len) == LDNS_STATUS_OK);
	ldns_pkt_free(packet);
	check_header(request, response, in);
	check_rcode(request, response, require_cookie);
	if (!request->broken)
		assert((response->opt != NULL) == request->opt);
	else if (response->opt != NULL)
		assert(request->opt);
	if (!request->broken && response->opt != NULL && request->rcode != RCODE_BADVERS)
		check_options(request, response, peer);
	check_sections(request, response);
}

/* ---- truncation: UDP against TCP ---- */

static int
compare_records(const void *a_arg, const void *b_arg)
{
	const struct record *a = a_arg, *b = b_arg;
	int order = (int)a->section - (int)b->section;

	if (order == 0)
		order = (int)name_len(a->owner) - (int)name_len(b->owner);
	if (order == 0)
		order = memcmp(a->owner, b->owner, name_len(a->owner));
	if (order == 0)
		order = (int)a->type - (int)b->type;
	if (order == 0)
		order = (a->ttl > b->ttl) - (a->ttl < b->ttl);
	if (order == 0)
		order = memcmp(a->rdata, b->rdata, MIN(a->rdata_len, b->rdata_len));
	return order != 0 ? order : (a->rdata_len > b->rdata_len) - (a->rdata_len < b->rdata_len);
}

/* RFC 2181 9: without TC nothing that matters is missing, with it something is; and nothing is there that TCP
 * does not say. */
static void
check_truncation(struct response *udp, struct response *tcp)
{
	unsigned used = 0, glue;

	assert(udp->rcode == tcp->rcode && ((udp->wire[2] ^ tcp->wire[2]) & 4) == 0);
	qsort(udp->records, udp->count, sizeof *udp->records, compare_records);
	qsort(tcp->records, tcp->count, sizeof *tcp->records, compare_records);
	for (unsigned i = 0; i < udp->count; i++) {
		if (udp->records[i].type == TYPE_OPT)
			continue;
		while (used < tcp->count && compare_records(&tcp->records[used], &udp->records[i]) < 0)
			used++;
		assert(used < tcp->count && compare_records(&tcp->records[used], &udp->records[i]) == 0);
		used++;
	}
	for (unsigned section = 0; !udp->truncated && section < 2; section++)
		assert(udp->of_section[section] == tcp->of_section[section]);
	glue = tcp->of_section[2] - (tcp->opt != NULL) - (udp->of_section[2] - (udp->opt != NULL));
	if (udp->truncated)
		assert(udp->of_section[0] < tcp->of_section[0] || udp->of_section[1] < tcp->of_section[1] ||
		    glue > 0);
}

/* ---- one input ---- */

static void
set_up(void)
{
	static struct serve_settings settings[2];

	sceneries[0] = stage_new(false);
	sceneries[1] = stage_new(true);
	for (unsigned i = 0; i < 2; i++) {
		settings[i].nsid = "nsid";
		settings[i].keepalive = 100;
		settings[i].fallback_error = i == 1;
		settings[i].require_cookie = i == 1;
		settings[i].secrets = &secrets;
		if ((contexts[i] = serve_context_new(&settings[i])) == NULL)
			abort();
		contexts[i]->now_s = 1800000000;
	}
}

/* Ask over one transport.  False if there is no response. */
static bool
ask(struct response *response, const uint8_t *in, size_t len, struct peer *peer, bool require_cookie)
{
	static uint8_t *outs[2]; /* nothing behind them, so that a sanitizer sees each octet too far */
	struct serve_context *context = contexts[require_cookie];
	struct request request = {.silent = len < WIRE_HEADER || in[2] & 0x80 || peer->port == 0,
	    .udp = transport_is_udp(peer->transport)};
	size_t room = request.udp ? EDNS_SIZE : UINT16_MAX, outlen;
	uint8_t *out;

	if (outs[request.udp] == NULL)
		outs[request.udp] = xmalloc(room);
	out = outs[request.udp];
	context->draw = 42; /* the same for each */
	outlen = serve(context, &scenery->snapshot, peer, in, len, out, room);
	assert((outlen == 0) == request.silent);
	if (outlen == 0)
		return false;
	request.id = get16(in);
	judge(&request, in, len);
	if (request.broken || request.rcode == RCODE_BADVERS)
		request.cookie = request.subnet = NULL;
	request.cookie_good = request.cookie != NULL &&
	    cookie_valid(&secrets, request.cookie, request.cookie + COOKIE_CLIENT,
		request.cookie_len - COOKIE_CLIENT, &peer->address, context->now_s);
	take_apart(response, out, outlen);
	check(&request, response, in, peer, require_cookie);
	return true;
}

/* In a batch, whose lookups wait together, a message gets what it gets alone. */
static void
check_batch(
    const struct response *alone, const uint8_t *in, size_t len, const struct peer *peer, bool require_cookie)
{
	static uint8_t out[2][EDNS_SIZE];
	struct serve_context *context = contexts[require_cookie];
	struct message batch[] = {
	    {.peer = peer, .in = in, .inlen = len, .out = out[0], .outcap = sizeof out[0]},
	    {.peer = peer, .in = in, .inlen = len, .out = out[1], .outcap = sizeof out[1]}};

	context->draw = 42;
	serve_batch(context, &scenery->snapshot, batch, NITEMS(batch));
	assert(batch[0].outlen == alone->len && memcmp(out[0], alone->wire, alone->len) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct response udp, tcp;
	struct choices choices = {data, data + len};
	uint8_t room[STAGE_QUERY_MAX], *in, how = choose(&choices);
	struct peer peer = {
	    .port = how == 255 ? 0 : 1234, .transport = how & 1 ? TRANSPORT_UDP6 : TRANSPORT_UDP4};
	bool require_cookie = how & 2, heard;
	size_t inlen;

	if (sceneries[0] == NULL)
		set_up();
	scenery = sceneries[how >> 3 & 1]; /* not signed, signed */
	peer.address.family = how & 1 ? FAMILY_V6 : FAMILY_V4;
	memset(peer.address.bytes, how, sizeof peer.address.bytes);
	inlen = stage_query(room, &choices, &secrets, &peer, contexts[0]->now_s);
	inlen = stage_mutate(room, inlen, &choices);
	in = xmemdup(room, inlen);
	heard = ask(&udp, in, inlen, &peer, require_cookie);
	if (heard)
		check_batch(&udp, in, inlen, &peer, require_cookie);
	peer.transport += how & 4 ? TRANSPORT_TLS4 : TRANSPORT_TCP4;
	/* The model knows the errors of one of them alone. */
	if (ask(&tcp, in, inlen, &peer, require_cookie) && heard && udp.rcode != RCODE_BADCOOKIE &&
	    tcp.rcode != RCODE_FORMERR)
		check_truncation(&udp, &tcp);
	free(in);
	return 0;
}
