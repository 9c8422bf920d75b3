/*
 * metrics.h -- the Prometheus page of the nameserver, on the main thread's event loop.
 */
#ifndef DNSD_METRICS_H
#define DNSD_METRICS_H

#include "dnsd/publisher.h"
#include "dnsd/worker.h"

enum { METRICS_PORT = 9153 }; /* if --metrics names none */

struct metrics;
struct event_base;

/*
 * Serve http://ADDRESS:PORT/metrics; where is the address, which gets the real port in place of port 0, and
 * fd is a socket that listens there already, which belongs to metrics from now on, or -1.  NULL with problems
 * filled.  The workers may be given later, once they run.
 */
struct metrics *metrics_new(struct event_base *base, struct listener *where, int fd,
    struct publisher *publisher, struct problems *problems);
/* The listening socket; it stays of metrics. */
int metrics_socket(const struct metrics *metrics);
void metrics_set_workers(struct metrics *metrics, const struct workers *workers);
/* The databases to tell of. */
struct geoip;
void metrics_set_geoip(struct metrics *metrics, const struct geoip *geoip);
/* The address that it got, as text. */
const char *metrics_address(const struct metrics *metrics);
void metrics_free(struct metrics *metrics);

#endif
