/*
 * tcp.h -- DNS over TCP (RFC 7766) and over TLS (RFC 7858): pipelined requests, bounded buffers, bounded
 * time, bounded connections.
 */
#ifndef DNSD_TCP_H
#define DNSD_TCP_H

#include "dnsd/serve.h"
#include "dnsd/view.h"

enum {
	TCP_CONNECTIONS_MAX = 1000, /* of one listener; more are closed at once */
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

/* Take no more connections, answer what has arrived, and end the loop. */
void tcp_stop(struct tcp *tcp);

#endif
