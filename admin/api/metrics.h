/*
 * metrics.h -- the Prometheus page of graycloud-api, and what it counts. One thread: that of the loop.
 */
#ifndef API_METRICS_H
#define API_METRICS_H

#include "zones/base/problem.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct api_metrics;

struct api_metrics *api_metrics_new(void);
void api_metrics_free(struct api_metrics *metrics);

/* A request was answered. class is a text that stays, from route_class. */
void api_metrics_count(
    struct api_metrics *metrics, const char *class, int status, bool write, double seconds);
/* A token was refused: wrong, expired, disabled, from elsewhere, or without credentials. */
void api_metrics_refused_token(struct api_metrics *metrics);

/* The present state, which is read with each page. */
struct api_metrics_present {
	unsigned connections, writes_waiting, streams;
	uint64_t evicted;
};
typedef struct api_metrics_present api_metrics_present_fn(void *arg);

/* Serve http://ADDRESS:PORT/metrics. False with problems filled. */
bool api_metrics_listen(struct api_metrics *metrics, struct event_base *base, const char *where,
    api_metrics_present_fn *present, void *arg, struct problems *problems);
/* The address in use, as text; NULL: none. */
const char *api_metrics_address(const struct api_metrics *metrics);

#endif
