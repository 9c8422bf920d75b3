/*
 * server.h -- graycloud-sync as a whole: the stores of this node on one side, the engine on the other.
 *
 * A node that has not joined a cluster (membership.h) does nothing but look for a membership once a second.
 * One thread, that of the event loop.
 */
#ifndef SYNC_SERVER_H
#define SYNC_SERVER_H

#include "sync/options.h"

#include <stdio.h>

struct event_base;
struct server;

/* options must outlive the server. Returns NULL with problems filled. */
struct server *server_new(struct event_base *base, const struct options *options, struct problems *problems);
/* Accepts NULL. */
void server_free(struct server *server);

/* The thread of the loop is sealed from now on (seal.h). */
void server_sealed(struct server *server);

/*
 * Look at the stores and the clock. The event loop calls it ten times a second, and when a descriptor of
 * server_watch_fd() is readable.
 */
void server_look(struct server *server);

/* Descriptors that become readable when a store is written; -1: none. They may change with each look. */
enum { SERVER_WATCHES = 3 };
int server_watch_fd(struct server *server, unsigned number);
void server_watch_clear(struct server *server, unsigned number);

/* Write the lines of the metrics page. */
void server_expose(struct server *server, FILE *page);

#endif
