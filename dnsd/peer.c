#include "dnsd/peer.h"

void
peer_from(struct peer *peer, const union sockaddr_any *from, enum transport v4)
{
	if (from->generic.sa_family == AF_INET) {
		peer->transport = v4;
		peer->address.family = FAMILY_V4;
		memcpy(peer->address.bytes, &from->v4.sin_addr, 4);
		peer->port = ntohs(from->v4.sin_port);
	} else {
		peer->transport = v4 + 1;
		peer->address.family = FAMILY_V6;
		memcpy(peer->address.bytes, &from->v6.sin6_addr, 16);
		peer->port = ntohs(from->v6.sin6_port);
	}
}
