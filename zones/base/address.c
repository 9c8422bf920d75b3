#include "zones/base/address.h"

#include <arpa/inet.h>
#include <stdio.h>

unsigned
address_uncover(struct address *address)
{
	struct address carried = {.family = FAMILY_V4};
	unsigned before = 0;

	if (address->family != FAMILY_V6)
		return 0;
	if (get16(address->bytes) == 0x2002)
		before = 16;
	else if (get64(address->bytes) == 0 && get32(address->bytes + 8) == 0xffff)
		before = 96;
	if (before == 0)
		return 0;
	memcpy(carried.bytes, address->bytes + before / 8, 4);
	*address = carried;
	return before;
}

bool
address_from_text(struct address *address, const char *text)
{
	*address = (struct address){0};
	if (inet_pton(AF_INET, text, address->bytes) == 1)
		address->family = FAMILY_V4;
	else if (inet_pton(AF_INET6, text, address->bytes) == 1)
		address->family = FAMILY_V6;
	return address->family != FAMILY_NONE;
}

bool
address_is_unicast(const struct address *address)
{
	if (address->family == FAMILY_V4)
		return address->bytes[0] != 0 && address->bytes[0] < 224;
	return address->family == FAMILY_V6 && address->bytes[0] != 0xff &&
	    memcmp(address->bytes, (uint8_t[16]){0}, 16) != 0;
}

char *
address_to_text(const struct address *address, char out[46])
{
	out[0] = '\0';
	if (address->family != FAMILY_NONE)
		inet_ntop(address->family == FAMILY_V4 ? AF_INET : AF_INET6, address->bytes, out, 46);
	return out;
}

/*
 * Split text into the address, which goes into host, and the port after it (NULL: no port). Returns
 * false if the shape of the text is invalid.
 */
static bool
cut_port(const char *text, char host[46], const char **port)
{
	const char *colon = strchr(text, ':'), *end = text + strlen(text);

	*port = NULL;
	if (*text == '[') {
		if ((end = strchr(++text, ']')) == NULL || (end[1] != ':' && end[1] != '\0'))
			return false;
		*port = end[1] == ':' ? end + 2 : NULL;
	} else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
		end = colon;
		*port = colon + 1;
	}
	if (end - text >= 46)
		return false;
	memcpy(host, text, (size_t)(end - text));
	host[end - text] = '\0';
	return true;
}

bool
address_port_from_text(struct address *address, uint16_t *port, const char *text, int default_port)
{
	enum family wanted = *text == '[' ? FAMILY_V6 : FAMILY_NONE;
	uint64_t number = (uint64_t)default_port;
	const char *port_text;
	char host[46];

	if (cut_port(text, host, &port_text) &&
	    (port_text != NULL ? whole_from_text(port_text, UINT16_MAX, &number) : default_port >= 0) &&
	    address_from_text(address, host) && (wanted == FAMILY_NONE || address->family == wanted)) {
		*port = (uint16_t)number;
		return true;
	}
	*address = (struct address){0};
	return false;
}

char *
address_port_to_text(const struct address *address, uint16_t port, char out[ADDRESS_PORT_TEXT])
{
	char host[46];

	address_to_text(address, host);
	snprintf(out, ADDRESS_PORT_TEXT, address->family == FAMILY_V6 ? "[%s]:%u" : "%s:%u", host, port);
	return out;
}
