/*
 * Messages from strangers: whatever comes in, what goes out is a whole DNS message that ldns can read, answers the id and
 * question that were asked, and is not larger than the client can take.
 *
 * The first octet chooses transport and client; the rest is the message.
 */
#include "dnsd/serve.h"
#include "tests/unit/scenery.h"

#include <ldns/ldns.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char zone_text[] =
    "$ORIGIN example.com.\n$TTL 300\n"
    "@ SOA ns1 hm 1 2 3 4 5\n@ NS ns1\n@ NS ns.sub\n@ MX 10 mail\n@ TXT \"x\"\n"
    "ns1 A 192.0.2.53\nns1 AAAA 2001:db8::53\nmail A 192.0.2.25\n"
    "a CNAME b\nb CNAME c\nc CNAME www\nloop CNAME loop2\nloop2 CNAME loop\nout CNAME example.net.\n"
    "*.wild A 192.0.2.7\n*.wild MX 5 mail\nx.wild TXT \"blocks\"\n*.cw CNAME www\nd DNAME t\nx.t A 192.0.2.9\n"
    "long.d2 DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.t\n"
    "sub NS ns.sub\nsub NS ns1\nsub NS ns.sub2\nns.sub A 192.0.2.54\nns.sub2 AAAA 2001:db8::54\nsub DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000\n"
    "a.b.ent TXT \"y\"\n_srv._tcp SRV 0 0 80 mail\nh HTTPS 1 . alpn=h2\nh2 SVCB 1 mail\n"
    "big TXT aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb "
    "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\n";

static struct scenery *scenery;
static struct serve_context *context;
static struct serve_settings settings = {.nsid = "nsid", .keepalive = 100, .fallback_error = true};
static const struct cookie_secrets secrets = {.keys = {{1, 2}}, .count = 1};

static void
set_up(void)
{
	static const char *const mixed[] = {"192.0.2.1", "192.0.2.2", "2001:db8::1", NULL}, *const four[] = {"198.51.100.1", NULL};
	uint8_t apex[NAME_MAX_LEN];
	uint32_t pool, dead, fallback;

	settings.secrets = &secrets;
	scenery = scenery_new();
	name_from_text(apex, "example.com.", NULL);
	pool = scenery_pool(scenery, "p", mixed, NULL);
	dead = scenery_pool(scenery, "dead", four, "198.51.100.1");
	fallback = scenery_pool(scenery, "f", four, NULL);
	scenery_lb(scenery, "*.lb.example.com.", apex, AFFINITY_NONE, pool, fallback);
	scenery_lb(scenery, "sticky.example.com.", apex, AFFINITY_IP, pool, fallback);
	scenery_lb(scenery, "www.example.com.", apex, AFFINITY_NONE, dead, fallback);
	if (!scenery_build(scenery, zone_text) || (context = serve_context_new(&settings)) == NULL)
		abort();
}

/* What holds of every response. */
static void
check(const uint8_t *in, size_t inlen, const uint8_t *out, size_t outlen, const struct peer *peer)
{
	ldns_pkt *packet = NULL;
	size_t question;

	assert(inlen >= 12 && outlen >= 12);
	assert(memcmp(in, out, 2) == 0);
	assert(out[2] & 0x80);
	assert((in[2] >> 3 & 15) == (out[2] >> 3 & 15));
	assert((in[2] & 1) == (out[2] & 1));
	assert(!(in[2] & 0x80)); /* a response gets silence */
	if (transport_is_udp(peer->transport))
		assert(outlen <= EDNS_SIZE);
	if (get16(out + 4) == 1) { /* the question as it came, case and all */
		question = name_valid(out + 12, outlen - 12);
		assert(question > 0 && memcmp(in + 12, out + 12, question + 4) == 0);
	}
	assert(ldns_wire2pkt(&packet, out, outlen) == LDNS_STATUS_OK);
	ldns_pkt_free(packet);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t out[UINT16_MAX];
	struct peer peer = {.port = 1234};
	size_t outlen;

	if (scenery == NULL)
		set_up();
	if (len < 1)
		return 0;
	peer.transport = data[0] % TRANSPORT_COUNT;
	peer.address.family = peer.transport % 2 == 0 ? FAMILY_V4 : FAMILY_V6;
	memset(peer.address.bytes, data[0], 16);
	outlen = serve(context, &scenery->snapshot, &peer, data + 1, len - 1, out,
	    transport_is_udp(peer.transport) ? EDNS_SIZE : sizeof out);
	if (outlen > 0)
		check(data + 1, len - 1, out, outlen, &peer);
	return 0;
}
