/*
 * listen.h -- the sockets of the nameserver, bound before the change of user and before threads start.
 */
#ifndef DNSD_LISTEN_H
#define DNSD_LISTEN_H

#include "zones/base/address.h"
#include "zones/base/problem.h"

#include <netinet/in.h>
#include <stdbool.h>

union sockaddr_any {
	struct sockaddr generic;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* One --listen: an address and port with its sockets. */
struct listener {
	union sockaddr_any address; /* after binding, with the real port */
	socklen_t address_len;
	bool wildcard; /* answers must leave from the address that received the query */
	int *udp;      /* one for each thread, with SO_REUSEPORT */
	unsigned nudp;
	unsigned
	    nsockets; /* the first nsockets of udp are different sockets; the others are copies of them */
	int tcp;      /* listening */
	bool tls;     /* --tls: no UDP, and TLS over TCP */
};

enum { LISTEN_TEXT = ADDRESS_PORT_TEXT };

/* Read a text of address_port_from_text().  Returns false if it is invalid. */
bool listen_parse(struct listener *listener, const char *text, uint16_t default_port);
char *listen_text(const union sockaddr_any *address, char out[LISTEN_TEXT]);
uint16_t listen_port(const union sockaddr_any *address);
/* Are the addresses equal, apart from the ports? */
bool listen_same_host(const union sockaddr_any *a, const union sockaddr_any *b);

/*
 * Bind a listener: TCP, and UDP once for each thread; an inherited socket (given.h) stays.  A port that
 * another process holds is refused, even if SO_REUSEPORT would share it, and the message names that process.
 */
bool listen_open(struct listener *listener, unsigned threads, struct problems *problems);
void listen_close(struct listener *listener);

#endif
