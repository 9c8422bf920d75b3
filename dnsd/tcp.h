/*
 * tcp.h -- DNS over TCP (RFC 7766) and over TLS (RFC 7858): pipelined requests, bounded buffers, bounded
 * time, bounded connections.
 *
 * Nobody keeps others out: a client network (/24, /56) has at most a quarter of a listener's connections, and
 * if all are taken, one of the network that has most makes room for a newcomer.  The connection that leaves
 * is the one that has waited longest since its last answer (RFC 7766 6.2.3, 10).
 */
#ifndef DNSD_TCP_H
#define DNSD_TCP_H

#include "dnsd/serve.h"
#include "dnsd/view.h"

enum {
	TCP_CONNECTIONS_MAX = 1000, /* of one listener */
	TCP_NETWORK_PART = 4,       /* of these, one network has a fourth at most, ... */
	TCP_NETWORK_MIN = 4,        /* ... but so many at least, where there are so many */
	TCP_CONNECTIONS_MIN = 4,    /* however few descriptors there are */
	TCP_IDLE_MS = 10000         /* without a whole request, or with a client that does not read */
};

struct tcp_limits {
	unsigned connections;
	unsigned idle_ms;
};

/*
 * So many connections and TCP_IDLE_MS; the environment may lower both, for tests that do not want to wait
 * (GRAYCLOUD_TCP_CONNECTIONS, GRAYCLOUD_TCP_IDLE_MS).
 */
void tcp_limits_init(struct tcp_limits *limits, unsigned connections);

struct tcp;
struct tls;
struct event_base;
struct sockaddr;

/*
 * Serve a listening socket on an event loop; all of it happens on the thread that runs the loop.  tls, where
 * not NULL, lies between; fd and tls stay the caller's. NULL where memory is exhausted.
 */
struct tcp *tcp_new(struct event_base *base, int fd, const struct tcp_limits *limits, struct tls *tls,
    struct serve_context *context, struct views *views, struct view_slot *slot);
void tcp_free(struct tcp *tcp);

/* Serve one connection more, that somebody else has accepted: fd does not block, belongs to tcp from now on,
 * and is of from. */
void tcp_take(struct tcp *tcp, int fd, const struct sockaddr *from);

/* A connection on its way from one process to another: all that was asked is answered. */
struct parcel {
	struct parcel *next;
	int fd;
	size_t len; /* of the request that has begun to come */
	uint8_t octets[];
};

/*
 * Another process takes over: take no more connections, and call give with each plain one as soon as its
 * answers are written; the parcel and its descriptor belong to give then.  Those of TLS stay, and their
 * clients are told to close them (RFC 7828).
 */
void tcp_leave(struct tcp *tcp, void (*give)(void *arg, struct parcel *parcel), void *arg);
/* Serve a connection of a parcel, which belongs to tcp from now on. */
void tcp_adopt(struct tcp *tcp, struct parcel *parcel);
/* How many connections there are; any thread. */
unsigned tcp_count(const struct tcp *tcp);

/* Take no more connections, answer what has arrived, and end the loop. */
void tcp_stop(struct tcp *tcp);

#endif
