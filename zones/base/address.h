/*
 * address.h -- IP addresses, and the one reading of ADDRESS:PORT.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include "zones/base/util.h"

/* An IP address; family 0 means none (a hostname, or nothing). */
enum family { FAMILY_NONE = 0, FAMILY_V4 = 4, FAMILY_V6 = 6 };

struct address {
	uint8_t family; /* enum family */
	uint8_t bytes[16];
};

/*
 * IPv4 within IPv6: ::ffff:0:0/96 (RFC 4291 2.5.5.2) and 6to4, 2002::/16 (RFC 3056 2).  If the address is
 * one of these it becomes the IPv4 address that it carries.  Returns how many bits stood before it, or 0.
 */
unsigned address_uncover(struct address *address);

/* Reads an IPv4 or IPv6 address literal, nothing else. */
bool address_from_text(struct address *address, const char *text);
/* S31: one host's, of this machine or any other. */
bool address_is_unicast(const struct address *address);
char *address_to_text(const struct address *address, char out[46]);

/*
 * Reads 192.0.2.1, 192.0.2.1:53, 2001:db8::1, [2001:db8::1] and [2001:db8::1]:53 (RFC 3986 3.2.2: brackets
 * are for IPv6, and an IPv6 address without them has no port).  Without a port *port becomes default_port;
 * with PORT_REQUIRED such a text is invalid.  Port 0 is valid.  If it returns false, address has no family.
 */
enum { PORT_REQUIRED = -1 };
bool address_port_from_text(struct address *address, uint16_t *port, const char *text, int default_port);

/* The opposite, with brackets around IPv6. */
enum { ADDRESS_PORT_TEXT = 54 };
char *address_port_to_text(const struct address *address, uint16_t port, char out[ADDRESS_PORT_TEXT]);

static inline unsigned
address_len(const struct address *address)
{
	return address->family == FAMILY_V4 ? 4 : address->family == FAMILY_V6 ? 16 : 0;
}

#endif
