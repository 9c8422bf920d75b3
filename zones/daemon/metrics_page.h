/*
 * metrics_page.h -- the page of a daemon with one event loop for Prometheus: GET /metrics.
 *
 * For daemons whose page is short: it is written at once. One thread.
 */
#ifndef METRICS_PAGE_H
#define METRICS_PAGE_H

#include "zones/base/problem.h"

#include <stdio.h>

struct event_base;
struct evhttp;
struct metrics_page;

/*
 * A server for pages of metrics at where, a valid ADDRESS:PORT (port 0 takes a free one), with the limits of
 * a scraper; prints the address. Returns NULL with problems filled. Free it with evhttp_free().
 */
struct evhttp *metrics_http_listen(struct event_base *base, const char *where, struct problems *problems);

/*
 * A server with one short page; where as above. expose writes the page
 * (exposition.h). Returns NULL with problems filled.
 */
struct metrics_page *metrics_page_listen(struct event_base *base, const char *where,
    void (*expose)(void *arg, FILE *page), void *arg, struct problems *problems);
void metrics_page_free(struct metrics_page *metrics);

#endif
