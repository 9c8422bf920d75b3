/*
 * server.h -- all parts of a running nameserver; used by the main thread.
 */
#ifndef DNSD_SERVER_H
#define DNSD_SERVER_H

#include "dnsd/geoip.h"
#include "dnsd/given.h"
#include "dnsd/metrics.h"
#include "dnsd/options.h"
#include "dnsd/tcp.h"
#include "zones/daemon/tls.h"

#include <signal.h>

struct event_base;
struct handover;
struct takeover;

/* Secrets that were read once.  A query may still use old ones, and there is no signal when it ends: so they
 * stay until the process ends. */
struct kept_secrets {
	struct cookie_secrets secrets;
	struct kept_secrets *before;
};

struct server {
	struct options options;
	struct event_base *base;
	struct epochs *epochs;
	struct publisher *publisher;
	struct workers *workers;
	struct metrics *metrics;
	struct serve_settings settings;
	struct tap tap;                /* the query log */
	struct tap_writer *tap_writer; /* NULL: none */
	struct geoip *geoip;
	uint64_t counted;             /* the generation for whose pairs the tallies have room */
	struct tls *tls;              /* NULL: no --tls */
	struct kept_secrets *secrets; /* newest first */
	struct tcp_limits limits;
	struct given given;              /* sockets that other processes opened */
	size_t closed;                   /* the number of them that were not used */
	struct listener metrics_address; /* if options.metrics is set */
	int metrics_given;               /* its socket, or -1 */
	struct takeover *takeover;       /* this process replaces another; NULL: no, or finished */
	struct handover *handover;       /* serves a process that replaces this one; NULL: not possible */
	bool left;                       /* another process has taken over */
	int ready_pipe[2];
	int ready_fd; /* --detach: write an octet here when this process answers; else -1 */
	int status;
};

/* Call fn with the name (given.h) and the descriptors of each address. */
void server_each_socket(const struct server *server,
    void (*fn)(void *arg, const char *name, const int *fds, size_t count), void *arg);

#endif
