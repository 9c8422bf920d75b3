/*
 * listen.h -- the sockets of the nameserver, bound before privileges go and threads start.
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
	union sockaddr_any address; /* with the real port once it is bound */
	socklen_t address_len;
	bool wildcard; /* answers must leave from the address that was asked */
	int *udp;      /* one for each thread, SO_REUSEPORT */
	unsigned nudp;
	unsigned
	    nsockets; /* so many of udp, the first, are sockets of their own; the others are copies of them */
	int tcp;      /* listening */
	bool tls;     /* --tls: no UDP, and TLS over TCP */
};

enum { LISTEN_TEXT = ADDRESS_PORT_TEXT };

/* A text of address_port_from_text().  False if it is invalid. */
bool listen_parse(struct listener *listener, const char *text, uint16_t default_port);
char *listen_text(const union sockaddr_any *address, char out[LISTEN_TEXT]);
uint16_t listen_port(const union sockaddr_any *address);
/* The same address, whatever the ports are. */
bool listen_same_host(const union sockaddr_any *a, const union sockaddr_any *b);

/*
 * Bind a listener: TCP, and UDP once for each thread; a socket that it was given (given.h) stays.  A port
 * that somebody holds is refused even where SO_REUSEPORT would share it, and the sentence names who holds it.
 */
bool listen_open(struct listener *listener, unsigned threads, struct problems *problems);
void listen_close(struct listener *listener);

#endif
