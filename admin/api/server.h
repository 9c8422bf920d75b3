/*
 * server.h -- the API over HTTP: libevent's evhttp, one loop for requests and reads, the writer's thread for
 * changes.
 *
 * Each read runs in one transaction. A change is answered when the nameserver serves its generation, at most
 * SERVER_SERVED_MS later. Limits hold memory: connections, size of a request, waiting changes.
 */
#ifndef API_SERVER_H
#define API_SERVER_H

#include "admin/api/options.h"
#include "zones/base/problem.h"

enum {
	SERVER_CONNECTIONS_MAX = 256,
	SERVER_BODY_MAX = 1 << 20,
	SERVER_HEADERS_MAX = 16384,
	SERVER_TIMEOUT_S = 30, /* for a request to come, a reply to be taken, an idle connection */
	SERVER_SERVED_MS = 5000
};

struct event_base;
struct server;

/* Open stores and sockets. NULL with problems filled. seal is called on the writer's thread; it may be NULL.
 */
struct server *server_new(
    struct event_base *base, const struct options *options, void (*seal)(void), struct problems *problems);
/* Finish the change in progress, and close everything. */
void server_free(struct server *server);

/* Print "listening on http ADDRESS:PORT" for each socket, with the port that the kernel chose for 0. */
void server_print_sockets(const struct server *server, FILE *out);

/* Read certificate and key again if they changed; called each second. */
void server_second(struct server *server);

#endif
