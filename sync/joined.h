/*
 * joined.h -- the work of a node that has joined a cluster: verdicts out, verdicts in, the joint states.
 *
 * One thread, that of the event loop.
 */
#ifndef JOINED_H
#define JOINED_H

#include "sync/nodes/configuration.h"
#include "sync/options.h"

#include <stdio.h>

struct event_base;
struct joined;

/* All arguments must outlive the result. sealed: as for scribe_open(). Returns NULL with problems filled. */
struct joined *joined_new(struct event_base *base, const struct options *options,
    struct configuration *configuration, bool sealed, struct problems *problems);
/* Accepts NULL. */
void joined_free(struct joined *joined);

/* The configuration changed. */
void joined_configured(struct joined *joined);
/* Look at the health store and the clock; second: once a second. */
void joined_look(struct joined *joined, bool second);

/* The descriptors of the stores health and proposals. */
int joined_watch_fd(struct joined *joined, bool proposals);
void joined_watch_clear(struct joined *joined, bool proposals);

void joined_expose(const struct joined *joined, FILE *page);

#endif
