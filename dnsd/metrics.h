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
 * Serve http://ADDRESS:PORT/metrics; text is "ADDRESS:PORT", port 0 takes a free one.  NULL with problems
 * filled.  The workers may be given later, once they run.
 */
struct metrics *metrics_new(
    struct event_base *base, const char *text, struct publisher *publisher, struct problems *problems);
void metrics_set_workers(struct metrics *metrics, const struct workers *workers);
/* The databases to tell of. */
struct geoip;
void metrics_set_geoip(struct metrics *metrics, const struct geoip *geoip);
/* The address that it got, as text. */
const char *metrics_address(const struct metrics *metrics);
void metrics_free(struct metrics *metrics);

#endif
