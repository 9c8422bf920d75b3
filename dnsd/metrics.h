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
 * Serve http://ADDRESS:PORT/metrics.  where is the address; a port 0 in it becomes the real port.  fd is a
 * socket that already listens there, and metrics owns it from now on; or -1.  Returns NULL with problems
 * filled. The workers may be set later, when they run.
 */
struct metrics *metrics_new(struct event_base *base, struct listener *where, int fd,
    struct publisher *publisher, struct problems *problems);
/* The listening socket; metrics still owns it. */
int metrics_socket(const struct metrics *metrics);
void metrics_set_workers(struct metrics *metrics, const struct workers *workers);
/* Set the writer of the query log. Without this call the page has no lines about one. */
struct tap_writer;
void metrics_set_tap(struct metrics *metrics, const struct tap_writer *writer);
/* Set the databases to report. */
struct geoip;
void metrics_set_geoip(struct metrics *metrics, const struct geoip *geoip);
/* The address in use, as text. */
const char *metrics_address(const struct metrics *metrics);
void metrics_free(struct metrics *metrics);

#endif
