/*
 * metrics.h -- the page of graycloud-sync for Prometheus: GET /metrics.
 */
#ifndef SYNC_METRICS_H
#define SYNC_METRICS_H

#include "sync/server.h"

struct metrics;

/*
 * Listen on where, a valid ADDRESS:PORT (port 0 takes a free one), and print the address. Returns NULL with
 * problems filled.
 */
struct metrics *metrics_listen(
    struct event_base *base, const char *where, struct server *server, struct problems *problems);
void metrics_free(struct metrics *metrics);

#endif
