/*
 * tcp.h -- DNS over TCP (RFC 7766) and over TLS (RFC 7858): pipelined requests, limited buffers, limited
 * time, limited connections.
 *
 * No client can block others: a client network (/24, /56) has at most a quarter of a listener's connections,
 * and if all are in use, a connection of the largest network is closed for a new one: the one that has waited
 * longest since its last answer (RFC 7766 6.2.3, 10).
 */
#ifndef DNSD_TCP_H
#define DNSD_TCP_H

#include "dnsd/epoch.h"
#include "dnsd/serve.h"

enum {
	TCP_CONNECTIONS_MAX = 1000, /* of one listener */
	TCP_NETWORK_PART = 4,       /* one network has at most a fourth of these, ... */
	TCP_NETWORK_MIN = 4,        /* ... but may always have this many */
	TCP_CONNECTIONS_MIN = 4,    /* the minimum, even with few descriptors */
	TCP_IDLE_MS = 10000,        /* time-out without a whole request, or if the client does not read */
	TCP_IDLE_LONGEST_MS = 600000
};

struct tcp_limits {
	unsigned connections;
	unsigned idle_ms;
};

/*
 * That number of connections and TCP_IDLE_MS; for tests the environment may lower the number
 * (GRAYCLOUD_TCP_CONNECTIONS), and set the time up to TCP_IDLE_LONGEST_MS (GRAYCLOUD_TCP_IDLE_MS).
 */
void tcp_limits_init(struct tcp_limits *limits, unsigned connections);

struct tcp;
struct tls;
struct event_base;
struct sockaddr;

/*
 * Serve a listening socket on an event loop, entirely on the thread that runs the loop.  tls, if not NULL,
 * encrypts; the caller keeps fd and tls. Returns NULL if memory is exhausted.
 */
struct tcp *tcp_new(struct event_base *base, int fd, const struct tcp_limits *limits, struct tls *tls,
    struct serve_context *context, struct epochs *epochs, struct epoch_slot *slot);
void tcp_free(struct tcp *tcp);

/* Serve a connection that another thread has accepted: fd is non-blocking and tcp owns it from now on; from
 * is its peer. */
void tcp_take(struct tcp *tcp, int fd, const struct sockaddr *from);

/* A connection on its way to another process, without pending answers. */
struct parcel {
	struct parcel *next;
	int fd;
	size_t len; /* of the received part of the next request */
	uint8_t octets[];
};

/*
 * Another process takes over: accept no more connections, and call give with each plain one as soon as its
 * answers are written; give then owns the parcel and its descriptor.  TLS connections stay, and their
 * clients are asked to close them (RFC 7828).
 */
void tcp_leave(struct tcp *tcp, void (*give)(void *arg, struct parcel *parcel), void *arg);
/* Serve the connection of a parcel; tcp owns the parcel from now on. */
void tcp_adopt(struct tcp *tcp, struct parcel *parcel);
/* The number of connections; any thread. */
unsigned tcp_count(const struct tcp *tcp);

/* Accept no more connections, answer received requests, and end the loop. */
void tcp_stop(struct tcp *tcp);

#endif
