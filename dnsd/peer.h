/*
 * peer.h -- the sender of a request, and the transport.
 */
#ifndef DNSD_PEER_H
#define DNSD_PEER_H

#include "dnsd/listen.h"
#include "zones/model/model.h"

enum transport {
	TRANSPORT_UDP4,
	TRANSPORT_UDP6,
	TRANSPORT_TCP4,
	TRANSPORT_TCP6,
	TRANSPORT_TLS4,
	TRANSPORT_TLS6,
	TRANSPORT_COUNT
};

/* The sender and the transport. */
struct peer {
	struct address address;
	uint16_t port;
	enum transport transport;
};

/* The peer of a socket address; v4 is the transport over IPv4, and the next value that over IPv6. */
void peer_from(struct peer *peer, const union sockaddr_any *from, enum transport v4);

static inline bool
transport_is_udp(enum transport transport)
{
	return transport == TRANSPORT_UDP4 || transport == TRANSPORT_UDP6;
}

#endif
