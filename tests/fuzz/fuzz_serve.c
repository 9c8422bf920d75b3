/*
 * Messages from strangers: every response is a whole DNS message that ldns can read, answers the id and
 * question of the input, and is not larger than the client accepts.
 *
 * The first octet chooses transport and client; the rest is the message.
 */
#include "tests/fuzz/stage.h"

#include <ldns/ldns.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct scenery *scenery;
static struct serve_context *context;
static struct serve_settings settings = {.nsid = "nsid", .keepalive = 100, .fallback_error = true};
static const struct cookie_secrets secrets = {.keys = {{1, 2}}, .count = 1};

static void
set_up(void)
{
	settings.secrets = &secrets;
	scenery = stage_new();
	if ((context = serve_context_new(&settings)) == NULL)
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
