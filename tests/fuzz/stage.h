/*
 * stage.h -- what the fuzz targets of the query path play on: a zone with all corners and some load
 * balancers, a child of it and a stranger that chains lead to and back from; and queries made of any octets.
 */
#ifndef STAGE_H
#define STAGE_H

#include "dnsd/serve.h"
#include "tests/dns/scenery.h"
#include "zones/answer/signature_table.h"

#define LONG_LABEL "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const char stage_zone[] =
    "$ORIGIN example.com.\n$TTL 300\n"
    "@ SOA ns1 hm 1 2 3 4 5\n@ NS ns1\n@ NS ns.sub\n@ MX 10 mail\n@ TXT \"x\"\n"
    "ns1 A 192.0.2.53\nns1 AAAA 2001:db8::53\nmail A 192.0.2.25\n"
    "a CNAME b\nb CNAME c\nc CNAME www\nloop CNAME loop2\nloop2 CNAME loop\nout CNAME example.net.\n"
    "*.wild A 192.0.2.7\n*.wild MX 5 mail\nx.wild TXT \"blocks\"\n*.cw CNAME www\nd DNAME t\nx.t A "
    "192.0.2.9\n"
    "round DNAME round.round\nlong.d2 DNAME " LONG_LABEL "." LONG_LABEL "." LONG_LABEL ".t\n"
    "sub NS ns.sub\nsub NS ns1\nsub NS ns.sub2\nns.sub A 192.0.2.54\nns.sub2 AAAA 2001:db8::54\n"
    "sub DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000\n"
    "wide NS n1.wide\nwide NS n2.wide\nwide NS n3.wide\nwide NS n4.wide\n"
    "a.b.ent TXT \"y\"\n_srv._tcp SRV 0 0 80 mail\n_srv._tcp SRV 1 0 80 www\nh HTTPS 1 . alpn=h2\nh2 SVCB 1 "
    "mail\ntohuge CNAME huge\n"
    "odd TYPE65280 \\# 4 c00cc00c\nchild NS ns.child\nns.child A 192.0.2.60\nx.child TXT occluded\nchild DS "
    "2 8 2 "
    "0000000000000000000000000000000000000000000000000000000000000000\n"
    "there CNAME www.child\nfar CNAME a.x.example.net.\nto DNAME x.example.net.\nloop3 CNAME "
    "loop.example.net.\n";

static const char stage_child[] =
    "$ORIGIN child.example.com.\n$TTL 60\n@ SOA ns hm 1 2 3 4 5\n@ NS ns\n@ MX 1 mail.example.com.\nns A "
    "192.0.2.60\n"
    "www A 192.0.2.61\nup CNAME www.example.com.\n*.wild CNAME nope.example.com.\nsub NS "
    "ns1.example.com.\nsub NS ns.sub\nns.sub A 192.0.2.62\n";

static const char stage_stranger[] =
    "$ORIGIN example.net.\n$TTL 600\n@ SOA ns1.example.com. hm 1 2 3 4 5\n@ NS ns1.example.com.\n@ A "
    "192.0.2.70\n"
    "x DNAME example.com.\nd DNAME to.example.com.\nloop CNAME loop3.example.com.\nwww CNAME "
    "www.child.example.com.\n*.wild CNAME sub.example.com.\n"
    "out CNAME example.org.\n";

/* Data that is too long to write here: answers that fill UDP, 16 KiB (where pointers end) and more. */
static char *
stage_text(void)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	fputs(stage_zone, out);
	for (unsigned i = 1; i <= 40; i++)
		fprintf(out, "many A 198.51.100.%u\nmany AAAA 2001:db8:1::%x\n", i, i);
	for (unsigned i = 0; i < 12; i++)
		fprintf(out, "mx MX %u m%u.mx\nm%u.mx A 203.0.113.%u\nm%u.mx AAAA 2001:db8:2::%x\n", i, i, i,
		    i + 1, i, i);
	for (unsigned i = 1; i <= 4; i++)
		for (unsigned n = 1; n <= 14; n++)
			fprintf(out, "n%u.wide AAAA 2001:db8:%x::%x\n", i, i, n);
	for (unsigned i = 0; i < 4; i++)
		fprintf(out, "big TXT %u%.*s\n", i, 200, LONG_LABEL LONG_LABEL LONG_LABEL LONG_LABEL);
	for (unsigned i = 0; i < 200; i++)
		fprintf(out, "huge TXT %u%.*s\n", i, 240, LONG_LABEL LONG_LABEL LONG_LABEL LONG_LABEL);
	fclose(out);
	return text;
}

/* The zones of a stage: the first has the snapshot of all. The child is never signed. */
struct stage {
	struct scenery *sceneries[3];
	struct signature_table *signatures; /* of steered RRsets; NULL: no zone is signed */
};

static void
stage_free(struct stage *stage)
{
	for (unsigned i = 0; i < NITEMS(stage->sceneries); i++)
		scenery_free(stage->sceneries[i]);
	signature_table_free(stage->signatures);
}

/* ---- signatures: octets that nobody verifies, and here and there none ---- */

static size_t
stage_find(void *arg, const struct bytes *key, const struct signed_set *set, uint8_t *out)
{
	struct signature signature = {.algorithm = ALGORITHM_ECDSAP256, .key_tag = 1};

	(void)arg, (void)key;
	return signed_hash(set) % 32 == 0 ? 0 : scenery_rrsig(set, &signature, out);
}

static const struct zone_signing stage_signing = {
    .find = stage_find, .version = 1, .ndata = 1, .data = {{ALGORITHM_ECDSAP256, 1}}};

/* Two of three addresses alone, so that some choices have no signature. */
static inline void
stage_sign_steered(struct stage *stage, const struct steer_lb *lb)
{
	static const uint8_t addresses[][16] = {
	    {192, 0, 2, 1}, {198, 51, 100, 1}, {0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
	const struct signature signature = {.algorithm = ALGORITHM_ECDSAP256, .key_tag = 1};

	for (unsigned i = 0; i < NITEMS(addresses); i++) {
		struct content what = content_single(&lb->content, i == 2, addresses[i]);

		what = content_signed(&what, &stage->sceneries[0]->zone->keys[0]);
		free(signature_table_add(stage->signatures, &what, &signature));
	}
}

/* All zones in one table, which the first scenery has in place of its own. */
static void
stage_join(struct stage *stage)
{
	const struct zone *zones[NITEMS(stage->sceneries)];
	struct scenery *first = stage->sceneries[0];

	for (unsigned i = 0; i < NITEMS(zones); i++)
		zones[i] = stage->sceneries[i]->zone;
	free(first->table);
	first->table = zone_table_new(zones, NITEMS(zones));
	first->snapshot.zones = first->table;
	first->snapshot.signatures = stage->signatures;
}

static void
stage_build(struct stage *stage, const struct zone_signing *signing)
{
	static const char *const mixed[] = {"192.0.2.1", "192.0.2.2", "2001:db8::1", NULL},
				 *const four[] = {"198.51.100.1", NULL};
	struct scenery *scenery = scenery_new();
	uint8_t apex[NAME_MAX_LEN];
	uint32_t pool, dead, fallback;
	char *text = stage_text();

	name_from_text(apex, "example.com.", NULL);
	pool = scenery_pool(scenery, "p", mixed, NULL);
	dead = scenery_pool(scenery, "dead", four, "198.51.100.1");
	fallback = scenery_pool(scenery, "f", four, NULL);
	scenery_lb(scenery, "*.lb.example.com.", apex, AFFINITY_NONE, pool, fallback);
	scenery_lb(scenery, "sticky.example.com.", apex, AFFINITY_IP, pool, fallback);
	scenery_lb(scenery, "www.example.com.", apex, AFFINITY_NONE, dead, fallback);
	stage->sceneries[0] = scenery;
	stage->sceneries[1] = scenery_new();
	stage->sceneries[2] = scenery_new();
	scenery->signing = stage->sceneries[2]->signing = signing;
	if (!scenery_build(scenery, text) || !scenery_build(stage->sceneries[1], stage_child) ||
	    !scenery_build(stage->sceneries[2], stage_stranger))
		abort();
	free(text);
	if (signing != NULL) {
		stage->signatures = signature_table_new(64);
		for (size_t i = 0; i < scenery->nlbs; i++) {
			struct steer_lb *lb = scenery->lbs[i].lb;

			lb->content = content_of_owner(lb->name, lb->name_len, lb->ttl);
			lb->signed_ttl = lb->ttl;
			lb->signed_labels = signed_labels(lb->name);
			stage_sign_steered(stage, lb);
		}
	}
	stage_join(stage);
}

static struct stage stages[2];

static void
stages_free(void)
{
	stage_free(&stages[0]);
	stage_free(&stages[1]);
}

/*
 * The same zones without signatures and, if is_signed, with them. Freed at the end: leak checkers do not see
 * the unaligned pointers in segments.
 */
static struct scenery *
stage_new(bool is_signed)
{
	if (stages[0].sceneries[0] == NULL) {
		content_init();
		stage_build(&stages[0], NULL);
		stage_build(&stages[1], &stage_signing);
		atexit(stages_free);
	}
	return stages[is_signed].sceneries[0];
}

/* ---- queries ---- */

/* Octets that decide; zeros when they are used up. */
struct choices {
	const uint8_t *at, *end;
};

static inline uint8_t
choose(struct choices *choices)
{
	return choices->at < choices->end ? *choices->at++ : 0;
}

static inline uint16_t
choose16(struct choices *choices)
{
	uint16_t high = choose(choices);

	return (uint16_t)(high << 8 | choose(choices));
}

enum { STAGE_QUERY_MAX = 4096 };

static inline void
stage_label(struct writer *writer, struct choices *choices)
{
	static const char *const labels[] = {"www", "sub", "ns", "ns1", "mail", "a", "b", "c", "d", "x", "t",
	    "wild", "cw", "lb", "sticky", "ent", "big", "huge", "tohuge", "many", "mx", "m1", "wide", "n1",
	    "loop", "loop2", "out", "h", "h2", "_srv", "_tcp", "long", "d2", "round", "sub2", "odd", "child",
	    "there", "far", "to", "loop3", "up", "*", "", "nope", LONG_LABEL};
	uint8_t which = choose(choices);
	uint8_t len = which >= 232 ? choose(choices) % 64 : 0;
	const char *label = labels[which % NITEMS(labels)];

	if (which >= 232) {
		write8(writer, len);
		for (uint8_t i = 0; i < len; i++)
			write8(writer, choose(choices));
		return;
	}
	write8(writer, (uint8_t)strlen(label));
	for (; *label != '\0'; label++) /* the upper half of the choices shouts */
		write8(
		    writer, (uint8_t)(which >= 128 && *label >= 'a' && *label <= 'z' ? *label - 32 : *label));
}

static inline void
stage_name(struct writer *writer, struct choices *choices)
{
	static const uint8_t apex[] = "\7example\3com", Apex[] = "\7eXAMple\3COM", other[] = "\7example\3net",
			     root[] = "", nobody[] = "\7example\3org", child[] = "\5child\7example\3com",
			     chaos[] = "\7version\4bind";
	uint8_t shape = choose(choices);

	for (unsigned i = shape % 8; i > 0; i--)
		stage_label(writer, choices);
	switch (shape / 8 % 8) {
	case 4:
		write_bytes(writer, shape & 0x40 ? child : apex, shape & 0x40 ? sizeof child : sizeof apex);
		break;
	case 5:
		write_bytes(writer, shape & 0x40 ? nobody : other, sizeof other);
		break;
	case 6:
		write_bytes(writer, root, sizeof root);
		break;
	case 7:
		write_bytes(writer, shape & 0x40 ? chaos : Apex, shape & 0x40 ? sizeof chaos : sizeof Apex);
		break;
	default:
		write_bytes(writer, apex, sizeof apex);
	}
}

static inline uint16_t
stage_type(struct choices *choices)
{
	static const uint16_t types[] = {TYPE_A, TYPE_AAAA, TYPE_NS, TYPE_CNAME, TYPE_SOA, TYPE_MX, TYPE_TXT,
	    TYPE_SRV, TYPE_DNAME, TYPE_DS, TYPE_HTTPS, TYPE_SVCB, TYPE_ANY, TYPE_PTR, TYPE_HINFO, TYPE_AXFR,
	    TYPE_IXFR, TYPE_MAILA, TYPE_OPT, TYPE_TSIG, TYPE_DNSKEY, TYPE_RRSIG, 65280};
	uint8_t which = choose(choices);

	return which >= 248 ? choose16(choices) : types[which % NITEMS(types)];
}

static inline void
stage_octets(struct writer *writer, struct choices *choices, unsigned count)
{
	while (count-- > 0)
		write8(writer, choose(choices));
}

static inline void
stage_subnet(struct writer *writer, struct choices *choices)
{
	uint8_t how = choose(choices), source = choose(choices) % 130;
	uint16_t family = how % 8 == 0 ? how / 8 % 4 : how % 8 < 5 ? 1 : 2;
	unsigned bits = family == 1 ? 32 : 128, octets;

	source = how < 224 ? (uint8_t)MIN(source, bits) : source;
	octets = (source + 7u) / 8 + (how == 255);
	write16(writer, (uint16_t)(4 + octets));
	write16(writer, family);
	write8(writer, source);
	write8(writer, how >= 240 && how < 248);
	for (unsigned i = 0; i < octets; i++) {
		uint8_t octet = choose(choices);

		if (i + 1 == octets && source % 8 != 0 && how < 248)
			octet &= (uint8_t)(0xff00 >> source % 8);
		write8(writer, octet);
	}
}

/* A client cookie, alone or with a server's: one that is good, one that is not, one of an odd length. */
static inline void
stage_cookie(struct writer *writer, struct choices *choices, const struct cookie_secrets *secrets,
    const struct peer *peer, uint32_t now)
{
	uint8_t how = choose(choices), client[COOKIE_CLIENT], server[COOKIE_SERVER];

	memset(client, how, sizeof client);
	if (how < 80) {
		write16(writer, COOKIE_CLIENT);
		write_bytes(writer, client, sizeof client);
	} else if (how < 180 && secrets != NULL) {
		cookie_make(
		    server, secrets, client, &peer->address, now - (how % 3 == 0 ? choose16(choices) : 0));
		write16(writer, COOKIE_CLIENT + COOKIE_SERVER);
		write_bytes(writer, client, sizeof client);
		write_bytes(writer, server, sizeof server);
	} else {
		unsigned len = choose(choices) % 48;

		write16(writer, (uint16_t)len);
		stage_octets(writer, choices, len);
	}
}

static inline void
stage_option(struct writer *writer, struct choices *choices, const struct cookie_secrets *secrets,
    const struct peer *peer, uint32_t now)
{
	static const uint8_t codes[] = {
	    EDNS_NSID, EDNS_CLIENT_SUBNET, EDNS_COOKIE, EDNS_KEEPALIVE, EDNS_PADDING, EDNS_EXTENDED_ERROR};
	uint8_t which = choose(choices);
	uint16_t code = which >= 240 ? choose16(choices) : codes[which % NITEMS(codes)];
	unsigned len;

	write16(writer, code);
	if (code == EDNS_CLIENT_SUBNET) {
		stage_subnet(writer, choices);
	} else if (code == EDNS_COOKIE) {
		stage_cookie(writer, choices, secrets, peer, now);
	} else {
		len = code == EDNS_KEEPALIVE ? which / 48 % 3 : which % 4 == 0 ? choose(choices) % 64 : 0;
		write16(writer, (uint16_t)len);
		stage_octets(writer, choices, len);
	}
}

/* A message that is a query, or nearly one.  Returns its length; the secrets (or NULL) are for good cookies.
 */
static inline size_t
stage_query(uint8_t out[STAGE_QUERY_MAX], struct choices *choices, const struct cookie_secrets *secrets,
    const struct peer *peer, uint32_t now)
{
	struct writer writer = {.start = out, .at = out + WIRE_HEADER, .end = out + STAGE_QUERY_MAX};
	uint8_t shape = choose(choices), more = choose(choices);
	unsigned questions = shape % 16 == 15 ? more % 3 : 1, records = more < 16 ? more % 4 : 0,
		 opts = more % 8 == 7 ? 0 : 1 + (more > 250);
	uint8_t *rdlen;

	memset(out, 0, WIRE_HEADER);
	put16(out, choose16(choices));
	put16(out + 2,
	    (uint16_t)((shape & 0x10) << 4 | (shape == 0x6f ? 0x2800 : 0) | (shape & 0x20 ? 0x0010 : 0)));
	put16(out + 4, (uint16_t)questions);
	put16(out + 10, (uint16_t)(records + opts));
	for (unsigned i = 0; i < questions; i++) {
		uint8_t class;

		stage_name(&writer, choices);
		write16(&writer, stage_type(choices));
		class = choose(choices);
		write16(&writer, class < 224 ? CLASS_IN : class < 240 ? CLASS_CH : class);
	}
	for (unsigned i = 0; i < records; i++) {
		unsigned len = choose(choices) % 16;

		stage_name(&writer, choices);
		write16(&writer, stage_type(choices));
		write16(&writer, CLASS_IN);
		write32(&writer, 0);
		write16(&writer, (uint16_t)len);
		stage_octets(&writer, choices, len);
	}
	for (unsigned i = 0; i < opts; i++) {
		uint8_t how = choose(choices);

		write8(&writer, 0);
		write16(&writer, TYPE_OPT);
		write16(&writer, how % 4 == 0 ? choose16(choices) : how % 4 == 1 ? 4096 : EDNS_SIZE);
		write32(
		    &writer, (how == 255 ? 1u << 16 : 0) | (how & 0x10 ? 0x8000 : 0) | (how & 0x20 ? 1 : 0));
		if ((rdlen = write_room(&writer, 2)) == NULL)
			break;
		for (unsigned n = how / 4 % 6; n > 0; n--)
			stage_option(&writer, choices, secrets, peer, now);
		put16(rdlen, (uint16_t)(writer.at - rdlen - 2));
	}
	return (size_t)(writer.at - out);
}

/* Change some octets. */
static inline size_t
stage_mutate(uint8_t *message, size_t len, struct choices *choices)
{
	uint8_t how = choose(choices);

	for (unsigned i = how < 128 ? 0 : how % 8; i > 0 && len > 0; i--) {
		size_t at = choose16(choices) % len;

		message[at] = choose(choices);
	}
	if (how >= 248 && len > 0)
		len = choose16(choices) % len;
	else if (how >= 244 && len < STAGE_QUERY_MAX)
		message[len++] = choose(choices);
	return len;
}

#endif
