/*
 * server.h -- all that a running nameserver is made of; the main thread's.
 */
#ifndef DNSD_SERVER_H
#define DNSD_SERVER_H

#include "dnsd/geoip.h"
#include "dnsd/given.h"
#include "dnsd/metrics.h"
#include "dnsd/options.h"
#include "dnsd/tcp.h"
#include "dnsd/tls.h"

#include <signal.h>

struct event_base;
struct handover;
struct takeover;

/* Secrets that were read once.  A query may still look at old ones, and nobody tells when: they stay until
 * the end. */
struct kept_secrets {
	struct cookie_secrets secrets;
	struct kept_secrets *before;
};

struct server {
	struct options options;
	struct event_base *base;
	struct views *views;
	struct publisher *publisher;
	struct workers *workers;
	struct metrics *metrics;
	struct serve_settings settings;
	struct geoip *geoip;
	uint64_t counted;             /* the generation whose pairs the tallies have room for */
	struct tls *tls;              /* NULL: no --tls */
	struct kept_secrets *secrets; /* the newest first */
	struct tcp_limits limits;
	struct given given;              /* sockets that others opened */
	size_t closed;                   /* so many of them were of no use */
	struct listener metrics_address; /* where options.metrics is set */
	int metrics_given;               /* its socket, or -1 */
	struct takeover *takeover;       /* this process replaces another; NULL: it does not, or it is done */
	struct handover *handover;       /* for the one that replaces this process; NULL: none can */
	bool left;                       /* another process has taken over */
	int ready_pipe[2];
	int ready_fd; /* --detach: an octet is written here when this process answers; else -1 */
	int status;
};

/* Call fn with the name (given.h) and the descriptors of each address. */
void server_each_socket(const struct server *server,
    void (*fn)(void *arg, const char *name, const int *fds, size_t count), void *arg);

#endif
