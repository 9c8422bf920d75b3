/*
 * IPSECKEY (RFC 4025) and AMTRELAY (RFC 8777): a type, and a gateway: none, an address or a name.
 */
#include "zones/zonefile/rdata.h"

#include <arpa/inet.h>

enum gateway { GATEWAY_NONE, GATEWAY_IPV4, GATEWAY_IPV6, GATEWAY_NAME };

static bool
read_address(struct rdata_input *in, int family)
{
	const char *token = rdata_token(in);
	uint8_t address[16];

	if (token == NULL)
		return false;
	if (inet_pton(family, token, address) != 1)
		return rdata_refuse(
		    in, "%.60s is not an %s address", token, family == AF_INET ? "IPv4" : "IPv6");
	return rdata_put(in, address, family == AF_INET ? 4 : 16);
}

static bool
read_gateway(struct rdata_input *in, enum gateway kind)
{
	const char *token;

	switch (kind) {
	case GATEWAY_NONE:
		if ((token = rdata_token(in)) == NULL)
			return false;
		return strcmp(token, ".") == 0 || rdata_refuse(in, "a gateway of type 0 is written as a dot");
	case GATEWAY_IPV4:
		return read_address(in, AF_INET);
	case GATEWAY_IPV6:
		return read_address(in, AF_INET6);
	default:
		return rdata_read_name(in);
	}
}

static void
write_gateway(FILE *out, struct reader *in, unsigned kind)
{
	bool four = kind == GATEWAY_IPV4;
	const uint8_t *address;
	char text[INET6_ADDRSTRLEN];

	if (kind == GATEWAY_NONE)
		fputc('.', out);
	else if (kind == GATEWAY_NAME)
		rdata_write_name(out, in);
	else if (kind > GATEWAY_NAME)
		in->bad = true;
	else if ((address = read_bytes(in, four ? 4 : 16)) != NULL)
		fputs(inet_ntop(four ? AF_INET : AF_INET6, address, text, sizeof text), out);
}

bool
rdata_read_ipseckey(struct rdata_input *in)
{
	uint64_t kind;

	return rdata_read_number(in, 1, 255) && rdata_number(in, GATEWAY_NAME, &kind) &&
	    rdata_put_number(in, kind, 1) && rdata_read_number(in, 1, 255) &&
	    read_gateway(in, (enum gateway)kind) && rdata_read_base64(in, true);
}

bool
rdata_write_ipseckey(FILE *out, struct reader *in)
{
	unsigned precedence = read8(in), kind = read8(in), algorithm = read8(in);
	size_t len;
	const uint8_t *key;

	fprintf(out, "%u %u %u ", precedence, kind, algorithm);
	write_gateway(out, in, kind);
	len = (size_t)(in->end - in->at);
	key = read_bytes(in, len);
	if (key != NULL && len > 0) {
		fputc(' ', out);
		rdata_write_base64(out, key, len);
	}
	return !in->bad;
}

bool
rdata_read_amtrelay(struct rdata_input *in)
{
	uint64_t optional, kind;

	return rdata_read_number(in, 1, 255) && rdata_number(in, 1, &optional) &&
	    rdata_number(in, GATEWAY_NAME, &kind) && rdata_put_number(in, optional << 7 | kind, 1) &&
	    read_gateway(in, (enum gateway)kind);
}

bool
rdata_write_amtrelay(FILE *out, struct reader *in)
{
	unsigned precedence = read8(in), kind = read8(in);

	fprintf(out, "%u %u %u ", precedence, kind >> 7, kind & 127);
	write_gateway(out, in, kind & 127);
	return !in->bad;
}
