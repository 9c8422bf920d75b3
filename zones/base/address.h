/*
 * address.h -- IP addresses, and the only parser of ADDRESS:PORT.
 *
 * Nothing here allocates memory; every function may run on any thread.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include "zones/base/util.h"

/* An IP address. Family 0 means that there is none: the text is a hostname, or empty. */
enum family { FAMILY_NONE = 0, FAMILY_V4 = 4, FAMILY_V6 = 6 };

struct address {
	uint8_t family; /* enum family */
	uint8_t bytes[16];
};

/*
 * Recognise IPv4 within IPv6: ::ffff:0:0/96 (RFC 4291 2.5.5.2) and 6to4, 2002::/16 (RFC 3056 2). If the
 * address is one of these, replace it with the IPv4 address that it carries. Returns the number of bits in
 * front of that IPv4 address, or 0 if nothing was replaced.
 */
unsigned address_uncover(struct address *address);

/* Read an IPv4 or IPv6 address literal, without port or brackets. Returns false if the text is invalid. */
bool address_from_text(struct address *address, const char *text);
/* S31: the address is of one host, which may be this machine or any other. */
bool address_is_unicast(const struct address *address);
char *address_to_text(const struct address *address, char out[46]);

/*
 * Read 192.0.2.1, 192.0.2.1:53, 2001:db8::1, [2001:db8::1] or [2001:db8::1]:53 (RFC 3986 3.2.2: brackets are
 * for IPv6, and an IPv6 address without brackets has no port). If the text has no port, *port becomes
 * default_port; with PORT_REQUIRED, a text without a port is invalid. Port 0 is valid. Returns false if the
 * text is invalid; the address then has no family.
 */
enum { PORT_REQUIRED = -1 };
bool address_port_from_text(struct address *address, uint16_t *port, const char *text, int default_port);

/* The opposite: write "192.0.2.1:53" or "[2001:db8::1]:53" to out. Returns out. */
enum { ADDRESS_PORT_TEXT = 54 };
char *address_port_to_text(const struct address *address, uint16_t port, char out[ADDRESS_PORT_TEXT]);

static inline unsigned
address_len(const struct address *address)
{
	return address->family == FAMILY_V4 ? 4 : address->family == FAMILY_V6 ? 16 : 0;
}

#endif
