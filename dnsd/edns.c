#include "dnsd/edns.h"

#include "rrset.h"

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
		struct reader option;

		if (options.bad)
			return false;
		option = (struct reader){.at = data, .end = data + option_len};
		if (code == EDNS_NSID)
			edns->nsid = true;
		else if (code == EDNS_CLIENT_SUBNET && !edns->subnet.present && !read_subnet(&edns->subnet, &option))
			return false;
	}
	return true;
}

size_t
edns_len(const struct edns *edns, const char *nsid)
{
	size_t len = OPT_HEAD;

	if (!edns->present)
		return 0;
	if (edns->nsid && nsid != NULL)
		len += OPTION_HEAD + strlen(nsid);
	if (edns->subnet.present)
		len += OPTION_HEAD + 4 + subnet_octets(edns->subnet.source);
	return len;
}

void
edns_write(struct writer *writer, const struct edns *edns, uint16_t rcode, uint8_t scope, const char *nsid)
{
	size_t octets = subnet_octets(edns->subnet.source);

	if (!edns->present)
		return;
	write8(writer, 0); /* the root */
	write16(writer, TYPE_OPT);
	write16(writer, EDNS_SIZE);
	write32(writer, (uint32_t)(rcode >> 4) << 24 | (edns->dnssec_ok ? DNSSEC_OK : 0));
	write16(writer, (uint16_t)(edns_len(edns, nsid) - OPT_HEAD));
	if (edns->nsid && nsid != NULL) {
		write16(writer, EDNS_NSID);
		write16(writer, (uint16_t)strlen(nsid));
		write_bytes(writer, nsid, strlen(nsid));
	}
	if (edns->subnet.present) {
		/* RFC 7871 7.2.1: family, source and address as they came. */
		write16(writer, EDNS_CLIENT_SUBNET);
		write16(writer, (uint16_t)(4 + octets));
		write16(writer, edns->subnet.family);
		write8(writer, edns->subnet.source);
		write8(writer, edns->subnet.source > 0 ? scope : 0);
		write_bytes(writer, edns->subnet.address, octets);
	}
}
