/*
 * Lists: APL (RFC 3123), prefixes of addresses; WKS (RFC 1035 3.4.2), a protocol and its ports.
 */
#include "zones/zonefile/rdata.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <strings.h>

enum { APL_IPV4 = 1, APL_IPV6 = 2, APL_NEGATED = 0x80 };

/* [!]FAMILY:ADDRESS/PREFIX */
static bool
read_prefix(struct rdata_input *in)
{
	const char *token = rdata_token(in), *at = token;
	bool negated = *at == '!', four = false, good;
	const char *slash = strchr(at, '/');
	uint8_t address[16];
	char text[INET6_ADDRSTRLEN];
	uint64_t bits;
	size_t len;

	at += negated;
	four = strncmp(at, "1:", 2) == 0;
	if ((!four && strncmp(at, "2:", 2) != 0) || slash == NULL || slash - at - 2 >= (int)sizeof text)
		return rdata_refuse(
		    in, "%.60s is not [!]FAMILY:ADDRESS/PREFIX of family 1 (IPv4) or 2 (IPv6)", token);
	snprintf(text, sizeof text, "%.*s", (int)(slash - at - 2), at + 2);
	good = inet_pton(four ? AF_INET : AF_INET6, text, address) == 1 &&
	    whole_from_text(slash + 1, four ? 32 : 128, &bits);
	if (!good)
		return rdata_refuse(
		    in, "%.60s has an invalid address, or a prefix over %d bits", token, four ? 32 : 128);
	for (len = four ? 4 : 16;
	     len > 0 && address[len - 1] == 0;) /* RFC 3123 4: without the zeros at the end */
		len--;
	return rdata_put_number(in, four ? APL_IPV4 : APL_IPV6, 2) && rdata_put_number(in, bits, 1) &&
	    rdata_put_number(in, (negated ? APL_NEGATED : 0) | len, 1) && rdata_put(in, address, len);
}

bool
rdata_read_apl(struct rdata_input *in)
{
	while (rdata_more(in))
		if (!read_prefix(in))
			return false;
	return true;
}

bool
rdata_write_apl(FILE *out, struct reader *in)
{
	for (bool first = true; in->at < in->end && !in->bad; first = false) {
		unsigned family = read16(in), bits = read8(in), tail = read8(in), len = tail & 127;
		const uint8_t *part = read_bytes(in, len);
		uint8_t address[16] = {0};
		char text[INET6_ADDRSTRLEN];

		if (part == NULL || (family != APL_IPV4 && family != APL_IPV6) ||
		    len > (family == APL_IPV4 ? 4 : 16))
			return false;
		memcpy(address, part, len);
		fprintf(out, "%s%s%u:%s/%u", first ? "" : " ", tail & APL_NEGATED ? "!" : "", family,
		    inet_ntop(family == APL_IPV4 ? AF_INET : AF_INET6, address, text, sizeof text), bits);
	}
	return true;
}

/* ---- WKS ---- */

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };

static bool
read_protocol(struct rdata_input *in, uint64_t *protocol)
{
	const char *token = rdata_more(in) ? line_token(in->line, in->next) : "";

	*protocol = strcasecmp(token, "tcp") == 0 ? PROTOCOL_TCP
	    : strcasecmp(token, "udp") == 0       ? PROTOCOL_UDP
						  : 0;
	if (*protocol == 0)
		return rdata_number(in, 255, protocol);
	in->next++;
	return true;
}

static bool
read_port(struct rdata_input *in, uint64_t protocol, uint64_t *port)
{
	const char *token = rdata_token(in);
	const struct servent *service;

	if (whole_from_text(token, 65535, port))
		return true;
	service = getservbyname(token,
	    protocol == PROTOCOL_TCP       ? "tcp"
		: protocol == PROTOCOL_UDP ? "udp"
					   : NULL);
	if (service == NULL)
		return rdata_refuse(in,
		    "%.40s is neither a port from 0 to 65535 nor a service in this machine's /etc/services",
		    token);
	*port = ntohs((uint16_t)service->s_port);
	return true;
}

bool
rdata_read_wks(struct rdata_input *in)
{
	const char *token = rdata_token(in);
	uint8_t address[4], *bits;
	uint64_t protocol, port;
	size_t len = 0;
	bool good = true;

	if (token == NULL)
		return false;
	if (inet_pton(AF_INET, token, address) != 1)
		return rdata_refuse(in, "%.60s is not an IPv4 address", token);
	if (!rdata_put(in, address, 4) || !read_protocol(in, &protocol) || !rdata_put_number(in, protocol, 1))
		return false;
	bits = xcalloc(1, 8192);
	while (good && rdata_more(in))
		if ((good = read_port(in, protocol, &port))) {
			bits[port / 8] |= (uint8_t)(0x80 >> port % 8);
			len = MAX(len, port / 8 + 1);
		}
	good = good && rdata_put(in, bits, len);
	free(bits);
	return good;
}

bool
rdata_write_wks(FILE *out, struct reader *in)
{
	const uint8_t *address = read_bytes(in, 4), *bits;
	unsigned protocol = read8(in);
	size_t len = (size_t)(in->end - in->at);
	char text[INET_ADDRSTRLEN];

	bits = read_bytes(in, len);
	if (in->bad || len > 8192)
		return false;
	fprintf(out, "%s %u", inet_ntop(AF_INET, address, text, sizeof text), protocol);
	for (size_t port = 0; port < 8 * len; port++)
		if (bits[port / 8] & 0x80 >> port % 8)
			fprintf(out, " %zu", port);
	return true;
}
