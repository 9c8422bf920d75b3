#include "dnsd/edns.h"

#include "zones/dns/rrset.h"

enum { OPT_HEAD = 11, OPTION_HEAD = 4, DNSSEC_OK = 0x8000 };

static size_t
subnet_octets(uint8_t source)
{
	return (source + 7u) / 8u;
}

/* S3, RFC 7871 6 and 7.1.2. */
static bool
read_subnet(struct client_subnet *subnet, struct reader *option)
{
	uint8_t scope;
	size_t len;
	const uint8_t *address;

	subnet->family = read16(option);
	subnet->source = read8(option);
	scope = read8(option);
	len = subnet_octets(subnet->source);
	address = read_bytes(option, len);
	if (option->bad || option->at != option->end || scope != 0)
		return false;
	if (subnet->family > 2 || subnet->source > (subnet->family == 0 ? 0 : subnet->family == 1 ? 32 : 128))
		return false;
	if (subnet->source % 8 != 0 && address[len - 1] & 0xff >> subnet->source % 8)
		return false;
	memset(subnet->address, 0, sizeof subnet->address);
	memcpy(subnet->address, address, len);
	subnet->present = true;
	return true;
}

/* RFC 7873 4: 8 octets of client cookie, then 0 or 8 to 32 octets of server cookie. */
static bool
read_cookie(struct client_cookie *cookie, const uint8_t *data, size_t len)
{
	if (len != COOKIE_CLIENT &&
	    (len < COOKIE_CLIENT + COOKIE_SERVER_MIN || len > COOKIE_CLIENT + COOKIE_SERVER_MAX))
		return false;
	cookie->present = true;
	cookie->server_len = (uint8_t)(len - COOKIE_CLIENT);
	memcpy(cookie->client, data, COOKIE_CLIENT);
	memcpy(cookie->server, data + COOKIE_CLIENT, cookie->server_len);
	return true;
}

/* Read one option; use the first of each kind, ignore unknown options (RFC 6891 6.1.2). */
static bool
read_option(struct edns *edns, uint16_t code, const uint8_t *data, uint16_t len)
{
	struct reader option = {.at = data, .end = data + len};

	switch (code) {
	case EDNS_NSID:
		edns->nsid = true;
		return true;
	case EDNS_CLIENT_SUBNET:
		return edns->subnet.present || read_subnet(&edns->subnet, &option);
	case EDNS_COOKIE:
		return edns->cookie.present || read_cookie(&edns->cookie, data, len);
	case EDNS_KEEPALIVE: /* RFC 7828 3.2.1: a client sends no time-out; whether that is an error depends
			      * on the transport
			      */
		edns->keepalive = true;
		edns->keepalive_timed |= len > 0;
		return true;
	case EDNS_PADDING:
		edns->padding = true;
		return true;
	default:
		return true;
	}
}

bool
edns_read(struct edns *edns, uint16_t class, uint32_t ttl, const uint8_t *rdata, size_t len)
{
	struct reader options = {.at = rdata, .end = rdata + len};

	edns->present = true;
	edns->size = MAX(class, EDNS_PLAIN_SIZE); /* RFC 6891 6.2.3 */
	edns->version = (uint8_t)(ttl >> 16);
	edns->dnssec_ok = ttl & DNSSEC_OK;
	if (edns->version != 0)
		return true;
	while (options.at < options.end) {
		uint16_t code = read16(&options), option_len = read16(&options);
		const uint8_t *data = read_bytes(&options, option_len);

		if (options.bad || !read_option(edns, code, data, option_len))
			return false;
	}
	return true;
}

/* Does a response to this request have the option? */
static bool
says_nsid(const struct edns *edns, const struct edns_reply *reply)
{
	return edns->nsid && reply->nsid != NULL;
}

static bool
says_cookie(const struct edns *edns, const struct edns_reply *reply)
{
	return edns->cookie.present && reply->cookie != NULL;
}

size_t
edns_len(const struct edns *edns, const struct edns_reply *reply)
{
	size_t len = OPT_HEAD;

	if (!edns->present)
		return 0;
	if (says_nsid(edns, reply))
		len += OPTION_HEAD + strlen(reply->nsid);
	if (edns->subnet.present)
		len += OPTION_HEAD + 4 + subnet_octets(edns->subnet.source);
	if (says_cookie(edns, reply))
		len += OPTION_HEAD + COOKIE_CLIENT + COOKIE_SERVER;
	if (reply->keepalive > 0)
		len += OPTION_HEAD + 2;
	if (reply->error)
		len += OPTION_HEAD + 2 + (reply->error_text != NULL ? strlen(reply->error_text) : 0);
	return len;
}

static void
write_option(struct writer *writer, enum edns_option code, size_t len)
{
	write16(writer, (uint16_t)code);
	write16(writer, (uint16_t)len);
}

/* RFC 7871 7.2.1: family, source and address as in the request. */
static void
write_subnet(struct writer *writer, const struct client_subnet *subnet, uint8_t scope)
{
	size_t octets = subnet_octets(subnet->source);

	write_option(writer, EDNS_CLIENT_SUBNET, 4 + octets);
	write16(writer, subnet->family);
	write8(writer, subnet->source);
	write8(writer, subnet->source > 0 ? scope : 0);
	write_bytes(writer, subnet->address, octets);
}

static void
write_error(struct writer *writer, const struct edns_reply *reply)
{
	size_t len = reply->error_text != NULL ? strlen(reply->error_text) : 0;

	write_option(writer, EDNS_EXTENDED_ERROR, 2 + len);
	write16(writer, reply->error_code);
	write_bytes(writer, reply->error_text, len);
}

/* RFC 8467 4.1: fill the block; the header of the option counts, too. */
static size_t
padding_len(const struct writer *writer)
{
	size_t len = (size_t)(writer->at - writer->start) + OPTION_HEAD;
	size_t wanted = (EDNS_PADDING_BLOCK - len % EDNS_PADDING_BLOCK) % EDNS_PADDING_BLOCK;

	return MIN(wanted,
	    (size_t)(writer->end - writer->at) -
		MIN((size_t)(writer->end - writer->at), (size_t)OPTION_HEAD));
}

void
edns_write(struct writer *writer, const struct edns *edns, const struct edns_reply *reply, uint16_t rcode,
    uint8_t scope)
{
	uint8_t *rdlen;

	if (!edns->present)
		return;
	write8(writer, 0); /* the root */
	write16(writer, TYPE_OPT);
	write16(writer, EDNS_SIZE);
	write32(writer, (uint32_t)(rcode >> 4) << 24 | (edns->dnssec_ok ? DNSSEC_OK : 0));
	if ((rdlen = write_room(writer, 2)) == NULL)
		return;
	if (says_nsid(edns, reply)) {
		write_option(writer, EDNS_NSID, strlen(reply->nsid));
		write_bytes(writer, reply->nsid, strlen(reply->nsid));
	}
	if (edns->subnet.present)
		write_subnet(writer, &edns->subnet, scope);
	if (says_cookie(edns, reply)) {
		write_option(writer, EDNS_COOKIE, COOKIE_CLIENT + COOKIE_SERVER);
		write_bytes(writer, edns->cookie.client, COOKIE_CLIENT);
		write_bytes(writer, reply->cookie, COOKIE_SERVER);
	}
	if (reply->keepalive > 0) {
		write_option(writer, EDNS_KEEPALIVE, 2);
		write16(writer, reply->close ? 0 : reply->keepalive);
	}
	if (reply->error)
		write_error(writer, reply);
	if (reply->pad && (size_t)(writer->end - writer->at) >= OPTION_HEAD) {
		size_t len = padding_len(writer);
		uint8_t *at;

		write_option(writer, EDNS_PADDING, len);
		if ((at = write_room(writer, len)) != NULL)
			memset(at, 0, len);
	}
	put16(rdlen, (uint16_t)(writer->at - rdlen - 2));
}
