/*
 * Messages from strangers: every response is a whole DNS message that ldns can read, answers the id and
 * question of the input, and is not larger than the client accepts.
 *
 * The first octet chooses transport, client, and whether the zones are signed; the rest is the message. In
 * signed zones an RRset is in no answer without its RRSIG (S102).
 */
#include "tests/fuzz/stage.h"

#include <ldns/ldns.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct scenery *sceneries[2]; /* not signed, signed */
static struct serve_context *context;
static struct serve_settings settings = {.nsid = "nsid", .keepalive = 100, .fallback_error = true};
static const struct cookie_secrets secrets = {.keys = {{1, 2}}, .count = 1};

static void
set_up(void)
{
	settings.secrets = &secrets;
	sceneries[0] = stage_new(false);
	sceneries[1] = stage_new(true);
	if ((context = serve_context_new(&settings)) == NULL)
		abort();
}

static bool
has_signature(const ldns_rr_list *list, const ldns_rr *rr)
{
	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		const ldns_rr *other = ldns_rr_list_rr(list, i);

		if (ldns_rr_get_type(other) == LDNS_RR_TYPE_RRSIG &&
		    ldns_rdf_compare(ldns_rr_owner(other), ldns_rr_owner(rr)) == 0 &&
		    ldns_rdf2rr_type(ldns_rr_rrsig_typecovered(other)) == ldns_rr_get_type(rr))
			return true;
	}
	return false;
}

/* Types that a delegation and a synthesis have not. The child is not signed. */
static void
check_signed(const ldns_rr_list *list)
{
	ldns_rdf *child = ldns_dname_new_frm_str("child.example.com.");

	for (size_t i = 0; i < ldns_rr_list_rr_count(list); i++) {
		const ldns_rr *rr = ldns_rr_list_rr(list, i);
		ldns_rr_type type = ldns_rr_get_type(rr);
		bool within = ldns_dname_is_subdomain(ldns_rr_owner(rr), child) ||
		    ldns_dname_compare(ldns_rr_owner(rr), child) == 0;

		if (type == LDNS_RR_TYPE_DS || type == LDNS_RR_TYPE_NSEC ||
		    (!within &&
			(type == LDNS_RR_TYPE_A || type == LDNS_RR_TYPE_AAAA || type == LDNS_RR_TYPE_TXT ||
			    type == LDNS_RR_TYPE_MX || type == LDNS_RR_TYPE_SOA ||
			    type == LDNS_RR_TYPE_DNAME)))
			assert(has_signature(list, rr));
	}
	ldns_rdf_deep_free(child);
}

/* What holds of every response. */
static void
check(const uint8_t *in, size_t inlen, const uint8_t *out, size_t outlen, const struct peer *peer,
    bool is_signed)
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
	if (is_signed && ldns_pkt_edns_do(packet) && !ldns_pkt_tc(packet)) {
		check_signed(ldns_pkt_answer(packet));
		check_signed(ldns_pkt_authority(packet));
	}
	ldns_pkt_free(packet);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t out[UINT16_MAX];
	struct peer peer = {.port = 1234};
	size_t outlen;

	if (sceneries[0] == NULL)
		set_up();
	if (len < 1)
		return 0;
	peer.transport = data[0] % TRANSPORT_COUNT;
	peer.address.family = peer.transport % 2 == 0 ? FAMILY_V4 : FAMILY_V6;
	memset(peer.address.bytes, data[0], 16);
	outlen = serve(context, &sceneries[data[0] >= 128]->snapshot, &peer, data + 1, len - 1, out,
	    transport_is_udp(peer.transport) ? EDNS_SIZE : sizeof out);
	if (outlen > 0)
		check(data + 1, len - 1, out, outlen, &peer, data[0] >= 128);
	return 0;
}
